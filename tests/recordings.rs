//! Everything that real DRBD printed into the recordings, read by the library's parsers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

#[path = "recordings/blocks.rs"]
mod blocks;
#[path = "recordings/settings.rs"]
mod settings;
#[path = "recordings/spoilt.rs"]
mod spoilt;

use block_drbd::decision::health;
use block_drbd::drbd::proc_drbd::ProcDrbd;
use block_drbd::drbd::{
    Class, CommandError, ConnectionState, DiskState, Generation, ReplicationState, Resource, Role,
    events2,
};
use blocks::{Block, all, count, situation};

fn parse(block: &Block) -> Vec<Resource> {
    events2::parse(&block.stdout, block.generation)
}

/// The readings of `web-root` on that node, in their order, in which nothing was cut off.
fn readings(generation: Generation, name: &str, node: &str) -> Vec<Resource> {
    let blocks = situation(generation, name).into_iter();
    blocks
        .filter(|b| b.node == node && b.is_events())
        .flat_map(|b| parse(&b))
        .filter(|r| r.name == "web-root")
        .collect()
}

const BOTH: [Generation; 2] = [Generation::V84, Generation::V9];

fn is_known(resource: &Resource) -> bool {
    let role = |role: &Role| !matches!(role, Role::Unlisted(_));
    let disk = |disk: &DiskState| !matches!(disk, DiskState::Unlisted(_));
    let mut devices = resource.connections.iter().flat_map(|c| &c.peer_devices);
    role(&resource.role)
        && resource.volumes.iter().all(|v| disk(&v.disk))
        && resource
            .connections
            .iter()
            .all(|c| role(&c.role) && !matches!(c.state, ConnectionState::Unlisted(_)))
        && devices.all(|d| disk(&d.disk) && !matches!(d.replication, ReplicationState::Unlisted(_)))
}

#[test]
fn every_line_of_events2_is_found_again_and_every_word_is_known() {
    let mut seen = 0;
    for block in all().into_iter().filter(Block::is_events) {
        let place = format!(
            "{:?} {}: {}",
            block.generation, block.situation, block.command
        );
        let resources = parse(&block);
        let connections = || resources.iter().flat_map(|r| &r.connections);
        // Loops print the same resource again and again: only its first reading counts then.
        if count(&block.stdout, "exists -") != 1 {
            continue;
        }
        seen += 1;
        assert_eq!(
            resources.len(),
            count(&block.stdout, "exists resource "),
            "{place}"
        );
        assert_eq!(
            resources.iter().map(|r| r.volumes.len()).sum::<usize>(),
            count(&block.stdout, "exists device "),
            "{place}"
        );
        assert_eq!(
            connections().count(),
            count(&block.stdout, "exists connection "),
            "{place}"
        );
        assert_eq!(
            connections().map(|c| c.peer_devices.len()).sum::<usize>(),
            count(&block.stdout, "exists peer-device "),
            "{place}"
        );
        assert_eq!(
            connections().map(|c| c.paths.len()).sum::<usize>(),
            count(&block.stdout, "exists path "),
            "{place}"
        );
        assert!(resources.iter().all(is_known), "{place}: {resources:?}");
        assert!(
            resources
                .iter()
                .all(|r| r.volumes.is_sorted_by_key(|v| v.volume)),
            "{place}: 9 lists volume 1 first"
        );
    }
    println!("{seen} readings");
    assert!(seen > 450, "{seen}");
}

#[test]
fn proc_drbd_tells_the_generation_and_on_8_4_a_role_and_counters_for_each_minor() {
    let mut seen = 0;
    for block in all() {
        let one = block.command == "cat /proc/drbd" && block.exit == Some(0);
        if !one || !block.stdout.starts_with("version: ") {
            continue;
        }
        seen += 1;
        let file = ProcDrbd::parse(&block.stdout).expect("a version");
        assert_eq!(file.generation, block.generation);
        for line in block.stdout.lines().filter(|l| l.contains(": cs:")) {
            let minor = line.trim().split(':').next().and_then(|m| m.parse().ok());
            let has_role = line.contains(" ro:");
            let counters = minor.and_then(|m| file.counters(m));
            assert_eq!(counters.is_some(), has_role, "{line}");
        }
    }
    println!("{seen} files");
    assert!(seen > 90, "{seen}");
}

#[test]
fn both_sides_connected_in_the_usual_states() {
    for generation in BOTH {
        for (name, here, there) in [
            ("secondary-secondary", Role::Secondary, Role::Secondary),
            ("primary-secondary", Role::Primary, Role::Secondary),
            ("both-primary", Role::Primary, Role::Primary),
        ] {
            let all = readings(generation, name, "nodo1");
            let met = all.iter().any(|r| {
                r.role == here
                    && r.connections
                        .iter()
                        .all(|c| c.is_connected() && c.role == there)
                    && health::unusable(r).is_none()
                    && health::in_step(r, &r.connections[0]).is_ok()
            });
            assert!(met, "{generation:?} {name}: {all:#?}");
        }
    }
}

#[test]
fn a_cut_link_is_connected_until_it_is_noticed_and_then_no_more() {
    for generation in BOTH {
        for name in ["link-down-primary", "link-down-secondary"] {
            for node in ["nodo1", "nodo2"] {
                let all = readings(generation, name, node);
                let connected: Vec<bool> = all
                    .iter()
                    .map(|r| r.connections[0].is_connected())
                    .collect();
                assert!(
                    connected[0],
                    "not noticed yet: {generation:?} {name} {node}"
                );
                assert!(!connected[1], "noticed: {generation:?} {name} {node}");
                let back = *connected.last().unwrap();
                assert!(back, "back: {generation:?} {name} {node}: {connected:?}");
            }
        }
    }
}

#[test]
fn contract_34_connected_alone_is_not_connected() {
    // 8.4 prints this for a moment while it reconnects; no recording caught the moment.
    for generation in BOTH {
        let all = readings(generation, "link-down-secondary", "nodo1");
        let mut lost = all.iter().map(|r| &r.connections[0]);
        let mut half = lost.find(|c| c.role == Role::Unknown).cloned().unwrap();
        half.state = ConnectionState::Connected;
        assert!(!half.is_connected() && health::is_reconnecting(&half));
    }
}

#[test]
fn a_promotion_on_a_cut_link_is_seen_by_the_second_reading() {
    use block_drbd::facts::Arrival;
    for generation in BOTH {
        let all = readings(generation, "promote-while-cut-unnoticed", "nodo2");
        let (before, after) = (&all[0], &all[1]);
        assert!(before.connections[0].is_connected(), "{generation:?}");
        assert_eq!(health::in_step(before, &before.connections[0]), Ok(()));
        assert!(
            after.volumes.iter().all(|v| v.role == Role::Primary),
            "it succeeded"
        );
        assert!(!after.connections[0].is_connected(), "{generation:?}");
        for (arrival, shared) in [
            (Arrival::IncomingMigration, false),
            (Arrival::PlainStart, false),
            (Arrival::PlainStart, true),
        ] {
            let judged = health::confirm(before, Some(after), arrival, shared);
            assert!(judged.is_err(), "{generation:?} {arrival:?}");
        }
    }
}

#[test]
fn states_that_stop_everybody_are_recognised() {
    for generation in BOTH {
        for (name, node, word) in [
            ("split-brain", "nodo1", "StandAlone"),
            ("split-brain", "nodo2", "StandAlone"),
            ("peer-standalone", "nodo2", "StandAlone"),
            ("suspended", "nodo1", "suspended (user)"),
            ("fencing", "nodo1", "suspended (fencing)"),
        ] {
            let all = readings(generation, name, node);
            let told =
                |r: &Resource| health::blocked(r).is_some_and(|b| b.to_string().contains(word));
            assert!(
                all.iter().any(told),
                "{generation:?} {name} {node}: no {word}"
            );
        }
        let peer = readings(generation, "suspended", "nodo2");
        assert!(
            peer.iter().all(|r| health::blocked(r).is_none()),
            "the peer sees nothing"
        );
    }
}

#[test]
fn copies_that_are_not_good_are_recognised() {
    for generation in BOTH {
        for (name, disk) in [
            ("outdated", DiskState::Outdated),
            ("diskless", DiskState::Diskless),
            ("resync", DiskState::Inconsistent),
        ] {
            let all = readings(generation, name, "nodo2");
            let bad = all.iter().filter(|r| r.volumes[0].disk == disk);
            let mut seen = 0;
            for resource in bad {
                seen += 1;
                assert!(
                    health::unusable(resource).is_some(),
                    "{generation:?} {name}"
                );
            }
            assert!(seen > 0, "{generation:?} {name}");
        }
        let target = readings(generation, "resync", "nodo2");
        let filled = |r: &Resource| {
            r.connections[0].peer_devices[0]
                .replication
                .is_sync_target()
        };
        assert!(target.iter().any(filled), "{generation:?}");
    }
}

#[test]
fn contract_36_on_8_4_each_volume_has_its_own_role() {
    let blocks = situation(Generation::V84, "multi-volume");
    let mut parted = 0;
    for pair in blocks.windows(2) {
        let [events, file] = pair else { continue };
        let together = events.is_events() && file.command == "cat /proc/drbd";
        if !together || events.node != file.node {
            continue;
        }
        let mut resources = parse(events);
        let Some(resource) = resources.iter_mut().find(|r| r.name == "multi") else {
            continue;
        };
        let claimed = resource.role.clone();
        ProcDrbd::parse(&file.stdout).unwrap().complete(resource);
        for volume in &resource.volumes {
            let line = format!("{}: cs:", volume.minor);
            let line = file
                .stdout
                .lines()
                .find(|l| l.trim().starts_with(&line))
                .unwrap();
            assert!(line.contains(&format!(" ro:{}/", volume.role)), "{line}");
        }
        if claimed == Role::Primary && !resource.is_primary() {
            parted += 1;
            assert!(!resource.is_secondary());
        }
    }
    assert!(parted > 0, "one volume is Primary and the other is not");
}

#[test]
fn contract_30_every_error_that_was_recorded_has_its_class() {
    let mut seen = 0;
    for block in all() {
        let error = CommandError::new(block.command.clone(), block.exit, &block.stderr);
        let Some(code) = error.code else { continue };
        seen += 1;
        let (promoting, demoting) = match code {
            -1 | -2 => (Class::Transient, Class::Final),
            -10 => (Class::Transient, Class::Transient),
            -12 => (Class::Final, Class::Transient),
            -7 | -20 | 102 | 139 | 162 | 164 => (Class::Final, Class::Final),
            127 | 158 => (Class::Final, Class::NotUp),
            other => panic!("({other}) was not expected: {}", block.command),
        };
        assert_eq!(error.when_promoting(), promoting, "({code})");
        assert_eq!(error.when_demoting(), demoting, "({code})");
        let words = error.to_string();
        assert!(words.starts_with(&format!("({code}) ")), "{words}");
        assert!(
            !words.contains('\n') && !words.contains("additional info"),
            "{words}"
        );
    }
    println!("{seen} errors");
    assert!(seen > 80, "{seen}");
}

#[test]
fn drbds_own_reason_survives_whole() {
    let error = |words: &str| {
        let blocks = all().into_iter();
        let mut found =
            blocks.filter(|b| b.stderr.contains(words) && b.command.starts_with("drbdsetup"));
        let block = found.next().unwrap();
        CommandError::new(block.command, block.exit, &block.stderr).to_string()
    };
    assert!(error("opened by mount").contains("held open by someone; drbd1 opened by mount (pid"));
    assert!(
        error("Declined by peer")
            .ends_with("Declined by peer nodo2 (id: 0), see the kernel log there")
    );
    // Its text has a line break in it.
    assert!(error("(164)").ends_with("as long as; there a primaries on both sides"));
}
