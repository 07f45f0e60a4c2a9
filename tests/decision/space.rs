//! The space that decisions are made in: DRBD's words, and facts that are put together of them.

use std::collections::BTreeMap;

use block_drbd::backend::{Access, Backend, Guest};
use block_drbd::drbd::{
    Address, Connection, ConnectionSettings, ConnectionState, DiskState, Generation, Path,
    PeerDevice, ReplicationState, Resource, Role, Settings, Volume,
};
use block_drbd::facts::{Arrival, Facts, Found};
use block_drbd::policy::Policy;
use block_drbd::probe::Probe;
use block_drbd::sharing::{Relation, Use};

/// Minors of the two volumes that a resource has at the most here.
pub const MINORS: [u32; 2] = [1, 11];

/// A word of a version to come.
fn unlisted() -> String {
    "Fresh".into()
}

pub fn roles() -> [Role; 4] {
    [
        Role::Primary,
        Role::Secondary,
        Role::Unknown,
        Role::Unlisted(unlisted()),
    ]
}

pub fn disks() -> [DiskState; 11] {
    use DiskState as D;
    [
        D::Diskless,
        D::Attaching,
        D::Detaching,
        D::Failed,
        D::Negotiating,
        D::Inconsistent,
        D::Outdated,
        D::DUnknown,
        D::Consistent,
        D::UpToDate,
        D::Unlisted(unlisted()),
    ]
}

pub fn connection_states() -> [ConnectionState; 11] {
    use ConnectionState as C;
    [
        C::StandAlone,
        C::Disconnecting,
        C::Unconnected,
        C::Timeout,
        C::BrokenPipe,
        C::NetworkFailure,
        C::ProtocolError,
        C::TearDown,
        C::Connecting,
        C::Connected,
        C::Unlisted(unlisted()),
    ]
}

pub fn replications() -> [ReplicationState; 16] {
    use ReplicationState as R;
    [
        R::Off,
        R::Established,
        R::StartingSyncS,
        R::StartingSyncT,
        R::WFBitMapS,
        R::WFBitMapT,
        R::WFSyncUUID,
        R::SyncSource,
        R::SyncTarget,
        R::PausedSyncS,
        R::PausedSyncT,
        R::VerifyS,
        R::VerifyT,
        R::Ahead,
        R::Behind,
        R::Unlisted(unlisted()),
    ]
}

/// Every answer of a peer's address, and that nobody asked.
pub fn probes() -> [Option<Probe>; 6] {
    [
        Some(Probe::Accepted),
        Some(Probe::Refused),
        Some(Probe::Unanswered),
        Some(Probe::NotApplicable),
        Some(Probe::Failed("no route".into())),
        None,
    ]
}

/// `protocol` and `allow-two-primaries`; the last one stands for settings that say nothing.
pub const NETS: [(Option<&str>, Option<bool>); 9] = [
    (Some("C"), Some(true)),
    (Some("C"), Some(false)),
    (Some("C"), None),
    (Some("A"), Some(true)),
    (Some("A"), Some(false)),
    (Some("A"), None),
    (None, Some(true)),
    (None, Some(false)),
    (None, None),
];

/// A healthy resource of one volume: Secondary here and on its one peer.
pub fn plain_start() -> Facts {
    Facts {
        backend: Backend {
            exists: true,
            state: Some(2),
            online: true,
            params: Some("web-root/0".into()),
            mode: "w".into(),
            kind: Some("phy".into()),
            vdev: "xvda2".into(),
            physical_device: None,
        },
        guest: Guest {
            domid: 7,
            name: Some("web".into()),
            vm: Some("/vm/web".into()),
            target_vm: None,
        },
        arrival: Arrival::PlainStart,
        found: Found::Up(Resource {
            name: "web-root".into(),
            generation: Generation::V9,
            role: Role::Secondary,
            suspended: Vec::new(),
            force_io_failures: false,
            volumes: vec![volume(0)],
            connections: vec![connection(0)],
        }),
        volume: Some(0),
        uses: Vec::new(),
        holders: Vec::new(),
        settings: Some(Settings {
            quorum: false,
            connections: vec![settings(0)],
        }),
        probes: BTreeMap::from([(0, Probe::Refused)]),
        promoted_by_us: false,
        promoting: false,
        window_noted: false,
    }
}

/// The destination of a live migration, all as it should be.
pub fn incoming() -> Facts {
    let mut facts = plain_start();
    facts.arrival = Arrival::IncomingMigration;
    facts.guest.name = Some("web--incoming".into());
    up(&mut facts).connections[0].role = Role::Primary;
    facts
}

/// A peer that does not answer: dead, as far as anybody can tell.
pub fn peer_lost() -> Facts {
    let mut facts = plain_start();
    disconnect(&mut up(&mut facts).connections[0]);
    facts.probes.insert(0, Probe::Unanswered);
    facts
}

pub fn disconnect(connection: &mut Connection) {
    connection.state = ConnectionState::Connecting;
    connection.role = Role::Unknown;
    for device in &mut connection.peer_devices {
        device.replication = ReplicationState::Off;
        device.disk = DiskState::DUnknown;
    }
}

/// The same with a second volume, as healthy as the first.
pub fn with_second_volume(mut facts: Facts) -> Facts {
    let resource = up(&mut facts);
    let role = resource.volumes[0].role.clone();
    resource.volumes.push(Volume { role, ..volume(1) });
    for connection in &mut resource.connections {
        connection.peer_devices.push(peer_device(1));
    }
    facts
}

/// The same with a second peer, connected and Secondary.
pub fn with_second_peer(mut facts: Facts) -> Facts {
    up(&mut facts).connections.push(connection(1));
    if let Some(all) = &mut facts.settings {
        all.connections.push(settings(1));
    }
    facts.probes.insert(1, Probe::Refused);
    facts
}

pub fn volume(number: u32) -> Volume {
    Volume {
        volume: number,
        minor: MINORS[number as usize],
        role: Role::Secondary,
        disk: DiskState::UpToDate,
        client: false,
        quorum: Some(true),
        lower_pending: 0,
    }
}

fn connection(peer_node_id: u32) -> Connection {
    Connection {
        peer_node_id,
        peer: format!("nodo{}", peer_node_id + 2),
        state: ConnectionState::Connected,
        role: Role::Secondary,
        peer_devices: vec![peer_device(0)],
        paths: Vec::new(),
    }
}

fn peer_device(volume: u32) -> PeerDevice {
    PeerDevice {
        volume,
        replication: ReplicationState::Established,
        disk: DiskState::UpToDate,
        client: false,
        received: 0,
        unacked: 0,
        done: None,
    }
}

fn settings(peer_node_id: u32) -> ConnectionSettings {
    let address = |host: u32| Address {
        family: "ipv4".into(),
        endpoint: format!("10.0.0.{host}:7789"),
    };
    ConnectionSettings {
        peer_node_id,
        protocol: Some("C".into()),
        two_primaries: Some(true),
        fencing: false,
        transport: String::new(),
        paths: vec![Path {
            local: address(1),
            peer: address(peer_node_id + 2),
            established: None,
        }],
    }
}

/// The resource within facts that have one.
pub fn up(facts: &mut Facts) -> &mut Resource {
    match &mut facts.found {
        Found::Up(resource) => resource,
        other => panic!("there is no resource: {other:?}"),
    }
}

/// Gives the resource and its volumes that role on this host.
pub fn set_role(facts: &mut Facts, role: &Role) {
    let resource = up(facts);
    resource.role = role.clone();
    for volume in &mut resource.volumes {
        volume.role = role.clone();
    }
}

/// Sets what is in force for the connection to the first peer.
pub fn set_net(facts: &mut Facts, (protocol, two_primaries): (Option<&str>, Option<bool>)) {
    if let Some(settings) = &mut facts.settings {
        settings.connections[0].protocol = protocol.map(str::to_owned);
        settings.connections[0].two_primaries = two_primaries;
    }
}

/// Sets or drops what the first peer's address answered.
pub fn set_probe(facts: &mut Facts, probe: Option<&Probe>) {
    match probe {
        Some(probe) => facts.probes.insert(0, probe.clone()),
        None => facts.probes.remove(&0),
    };
}

/// Another backend on this host that uses the resource.
pub fn user(relation: Relation, access: Access, minor: u32, state: Option<u32>) -> Use {
    let (domid, name) = match relation {
        Relation::ThisDomain => (7, "web"),
        Relation::SameGuest => (5, "web"),
        Relation::Other => (9, "mail"),
        Relation::Gone => (4, "old"),
    };
    Use {
        guest: Guest {
            domid,
            name: Some(name.into()),
            vm: Some(format!("/vm/{name}")),
            target_vm: None,
        },
        vdev: "xvdb".into(),
        minor,
        access,
        state,
        relation,
    }
}

/// Every user that there can be, of either volume.
pub fn users() -> Vec<Use> {
    let mut all = Vec::new();
    for relation in [
        Relation::ThisDomain,
        Relation::SameGuest,
        Relation::Other,
        Relation::Gone,
    ] {
        for access in [Access::ReadOnly, Access::ReadWrite] {
            for minor in MINORS {
                for state in [Some(4), Some(5), Some(6), None] {
                    all.push(user(relation, access, minor, state));
                }
            }
        }
    }
    all.push(migrated_away());
    all.push(stub_domain());
    all
}

/// What the guest's stub domain has.
pub fn stub_domain() -> Use {
    let mut stub = user(Relation::SameGuest, Access::ReadWrite, MINORS[0], Some(4));
    stub.guest.vm = Some("/vm/web-dm".into());
    stub.guest.target_vm = Some("/vm/web".into());
    stub
}

/// The guest as it was here before it went to the peer, and `xl migrate` did not see that to its end.
pub fn migrated_away() -> Use {
    let mut left = user(Relation::SameGuest, Access::ReadWrite, MINORS[0], Some(4));
    left.guest.name = Some("web--migratedaway".into());
    left
}

/// Every policy that can make a difference to a plain start.
pub fn policies() -> Vec<Policy> {
    use block_drbd::policy::{Disconnected, DualPrimary, Resync};
    let mut all = Vec::new();
    for disconnected in [
        Disconnected::Warn,
        Disconnected::Allow,
        Disconnected::Refuse,
    ] {
        for resync in [Resync::Refuse, Resync::Allow] {
            for dual_primary in [DualPrimary::Window, DualPrimary::Static, DualPrimary::Never] {
                for shared in [false, true] {
                    all.push(Policy {
                        disconnected,
                        resync,
                        dual_primary,
                        shared,
                        ..Policy::default()
                    });
                }
            }
        }
    }
    all
}
