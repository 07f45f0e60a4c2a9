//! Parses `drbdsetup events2 --now --statistics [RES]`, the one text that DRBD 8.4 and 9 share.
//!
//! Tolerant on purpose: unknown objects and keys are passed over, every key may be missing
//! (drbd-utils: `user/v9/drbdsetup_events2.c`, user/v84/drbdsetup.c print the lines).

use std::collections::HashMap;

use super::resource::{Address, Connection, Generation, Path, PeerDevice, Resource, Volume};
use super::words::{ConnectionState, DiskState, ReplicationState, Role};

/// The objects that tell something of a resource.
const OBJECTS: [&str; 5] = ["resource", "device", "connection", "peer-device", "path"];

/// All resources that the text tells of, in its order.
#[must_use]
pub fn parse(text: &str, generation: Generation) -> Vec<Resource> {
    let mut resources: Vec<Resource> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for line in text.lines() {
        let Some((object, keys)) = object(line) else {
            continue;
        };
        let name = keys.text("name");
        if name.is_empty() || !OBJECTS.contains(&object) {
            continue;
        }
        let index = *places.entry(name.clone()).or_insert(resources.len());
        if index == resources.len() {
            resources.push(Resource {
                name,
                generation,
                role: Role::Unknown,
                // Until DRBD says that it is not.
                suspended: vec!["unknown".to_owned()],
                force_io_failures: false,
                volumes: Vec::new(),
                connections: Vec::new(),
            });
        }
        add(&mut resources[index], object, &keys);
    }
    for resource in &mut resources {
        settle(resource);
    }
    resources
}

/// `exists OBJECT key:value…` of one line; `None` for anything else, as the closing `exists -`.
fn object(line: &str) -> Option<(&str, Keys<'_>)> {
    let mut words = line.split_ascii_whitespace();
    if words.next() != Some("exists") {
        return None;
    }
    let object = words.next().filter(|o| *o != "-")?;
    Some((
        object,
        Keys(words.filter_map(|w| w.split_once(':')).collect()),
    ))
}

fn add(resource: &mut Resource, object: &str, keys: &Keys<'_>) {
    match object {
        "resource" => {
            resource.role = keys.text("role").into();
            resource.suspended = match keys.get("suspended") {
                Some("no") => Vec::new(),
                Some(reasons) => reasons.split(',').map(str::to_owned).collect(),
                None => vec!["unknown".to_owned()],
            };
            resource.force_io_failures = keys.get("force-io-failures") == Some("yes");
        }
        "device" => {
            if let (Some(volume), Some(minor)) = (keys.number("volume"), keys.number("minor")) {
                resource.volumes.push(Volume {
                    volume,
                    minor,
                    role: Role::Unknown,
                    disk: DiskState::from(keys.text("disk")),
                    client: keys.get("client") == Some("yes"),
                    quorum: keys.get("quorum").map(|q| q == "yes"),
                    lower_pending: keys.count("lower-pending"),
                });
            }
        }
        "connection" => {
            let connection = connection(resource, keys);
            connection.role = keys.text("role").into();
            // A peer without its id cannot be matched with the rest: it never counts as connected.
            if keys.get("peer-node-id").is_some() {
                connection.state = ConnectionState::from(keys.text("connection"));
            }
        }
        "peer-device" => {
            if let Some(volume) = keys.number("volume") {
                connection(resource, keys).peer_devices.push(PeerDevice {
                    volume,
                    replication: ReplicationState::from(keys.text("replication")),
                    disk: DiskState::from(keys.text("peer-disk")),
                    client: keys.get("peer-client") == Some("yes"),
                    received: keys.count("received"),
                    unacked: keys.count("unacked"),
                    done: keys.get("done").and_then(hundredths),
                });
            }
        }
        "path" => {
            if let (Some(local), Some(peer)) = (keys.address("local"), keys.address("peer")) {
                let established = keys.get("established").map(|e| e == "yes");
                connection(resource, keys).paths.push(Path {
                    local,
                    peer,
                    established,
                });
            }
        }
        _ => {}
    }
}

/// `25.66` as 2566.
fn hundredths(percent: &str) -> Option<u32> {
    let (whole, part) = percent.split_once('.').unwrap_or((percent, ""));
    let part: String = part.chars().chain("00".chars()).take(2).collect();
    let whole: u32 = whole.parse().ok().filter(|w| *w <= 100)?;
    Some(whole * 100 + part.parse::<u32>().ok()?)
}

/// The connection that the keys belong to, made when it is new.
fn connection<'r>(resource: &'r mut Resource, keys: &Keys<'_>) -> &'r mut Connection {
    let peer_node_id = keys.number("peer-node-id").unwrap_or(u32::MAX);
    let known = resource
        .connections
        .iter()
        .position(|c| c.peer_node_id == peer_node_id);
    let index = known.unwrap_or_else(|| {
        resource.connections.push(Connection {
            peer_node_id,
            peer: keys.text("conn-name"),
            state: ConnectionState::Unlisted(String::new()),
            role: Role::Unknown,
            peer_devices: Vec::new(),
            paths: Vec::new(),
        });
        resource.connections.len() - 1
    });
    &mut resource.connections[index]
}

/// Puts volumes in order (9 lists volume 1 before 0) and gives each the resource's role; on 8.4
/// `/proc/drbd` corrects it later.
fn settle(resource: &mut Resource) {
    resource.volumes.sort_by_key(|v| v.volume);
    resource.connections.sort_by_key(|c| c.peer_node_id);
    for volume in &mut resource.volumes {
        volume.role = resource.role.clone();
    }
}

/// Few enough to be searched one after the other.
struct Keys<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Keys<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        let mut last = self.0.iter().rev();
        last.find(|(k, _)| *k == key).map(|(_, value)| *value)
    }
    fn text(&self, key: &str) -> String {
        self.get(key).unwrap_or_default().to_owned()
    }
    fn number(&self, key: &str) -> Option<u32> {
        self.get(key)?.parse().ok()
    }
    fn count(&self, key: &str) -> u64 {
        self.get(key)
            .and_then(|v| v.parse().ok())
            .unwrap_or_default()
    }
    fn address(&self, key: &str) -> Option<Address> {
        let (family, endpoint) = self.get(key)?.split_once(':')?;
        Some(Address {
            family: family.to_owned(),
            endpoint: endpoint.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_cents_are_read_to_the_hundredth() {
        for (text, number) in [
            ("25.66", Some(2566)),
            ("2.5", Some(250)),
            ("0.805", Some(80)),
            ("100.00", Some(10_000)),
            ("7", Some(700)),
            ("101.00", None),
            ("-1.00", None),
            ("1.x", None),
            ("", None),
        ] {
            assert_eq!(hundredths(text), number, "{text}");
        }
    }
}
