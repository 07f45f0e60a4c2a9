//! The seam to this host: device nodes, holders, openers, the peer's address, locks, notes, marks.

pub mod blkback;
pub mod caller;
pub mod incoming;
pub mod linux;
pub mod lock;
pub mod notes;
pub mod openers;
pub mod promoting;
pub mod received;

use std::time::{Duration, Instant};

use crate::deadline::{Deadline, Expired};
use crate::drbd::Path;
use crate::holders::Holder;
use crate::probe::Probe;

pub use blkback::Attached;
pub use caller::Caller;
pub use linux::Linux;
pub use notes::Note;
pub use openers::Opener;

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else kept it.
    #[error("waiting for {what} {expired}: another run keeps it")]
    Expired {
        /// What is locked.
        what: String,
        /// Deadline or signal.
        expired: Expired,
    },
    /// The lock file cannot be had.
    #[error("cannot lock {what}: {source}")]
    Io {
        /// What is locked.
        what: String,
        /// Why.
        source: std::io::Error,
    },
}

/// This host, or a simulation of it.
pub trait Host {
    /// What keeps a lock; dropping it unlocks.
    type Lock;

    /// Waits for the lock of one resource: around guard, promotion and publication.
    ///
    /// # Errors
    /// At the deadline, or when the lock file cannot be had.
    fn lock_resource(&self, name: &str, deadline: &Deadline) -> Result<Self::Lock, LockError>;

    /// Waits for Xen's own lock of all block scripts. Held for milliseconds only.
    ///
    /// # Errors
    /// At the deadline, or when the lock file cannot be had.
    fn lock_block(&self, deadline: &Deadline) -> Result<Self::Lock, LockError>;

    /// The minor of the DRBD device that a path leads to.
    ///
    /// # Errors
    /// With a sentence, when it leads to none.
    fn minor_of(&self, path: &str) -> Result<u32, String>;

    /// Whether the device node of that minor is there.
    ///
    /// # Errors
    /// With a sentence, when it is not.
    fn check_node(&self, minor: u32) -> Result<(), String>;

    /// Mounts, swaps and devices on top.
    fn holders(&self, minors: &[u32]) -> Vec<Holder>;

    /// Mounts that only processes in other mount namespaces see, as in containers.
    fn mounts_elsewhere(&self, minors: &[u32]) -> Vec<Holder>;

    /// Processes that have a device open, as far as they can be seen.
    fn openers(&self, resource: &str, volumes: &[(u32, u32)]) -> Vec<Opener>;

    /// Those processes that have it open for writing, by their descriptors.
    fn writers(&self, minors: &[u32]) -> Vec<Opener>;

    /// The kernel itself tells that nobody has a device open; where it tells nothing, that is no answer.
    fn is_closed(&self, resource: &str, volumes: &[(u32, u32)]) -> bool;

    /// The disks of guests that the kernel serves.
    fn attached(&self) -> Vec<Attached>;

    /// Whether a promotion of the resource still runs, by a program that nobody waits for any more.
    fn is_promoting(&self, resource: &str, minors: &[u32]) -> bool;

    /// Asks whether the peer's address answers.
    fn probe(&self, path: &Path, timeout: Duration) -> Probe;

    /// Who runs this program.
    fn caller(&self) -> Caller;

    /// Whether libvirt's hook marked the guest as one that is being received, and the mark is this
    /// domain's: see [`incoming`].
    fn is_marked(&self, uuid: &str, domid: u32) -> bool;

    /// Whether such a mark stands, claimed by that domain or by none yet. Claims nothing.
    fn is_received(&self, uuid: &str, domid: u32) -> bool;

    /// Drops the mark that a domain has claimed, and those that have expired.
    fn unmark(&self, domid: u32);

    /// Notes what is about to be done to the resource.
    ///
    /// # Errors
    /// When the note cannot be written.
    fn note(&self, note: Note, resource: &str) -> std::io::Result<()>;

    /// Drops a note.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn forget(&self, note: Note, resource: &str) -> std::io::Result<()>;

    /// Whether a note stands.
    fn is_noted(&self, note: Note, resource: &str) -> bool;

    /// The resources with such a note.
    fn noted(&self, note: Note) -> Vec<String>;

    /// How long a note has stood; `None` where that is not known.
    fn age(&self, _: Note, _: &str) -> Option<Duration> {
        None
    }

    /// Has udev wait before it looks at these minors: a guest is being received, and waits for its disk.
    ///
    /// # Errors
    /// When that cannot be told.
    fn hold_udev(&self, _: &[u32]) -> std::io::Result<()> {
        Ok(())
    }

    /// Udev need not wait any more.
    fn release_udev(&self, _: &[u32]) {}

    /// The resources at which a run of this program is now. Takes no lock.
    fn locked(&self) -> Vec<String>;

    /// What time it is.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// At the deadline or when a signal came.
    fn pause(&self, time: Duration, deadline: &Deadline) -> Result<(), Expired> {
        deadline.sleep(time)
    }
}
