//! How two sides lose each other and find together again.

use crate::generation::Generation;
use crate::resource::Resource;
use crate::state::{Connection, Disk, Replication, Role};

/// One side finds its peer gone: Connecting, and nothing known of the peer any more.
pub fn lose_peer(resource: &mut Resource, host: usize, generation: Generation) {
    let side = &mut resource.sides[host];
    if side.up.is_none() || side.connection != Connection::Connected {
        return;
    }
    side.connection = Connection::Connecting;
    side.forget_peer();
    let fences = side
        .net
        .get("fencing")
        .into_iter()
        .chain(
            side.devices
                .iter()
                .filter_map(|device| device.options.get("fencing")),
        )
        .any(|fencing| fencing == "resource-and-stonith");
    side.suspended.fencing |= fences && side.role() == Role::Primary;
    for device in &mut side.devices {
        if generation == Generation::V84 {
            // 8.4 begins a new generation when a Primary loses its peer, 9 at the first write after.
            device.new_generation |= device.role == Role::Primary && device.disk == Disk::UpToDate;
        } else {
            (device.counters.sent, device.counters.received) = (0, 0);
        }
    }
}

/// One side goes StandAlone; on 8.4 it forgets the settings of the connection with it.
pub fn stand_alone(resource: &mut Resource, host: usize, generation: Generation) {
    lose_peer(resource, host, generation);
    let side = &mut resource.sides[host];
    side.connection = Connection::StandAlone;
    if generation == Generation::V84 {
        side.net.clear();
    }
}

/// Two Primaries wrote the same blocks at once. 8.4 resolves that; 9 drops the connection, and the
/// copies differ: the next handshake ends as a split brain.
pub fn collide(resource: &mut Resource, volume: usize, kib: u64, generation: Generation) {
    if generation == Generation::V84 {
        return;
    }
    for host in [0, 1] {
        lose_peer(resource, host, generation);
        let side = &mut resource.sides[host];
        side.connection = Connection::ProtocolError;
        side.devices[volume].new_generation = true;
        side.devices[volume].counters.out_of_sync += kib;
    }
}

/// Both sides meet, when both want to and packets get through.
pub fn meet(resource: &mut Resource, generation: Generation, reaches: bool) {
    for side in &mut resource.sides {
        let broken = Connection::Unconnected..Connection::Connecting;
        if broken.contains(&side.connection) {
            side.connection = Connection::Connecting;
        }
    }
    let wanting = |resource: &Resource, connection: Connection| {
        let mut sides = resource.sides.iter();
        sides.all(|side| side.up.is_some() && side.connection == connection)
    };
    if !reaches {
        return;
    }
    if wanting(resource, Connection::Connected) {
        resource.exchange();
        return;
    }
    // Who did not notice that the other was gone does so when the other knocks.
    let knocks = resource
        .sides
        .iter()
        .any(|side| side.up.is_some() && side.connection == Connection::Connecting);
    for host in [0, 1] {
        if knocks {
            lose_peer(resource, host, generation);
        }
    }
    if !wanting(resource, Connection::Connecting) {
        return;
    }
    if differ(resource) {
        part_over_settings(resource, generation);
    } else if split_brain(resource) {
        for host in [0, 1] {
            stand_alone(resource, host, generation);
            for device in &mut resource.sides[host].devices {
                // 9 writes the bitmap out when it gives up.
                let differs = generation == Generation::V9 && device.counters.out_of_sync > 0;
                device.counters.bm_writes += u64::from(differs);
            }
        }
    } else {
        join(resource, generation);
    }
}

/// Whether the settings which must agree do not.
fn differ(resource: &Resource) -> bool {
    let [one, other] = &resource.sides;
    one.allows_two_primaries() != other.allows_two_primaries() || one.protocol() != other.protocol()
}

/// On 8.4 a lone Primary gives up and the other goes on knocking; else both give up.
fn part_over_settings(resource: &mut Resource, generation: Generation) {
    let primaries = [0, 1].map(|host: usize| resource.sides[host].role() == Role::Primary);
    for host in [0, 1] {
        let alone = generation == Generation::V9 || primaries[host] || !primaries[1 - host];
        if alone {
            stand_alone(resource, host, generation);
        }
    }
}

/// Whether the data have parted, or a Primary would have to be overwritten, or two Primaries may not be.
fn split_brain(resource: &Resource) -> bool {
    let [one, other] = &resource.sides;
    let mut pairs = one.devices.iter().zip(&other.devices);
    let parted = pairs.any(|(one, other)| {
        let overwritten = |here: &crate::device::Device, there: &crate::device::Device| {
            there.new_generation && here.role == Role::Primary && here.disk == Disk::UpToDate
        };
        (one.new_generation && other.new_generation)
            || overwritten(one, other)
            || overwritten(other, one)
    });
    let both = one.role() == Role::Primary && other.role() == Role::Primary;
    parted || (both && !one.allows_two_primaries())
}

/// The connection stands; what differs is copied, at once unless the resource resyncs slowly.
fn join(resource: &mut Resource, generation: Generation) {
    for side in &mut resource.sides {
        side.connection = Connection::Connected;
        side.suspended.fencing = false;
        for device in &mut side.devices {
            device.replication = Replication::Established;
            device.al_suspended = false;
        }
    }
    resource.exchange();
    for volume in 0..resource.volumes.len() {
        if let Some(source) = source_of(resource, volume) {
            begin_resync(resource, volume, source);
            if !resource.slow_resync {
                finish_resync(resource, volume, generation);
            }
        }
    }
    resource.exchange();
}

/// The host whose data are to be copied; none when both are the same or one has no disk.
fn source_of(resource: &Resource, volume: usize) -> Option<usize> {
    let [one, other] = [0, 1].map(|host: usize| &resource.sides[host].devices[volume]);
    if one.disk == Disk::Diskless || other.disk == Disk::Diskless {
        return None;
    }
    let newer = |here: &crate::device::Device, there: &crate::device::Device| {
        here.disk == Disk::UpToDate && (here.new_generation || there.disk != Disk::UpToDate)
    };
    match (newer(one, other), newer(other, one)) {
        (true, _) => Some(0),
        (false, true) => Some(1),
        (false, false) => None,
    }
}

/// The source's data begin to be copied.
pub fn begin_resync(resource: &mut Resource, volume: usize, source: usize) {
    let left = [0, 1].map(|host: usize| resource.sides[host].devices[volume].counters.out_of_sync);
    let total = left[0].max(left[1]);
    for host in [0, 1] {
        let device = &mut resource.sides[host].devices[volume];
        device.counters.out_of_sync = total;
        device.resync_total = total;
        if host == source {
            device.replication = Replication::SyncSource;
        } else {
            device.replication = Replication::SyncTarget;
            device.disk = Disk::Inconsistent;
        }
    }
    resource.exchange();
}

/// So much more of the source's data has arrived.
pub fn advance_resync(resource: &mut Resource, volume: usize, kib: u64) {
    for host in [0, 1] {
        let device = &mut resource.sides[host].devices[volume];
        let kib = kib.min(device.counters.out_of_sync);
        device.counters.out_of_sync -= kib;
        if device.replication.is_target() {
            device.counters.received += kib;
            device.counters.written += kib;
        } else {
            device.counters.sent += kib;
            device.counters.read += kib;
        }
    }
}

/// All of the source's data has arrived: UpToDate on both.
pub fn finish_resync(resource: &mut Resource, volume: usize, _generation: Generation) {
    let syncing = |resource: &Resource| {
        resource
            .sides
            .iter()
            .all(|side| side.devices[volume].replication.is_syncing())
    };
    if !syncing(resource) {
        return;
    }
    advance_resync(resource, volume, u64::MAX);
    for side in &mut resource.sides {
        let device = &mut side.devices[volume];
        device.replication = Replication::Established;
        device.disk = Disk::UpToDate;
        device.new_generation = false;
        "no".clone_into(&mut device.resync_suspended);
    }
    resource.exchange();
}
