//! Marks of guests that libvirt is receiving from another host.
//!
//! libvirt gives a guest its own name at once and runs no `xl`, so nothing in xenstore or among the
//! parents tells its incoming migration from a start (libvirt: `src/libxl/libxl_migration.c`). Its hook
//! can tell: `hotplug/libvirt-libxl-hook` leaves `/run/block-drbd/incoming/UUID` before the domain is
//! created, and takes it away once the domain runs or is gone. A mark is one number, the time at which
//! it expires.
//!
//! A mark counts for one domain. Whichever of its disks comes first claims it by renaming it to
//! `UUID.DOMID`, which its other disks then find, even at the same moment; another domain finds nothing.
//!
//! The time is that of the wall clock, in seconds since 1970: a shell script can write it and a person
//! read it, and `/run` does not outlive a boot. A clock that is set meanwhile shortens or lengthens a
//! mark's life, never beyond [`LONGEST`], and a mark only says how the guest comes: whether it may have
//! the disk is decided by what DRBD and the peer say.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::OFlag;

use crate::root::Root;

/// Where the marks lie.
pub const FOLDER: &str = "/run/block-drbd/incoming";
/// No mark may have more seconds left: the hook gives 30 minutes, and says that it may be a day.
pub const LONGEST: u64 = 24 * 60 * 60;

/// Whether the guest is marked, and the mark is that domain's. Claims it if nobody has.
#[must_use]
pub fn is_claimed(root: &Root, uuid: &str, domid: u32) -> bool {
    let folder = root.join(FOLDER);
    // The only look of a host without libvirt.
    let Ok(status) = fs::symlink_metadata(&folder) else {
        return false;
    };
    if !status.is_dir() || !is_roots(&status) {
        log::warn!("{FOLDER} is not a folder that root alone can write: its marks do not count");
        return false;
    }
    let claim = folder.join(format!("{uuid}.{domid}"));
    let first = fs::rename(folder.join(uuid), &claim).is_ok();
    match check(&claim) {
        Ok(()) => {
            if first {
                log::info!("libvirt receives this guest: its hook marked {uuid}");
            }
            true
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => {
            log::warn!(
                "the mark of an incoming migration {FOLDER}/{uuid} does not count and is removed: \
                 {error}; the guest is taken to start here"
            );
            remove(&claim);
            false
        }
    }
}

/// Whether a mark stands that is that domain's, or nobody's yet. Nothing is claimed, nothing said.
#[must_use]
pub fn stands(root: &Root, uuid: &str, domid: u32) -> bool {
    let folder = root.join(FOLDER);
    let ours = fs::symlink_metadata(&folder).is_ok_and(|s| s.is_dir() && is_roots(&s));
    let names = [format!("{uuid}.{domid}"), uuid.to_owned()];
    ours && names.iter().any(|name| check(&folder.join(name)).is_ok())
}

/// Whatever lies there and does not count, with the reason; the folder itself, where none counts.
/// Nothing is claimed, nothing removed.
#[must_use]
pub fn stale(root: &Root) -> Vec<(String, String)> {
    let folder = root.join(FOLDER);
    let Ok(status) = fs::symlink_metadata(&folder) else {
        return Vec::new();
    };
    if !status.is_dir() || !is_roots(&status) {
        let why = "it is not a folder that root alone can write";
        return vec![(FOLDER.to_owned(), why.to_owned())];
    }
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let why = check(&entry.path()).err()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // It may have been removed meanwhile.
            let gone = why.kind() == io::ErrorKind::NotFound;
            (!gone).then(|| (format!("{FOLDER}/{name}"), why.to_string()))
        })
        .collect();
    found.sort();
    found
}

/// Removes what a domain has claimed, and every claim that has expired.
pub fn drop_claims(root: &Root, domid: u32) {
    let Ok(entries) = fs::read_dir(root.join(FOLDER)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|n| n.rsplit_once('.'));
        let Some(owner) = owner.and_then(|(_, domid)| domid.parse::<u32>().ok()) else {
            continue;
        };
        let path = entry.path();
        if owner == domid || check(&path).is_err() {
            remove(&path);
        }
    }
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            log::warn!("cannot remove {}: {error}", path.display());
        }
        _ => {}
    }
}

/// Nobody but root wrote it or can.
fn is_roots(status: &Metadata) -> bool {
    status.uid() == 0 && status.mode() & 0o022 == 0
}

/// Reads a mark, and why it does not count. Links are not followed, and a pipe is not waited for.
fn check(path: &Path) -> io::Result<()> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?;
    let status = file.metadata()?;
    if !status.is_file() || !is_roots(&status) {
        return Err(io::Error::other(
            "it is not a file that root alone can write",
        ));
    }
    let mut text = String::new();
    file.take(32).read_to_string(&mut text)?;
    let number = text.trim_ascii_end().parse();
    let expiry = number.map_err(|_| io::Error::other("it does not hold a time"))?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    in_time(expiry, since.map_or(0, |s| s.as_secs())).map_err(io::Error::other)
}

fn in_time(expiry: u64, now: u64) -> Result<(), &'static str> {
    match expiry.saturating_sub(now) {
        0 => Err("it has expired"),
        1..=LONGEST => Ok(()),
        _ => Err("it expires in more than a day; was the clock set?"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::thread;

    use super::*;

    const UUID: &str = "5f3d1a6e-90b7-4c52-8e1d-0a2b3c4d5e6f";

    fn seconds() -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.unwrap().as_secs()
    }

    /// A root with a mark that expires then.
    fn marked(expiry: u64) -> (tempfile::TempDir, Root, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(UUID), format!("{expiry}\n")).unwrap();
        (directory, root, folder)
    }

    /// Whether the marks made here count. Without root a test ends where it needs one that does.
    fn count(root: &Root) -> bool {
        let count = stands(root, UUID, 7);
        let made_by_root = fs::metadata(root.join("/")).unwrap().uid() == 0;
        assert_eq!(count, made_by_root, "only marks that root made count");
        if !count {
            eprintln!("skipped in part: only marks that root made count");
        }
        count
    }

    #[test]
    fn a_mark_lives_until_its_time_and_a_day_at_the_most() {
        let now = 1_763_800_000;
        for left in [1, 60, LONGEST] {
            assert_eq!(in_time(now + left, now), Ok(()), "{left}");
        }
        for expiry in [0, 1, now - 1, now, now + LONGEST + 1, u64::MAX] {
            assert!(in_time(expiry, now).is_err(), "{expiry}");
        }
        assert!(in_time(now, 0).is_err(), "a clock before 1970");
    }

    /// Several disks of two domains with one uuid ask at the same moment.
    #[test]
    fn a_mark_is_every_disks_of_one_domain() {
        for _ in 0..50 {
            let (_directory, root, folder) = marked(seconds() + 60);
            if !count(&root) {
                assert!(!is_claimed(&root, UUID, 7));
                return;
            }
            let ask = |domid| is_claimed(&root, UUID, domid);
            let answers: Vec<bool> = thread::scope(|scope| {
                let asking = [7, 8, 7, 8, 7, 8].map(|domid| scope.spawn(move || ask(domid)));
                asking.map(|thread| thread.join().unwrap()).to_vec()
            });
            let first = ask(7);
            let expected: Vec<bool> = [first, !first].repeat(3);
            assert_eq!(answers, expected);
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_claim_ends_with_its_domain_or_its_time() {
        let (_directory, root, folder) = marked(seconds() + 60);
        let claim = |domid: u32| folder.join(format!("{UUID}.{domid}"));
        if count(&root) {
            assert!(is_claimed(&root, UUID, 7));
            fs::write(claim(8), "1763800000\n").unwrap();
            fs::write(folder.join(UUID), "0\n").unwrap();
            drop_claims(&root, 9);
            assert!(claim(7).exists());
            assert!(!claim(8).exists(), "it has expired");
        } else {
            fs::write(claim(7), "1763800000\n").unwrap();
        }
        drop_claims(&root, 7);
        assert!(!claim(7).exists());
        assert!(folder.join(UUID).exists(), "nobody has claimed it");
    }

    #[test]
    fn marks_that_do_not_count_are_listed_and_left() {
        let (_directory, root, folder) = marked(seconds() + 60);
        if count(&root) {
            assert_eq!(stale(&root), []);
            fs::write(folder.join("old"), "1\n").unwrap();
            let old = (format!("{FOLDER}/old"), "it has expired".to_owned());
            assert_eq!(stale(&root), [old]);
            assert!(folder.join("old").exists());
        } else {
            assert_eq!(stale(&root)[0].0, FOLDER);
        }
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(&folder, mode).unwrap();
        assert_eq!(stale(&root)[0].0, FOLDER);
    }

    #[test]
    fn a_host_without_libvirt_has_no_marks() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        assert!(!is_claimed(&root, UUID, 7));
        drop_claims(&root, 7);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
