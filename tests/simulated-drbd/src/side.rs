//! A resource as one host sees it.

use crate::device::Device;
use crate::options::Options;
use crate::state::{Connection, Disk, Replication, Role};
use serde::{Deserialize, Serialize};

/// Why a resource's I/O is suspended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools)] // The reasons are as many as DRBD has, and independent.
pub struct Suspended {
    /// By the administrator.
    pub user: bool,
    /// No data is to be reached.
    pub no_data: bool,
    /// The peer is to be fenced.
    pub fencing: bool,
    /// Quorum is lost.
    pub quorum: bool,
}

impl Suspended {
    /// Whether for any reason.
    #[must_use]
    pub fn any(self) -> bool {
        self.user || self.no_data || self.fencing || self.quorum
    }

    /// `no`, or the reasons with commas between them.
    #[must_use]
    pub fn words(self) -> String {
        let reasons: Vec<&str> = [
            (self.user, "user"),
            (self.no_data, "no-data"),
            (self.fencing, "fencing"),
            (self.quorum, "quorum"),
        ]
        .iter()
        .filter_map(|&(set, word)| set.then_some(word))
        .collect();
        if reasons.is_empty() {
            "no".to_owned()
        } else {
            reasons.join(",")
        }
    }
}

/// A resource as one host sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// When it was brought up, as a number that only grows; `None` is down.
    pub up: Option<u64>,
    /// The connection to the peer.
    pub connection: Connection,
    /// The run-time options of the connection which differ from the default.
    pub net: Options,
    /// Why I/O is suspended.
    #[serde(default)]
    pub suspended: Suspended,
    /// One device a volume, in the order of the volumes.
    pub devices: Vec<Device>,
}

impl Side {
    /// A side with this many volumes and these settings, up and Secondary, not yet connected.
    #[must_use]
    pub fn new(volumes: usize, net: Options, up: u64) -> Self {
        Self {
            up: Some(up),
            connection: Connection::Connecting,
            net,
            suspended: Suspended::default(),
            devices: vec![Device::new(); volumes],
        }
    }

    /// The role of the resource: Primary when any volume is.
    #[must_use]
    pub fn role(&self) -> Role {
        let roles = self.devices.iter().map(|device| device.role);
        roles.max().unwrap_or(Role::Secondary)
    }

    /// The peer's role as last heard: Primary when any volume is.
    #[must_use]
    pub fn peer_role(&self) -> Role {
        let roles = self.devices.iter().map(|device| device.peer_role);
        roles.max().unwrap_or(Role::Unknown)
    }

    /// Whether two primaries are allowed at run time.
    #[must_use]
    pub fn allows_two_primaries(&self) -> bool {
        self.net
            .get("allow-two-primaries")
            .is_some_and(|value| value == "yes")
    }

    /// The protocol at run time.
    #[must_use]
    pub fn protocol(&self) -> &str {
        self.net.get("protocol").map_or("C", String::as_str)
    }

    /// Whether a volume fences its peer: set per connection on 9, per disk on 8.4.
    #[must_use]
    pub fn fences(&self) -> bool {
        let per_disk = self.devices.iter().map(|device| &device.options);
        per_disk
            .chain([&self.net])
            .any(|options| options.get("fencing").is_some_and(|to| to != "dont-care"))
    }

    /// What every volume knows about its peer is forgotten.
    pub fn forget_peer(&mut self) {
        for device in &mut self.devices {
            device.peer_role = Role::Unknown;
            // A peer known to be behind stays so; nobody knows about a good one.
            if !(Disk::Inconsistent..=Disk::Outdated).contains(&device.peer_disk) {
                device.peer_disk = Disk::DUnknown;
            }
            device.replication = Replication::Off;
            "no".clone_into(&mut device.resync_suspended);
        }
    }
}
