//! What a peer would see if the guest came there from this host, as far as it is known here.

use std::collections::BTreeMap;

use crate::drbd::{
    Connection, DiskState, Path, PeerDevice, ReplicationState, Resource, Role, Settings, Volume,
};
use crate::facts::{Arrival, Facts, Found};
use crate::probe::Probe;

/// The facts of the `add` that takes the guest in there. What only the peer knows (who has the
/// resource there, mounts, its own settings of this program) is taken to be in nobody's way.
#[must_use]
pub fn seen_from(
    facts: &Facts,
    resource: &Resource,
    connection: &Connection,
    settings: &Settings,
    probe: Option<Probe>,
) -> Facts {
    let own = settings.connection(connection.peer_node_id).cloned();
    let settings = Settings {
        quorum: settings.quorum,
        connections: own
            .into_iter()
            .map(|mut own| {
                own.paths = own.paths.iter().map(turned).collect();
                own
            })
            .collect(),
    };
    let probes: BTreeMap<u32, Probe> = probe
        .map(|p| (connection.peer_node_id, p))
        .into_iter()
        .collect();
    Facts {
        backend: facts.backend.clone(),
        guest: facts.guest.clone(),
        arrival: Arrival::IncomingMigration,
        found: Found::Up(turned_resource(resource, connection)),
        volume: facts.volume,
        uses: Vec::new(),
        holders: Vec::new(),
        settings: Some(settings),
        probes,
        promoted_by_us: false,
        promoting: false,
        window_noted: false,
    }
}

/// The resource, as the peer has it.
fn turned_resource(resource: &Resource, connection: &Connection) -> Resource {
    let volume = |own: &Volume| {
        let device = connection.peer_device(own.volume);
        Volume {
            role: connection.role.clone(),
            disk: device.map_or(DiskState::DUnknown, |d| d.disk.clone()),
            client: device.is_some_and(|d| d.client),
            lower_pending: 0,
            ..own.clone()
        }
    };
    let device = |own: &Volume| PeerDevice {
        volume: own.volume,
        replication: connection
            .peer_device(own.volume)
            .map_or(ReplicationState::Off, |d| other_side(&d.replication)),
        disk: own.disk.clone(),
        client: own.client,
        received: 0,
        unacked: 0,
        done: None,
    };
    let back = Connection {
        peer: "this host".into(),
        // Where the guest runs by then.
        role: Role::Primary,
        peer_devices: resource.volumes.iter().map(device).collect(),
        paths: connection.paths.iter().map(turned).collect(),
        ..connection.clone()
    };
    Resource {
        role: connection.role.clone(),
        suspended: Vec::new(),
        force_io_failures: false,
        volumes: resource.volumes.iter().map(volume).collect(),
        connections: vec![back],
        ..resource.clone()
    }
}

fn turned(path: &Path) -> Path {
    Path {
        local: path.peer.clone(),
        peer: path.local.clone(),
        established: path.established,
    }
}

/// What the other side calls it (drbd: `drbd/drbd_state.c`, `drbd/drbd_receiver.c`).
fn other_side(state: &ReplicationState) -> ReplicationState {
    use ReplicationState as S;
    match state {
        S::StartingSyncS => S::StartingSyncT,
        S::StartingSyncT => S::StartingSyncS,
        S::WFBitMapS => S::WFBitMapT,
        S::WFBitMapT => S::WFBitMapS,
        S::SyncSource => S::SyncTarget,
        S::SyncTarget => S::SyncSource,
        S::PausedSyncS => S::PausedSyncT,
        S::PausedSyncT => S::PausedSyncS,
        S::VerifyS => S::VerifyT,
        S::VerifyT => S::VerifyS,
        S::Ahead => S::Behind,
        S::Behind => S::Ahead,
        other => other.clone(),
    }
}
