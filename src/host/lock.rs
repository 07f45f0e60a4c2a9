//! Advisory locks on files, waited for no longer than a deadline.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{major, minor};

use super::LockError;
use crate::deadline::Deadline;
use crate::root::Root;

/// A lock that is held; dropping it gives it back.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
    /// Removed before the lock is given back, where the protocol asks for it.
    remove: Option<PathBuf>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(path) = &self.remove {
            let _ = fs::remove_file(path);
        }
    }
}

/// Waits for the lock on a file that stays where it is.
///
/// # Errors
/// At the deadline, or when the file cannot be had.
pub fn keep(path: &Path, what: &str, deadline: &Deadline) -> Result<Lock, LockError> {
    let file = wait(path, what, deadline)?;
    Ok(Lock {
        _file: file,
        remove: None,
    })
}

/// Waits for the lock on a file by the protocol of Xen's block scripts (xen:
/// `tools/hotplug/Linux/locking.sh`): the holder removes the file, so whoever gets a lock on a file
/// that is no longer at its path begins anew.
///
/// # Errors
/// At the deadline, or when the file cannot be had.
pub fn claim(path: &Path, what: &str, deadline: &Deadline) -> Result<Lock, LockError> {
    loop {
        let expired = |expired| LockError::Expired {
            what: what.into(),
            expired,
        };
        deadline.check().map_err(expired)?;
        let file = wait(path, what, deadline)?;
        let held = file.metadata().map_err(|source| LockError::Io {
            what: what.into(),
            source,
        })?;
        match fs::metadata(path) {
            Ok(now) if (now.dev(), now.ino()) == (held.dev(), held.ino()) => {
                return Ok(Lock {
                    _file: file,
                    remove: Some(path.to_owned()),
                });
            }
            _ => {}
        }
    }
}

/// The names of the files in a folder on which somebody holds a lock, by the kernel's own list: to try
/// a lock would be in the way of those who need it.
#[must_use]
pub fn held(root: &Root, folder: &str) -> Vec<String> {
    let text = fs::read_to_string(root.join("/proc/locks")).unwrap_or_default();
    // `1: FLOCK ADVISORY WRITE 708 00:1a:42 0 EOF`; those who wait have `->` in front.
    let held: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words.as_slice() {
                [_, "FLOCK", _, _, _, file, ..] => Some(*file),
                _ => None,
            }
        })
        .collect();
    let entries = fs::read_dir(root.join(folder)).into_iter().flatten();
    let found = entries.flatten().filter_map(|entry| {
        let status = entry.metadata().ok()?;
        let device = (major(status.dev()), minor(status.dev()));
        let file = format!("{:02x}:{:02x}:{}", device.0, device.1, status.ino());
        held.contains(&file.as_str()).then(|| entry.file_name())
    });
    found.filter_map(|name| name.into_string().ok()).collect()
}

fn wait(path: &Path, what: &str, deadline: &Deadline) -> Result<Flock<File>, LockError> {
    let io = |source| LockError::Io {
        what: what.into(),
        source,
    };
    let mut file = open(path).map_err(io)?;
    let mut nap = Duration::from_millis(1);
    loop {
        file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((file, Errno::EWOULDBLOCK | Errno::EINTR)) => file,
            Err((_, errno)) => return Err(io(errno.into())),
        };
        deadline.sleep(nap).map_err(|expired| LockError::Expired {
            what: what.into(),
            expired,
        })?;
        nap = (nap * 2).min(Duration::from_millis(20));
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                create_folder(folder)?;
            }
            options.open(path)
        }
        other => other,
    }
}

/// Makes a folder and those above it, as needed.
///
/// # Errors
/// When that fails.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_user_waits_until_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/lock");
        let deadline = Deadline::within(Duration::from_millis(50));
        let held = keep(&path, "it", &deadline).unwrap();
        assert!(matches!(
            keep(&path, "it", &deadline),
            Err(LockError::Expired { .. })
        ));
        drop(held);
        keep(&path, "it", &Deadline::within(Duration::from_secs(5))).unwrap();
    }

    /// By the kernel's own list, which names files by their numbers.
    #[test]
    fn what_is_held_is_known_without_a_try() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        fs::create_dir(folder.path().join("proc")).unwrap();
        std::os::unix::fs::symlink("/proc/locks", folder.path().join("proc/locks")).unwrap();
        let deadline = Deadline::within(Duration::from_secs(5));
        let locks = ["a", "b"].map(|name| {
            let path = folder.path().join("run/lock").join(name);
            keep(&path, name, &deadline).unwrap()
        });
        let mut names = held(&root, "/run/lock");
        names.sort();
        assert_eq!(names, ["a", "b"]);
        drop(locks);
        assert_eq!(held(&root, "/run/lock"), [""; 0]);
        assert_eq!(held(&root, "/nowhere"), [""; 0]);
    }

    #[test]
    fn contract_14_xens_lock_file_is_removed_by_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("block");
        let held = claim(&path, "block", &Deadline::within(Duration::from_secs(5))).unwrap();
        assert!(path.exists());
        drop(held);
        assert!(!path.exists());
    }

    #[test]
    fn a_lock_on_a_file_that_was_replaced_is_not_taken_for_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("block");
        let deadline = Deadline::within(Duration::from_secs(5));
        let first = claim(&path, "block", &deadline).unwrap();
        fs::remove_file(&path).unwrap();
        let second = claim(&path, "block", &deadline).unwrap();
        assert!(path.exists());
        drop((first, second));
    }
}
