//! When a resource may be used, and whether a second reading is worse than the first.
//!
//! Healthy is a whole reading: any one word alone proves nothing (contract 34).

use crate::drbd::{
    Connection, ConnectionState, DiskState, ReplicationState, Resource, Role, Volume,
};
use crate::facts::Arrival;
use crate::refusal::{Obstacle, Refusal};

/// A state in which nobody may use the resource, however it is used.
#[must_use]
pub fn blocked(resource: &Resource) -> Option<Refusal> {
    let name = || resource.name.clone();
    if !resource.suspended.is_empty() {
        return Some(Refusal::Suspended {
            resource: name(),
            reasons: resource.suspended.clone(),
        });
    }
    if resource.force_io_failures {
        return Some(Refusal::FailingIo { resource: name() });
    }
    if let Some(connection) = resource.connections.iter().find(|c| c.is_stand_alone()) {
        return Some(Refusal::StandAlone {
            resource: name(),
            peer: peer(connection),
        });
    }
    let failed = resource
        .volumes
        .iter()
        .find(|v| v.disk == DiskState::Failed);
    failed.map(|v| disk(resource, v))
}

/// The volume has good data: `UpToDate` here, or an intentional client of an `UpToDate` peer.
#[must_use]
pub fn is_usable(resource: &Resource, volume: &Volume) -> bool {
    let served = || {
        resource
            .connections
            .iter()
            .filter(|c| c.is_connected())
            .any(|c| {
                c.peer_device(volume.volume)
                    .is_some_and(|d| d.disk == DiskState::UpToDate && !d.client)
            })
    };
    volume.disk == DiskState::UpToDate
        || (volume.client && volume.disk == DiskState::Diskless && served())
}

/// The peer that a volume is being filled from.
#[must_use]
pub fn sync_source<'r>(resource: &'r Resource, volume: &Volume) -> Option<&'r Connection> {
    resource.connections.iter().find(|c| {
        c.is_connected()
            && c.peer_device(volume.volume)
                .is_some_and(|d| d.replication.is_sync_target())
    })
}

/// A disk that a resync makes good.
#[must_use]
pub fn can_be_filled(volume: &Volume) -> bool {
    matches!(
        volume.disk,
        DiskState::Inconsistent | DiskState::Outdated | DiskState::Consistent
    )
}

/// The volume is being filled from a good copy, which serves what is missing meanwhile.
#[must_use]
pub fn is_filled(resource: &Resource, volume: &Volume) -> bool {
    let source = sync_source(resource, volume).and_then(|c| c.peer_device(volume.volume));
    can_be_filled(volume) && source.is_some_and(|d| d.disk == DiskState::UpToDate)
}

/// The first volume without good data.
#[must_use]
pub fn unusable(resource: &Resource) -> Option<&Volume> {
    resource.volumes.iter().find(|v| !is_usable(resource, v))
}

/// A refusal that names a disk.
#[must_use]
pub fn disk(resource: &Resource, volume: &Volume) -> Refusal {
    Refusal::Disk {
        resource: resource.name.clone(),
        volume: volume.volume,
        disk: volume.disk.clone(),
    }
}

/// How a peer is called: by its host name, where DRBD tells it.
#[must_use]
pub fn peer(connection: &Connection) -> String {
    if connection.has_name() {
        crate::words::printable(&connection.peer)
    } else {
        "the peer".to_owned()
    }
}

/// A connection that is being made at this moment.
#[must_use]
pub fn is_reconnecting(connection: &Connection) -> bool {
    connection.state == ConnectionState::Connected && !connection.is_connected()
}

/// Whether writes of both sides reach each other at once: the connection over which a resource may
/// be Primary on both.
///
/// # Errors
/// With what is missing.
pub fn in_step(resource: &Resource, connection: &Connection) -> Result<(), Obstacle> {
    if !connection.is_connected() {
        return Err(Obstacle::NoSource {
            peers: vec![describe(connection)],
        });
    }
    for volume in &resource.volumes {
        let Some(device) = connection.peer_device(volume.volume) else {
            return Err(Obstacle::NoSource {
                peers: vec![describe(connection)],
            });
        };
        if device.replication != ReplicationState::Established {
            return Err(Obstacle::NotEstablished {
                peer: peer(connection),
                volume: volume.volume,
                replication: device.replication.clone(),
            });
        }
        if device.disk != DiskState::UpToDate {
            return Err(Obstacle::PeerDisk {
                peer: peer(connection),
                volume: volume.volume,
                disk: device.disk.clone(),
            });
        }
    }
    Ok(())
}

/// `nodo2: Connecting`, `nodo2: Connected, Secondary`.
#[must_use]
pub fn describe(connection: &Connection) -> String {
    match connection.state {
        ConnectionState::Connected => {
            format!("{}: Connected, {}", peer(connection), connection.role)
        }
        ref state => format!("{}: {state}", peer(connection)),
    }
}

/// Whether two primaries may be forbidden on that connection: both sides hear of it, and the role of
/// neither is in the way. `primary` tells whether the resource will be Primary here. Returns the
/// connection; whether its link is alive has still to be asked.
///
/// # Errors
/// With what is in the way.
pub fn may_close_window(
    resource: &Resource,
    peer_node_id: u32,
    primary: bool,
) -> Result<&Connection, String> {
    let mut connections = resource.connections.iter();
    let connection = connections
        .find(|c| c.peer_node_id == peer_node_id)
        .ok_or("its connection is gone")?;
    let mut devices = connection.peer_devices.iter();
    let established = connection.is_connected()
        && devices.all(|d| d.replication == ReplicationState::Established);
    if !established {
        return Err(format!("{}, not Established", describe(connection)));
    }
    if connection.role == Role::Primary && primary {
        return Err("it is Primary on both hosts".to_owned());
    }
    Ok(connection)
}

/// Compares the reading after a promotion with the one that it was decided on.
///
/// # Errors
/// With what got worse; the promotion is then undone.
pub fn confirm(
    before: &Resource,
    after: Option<&Resource>,
    arrival: Arrival,
    shared: bool,
) -> Result<(), Refusal> {
    let worse = |why: String| Refusal::Worse {
        resource: before.name.clone(),
        why,
        incoming: arrival == Arrival::IncomingMigration,
    };
    let after = after.ok_or_else(|| worse("it is no longer up".into()))?;
    if !after.minors().eq(before.minors()) {
        return Err(worse("its volumes have changed".into()));
    }
    if !after.is_primary() {
        return Err(worse("it did not stay Primary".into()));
    }
    if let Some(blocked) = blocked(after) {
        return Err(blocked);
    }
    for (old, new) in before.volumes.iter().zip(&after.volumes) {
        let filled = is_filled(before, old) && is_filled(after, new);
        if !is_usable(after, new) && !filled {
            return Err(disk(after, new));
        }
        if new.quorum != Some(true) && old.quorum == Some(true) {
            return Err(Refusal::NoQuorum {
                resource: before.name.clone(),
            });
        }
    }
    for old in &before.connections {
        let new = after
            .connections
            .iter()
            .find(|c| c.peer_node_id == old.peer_node_id);
        let Some(new) = new.filter(|n| n.is_connected() || !old.is_connected()) else {
            return Err(worse(format!(
                "the connection to {} was lost meanwhile",
                peer(old)
            )));
        };
        if new.role == Role::Primary && (arrival == Arrival::IncomingMigration || shared) {
            in_step(after, new).map_err(|why| worse(why.to_string()))?;
        }
        if arrival == Arrival::IncomingMigration
            && old.role == Role::Primary
            && new.role != Role::Primary
        {
            return Err(worse(format!("{} is no longer Primary", peer(new))));
        }
    }
    let surprise = after.connections.iter().find(|c| {
        let before = before
            .connections
            .iter()
            .find(|b| b.peer_node_id == c.peer_node_id);
        c.role == Role::Primary && before.is_none_or(|b| b.role != Role::Primary)
    });
    match surprise.filter(|_| !shared) {
        Some(other) => Err(Refusal::PeerPrimary {
            resource: before.name.clone(),
            peer: peer(other),
        }),
        None => Ok(()),
    }
}
