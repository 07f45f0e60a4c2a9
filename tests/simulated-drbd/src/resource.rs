//! A resource: its configuration, and its state on both hosts.

use crate::options::Options;
use crate::side::Side;
use crate::state::{Connection, Disk, Replication, Role};
use serde::{Deserialize, Serialize};

/// One volume as the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// The number of the volume within the resource.
    pub number: u32,
    /// The minor of `/dev/drbdN`.
    pub minor: u32,
    /// The backing disk, on both hosts.
    pub disk: String,
    /// `internal`, or the device that keeps the meta-data.
    pub meta_disk: String,
    /// The size in KiB.
    pub size: u64,
}

/// A resource: its configuration, and its state on both hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// Its volumes, by number.
    pub volumes: Vec<Volume>,
    /// The replication addresses of both hosts.
    pub addresses: [String; 2],
    /// The node ids of both hosts (9 only).
    pub node_ids: [u8; 2],
    /// The options of the connection in the configuration file.
    pub configured: Options,
    /// The options of the peer devices which differ from the default.
    pub peer_device: Options,
    /// The quorum option (9 only).
    pub quorum: String,
    /// Whether a resync stays where it is until it is told to finish.
    #[serde(default)]
    pub slow_resync: bool,
    /// The state on both hosts.
    pub sides: [Side; 2],
}

impl Resource {
    /// A resource of one volume, up on both hosts, Connected and UpToDate, as the recordings have it.
    #[must_use]
    pub fn simple(name: &str, minor: u32) -> Self {
        Self::of_volumes(name, &[minor])
    }

    /// A resource of several volumes, numbered from 0, with these minors.
    #[must_use]
    pub fn of_volumes(name: &str, minors: &[u32]) -> Self {
        let numbered = minors.iter().zip(0..);
        let volumes: Vec<Volume> = numbered
            .map(|(&minor, number)| Volume {
                number,
                minor,
                disk: "/dev/vdb".to_owned(),
                meta_disk: "internal".to_owned(),
                size: 65_496,
            })
            .collect();
        let set = |pairs: &[(&str, &str)]| -> Options {
            let owned = pairs.iter();
            owned
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        };
        let net = set(&[
            ("connect-int", "3"),
            ("ping-int", "3"),
            ("ping-timeout", "20"),
        ]);
        let side = Side::new(volumes.len(), net.clone(), 1);
        let mut resource = Self {
            name: name.to_owned(),
            volumes,
            addresses: ["10.77.2.1:7789".to_owned(), "10.77.2.2:7789".to_owned()],
            node_ids: [1, 0],
            configured: net,
            peer_device: set(&[("resync-rate", "40960k"), ("c-plan-ahead", "0")]),
            quorum: "off".to_owned(),
            slow_resync: false,
            sides: [side.clone(), side],
        };
        resource.establish();
        resource
    }

    /// The same resource with other replication addresses (`IP:PORT`).
    #[must_use]
    pub fn with_addresses(mut self, first: &str, second: &str) -> Self {
        self.addresses = [first.to_owned(), second.to_owned()];
        self
    }

    /// The same resource with another backing disk for each volume, meta-data and size.
    #[must_use]
    pub fn with_disks(mut self, disks: &[&str], meta_disk: &str, size: u64) -> Self {
        for (volume, disk) in self.volumes.iter_mut().zip(disks) {
            (*disk).clone_into(&mut volume.disk);
            meta_disk.clone_into(&mut volume.meta_disk);
            volume.size = size;
        }
        self
    }

    /// The same resource with an option of the connection set in the configuration and at run time.
    #[must_use]
    pub fn with_option(mut self, name: &str, value: &str) -> Self {
        self.configured.insert(name.to_owned(), value.to_owned());
        for side in &mut self.sides {
            side.net.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// The same resource with two primaries allowed, in the configuration and at run time.
    #[must_use]
    pub fn with_two_primaries(self) -> Self {
        self.with_option("allow-two-primaries", "yes")
    }

    /// The same resource, configured but up on neither host.
    #[must_use]
    pub fn down(mut self) -> Self {
        for side in &mut self.sides {
            side.up = None;
            side.connection = Connection::StandAlone;
            side.forget_peer();
        }
        self
    }

    /// The index of the volume with this minor.
    #[must_use]
    pub fn volume_of_minor(&self, minor: u32) -> Option<usize> {
        self.volumes.iter().position(|volume| volume.minor == minor)
    }

    /// Connects both sides without more ado.
    pub fn establish(&mut self) {
        for side in &mut self.sides {
            side.connection = Connection::Connected;
            for device in &mut side.devices {
                device.replication = Replication::Established;
                device.new_generation = false;
            }
        }
        self.exchange();
    }

    /// Each side hears the other's role and disk; to be called only while the link works.
    pub fn exchange(&mut self) {
        if self
            .sides
            .iter()
            .any(|side| side.up.is_none() || side.connection != Connection::Connected)
        {
            return;
        }
        for volume in 0..self.volumes.len() {
            let seen: [(Role, Disk); 2] = [0, 1].map(|host: usize| {
                let device = &self.sides[host].devices[volume];
                (device.role, device.disk)
            });
            for host in [0, 1] {
                let device = &mut self.sides[host].devices[volume];
                (device.peer_role, device.peer_disk) = seen[1 - host];
            }
        }
    }
}
