//! What DRBD says about one resource, on one node, at one moment.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::words::{ConnectionState, DiskState, ReplicationState, Role};

/// The generation of the loaded kernel module: what takes a minor and what takes a name differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Generation {
    /// 8.4: a role per minor, one peer.
    #[serde(rename = "8.4")]
    V84,
    /// 9 and later: a role per resource, several peers.
    #[serde(rename = "9")]
    V9,
}

/// A resource that is up on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// Which kernel module serves it.
    pub generation: Generation,
    /// Role on this node. On 8.4 Primary if any volume is: see [`Volume::role`].
    pub role: Role,
    /// Why I/O is suspended (`user`, `no-data`, `fencing`, `quorum`); empty when it is not.
    pub suspended: Vec<String>,
    /// Left by a forced demotion: I/O of remaining openers fails (DRBD 9).
    pub force_io_failures: bool,
    /// Its volumes, by number.
    pub volumes: Vec<Volume>,
    /// Its connections, by peer node id.
    pub connections: Vec<Connection>,
}

/// One volume of a resource, on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Number within the resource.
    pub volume: u32,
    /// Minor number of its device: `/dev/drbdMINOR`.
    pub minor: u32,
    /// Role of this volume.
    pub role: Role,
    /// State of the local disk.
    pub disk: DiskState,
    /// Diskless by intention (DRBD 9).
    pub client: bool,
    /// Whether there is quorum; `None` where DRBD does not say (8.4).
    pub quorum: Option<bool>,
    /// Requests that the local disk has not answered yet.
    pub lower_pending: u64,
}

/// The connection to one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Node id of the peer. Always 0 on 8.4.
    pub peer_node_id: u32,
    /// Host name of the peer; 8.4 says `peer`, or nothing.
    pub peer: String,
    /// State of the connection.
    pub state: ConnectionState,
    /// Role of the resource on the peer.
    pub role: Role,
    /// Per volume: replication and the peer's disk.
    pub peer_devices: Vec<PeerDevice>,
    /// Addresses (DRBD 9; 8.4 tells them in its settings only).
    pub paths: Vec<Path>,
}

/// One volume, as shared with one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerDevice {
    /// Number of the volume.
    pub volume: u32,
    /// What replication is doing.
    pub replication: ReplicationState,
    /// State of the peer's disk.
    pub disk: DiskState,
    /// The peer is diskless by intention (DRBD 9).
    pub client: bool,
    /// KiB received from the peer since the connection exists.
    pub received: u64,
    /// Requests received and not yet answered to the peer.
    pub unacked: u64,
    /// How much of a resync or a verification is done, in hundredths of a per cent.
    #[serde(default)]
    pub done: Option<u32>,
}

/// The two ends of a network path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// This node's address.
    pub local: Address,
    /// The peer's address.
    pub peer: Address,
    /// DRBD uses it at the moment; `None` where it does not say.
    pub established: Option<bool>,
}

/// A replication address, as DRBD writes it: family, then host and port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// `ipv4`, `ipv6`, or another transport's (`ssocks`, `sdp`).
    pub family: String,
    /// `10.0.0.1:7789`, or `[fe80::1]:7789`.
    pub endpoint: String,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.endpoint)
    }
}

impl Address {
    /// With its family, as drbdsetup takes it: `ipv4:10.0.0.1:7789`.
    #[must_use]
    pub fn full(&self) -> String {
        format!("{}:{}", self.family, self.endpoint)
    }
}

impl Resource {
    /// The volume of that number.
    #[must_use]
    pub fn volume(&self, number: u32) -> Option<&Volume> {
        self.volumes.iter().find(|v| v.volume == number)
    }

    /// Minors of all volumes.
    pub fn minors(&self) -> impl Iterator<Item = u32> + '_ {
        self.volumes.iter().map(|v| v.minor)
    }

    /// Number and minor of all volumes.
    #[must_use]
    pub fn devices(&self) -> Vec<(u32, u32)> {
        self.volumes.iter().map(|v| (v.volume, v.minor)).collect()
    }

    /// Every volume is Primary here.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        !self.volumes.is_empty() && self.volumes.iter().all(|v| v.role == Role::Primary)
    }

    /// Some volume is Primary here: on 8.4 a promotion may have been killed half-way.
    #[must_use]
    pub fn has_primary(&self) -> bool {
        self.volumes.iter().any(|v| v.role == Role::Primary)
    }

    /// No volume is Primary here.
    #[must_use]
    pub fn is_secondary(&self) -> bool {
        self.volumes.iter().all(|v| v.role == Role::Secondary)
    }

    /// Gives every peer that name: the one of 8.4, as the configuration has it.
    pub fn call_peers(&mut self, name: &str) {
        for connection in &mut self.connections {
            name.clone_into(&mut connection.peer);
        }
    }

    /// A peer that says it is Primary.
    #[must_use]
    pub fn primary_peer(&self) -> Option<&Connection> {
        self.connections.iter().find(|c| c.role == Role::Primary)
    }
}

impl Connection {
    /// What is known of that volume on the peer.
    #[must_use]
    pub fn peer_device(&self, volume: u32) -> Option<&PeerDevice> {
        self.peer_devices.iter().find(|d| d.volume == volume)
    }

    /// The peer is there and has introduced itself. `Connected` alone says nothing: 8.4 prints it
    /// with an unknown role while it reconnects.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state == ConnectionState::Connected
            && matches!(self.role, Role::Primary | Role::Secondary)
            && !self.peer_devices.is_empty()
            && self.peer_devices.iter().all(|d| {
                !matches!(
                    d.replication,
                    ReplicationState::Off | ReplicationState::Unlisted(_)
                ) && d.disk != DiskState::DUnknown
            })
    }

    /// DRBD tells the peer's host name. 8.4 says `peer`, or nothing while StandAlone.
    #[must_use]
    pub fn has_name(&self) -> bool {
        !matches!(self.peer.as_str(), "" | "peer")
    }

    /// A StandAlone connection: DRBD will not try again by itself.
    #[must_use]
    pub fn is_stand_alone(&self) -> bool {
        self.state == ConnectionState::StandAlone
    }
}
