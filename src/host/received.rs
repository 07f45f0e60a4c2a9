//! Has udev wait while a guest is received: one empty file a minor, which udev's rule takes away again.
//!
//! A promotion makes udev look at the device (twice on DRBD 8.4), and drbd-utils' rule runs `drbdadm` each
//! time. Where this host has few CPUs that is in the way of the guest that waits for its disk, and nobody
//! needs it sooner: the device has its links already. See `udev-rules/59-block-drbd.rules`.

use std::fs;
use std::io;

use super::linux::FOLDER;
use super::lock;
use crate::root::Root;

fn folder(root: &Root) -> std::path::PathBuf {
    root.join(&format!("{FOLDER}/received"))
}

/// Udev's next look at these minors waits.
///
/// # Errors
/// When a file cannot be written.
pub fn hold_udev(root: &Root, minors: &[u32]) -> io::Result<()> {
    let folder = folder(root);
    lock::create_folder(&folder)?;
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
