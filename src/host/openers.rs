//! Who has a DRBD device open: asked when a demotion fails, to tell the administrator, and on DRBD 9
//! before one, since a process that only reads does not stop it there.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::stat::{major, minor};
use serde::{Deserialize, Serialize};

use crate::backend::DRBD_MAJOR;
use crate::holders::Holder;
use crate::root::Root;

/// A process that has a device open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opener {
    /// Name of the command.
    pub command: String,
    /// Process id.
    pub pid: u32,
    /// Minor of the device.
    pub minor: u32,
}

impl From<Opener> for Holder {
    fn from(opener: Opener) -> Self {
        Self::Process {
            minor: opener.minor,
            command: crate::words::printable(&opener.command),
            pid: opener.pid,
        }
    }
}

impl fmt::Display for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (pid {}) has /dev/drbd{} open",
            crate::words::printable(&self.command),
            self.pid,
            self.minor
        )
    }
}

/// Who holds a device that cannot be demoted, in words.
#[must_use]
pub fn words(openers: &[Opener]) -> String {
    if openers.is_empty() {
        return "no process on this host shows as the holder, so it may be the kernel's (blkback with I/O that does not end)".to_owned();
    }
    crate::words::list(openers)
}

/// All openers of the volumes `(number, minor)`: what the kernel tells (DRBD 9), and every process
/// that has the device among its descriptors. Without the former no kernel thread shows, as blkback.
#[must_use]
pub fn openers(root: &Root, resource: &str, volumes: &[(u32, u32)]) -> Vec<Opener> {
    let mut found = match known(root, resource, volumes) {
        // Where the kernel keeps a list, nobody has it open who is not in it.
        Some(found) if found.is_empty() => return found,
        found => found.unwrap_or_default(),
    };
    let pids: Vec<u32> = found.iter().map(|o| o.pid).collect();
    let minors: Vec<u32> = volumes.iter().map(|(_, minor)| *minor).collect();
    found.extend(
        descriptors(root, &minors, false)
            .into_iter()
            .filter(|o| !pids.contains(&o.pid)),
    );
    found
}

/// The kernel keeps a list of who has the volumes open, and nobody is in it.
#[must_use]
pub fn is_closed(root: &Root, resource: &str, volumes: &[(u32, u32)]) -> bool {
    known(root, resource, volumes).is_some_and(|openers| openers.is_empty())
}

/// The same for several resources, each with its volumes, in one walk over the processes.
#[must_use]
pub fn of_all(root: &Root, resources: &[(&str, Vec<(u32, u32)>)]) -> Vec<Opener> {
    let told = resources
        .iter()
        .flat_map(|(name, volumes)| known(root, name, volumes).unwrap_or_default());
    let mut found: Vec<Opener> = told.collect();
    let minors = resources.iter().flat_map(|(_, volumes)| volumes);
    let minors: Vec<u32> = minors.map(|(_, minor)| *minor).collect();
    if minors.is_empty() {
        return found;
    }
    for opener in descriptors(root, &minors, false) {
        if !found
            .iter()
            .any(|o| (o.pid, o.minor) == (opener.pid, opener.minor))
        {
            found.push(opener);
        }
    }
    found
}

/// What the kernel itself tells, readers and kernel threads included (DRBD 9, with debugfs mounted);
/// `None` where it does not of every volume, or in other words than these.
fn known(root: &Root, resource: &str, volumes: &[(u32, u32)]) -> Option<Vec<Opener>> {
    let mut found = Vec::new();
    for (volume, minor) in volumes {
        let file = format!("/sys/kernel/debug/drbd/resources/{resource}/volumes/{volume}/openers");
        let text = fs::read_to_string(root.join(&file)).ok()?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            found.push(told(line, *minor)?);
        }
    }
    Some(found)
}

/// `comm<TAB>pid<TAB>ms` (drbd: `drbd/drbd_debugfs.c`, `device_openers_show`).
fn told(line: &str, minor: u32) -> Option<Opener> {
    let mut fields = line.split('\t');
    let command = fields.next()?.trim_start_matches('+').to_owned();
    Some(Opener {
        command,
        pid: fields.next()?.trim().parse().ok()?,
        minor,
    })
}

/// Whether a descriptor may lead to a device of DRBD, by its name alone: below /dev, or called as its node is,
/// in another root's /dev.
fn is_device(name: &Path) -> bool {
    let called = |n: &OsStr| {
        let n = n.to_string_lossy();
        let number = n.strip_prefix("drbd").unwrap_or_default();
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    };
    name.starts_with("/dev") || name.file_name().is_some_and(called)
}

/// Every process that has one of the devices among its descriptors. writing: open to write.
#[must_use]
pub fn descriptors(root: &Root, minors: &[u32], writing: bool) -> Vec<Opener> {
    let mut found = Vec::new();
    for process in fs::read_dir(root.join("/proc"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let Some(pid) = process
            .file_name()
            .to_str()
            .and_then(|n| n.parse::<u32>().ok())
        else {
            continue;
        };
        for descriptor in fs::read_dir(process.path().join("fd"))
            .into_iter()
            .flatten()
            .flatten()
        {
            // Only devices are looked at closely: to ask for a file on a dead server is to wait for it.
            let device = fs::read_link(descriptor.path()).is_ok_and(|to| is_device(&to));
            let Some(status) = device
                .then(|| fs::metadata(descriptor.path()).ok())
                .flatten()
            else {
                continue;
            };
            let device = status.rdev();
            if major(device) != u64::from(DRBD_MAJOR) {
                continue;
            }
            if let Some(minor) = minors
                .iter()
                .copied()
                .find(|m| u64::from(*m) == minor(device))
                .filter(|_| !writing || writes(&process.path(), &descriptor.file_name()))
            {
                let command = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                let opener = Opener {
                    command: command.trim().to_owned(),
                    pid,
                    minor,
                };
                // One process may have several of them, and one of them twice.
                if !found.contains(&opener) {
                    found.push(opener);
                }
            }
        }
    }
    found
}

/// Whether a descriptor is open for writing, or cannot be told not to be (linux: `fs/proc/fd.c`, `flags` in
/// octal digits).
fn writes(process: &Path, descriptor: &OsStr) -> bool {
    let told = fs::read_to_string(process.join("fdinfo").join(descriptor)).unwrap_or_default();
    let flags = told.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|f| i32::from_str_radix(f.trim(), 8).ok());
    flags.is_none_or(|flags| {
        let flags = OFlag::from_bits_retain(flags);
        flags.intersects(OFlag::O_WRONLY | OFlag::O_RDWR) && !flags.contains(OFlag::O_PATH)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_a_device_of_drbd_is_looked_at() {
        for name in ["/dev/drbd1", "/dev/mine", "/srv/chroot/dev/drbd1"] {
            assert!(is_device(Path::new(name)), "{name}");
        }
        for name in [
            "/mnt/dead/dev/x",
            "/mnt/dev/",
            "socket:[1]",
            "/mnt/dead/drbd.img",
        ] {
            assert!(!is_device(Path::new(name)), "{name}");
        }
    }

    /// A process that shows by its descriptors alone.
    #[test]
    fn without_the_kernels_list_every_process_is_looked_at() {
        use nix::errno::Errno;
        use nix::sys::stat::{Mode, SFlag, makedev, mknod};
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let make = |path: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        let device = make("/dev/drbd1");
        let result = mknod(&device, SFlag::S_IFBLK, Mode::S_IRUSR, makedev(147, 1));
        if result == Err(Errno::EPERM) {
            eprintln!("skipped: only root makes devices");
            return;
        }
        result.unwrap();
        std::os::unix::fs::symlink(&device, make("/proc/77/fd/3")).unwrap();
        fs::write(make("/proc/77/comm"), "dd\n").unwrap();
        let dd = Opener {
            command: "dd".into(),
            pid: 77,
            minor: 1,
        };
        assert_eq!(openers(&root, "web-root", &[(0, 1)]), [dd]);
        assert_eq!(openers(&root, "web-root", &[(0, 2)]), []);
        let list = "/sys/kernel/debug/drbd/resources/web-root/volumes/0/openers";
        fs::write(make(list), "").unwrap();
        assert_eq!(openers(&root, "web-root", &[(0, 1)]), []);
    }

    #[test]
    fn the_kernels_own_list_is_read() {
        let expected = Opener {
            command: "sh".into(),
            pid: 7454,
            minor: 1,
        };
        assert_eq!(told("sh\t7454\t1204", 1), Some(expected.clone()));
        assert_eq!(told("+sh\t7454\t1204", 1), Some(expected));
        assert_eq!(told("", 1), None);
    }
}
