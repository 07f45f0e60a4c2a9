//! Everything that can happen.

use crate::steps::{Luck, Who};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A run of the program takes a step.
    Step(Who, Luck),
    /// It is killed.
    Kill(Who),
    /// Somebody starts a guest.
    Create(usize),
    /// It has its disk, and goes on.
    Unpause(usize),
    /// Its `add` failed, or it was given up: it is destroyed.
    Discard(usize),
    /// Its `add` failed, and nobody cleans up.
    Leave(usize),
    /// It is given up while its `add` runs.
    Race(usize),
    /// Somebody destroys a guest.
    Destroy(usize),
    /// The backend is closed: `remove`.
    Close(usize),
    /// The same, and the device stays open for a while.
    Linger(usize),
    /// It does not close in time: no `remove`.
    Lapse(usize),
    /// The guest is suspended and the other domain gets its disk.
    Migrate(usize),
    /// The source's guest goes on: the destination failed, or is not heard of any more.
    Resume(usize),
    /// The destination has its disk, and is told to go on.
    Go,
    /// It does not, or is not heard of any more.
    Fail,
    /// The guest writes.
    Write(usize),
    /// A write reaches the peer.
    Arrive(usize),
    /// blkback opens the device.
    Open(usize),
    /// It closes it.
    Shut(usize),
    /// It closes that of a domain long forgotten.
    ShutLeaked(usize),
    /// The link is cut.
    Cut,
    /// It is back.
    Heal,
    /// A side notices that the connection is gone.
    Notice(usize),
    /// The two sides meet again.
    Meet,
    /// The copies are the same again.
    Synced,
    /// A promotion that nobody waits for comes to its end.
    Unhang(usize),
    /// Somebody disconnects a side.
    Disconnect(usize),
    /// And connects it again.
    Connect(usize),
    /// A host crashes.
    Crash(usize),
    /// It is back.
    Boot(usize),
    /// `reap` is run.
    Reap(usize),
    /// The mount is gone.
    Unmount,
}
