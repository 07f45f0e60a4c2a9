//! Has udev wait while a guest is received: one empty file a minor, which udev's rule takes away again.
//!
//! A promotion by DRBD 8.4 makes udev look at the device twice, and drbd-utils' rule runs `drbdadm` each
//! time. Where this host has few CPUs that is in the way of the guest that waits for its disk, and nobody
//! needs it sooner: the device has its links already. See `udev-rules/59-block-drbd.rules`. DRBD 9 sends no
//! event unless `auto-promote` is off (drbd: `drbd/drbd_nl.c`, `drbd_set_role`).

use std::fs;
use std::io;

use super::linux::FOLDER;
use super::lock;
use crate::root::Root;

/// More devices than these never wait at once: each that does takes one of udev's workers, of which a small
/// host has ten (systemd: `src/udev/udevd.c`, `children_max`).
const MOST: usize = 4;

fn folder(root: &Root) -> std::path::PathBuf {
    root.join(&format!("{FOLDER}/received"))
}

/// Udev's next look at these minors waits, unless many wait already.
///
/// # Errors
/// When a file cannot be written.
pub fn hold_udev(root: &Root, minors: &[u32]) -> io::Result<()> {
    let folder = folder(root);
    lock::create_folder(&folder)?;
    if fs::read_dir(&folder)?.count() + minors.len() > MOST {
        return Ok(());
    }
    let mut paths = minors.iter().map(|minor| folder.join(minor.to_string()));
    paths.try_for_each(|path| fs::write(path, ""))
}

/// It does not wait any more, if it still would.
pub fn release_udev(root: &Root, minors: &[u32]) {
    let folder = folder(root);
    for minor in minors {
        // Mostly udev has taken it away.
        let _ = fs::remove_file(folder.join(minor.to_string()));
    }
}
