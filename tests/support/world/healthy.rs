//! A healthy resource, Secondary on both hosts.

use block_drbd::drbd::{
    Address, Connection, ConnectionSettings, ConnectionState, DiskState, Generation, Path,
    PeerDevice, ReplicationState, Resource, Role, Settings, Volume,
};

use super::RESOURCE;

pub fn resource() -> Resource {
    Resource {
        name: RESOURCE.into(),
        generation: Generation::V9,
        role: Role::Secondary,
        suspended: Vec::new(),
        force_io_failures: false,
        volumes: vec![Volume {
            volume: 0,
            minor: 1,
            role: Role::Secondary,
            disk: DiskState::UpToDate,
            client: false,
            quorum: Some(true),
            lower_pending: 0,
        }],
        connections: vec![Connection {
            peer_node_id: 0,
            peer: "nodo2".into(),
            state: ConnectionState::Connected,
            role: Role::Secondary,
            peer_devices: vec![PeerDevice {
                volume: 0,
                replication: ReplicationState::Established,
                disk: DiskState::UpToDate,
                client: false,
                received: 0,
                unacked: 0,
                done: None,
            }],
            paths: Vec::new(),
        }],
    }
}

pub fn settings() -> Settings {
    let address = |endpoint: &str| Address {
        family: "ipv4".into(),
        endpoint: endpoint.into(),
    };
    Settings {
        quorum: false,
        connections: vec![ConnectionSettings {
            peer_node_id: 0,
            protocol: Some("C".into()),
            two_primaries: Some(true),
            fencing: false,
            transport: String::new(),
            paths: vec![Path {
                local: address("10.0.0.1:7789"),
                peer: address("10.0.0.2:7789"),
                established: None,
            }],
        }],
    }
}
