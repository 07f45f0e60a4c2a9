//! The recorded situations, as status shows them, beside what real DRBD itself printed there.

use std::collections::BTreeSet;

use block_drbd::drbd::proc_drbd::ProcDrbd;
use block_drbd::drbd::{Generation, Resource, events2};
use block_drbd::policy::Configuration;
use block_drbd::status::table::{Style, draw};
use block_drbd::status::{Row, Status};
use block_drbd::survey::Survey;
use serde_json::Value;

use crate::blocks::{Block, all};

fn status(generation: Generation, resources: Vec<Resource>) -> Status {
    let survey = Survey {
        generation: Some(generation),
        resources,
        ..Survey::default()
    };
    Status::of(&survey, &Configuration::default(), &[])
}

/// What was read last on a node, before the command in question.
#[derive(Default)]
struct Seen {
    resources: Vec<Resource>,
    file: Option<ProcDrbd>,
}

impl Seen {
    fn read(&mut self, block: &Block) {
        if block.is_events() && block.stdout.matches("exists -").count() == 1 {
            self.resources = events2::parse(&block.stdout, block.generation);
        } else if block.command == "cat /proc/drbd" {
            self.file = ProcDrbd::parse(&block.stdout);
        }
    }

    fn status(&self, generation: Generation) -> Status {
        let mut resources = self.resources.clone();
        if let (Some(file), Generation::V84) = (&self.file, generation) {
            for resource in &mut resources {
                file.complete(resource);
            }
        }
        status(generation, resources)
    }
}

/// DRBD is between two states, so that two commands in a row need not agree.
fn is_moving(resources: &[Resource]) -> bool {
    let text = format!("{resources:?}");
    [
        "disk: Consistent",
        "Negotiating",
        "WFBitMap",
        "WFSyncUUID",
        "StartingSync",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// Every block with a reading of its node before it.
fn each(mut look: impl FnMut(&Block, &Seen)) {
    let mut last = None;
    let mut nodes: [Seen; 2] = Default::default();
    for block in all() {
        let place = (block.generation, block.situation.clone());
        if last.as_ref() != Some(&place) {
            nodes = Default::default();
            last = Some(place);
        }
        let Some(seen) = nodes.get_mut(usize::from(block.node == "nodo2")) else {
            continue;
        };
        look(&block, seen);
        seen.read(&block);
        // Whatever else was done may have changed it.
        let asks = [
            "events2",
            "status",
            "show",
            "role",
            "cstate",
            "dstate",
            "cat /proc",
        ];
        if !asks.iter().any(|a| block.command.contains(a)) {
            nodes = Default::default();
        }
    }
}

/// Words of a line of `drbdsetup status`, as `disk:UpToDate` or a peer's name.
fn word<'t>(line: &'t str, key: &str) -> Option<&'t str> {
    let mut words = line.split_ascii_whitespace();
    words.find_map(|w| w.strip_prefix(key)?.strip_prefix(':'))
}

/// The rows against the text of `drbdsetup status`, line by line.
fn assert_as_text(text: &str, rows: &[Row], place: &str) {
    let mut lines = text.lines().filter(|l| !l.trim().is_empty());
    let first = lines.next().unwrap();
    let mut peer = None;
    for row in rows {
        assert_eq!(row.role.as_deref(), word(first, "role"), "{place}");
    }
    for line in lines {
        let row = match word(line, "volume") {
            Some(volume) => rows.iter().find(|r| r.volume == volume.parse().ok()),
            None => rows.first(),
        };
        let row = row.unwrap_or_else(|| panic!("{place}: {line}"));
        let name = line.split_ascii_whitespace().next().unwrap();
        if let Some(disk) = word(line, "disk") {
            assert_eq!(row.disk.as_deref(), Some(disk), "{place}: {line}");
        } else if !name.contains(':') {
            let shown = row.peers.iter().find(|p| p.name == name);
            let shown = shown.unwrap_or_else(|| panic!("{place}: no peer {name}"));
            let connection = word(line, "connection").unwrap_or("Connected");
            assert_eq!(shown.connection, connection, "{place}");
            if let Some(role) = word(line, "role") {
                assert_eq!(shown.role, role, "{place}");
            }
            peer = Some(name);
        } else {
            let shown = row.peers.iter().find(|p| Some(p.name.as_str()) == peer);
            let shown = shown.unwrap_or_else(|| panic!("{place}: {line}"));
            let replication = word(line, "replication").unwrap_or("Established");
            assert_eq!(shown.replication.as_deref(), Some(replication), "{place}");
            assert_eq!(shown.disk.as_deref(), word(line, "peer-disk"), "{place}");
            assert_eq!(
                shown.done.is_some(),
                word(line, "done").is_some(),
                "{place}"
            );
        }
    }
}

#[test]
fn status_agrees_with_the_text_of_drbdsetup_status() {
    let mut compared = 0;
    each(|block, seen| {
        let name = block.command.strip_prefix("drbdsetup status ");
        let Some(name) = name.filter(|n| !n.contains(' ') && block.exit == Some(0)) else {
            return;
        };
        let place = format!("{:?} {}", block.generation, block.situation);
        let status = seen.status(block.generation);
        let rows: Vec<Row> = status
            .volumes
            .into_iter()
            .filter(|r| r.resource.as_deref() == Some(name))
            .collect();
        assert!(!rows.is_empty(), "{place}: {}", block.command);
        assert_as_text(&block.stdout, &rows, &place);
        compared += 1;
    });
    assert!(compared >= 10, "{compared}");
}

/// DRBD 9 prints its status as JSON, too, which is recorded in most situations.
#[test]
fn status_agrees_with_drbdsetup_status_in_json() {
    let mut situations = BTreeSet::new();
    each(|block, seen| {
        let asked =
            block.command.starts_with("drbdsetup status ") && block.command.ends_with(" --json");
        let Ok(Value::Array(found)) = serde_json::from_str(&block.stdout) else {
            return;
        };
        if !asked || block.exit != Some(0) || seen.resources.is_empty() {
            return;
        }
        let place = format!("9 {} on {}", block.situation, block.node);
        let ours = seen.status(block.generation);
        for resource in &found {
            let name = resource["name"].as_str();
            let rows = ours
                .volumes
                .iter()
                .filter(|r| r.resource.as_deref() == name);
            let devices = resource["devices"].as_array().unwrap();
            assert_eq!(rows.clone().count(), devices.len(), "{place}");
            for row in rows {
                assert_as_json(resource, row, &place);
            }
        }
        situations.insert(block.situation.clone());
    });
    assert!(situations.len() >= 16, "{situations:?}");
}

fn of_volume(list: &Value, volume: Option<u32>) -> Value {
    let mut items = list.as_array().unwrap().iter();
    let found = items.find(|i| i["volume"].as_u64() == volume.map(u64::from));
    found
        .unwrap_or_else(|| panic!("no volume {volume:?} in {list}"))
        .clone()
}

fn assert_as_json(resource: &Value, row: &Row, place: &str) {
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let device = of_volume(&resource["devices"], row.volume);
    assert_eq!(row.role, text(&resource["role"]), "{place}");
    assert_eq!(row.disk, text(&device["disk-state"]), "{place}");
    assert_eq!(row.quorum, device["quorum"].as_bool(), "{place}");
    let minor = device["minor"].as_u64().unwrap();
    assert_eq!(
        row.device.as_deref(),
        Some(format!("/dev/drbd{minor}").as_str())
    );
    assert_eq!(
        !row.suspended.is_empty(),
        resource["suspended"].as_bool().unwrap(),
        "{place}"
    );
    for peer in resource["connections"].as_array().unwrap() {
        let shown = row
            .peers
            .iter()
            .find(|p| Some(p.name.as_str()) == peer["name"].as_str());
        let shown = shown.unwrap_or_else(|| panic!("{place}: {peer}"));
        let device = of_volume(&peer["peer_devices"], row.volume);
        let words = [
            &peer["connection-state"],
            &peer["peer-role"],
            &device["replication-state"],
            &device["peer-disk-state"],
        ];
        let words = words.map(|w| text(w).unwrap_or_default());
        let ours = [
            Some(&shown.connection),
            Some(&shown.role),
            shown.replication.as_ref(),
            shown.disk.as_ref(),
        ];
        assert_eq!(
            ours.map(|w| w.cloned().unwrap_or_default()),
            words,
            "{place}"
        );
    }
}

/// DRBD 8.4's own file, which tells of one peer.
#[test]
fn status_agrees_with_proc_drbd() {
    let mut situations = BTreeSet::new();
    each(|block, seen| {
        let own = block.command == "cat /proc/drbd" && block.generation == Generation::V84;
        if !own || seen.resources.is_empty() || is_moving(&seen.resources) {
            return;
        }
        let mut now = Seen {
            resources: seen.resources.clone(),
            file: None,
        };
        now.read(block);
        let place = format!("8.4 {} on {}", block.situation, block.node);
        for row in now.status(block.generation).volumes {
            let minor = row
                .device
                .as_deref()
                .and_then(|d| d.strip_prefix("/dev/drbd"))
                .unwrap();
            let line = block
                .stdout
                .lines()
                .find(|l| l.trim_start().starts_with(&format!("{minor}: ")));
            let line = line.unwrap_or_else(|| panic!("{place}: no minor {minor}"));
            let (here, there) = word(line, "ro").unwrap().split_once('/').unwrap();
            let (disk, peer_disk) = word(line, "ds").unwrap().split_once('/').unwrap();
            let peer = &row.peers[0];
            assert_eq!(row.role.as_deref(), Some(here), "{place}");
            assert_eq!(row.disk.as_deref(), Some(disk), "{place}");
            // Of several volumes the peer's role is told for all of them together.
            let alone = now.resources.iter().all(|r| r.volumes.len() == 1);
            assert!(peer.role == there || !alone, "{place}: {line}");
            assert_eq!(peer.disk.as_deref(), Some(peer_disk), "{place}");
            let state = word(line, "cs").unwrap();
            let shown = peer.link();
            let shown = shown.split(' ').next().unwrap();
            let same = match state {
                // What 8.4's tools call these since they speak as 9's do.
                "WFConnection" => shown == "Connecting",
                "WFReportParams" => shown.starts_with("Connected/"),
                other => shown == other,
            };
            assert!(same, "{place}: {state} is shown as {shown}");
        }
        situations.insert(block.situation.clone());
    });
    assert!(situations.len() >= 16, "{situations:?}");
}

/// Every reading of every situation: each word of DRBD's stands in the table, in plain columns.
#[test]
fn every_recorded_state_is_shown_in_drbds_own_words() {
    let mut situations = BTreeSet::new();
    for block in all().iter().filter(|b| b.is_events()) {
        situations.insert(block.situation.clone());
        let resources = events2::parse(&block.stdout, block.generation);
        let text = draw(
            &status(block.generation, resources.clone()),
            Style::default(),
        );
        assert!(!text.contains('\x1b'), "{text}");
        for resource in &resources {
            let lines: Vec<&str> = text
                .lines()
                .filter(|l| l.get(2..).is_some_and(|l| l.starts_with(&resource.name)))
                .collect();
            for volume in &resource.volumes {
                let own = lines
                    .iter()
                    .filter(|l| l.contains(&format!(" drbd{} ", volume.minor)));
                let own: Vec<_> = own.collect();
                assert_eq!(own.len(), 1, "{text}");
                assert!(own[0].contains(&volume.disk.to_string()), "{text}");
                assert!(own[0].contains(&volume.role.to_string()), "{text}");
                for peer in &resource.connections {
                    assert!(own[0].contains(&peer.role.to_string()), "{text}");
                }
            }
        }
    }
    assert!(
        situations.len() >= 24,
        "{}: {situations:?}",
        situations.len()
    );
}
