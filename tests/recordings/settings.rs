//! Settings as `drbdsetup show` tells them, and /proc/drbd beside events2.

use block_drbd::drbd::proc_drbd::ProcDrbd;
use block_drbd::drbd::settings::devices_of_84;
use block_drbd::drbd::{
    ConnectionState, DiskState, Generation, ReplicationState, Resource, Role, Settings,
};

use super::blocks::{Block, all};
use super::parse;

#[test]
fn settings_are_read_from_every_show() {
    let mut seen = 0;
    for block in all() {
        let shows = block.command.starts_with("drbdsetup show")
            && block.command.ends_with("--show-defaults")
            && !block.command.contains("json");
        if !shows {
            continue;
        }
        let place = format!(
            "{:?} {}: {}",
            block.generation, block.situation, block.command
        );
        let Some(settings) = Settings::parse(&block.stdout) else {
            assert!(!block.stdout.contains("resource "), "{place}");
            continue;
        };
        seen += 1;
        let [connection] = settings.connections.as_slice() else {
            panic!("{place}: {settings:?}");
        };
        let says = |word: &str| block.stdout.contains(word);
        assert_eq!(
            connection.two_primaries.is_some(),
            says("allow-two-primaries"),
            "{place}"
        );
        assert_eq!(connection.protocol.is_some(), says("protocol "), "{place}");
        assert!(
            connection.transport.is_empty() || connection.transport == "tcp",
            "{place}"
        );
        if let Some(path) = connection.paths.first() {
            assert!(
                path.local.endpoint.starts_with("10.77.2."),
                "{place}: {path:?}"
            );
            assert!(
                path.peer.endpoint.starts_with("10.77.2."),
                "{place}: {path:?}"
            );
            assert_ne!(path.local, path.peer, "{place}");
        }
        assert!(!settings.quorum, "{place}");
    }
    println!("{seen} settings");
    assert!(seen >= 16, "{seen}");
}

fn without_counters(mut resource: Resource) -> Resource {
    for volume in &mut resource.volumes {
        volume.lower_pending = 0;
    }
    for device in resource
        .connections
        .iter_mut()
        .flat_map(|c| &mut c.peer_devices)
    {
        (device.received, device.unacked) = (0, 0);
    }
    resource
}

#[test]
fn the_settings_of_8_4_name_the_volumes_that_events2_names() {
    let mut compared = 0;
    let blocks = all();
    let of_84 = || blocks.iter().filter(|b| b.generation == Generation::V84);
    let shown =
        |b: &&Block| b.command.starts_with("drbdsetup show ") && b.stdout.contains("_this_host");
    for show in of_84().filter(shown) {
        let named = devices_of_84(&show.stdout);
        let of_same = of_84().filter(|b| b.situation == show.situation && b.is_events());
        let name = show.command.split(' ').nth(2).unwrap();
        if let Some(resource) = of_same.flat_map(parse).find(|r| r.name == name) {
            assert_eq!(named, resource.devices(), "{}", show.situation);
            compared += 1;
        }
    }
    assert!(compared >= 20, "{compared}");
}

#[test]
fn what_8_4_tells_without_a_program_is_what_events2_says() {
    let (mut compared, mut left) = (0, 0);
    let blocks = all();
    for pair in blocks.windows(2) {
        let [events, file] = pair else { continue };
        let together = events.is_events() && file.command == "cat /proc/drbd";
        let same = events.node == file.node && events.generation == Generation::V84;
        if !together || !same {
            continue;
        }
        let file = ProcDrbd::parse(&file.stdout).unwrap();
        for mut resource in parse(events) {
            file.complete(&mut resource);
            let Some(again) = file.again(&resource) else {
                left += 1;
                continue;
            };
            compared += 1;
            assert_eq!(again, resource, "{}", events.situation);
            // By the settings alone, which name the volumes and nothing else of it.
            let named = file.resource(&resource.name, &resource.devices());
            assert_eq!(
                named,
                Some(without_counters(resource)),
                "{}",
                events.situation
            );
        }
        // By a reading that is older, too: nothing of what may change is kept.
        for mut resource in parse(events) {
            file.complete(&mut resource);
            let mut older = resource.clone();
            older.role = Role::Unknown;
            older.suspended.push("user".into());
            for volume in &mut older.volumes {
                volume.role = Role::Secondary;
                volume.disk = DiskState::Attaching;
            }
            for connection in &mut older.connections {
                connection.role = Role::Unknown;
                connection.state = ConnectionState::Connecting;
                for device in &mut connection.peer_devices {
                    device.disk = DiskState::DUnknown;
                    device.replication = ReplicationState::Off;
                }
            }
            if let Some(again) = file.again(&older) {
                assert_eq!(again, resource, "{}", events.situation);
            }
        }
    }
    assert!(
        compared >= 20 && left >= 10,
        "{compared} compared, {left} left"
    );
}

/// Of all resources at once only what is asked for is kept: that is as much as of one.
#[test]
fn the_settings_of_all_are_those_of_each() {
    let mut seen = 0;
    for block in all() {
        if block.command.starts_with("drbdsetup show web-root") && block.exit == Some(0) {
            let one = Settings::parse(&block.stdout);
            let all = Settings::parse_all(&block.stdout);
            assert_eq!(
                all.into_iter().next().map(|(_, s)| s),
                one,
                "{}",
                block.command
            );
            seen += usize::from(one.is_some());
        }
    }
    assert!(seen > 100, "{seen}");
}
