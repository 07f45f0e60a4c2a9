//! What an administrator does to a resource: up, down, connect, detach, suspend and the like.

use crate::generation::Generation;
use crate::handshake;
use crate::options::Options;
use crate::output::Output;
use crate::promotion::{self, Attempt};
use crate::resource::Resource;
use crate::side::Side;
use crate::state::{Connection, Disk, Replication, Role};
use crate::store::State;

/// Brings the resource up on a host, as the configuration file has it.
pub fn up(resource: &mut Resource, state: &mut State, host: usize) {
    let old = &resource.sides[host];
    if old.up.is_some() {
        return;
    }
    let mut side = Side::new(
        resource.volumes.len(),
        resource.configured.clone(),
        state.next_up,
    );
    for (device, old) in side.devices.iter_mut().zip(&old.devices) {
        device.disk = old.disk;
        device.client = old.client;
        device.new_generation = old.new_generation;
        device.counters.out_of_sync = old.counters.out_of_sync;
    }
    resource.sides[host] = side;
    state.next_up += 1;
    handshake::meet(resource, state.generation, state.reaches());
}

/// Takes the resource down on a host, unless it is in use there.
pub fn down(resource: &mut Resource, state: &State, host: usize, subject: &str) -> Output {
    if let attempt @ Attempt::Refused(..) = promotion::demote(resource, state, host, None) {
        return attempt.output(subject);
    }
    disconnect(resource, state, host);
    resource.sides[host].up = None;
    Output::done()
}

/// Makes a host StandAlone; the peer notices at once when the link works.
pub fn disconnect(resource: &mut Resource, state: &State, host: usize) {
    let was_connected = resource.sides[host].connection == Connection::Connected;
    handshake::stand_alone(resource, host, state.generation);
    if was_connected && state.reaches() {
        handshake::lose_peer(resource, 1 - host, state.generation);
    }
}

/// Makes a StandAlone host look for its peer again, on 8.4 with these settings.
pub fn connect(
    resource: &mut Resource,
    state: &State,
    host: usize,
    net: Option<Options>,
    subject: &str,
) -> Output {
    let side = &mut resource.sides[host];
    if side.connection != Connection::StandAlone {
        return match state.generation {
            Generation::V84 => Output::failure(subject, 102, ""),
            Generation::V9 => Output::done(),
        };
    }
    if let Some(net) = net {
        side.net = net;
    }
    side.connection = Connection::Connecting;
    handshake::meet(resource, state.generation, state.reaches());
    Output::done()
}

/// Takes the disk away from a volume, unless it is the last good one of a Primary.
pub fn detach(
    resource: &mut Resource,
    state: &State,
    host: usize,
    volume: usize,
    subject: &str,
) -> Output {
    let device = &resource.sides[host].devices[volume];
    let needed = device.role == Role::Primary || device.peer_role == Role::Primary;
    if needed && device.peer_disk != Disk::UpToDate {
        return Output::refused(subject, -2, "");
    }
    resource.sides[host].devices[volume].disk = Disk::Diskless;
    if state.reaches() {
        resource.exchange();
    }
    Output::done()
}

/// Gives a volume its disk back; what was missed meanwhile is copied.
pub fn attach(resource: &mut Resource, state: &State, host: usize, volume: usize) -> Output {
    let missed = resource.sides[1 - host].devices[volume]
        .counters
        .out_of_sync;
    let connected = resource.sides[host].connection == Connection::Connected;
    let device = &mut resource.sides[host].devices[volume];
    if device.disk == Disk::Diskless {
        device.disk = Disk::UpToDate;
        if connected && state.reaches() {
            handshake::begin_resync(resource, volume, 1 - host);
            if !resource.slow_resync || missed == 0 {
                handshake::finish_resync(resource, volume, state.generation);
            }
        }
    }
    Output::done()
}

/// Marks a volume's data as outdated.
pub fn outdate(
    resource: &mut Resource,
    state: &State,
    host: usize,
    volume: usize,
    subject: &str,
) -> Output {
    let device = &mut resource.sides[host].devices[volume];
    if device.role == Role::Primary {
        return Output::refused(subject, -2, "");
    }
    if device.disk > Disk::Outdated {
        device.disk = Disk::Outdated;
    }
    if state.reaches() {
        resource.exchange();
    }
    Output::done()
}

/// Suspends or resumes the I/O here; resuming ends a suspension by fencing, too.
pub fn suspend(resource: &mut Resource, host: usize, suspend: bool) -> Output {
    let suspended = &mut resource.sides[host].suspended;
    suspended.user = suspend;
    if !suspend {
        suspended.fencing = false;
        suspended.no_data = false;
    }
    Output::done()
}

/// Pauses a resync or lets it go on, as seen from both sides.
pub fn pause(resource: &mut Resource, host: usize, pause: bool) -> Output {
    for (index, side) in resource.sides.iter_mut().enumerate() {
        let word = match (pause, index == host) {
            (false, _) => "no",
            (true, true) => "user",
            (true, false) => "peer",
        };
        for device in &mut side.devices {
            word.clone_into(&mut device.resync_suspended);
            device.replication = match (device.replication, pause) {
                (Replication::SyncSource, true) => Replication::PausedSyncS,
                (Replication::SyncTarget, true) => Replication::PausedSyncT,
                (Replication::PausedSyncS, false) => Replication::SyncSource,
                (Replication::PausedSyncT, false) => Replication::SyncTarget,
                (other, _) => other,
            };
        }
    }
    Output::done()
}
