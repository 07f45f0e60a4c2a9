//! The settings in force, from `drbdsetup show RES --show-defaults`.
//!
//! Text on both generations: 8.4 knows no `--json`. A shared secret stands in it, too, so the text
//! itself is never logged.

use serde::{Deserialize, Serialize};

use super::resource::{Address, Path};
use super::section::Section;

/// Settings of a resource in force on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// `quorum` of the resource is not `off` (DRBD 9).
    pub quorum: bool,
    /// One entry a connection.
    pub connections: Vec<ConnectionSettings>,
}

/// Settings of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionSettings {
    /// Node id of the peer; 0 on 8.4.
    pub peer_node_id: u32,
    /// `A`, `B` or `C`; `None` where DRBD does not say, as on a StandAlone connection of 8.4.
    pub protocol: Option<String>,
    /// `allow-two-primaries`; `None` where DRBD does not say.
    pub two_primaries: Option<bool>,
    /// `fencing` is not `dont-care`.
    pub fencing: bool,
    /// `transport` as set; empty for TCP.
    pub transport: String,
    /// Addresses, in order of preference.
    pub paths: Vec<Path>,
}

/// What is asked of a resource's settings; the rest is not even kept.
const ASKED: [&str; 9] = [
    "quorum",
    "protocol",
    "allow-two-primaries",
    "fencing",
    "transport",
    "address",
    "_peer_node_id",
    "_this_host",
    "_remote_host",
];

impl Settings {
    /// Parses the text. `None` when no resource stands in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Section::parse(text).first("resource").map(Self::of)
    }

    /// Parses a text that tells of several resources, by their names.
    #[must_use]
    pub fn parse_all(text: &str) -> Vec<(String, Self)> {
        let resources = Section::each(text, |name| ASKED.contains(&name))
            .filter(|s| s.words.first().is_some_and(|w| w == "resource"));
        let named = resources.filter_map(|r| Some((r.words.get(1)?.clone(), Self::of(&r))));
        named.collect()
    }

    fn of(resource: &Section) -> Self {
        let quorum = resource.first("options").and_then(|o| o.value("quorum"));
        let mut connections: Vec<_> = resource
            .all("connection")
            .filter_map(connection_of_9)
            .collect();
        if connections.is_empty() {
            connections.extend(connection_of_84(resource));
        }
        Self {
            quorum: quorum.is_some_and(|q| q != "off"),
            connections,
        }
    }

    /// The connections on which two primaries are allowed.
    pub fn open(&self) -> impl Iterator<Item = &ConnectionSettings> {
        let all = self.connections.iter();
        all.filter(|c| c.two_primaries == Some(true))
    }

    /// Settings of the connection to that peer.
    #[must_use]
    pub fn connection(&self, peer_node_id: u32) -> Option<&ConnectionSettings> {
        self.connections
            .iter()
            .find(|c| c.peer_node_id == peer_node_id)
    }
}

/// Number and minor of each volume in the text of one resource (8.4).
#[must_use]
pub fn devices_of_84(text: &str) -> Vec<(u32, u32)> {
    let all = Section::parse(text);
    let this = all.first("resource").and_then(|r| r.first("_this_host"));
    let volumes = this.into_iter().flat_map(|t| t.all("volume"));
    let device = |volume: &Section| {
        let number = volume.words.get(1)?.parse().ok()?;
        let device = volume.first("device")?;
        let minor = device.words.last()?.parse().ok()?;
        Some((number, minor))
    };
    volumes.filter_map(device).collect()
}

fn connection_of_9(section: &Section) -> Option<ConnectionSettings> {
    let net = section.first("net").cloned().unwrap_or_default();
    Some(ConnectionSettings {
        peer_node_id: section.value("_peer_node_id")?.parse().ok()?,
        fencing: is_fencing(net.value("fencing")),
        paths: section.all("path").filter_map(path).collect(),
        ..of_net(&net)
    })
}

/// 8.4 has one peer, its addresses beside the settings, and `fencing` with each disk.
fn connection_of_84(resource: &Section) -> Option<ConnectionSettings> {
    let remote = resource.first("_remote_host")?;
    let this = resource.first("_this_host")?;
    let disks = this.all("volume").flat_map(|v| v.all("disk"));
    let fencing = disks.into_iter().any(|d| is_fencing(d.value("fencing")));
    let net = resource.first("net").cloned().unwrap_or_default();
    let paths = match (
        address(this.first("address")),
        address(remote.first("address")),
    ) {
        (Some(local), Some(peer)) => vec![Path {
            local,
            peer,
            established: None,
        }],
        _ => Vec::new(),
    };
    Some(ConnectionSettings {
        peer_node_id: 0,
        fencing,
        paths,
        ..of_net(&net)
    })
}

fn of_net(net: &Section) -> ConnectionSettings {
    ConnectionSettings {
        peer_node_id: 0,
        protocol: net.value("protocol").map(str::to_owned),
        two_primaries: net.flag("allow-two-primaries"),
        fencing: false,
        transport: net.value("transport").unwrap_or_default().to_owned(),
        paths: Vec::new(),
    }
}

fn is_fencing(value: Option<&str>) -> bool {
    value.is_some_and(|v| v != "dont-care")
}

fn path(section: &Section) -> Option<Path> {
    Some(Path {
        local: address(section.first("_this_host"))?,
        peer: address(section.first("_remote_host"))?,
        established: None,
    })
}

/// `NAME FAMILY HOST:PORT`.
fn address(section: Option<&Section>) -> Option<Address> {
    match section?.words.as_slice() {
        [_, family, endpoint, ..] => Some(Address {
            family: family.clone(),
            endpoint: endpoint.clone(),
        }),
        _ => None,
    }
}
