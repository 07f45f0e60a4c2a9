//! The world around the program: two hosts with DRBD, a guest that exists once or twice, and the
//! toolstack. All of it in one small value, since the checker stores every state that there can be.

pub mod drbd;
pub mod toolstack;

use crate::program::{Link, Place, Sync, View};
use crate::setting::Bounds;

/// Everything that is so at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// Packets get from one host to the other.
    pub link: bool,
    /// The two hosts.
    pub sides: [Side; 2],
    /// The two domains that there can be.
    pub slots: [Slot; 2],
    /// A run of `reap` on each host.
    pub reaps: [Option<Place>; 2],
    /// A live migration.
    pub journey: Journey,
    /// Writes that the guest was told are safe, one bit each.
    pub acked: u8,
    /// Writes that are safe, as the guest will learn once it goes on where it was suspended.
    pub held: u8,
    /// Something on the first host itself uses the device.
    pub mount: Mount,
    /// What is remembered for the properties.
    pub marks: Marks,
    /// What may still happen.
    pub left: Bounds,
}

/// One host, and the resource on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Side {
    /// The host is alive.
    pub up: bool,
    /// Primary.
    pub primary: bool,
    /// The connection, as this side sees it.
    pub link: Link,
    /// The peer's role, as this side heard last.
    pub peer_primary: bool,
    /// What replication does.
    pub sync: Sync,
    /// The local copy is complete, as far as this side knows.
    pub up_to_date: bool,
    /// The writes in the local copy, one bit each.
    pub data: u8,
    /// A write that the peer has not got yet.
    pub in_flight: u8,
    /// Changed while the peer was away: a generation of data that the peer does not know.
    pub fresh: bool,
    /// Was Primary when its host crashed.
    pub crashed: bool,
    /// `allow-two-primaries` in force.
    pub two: bool,
    /// The note of the promotion, and that of the window.
    pub noted: [bool; 2],
    /// A promotion whose end nobody waits for any more is still under way in the kernel, which changes
    /// roles one at a time (drbd: `drbd/drbd_nl.c`, `drbd_set_role`).
    pub hanging: bool,
    /// The administrator made it Primary, and nobody has demoted it since.
    pub foreign: bool,
    /// The last reading of the run that has the lock showed a connection.
    pub seen: bool,
    /// When the peer was asked last, by the run that has the lock, it did not answer as one does that
    /// is connected.
    pub silent: bool,
    /// The device is still open for a domain that the toolstack has forgotten.
    pub leaked: bool,
}

/// One domain with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Where it is in its life.
    pub life: Life,
    /// `physical-device` is written.
    pub published: bool,
    /// blkback has the device open.
    pub open: bool,
    /// The toolstack goes to destroy it, whatever comes of its `add`.
    pub doomed: bool,
    /// A run of `add`.
    pub add: Option<Place>,
    /// A run of `remove`.
    pub remove: Option<Place>,
}

/// A domain's life, from the toolstack's point of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    /// There is none.
    Absent,
    /// Its disk is being attached; without a run of `add`, that has failed.
    Starting,
    /// It has its disk and is paused.
    Ready,
    /// It runs.
    Running,
    /// It is suspended, with its disk open: the source of a migration.
    Suspended,
    /// It is being destroyed: the backend is in state 5.
    Closing,
    /// State 6: `remove` runs.
    Closed,
}

/// A live migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Journey {
    /// There is none.
    None,
    /// The domain of that slot is suspended, and the other one gets the disk.
    Receiving(u8),
    /// The other one was told to go on.
    Went(u8),
    /// That was to no avail.
    Failed(u8),
    /// It runs at the destination: the source is destroyed next.
    Arrived(u8),
}

/// A mount of the device in the first host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mount {
    /// There is none.
    None,
    /// Read-only, which on DRBD 9 does not stop a demotion.
    Reader,
    /// Read-write.
    Writer,
}

/// What is remembered for the properties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marks {
    /// A guest was started without the peer, as the policy `disconnected` allows, and with a warning.
    /// Or guests that share the resource lost sight of each other while they ran.
    pub apart: bool,
    /// Two primaries were allowed or forbidden on one side alone: the link was lost after it had been
    /// looked at, or its loss was not noticed. Or a host came back with its configuration.
    pub parted: bool,
    /// The same, with the loss to be seen.
    pub alone: bool,
    /// A guest was being received, and the resource promoted or published for it, over a connection
    /// whose loss was to be seen: that parts the copies.
    pub blind: bool,
    /// A write of the source reached the destination when the guest was running there already.
    pub late: bool,
}

impl World {
    /// What DRBD says on that host.
    #[must_use]
    pub fn view(&self, host: usize) -> View {
        let side = &self.sides[host];
        View {
            primary: side.primary,
            up_to_date: side.up_to_date,
            link: side.link,
            peer_primary: side.peer_primary,
            // The target of a resync says so of itself, and its source of it.
            peer_up_to_date: side.sync != Sync::Source,
            sync: side.sync,
        }
    }

    /// Everything that somebody has running on that domain.
    #[must_use]
    pub fn runs(&self) -> [Option<Place>; 6] {
        let [one, other] = &self.slots;
        [
            one.add,
            one.remove,
            other.add,
            other.remove,
            self.reaps[0],
            self.reaps[1],
        ]
    }
}

impl Slot {
    /// No domain.
    pub const ABSENT: Self = Self {
        life: Life::Absent,
        published: false,
        open: false,
        doomed: false,
        add: None,
        remove: None,
    };

    /// A guest that runs.
    pub const RUNNING: Self = Self {
        life: Life::Running,
        published: true,
        open: true,
        ..Self::ABSENT
    };
}
