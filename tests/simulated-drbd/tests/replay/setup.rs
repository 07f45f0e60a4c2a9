//! The world at the beginning of each recording.

use simulated_drbd::{Connection, Disk, Generation, Replication, Resource, World};

/// What became of the resource `multi` in the recordings made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multi {
    /// Not there.
    Down,
    /// Up on both, as it should be.
    Connected,
    /// Up on nodo1 alone.
    Alone,
    /// Up on both, without disk and connection.
    Unconfigured,
}

/// `multi` as the text of the recording has it: 8.4's `/proc/drbd`, or `events2` without a name.
pub fn multi_of(recording: &str, texts: &str) -> Multi {
    if recording == "multi-volume" {
        Multi::Connected
    } else if texts.contains("10: cs:Unconfigured") {
        Multi::Unconfigured
    } else if texts.contains("10: cs:WFConnection") || texts.contains("exists resource name:multi")
    {
        Multi::Alone
    } else {
        Multi::Down
    }
}

/// Adds the resources of the recording.
pub fn prepare(world: &World, generation: Generation, recording: &str, multi: Multi) {
    let mut web_root = Resource::simple("web-root", 1);
    match recording {
        "both-primary" | "concurrent-writes" => web_root = web_root.with_two_primaries(),
        "not-up" => web_root = web_root.down(),
        name if name.starts_with("resync") => web_root.slow_resync = true,
        _ => {}
    }
    if generation == Generation::V84 {
        // The first synchronisation of the rig's disks took eight updates of the activity log.
        for side in &mut web_root.sides {
            side.devices[0].counters.al_writes = 8;
        }
    }
    let mut several = Resource::of_volumes("multi", &[10, 11])
        .with_addresses("10.77.2.1:7791", "10.77.2.2:7791")
        .with_disks(&["/dev/loop0", "/dev/loop1"], "internal", 16344);
    match multi {
        Multi::Down => several = several.down(),
        Multi::Connected => {}
        Multi::Alone => {
            if generation == Generation::V84 {
                several.sides[0]
                    .devices
                    .iter_mut()
                    .for_each(|device| device.counters.al_writes = 8);
            }
            several.sides[1].up = None;
            several.sides[0].connection = Connection::Connecting;
            several.sides[0].forget_peer();
        }
        Multi::Unconfigured => {
            for side in &mut several.sides {
                side.connection = Connection::StandAlone;
                side.forget_peer();
                for device in &mut side.devices {
                    device.disk = Disk::Diskless;
                    device.replication = Replication::Off;
                }
            }
        }
    }
    // Resources are listed in the order in which they came up.
    if multi == Multi::Connected {
        world.add_resource(web_root).unwrap();
        world.add_resource(several).unwrap();
    } else {
        world.add_resource(several).unwrap();
        world.add_resource(web_root).unwrap();
    }
    world.set_ping_timeout(2).unwrap();
}
