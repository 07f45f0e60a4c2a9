//! `drbdsetup primary`.

use crate::generation::Generation;
use crate::handshake;
use crate::output::Output;
use crate::resource::Resource;
use crate::state::{Connection, Disk, Role};
use crate::store::State;

/// What comes of one attempt.
pub enum Attempt {
    /// It is Primary, now or already.
    Done,
    /// The kernel waits for the peer's answer for as long as the ping-timeout, then tries again.
    Wait,
    /// Refused: the number, and what the kernel adds.
    Refused(i32, String),
}

/// Who is to be promoted, and how often that was tried.
pub struct Promotion {
    /// The host's index.
    pub host: usize,
    /// The volume, on 8.4; all of them on 9.
    pub volume: Option<usize>,
    /// How often the kernel has waited for the peer already.
    pub waited: u32,
}

impl Promotion {
    /// One attempt, with what the world is like at this moment.
    pub fn attempt(&self, resource: &mut Resource, state: &State) -> Attempt {
        let count = resource.volumes.len();
        let volumes = || self.volume.map_or(0..count, |volume| volume..volume + 1);
        let side = &resource.sides[self.host];
        if volumes().all(|volume| side.devices[volume].role == Role::Primary) {
            return Attempt::Done;
        }
        let connected = side.connection == Connection::Connected;
        if connected && !state.reaches() {
            if self.waited == 0 {
                return Attempt::Wait;
            }
            // The peer did not answer the ping: the refusal, if there was one, turns into success.
            handshake::lose_peer(resource, self.host, state.generation);
        }
        let side = &resource.sides[self.host];
        let connected = side.connection == Connection::Connected;
        let peer_primary = |volume: usize| side.devices[volume].peer_role == Role::Primary;
        let allowed = side.allows_two_primaries();
        if connected && !allowed && volumes().any(peer_primary) {
            return if self.waited == 0 {
                Attempt::Wait
            } else {
                Attempt::Refused(-1, String::new())
            };
        }
        if connected && !allowed && (0..resource.volumes.len()).any(peer_primary) {
            return Attempt::Refused(-20, String::new());
        }
        let usable = |volume: usize| {
            let device = &side.devices[volume];
            device.disk == Disk::UpToDate || (connected && device.peer_disk == Disk::UpToDate)
        };
        if !volumes().all(usable) {
            return Attempt::Refused(-2, String::new());
        }
        let unfenced = |volume: usize| side.devices[volume].peer_disk >= Disk::DUnknown;
        if !connected && side.fences() && volumes().any(unfenced) {
            return Attempt::Refused(-7, String::new());
        }
        if !volumes().all(|volume| side.devices[volume].quorum) {
            return Attempt::Refused(-25, String::new());
        }
        let peer = &resource.sides[1 - self.host];
        let reader = peer
            .devices
            .iter()
            .any(|device| device.role != Role::Primary && !device.openers.is_empty());
        if state.generation == Generation::V9 && connected && reader {
            let name = &state.hosts[1 - self.host].name;
            let id = resource.node_ids[1 - self.host];
            let info = format!("Declined by peer {name} (id: {id}), see the kernel log there\n");
            return Attempt::Refused(-10, info);
        }
        for volume in volumes() {
            let device = &mut resource.sides[self.host].devices[volume];
            device.role = Role::Primary;
            // 8.4 begins a new generation as soon as a lone side is promoted.
            device.new_generation |= state.generation == Generation::V84 && !connected;
        }
        if state.reaches() {
            resource.exchange();
        }
        Attempt::Done
    }
}

/// Demotes a volume (8.4) or all of them (9), or says who holds the device.
pub fn demote(
    resource: &mut Resource,
    state: &State,
    host: usize,
    volume: Option<usize>,
) -> Attempt {
    let count = resource.volumes.len();
    let volumes = || volume.map_or(0..count, |volume| volume..volume + 1);
    let side = &resource.sides[host];
    if volumes().all(|volume| side.devices[volume].role != Role::Primary) {
        return Attempt::Done;
    }
    let mut holders = String::new();
    for volume in volumes() {
        for opener in &side.devices[volume].openers {
            if opener.writer || state.generation == Generation::V84 {
                holders.push_str(&opener.describe(resource.volumes[volume].minor));
            }
        }
    }
    if !holders.is_empty() {
        let info = if state.generation == Generation::V9 {
            holders
        } else {
            String::new()
        };
        return Attempt::Refused(-12, info);
    }
    for volume in volumes() {
        resource.sides[host].devices[volume].role = Role::Secondary;
    }
    if state.reaches() {
        resource.exchange();
    }
    Attempt::Done
}

impl Attempt {
    /// What the tool prints and returns.
    #[must_use]
    pub fn output(&self, subject: &str) -> Output {
        match self {
            Self::Done | Self::Wait => Output::done(),
            Self::Refused(refusal, info) => Output::refused(subject, *refusal, info),
        }
    }
}
