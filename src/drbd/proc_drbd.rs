//! Reads `/proc/drbd`: the version everywhere, on 8.4 also the role of each minor.
//!
//! Where several volumes make up a resource of 8.4, `events2` says Primary as soon as one of them
//! is; only this file (and one `drbdsetup role` per minor) tells them apart.

use std::collections::HashMap;

use super::resource::{Connection, Generation, PeerDevice, Resource, Volume};
use super::words::{ConnectionState, DiskState, ReplicationState, Role};

/// What `/proc/drbd` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcDrbd {
    /// Of the loaded module.
    pub generation: Generation,
    minors: HashMap<u32, Minor>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Minor {
    role: Option<Role>,
    healthy: Option<Healthy>,
    counters: Counters,
    done: Option<u32>,
}

/// The rest of a line that says Connected and no I/O flag but `r`, running.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Healthy {
    peer_role: Role,
    disk: DiskState,
    peer_disk: DiskState,
}

/// Counters of one minor that show whether a peer's writes still arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// KiB received from the peer (`nr`).
    pub received: u64,
    /// Requests that the local disk has not answered (`lo`).
    pub lower_pending: u64,
    /// Requests received and not acknowledged (`ua`).
    pub unacked: u64,
}

impl ProcDrbd {
    /// Parses the file. `None` when it names no version that is known.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let version = text
            .lines()
            .find_map(|line| line.strip_prefix("version: "))?;
        let major: u32 = version.split('.').next()?.parse().ok()?;
        let generation = match major {
            8 => Generation::V84,
            9.. => Generation::V9,
            _ => return None,
        };
        let mut minors: HashMap<u32, Minor> = HashMap::new();
        let mut current = None;
        let mut last = None;
        for line in text.lines() {
            let line = line.trim_start();
            if let Some((minor, state)) = line
                .split_once(": ")
                .and_then(|(head, rest)| Some((head.parse::<u32>().ok()?, rest)))
            {
                let role = word(state, "ro:")
                    .and_then(|ro| ro.split('/').next())
                    .map(Role::from);
                minors.insert(
                    minor,
                    Minor {
                        role,
                        healthy: healthy(state),
                        ..Minor::default()
                    },
                );
                current = Some(minor);
                last = current;
            } else if let Some(done) = synced(line) {
                if let Some(minor) = last.and_then(|m| minors.get_mut(&m)) {
                    minor.done = Some(done);
                }
            } else if let Some(minor) = current.take().and_then(|m| minors.get_mut(&m)) {
                let count = |key| {
                    word(line, key)
                        .and_then(|v| v.parse().ok())
                        .unwrap_or_default()
                };
                minor.counters = Counters {
                    received: count("nr:"),
                    lower_pending: count("lo:"),
                    unacked: count("ua:"),
                };
            }
        }
        Some(Self { generation, minors })
    }

    /// Sets what `events2` does not tell on 8.4: the role of each volume, from its own line (a volume
    /// without one is unknown), and how far a resync is.
    pub fn complete(&self, resource: &mut Resource) {
        if self.generation == Generation::V9 {
            return;
        }
        for volume in &mut resource.volumes {
            volume.role = self.role(volume.minor).cloned().unwrap_or(Role::Unknown);
            let done = self.minors.get(&volume.minor).and_then(|m| m.done);
            let connections = resource.connections.iter_mut();
            let devices = connections.flat_map(|c| &mut c.peer_devices);
            for device in devices.filter(|d| d.volume == volume.volume) {
                device.done = device.done.or(done);
            }
        }
    }

    /// The role of a minor, where the file has it (8.4).
    #[must_use]
    pub fn role(&self, minor: u32) -> Option<&Role> {
        self.minors.get(&minor).and_then(|m| m.role.as_ref())
    }

    /// A resource of those volumes (number and minor) as it is now (8.4). `None` as for
    /// [`ProcDrbd::again`].
    #[must_use]
    pub fn resource(&self, name: &str, volumes: &[(u32, u32)]) -> Option<Resource> {
        if volumes.is_empty() {
            return None;
        }
        let volume = |&(volume, minor): &(u32, u32)| Volume {
            volume,
            minor,
            role: Role::Unknown,
            disk: DiskState::DUnknown,
            client: false,
            quorum: None,
            lower_pending: 0,
        };
        let device = |&(volume, _): &(u32, u32)| PeerDevice {
            volume,
            replication: ReplicationState::Off,
            disk: DiskState::DUnknown,
            client: false,
            received: 0,
            unacked: 0,
            done: None,
        };
        let connection = Connection {
            peer_node_id: 0,
            peer: "peer".to_owned(),
            state: ConnectionState::Unconnected,
            role: Role::Unknown,
            peer_devices: volumes.iter().map(device).collect(),
            paths: Vec::new(),
        };
        self.again(&Resource {
            name: name.to_owned(),
            generation: self.generation,
            role: Role::Unknown,
            suspended: Vec::new(),
            force_io_failures: false,
            volumes: volumes.iter().map(volume).collect(),
            connections: vec![connection],
        })
    }

    /// The resource as it is now, by the one that was read `before` (8.4). `None` unless all of its
    /// volumes are connected and running: whatever else there is, `events2` tells in more words.
    #[must_use]
    pub fn again(&self, before: &Resource) -> Option<Resource> {
        let mut now = before.clone();
        let [connection] = now.connections.as_mut_slice() else {
            return None;
        };
        if before.volumes.len() != connection.peer_devices.len() {
            return None;
        }
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for volume in &mut now.volumes {
            let minor = self.minors.get(&volume.minor)?;
            let healthy = minor.healthy.as_ref()?;
            let mut devices = connection.peer_devices.iter_mut();
            let device = devices.find(|d| d.volume == volume.volume)?;
            volume.role = minor.role.clone()?;
            volume.disk = healthy.disk.clone();
            device.disk = healthy.peer_disk.clone();
            device.replication = ReplicationState::Established;
            here.push(minor.role.as_ref()?);
            there.push(&healthy.peer_role);
        }
        now.role = of_several(&here)?;
        connection.role = of_several(&there)?;
        connection.state = ConnectionState::Connected;
        now.suspended.clear();
        Some(now)
    }

    /// Counters of a minor, where the file has them (8.4).
    #[must_use]
    pub fn counters(&self, minor: u32) -> Option<Counters> {
        self.minors
            .get(&minor)
            .filter(|m| m.role.is_some())
            .map(|m| m.counters)
    }
}

/// The role of a resource by those of its volumes, as events2 has it: Primary if any is.
fn of_several(roles: &[&Role]) -> Option<Role> {
    let known = |r: &&Role| matches!(r, Role::Primary | Role::Secondary);
    let role = if roles.contains(&&Role::Primary) {
        Role::Primary
    } else {
        Role::Secondary
    };
    roles.iter().all(known).then_some(role)
}

/// `cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----`.
fn healthy(state: &str) -> Option<Healthy> {
    let connected = word(state, "cs:")? == "Connected";
    let running = state.split_ascii_whitespace().last()? == "r-----";
    let (_, peer_role) = word(state, "ro:")?.split_once('/')?;
    let (disk, peer_disk) = word(state, "ds:")?.split_once('/')?;
    (connected && running).then(|| Healthy {
        peer_role: peer_role.into(),
        disk: disk.into(),
        peer_disk: peer_disk.into(),
    })
}

/// `[==>......] sync'ed: 15.4% (48740/49152)K`: by what is left of how much. The per cent before it
/// are rounded to whole megabytes (drbd 8.4: `drbd/drbd_proc.c`, `drbd_get_syncer_progress`).
fn synced(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("ed:").filter(|_| line.starts_with('['))?;
    let (_, rest) = rest.split_once('(')?;
    let (left, total) = rest.split_once(')')?.0.split_once('/')?;
    let (left, total): (u64, u64) = (left.parse().ok()?, total.parse().ok()?);
    let done = total.checked_sub(left)?.checked_mul(10_000)?;
    u32::try_from(done.checked_div(total)?).ok()
}

fn word<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split_ascii_whitespace()
        .find_map(|w| w.strip_prefix(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V84: &str = "version: 8.4.11 (api:1/proto:86-101)\nsrcversion: B536C32A3EADA868561EFD9 \n\n 1: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n    ns:16 nr:7 dw:16 dr:0 al:9 bm:0 lo:1 pe:0 ua:2 ap:0 ep:1 wo:f oos:0\n\n10: cs:Unconfigured\n";

    #[test]
    fn version_tells_the_generation() {
        assert_eq!(
            ProcDrbd::parse(V84).map(|p| p.generation),
            Some(Generation::V84)
        );
        for version in [
            "9.2.16 (api:2/proto:118-122)",
            "9.3.1 (api:2/proto:86-122) (compat 8.4)",
        ] {
            let text = format!("version: {version}\nTransports (api:21):\n");
            assert_eq!(
                ProcDrbd::parse(&text).map(|p| p.generation),
                Some(Generation::V9)
            );
        }
        assert_eq!(ProcDrbd::parse("version: 0.7.25\n"), None);
        assert_eq!(ProcDrbd::parse(""), None);
    }

    #[test]
    fn each_minor_has_its_own_role_and_counters() {
        let file = ProcDrbd::parse(V84).unwrap();
        let expected = Counters {
            received: 7,
            lower_pending: 1,
            unacked: 2,
        };
        assert_eq!(file.counters(1), Some(expected));
        assert_eq!(file.counters(10), None);
        assert_eq!(file.minors[&1].role, Some(Role::Primary));
    }

    #[test]
    fn how_far_a_resync_is() {
        for (line, done) in [
            (
                "[==>.................] sync'ed: 15.4% (48740/49152)K",
                Some(83),
            ),
            (
                "[===================>] sync'ed:100.0% (0/16)K",
                Some(10_000),
            ),
            ("[>...................] verified:  0.3% (3/4)M", Some(2500)),
            ("[>...................] sync'ed:  0.3% (5/4)K", None),
            ("[>...................] sync'ed:  0.3% (0/0)K", None),
            ("finish: 0:01:00 speed: 412 (412) K/sec", None),
            ("resync: used:0/61 hits:0 misses:0", None),
        ] {
            assert_eq!(synced(line), done, "{line}");
        }
    }

    #[test]
    fn only_what_is_connected_and_running_is_told_without_events2() {
        let line = |text: &str| healthy(text).is_some();
        assert!(line(
            "cs:Connected ro:Primary/Primary ds:UpToDate/UpToDate C r-----"
        ));
        for other in [
            "cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C r-----",
            "cs:SyncTarget ro:Primary/Primary ds:Inconsistent/UpToDate C r-----",
            "cs:Connected ro:Primary/Primary ds:UpToDate/UpToDate C s-----",
            "cs:Connected ro:Primary/Primary ds:UpToDate/UpToDate C r---d-",
            "cs:Connected ro:Primary ds:UpToDate/UpToDate C r-----",
            "cs:Unconfigured",
            "",
        ] {
            assert!(!line(other), "{other}");
        }
    }
}
