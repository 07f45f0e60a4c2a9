//! This host itself.

use std::cell::OnceCell;
use std::io;
use std::time::Duration;

use super::{
    Attached, Caller, Host, LockError, Note, Opener, blkback, caller, incoming, lock, notes,
    openers, promoting, received,
};
use crate::deadline::Deadline;
use crate::drbd::Path;
use crate::holders::{self, Holder};
use crate::probe::{self, Probe};
use crate::root::Root;

/// Where this program keeps locks and notes; gone after a boot, as Primaries are.
pub const FOLDER: &str = "/run/block-drbd";
/// The lock that all of Xen's block scripts take (xen: tools/hotplug/Linux/locking.sh).
const BLOCK_LOCK: &str = "/var/run/xen-hotplug/block";

/// The host below a root.
#[derive(Debug)]
pub struct Linux {
    root: Root,
    caller: OnceCell<Caller>,
}

impl Linux {
    /// The host below that root.
    #[must_use]
    pub fn new(root: Root) -> Self {
        Self {
            root,
            caller: OnceCell::new(),
        }
    }
}

impl Host for Linux {
    type Lock = lock::Lock;

    fn lock_resource(&self, name: &str, deadline: &Deadline) -> Result<Self::Lock, LockError> {
        let path = self.root.join(&format!("{FOLDER}/lock/{name}"));
        lock::keep(&path, &format!("another run for {name}"), deadline)
    }

    fn lock_block(&self, deadline: &Deadline) -> Result<Self::Lock, LockError> {
        lock::claim(
            &self.root.join(BLOCK_LOCK),
            "another block script",
            deadline,
        )
    }

    fn minor_of(&self, path: &str) -> Result<u32, String> {
        holders::minor_of(&self.root, path)
    }

    fn check_node(&self, minor: u32) -> Result<(), String> {
        holders::check_node(&self.root, minor)
    }

    fn holders(&self, minors: &[u32]) -> Vec<Holder> {
        holders::holders(&self.root, minors)
    }

    fn mounts_elsewhere(&self, minors: &[u32]) -> Vec<Holder> {
        holders::mounts_elsewhere(&self.root, minors)
    }

    fn openers(&self, resource: &str, volumes: &[(u32, u32)]) -> Vec<Opener> {
        openers::openers(&self.root, resource, volumes)
    }

    fn writers(&self, minors: &[u32]) -> Vec<Opener> {
        openers::descriptors(&self.root, minors, true)
    }

    fn is_closed(&self, resource: &str, volumes: &[(u32, u32)]) -> bool {
        openers::is_closed(&self.root, resource, volumes)
    }

    fn attached(&self) -> Vec<Attached> {
        blkback::attached(&self.root)
    }

    fn is_promoting(&self, resource: &str, minors: &[u32]) -> bool {
        promoting::is_promoting(&self.root, resource, minors)
    }

    fn probe(&self, path: &Path, timeout: Duration) -> Probe {
        probe::probe(path, timeout)
    }

    fn caller(&self) -> Caller {
        // Always the real processes: a moved root has no parents of ours.
        *self
            .caller
            .get_or_init(|| caller::caller(&Root::at(std::path::Path::new("/"))))
    }

    fn is_marked(&self, uuid: &str, domid: u32) -> bool {
        incoming::is_claimed(&self.root, uuid, domid)
    }

    fn is_received(&self, uuid: &str, domid: u32) -> bool {
        incoming::stands(&self.root, uuid, domid)
    }

    fn unmark(&self, domid: u32) {
        incoming::drop_claims(&self.root, domid);
    }

    fn note(&self, note: Note, resource: &str) -> io::Result<()> {
        notes::write(&self.root, note, resource)
    }

    fn forget(&self, note: Note, resource: &str) -> io::Result<()> {
        notes::drop(&self.root, note, resource)
    }

    fn is_noted(&self, note: Note, resource: &str) -> bool {
        notes::stands(&self.root, note, resource)
    }

    fn noted(&self, note: Note) -> Vec<String> {
        notes::all(&self.root, note)
    }

    fn age(&self, note: Note, resource: &str) -> Option<Duration> {
        notes::age(&self.root, note, resource)
    }

    fn hold_udev(&self, minors: &[u32]) -> io::Result<()> {
        received::hold_udev(&self.root, minors)
    }

    fn release_udev(&self, minors: &[u32]) {
        received::release_udev(&self.root, minors);
    }

    fn locked(&self) -> Vec<String> {
        lock::held(&self.root, &format!("{FOLDER}/lock"))
    }
}
