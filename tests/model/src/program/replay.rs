//! Runs the program with answers from a list, and puts short answers into the program's own words.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use block_drbd::deadline::Deadline;
use block_drbd::drbd::{
    Address, Connection, ConnectionSettings, ConnectionState, DiskState, Generation, Path,
    PeerDevice, ReplicationState, Resource, Role, Settings, Volume,
};
use block_drbd::hotplug::{Time, run};
use block_drbd::observe::World;
use block_drbd::outcome::{ExitCode, Outcome};
use block_drbd::policy::Configuration;
use block_drbd::reap;
use block_drbd::request::{Action, BackendPath};
use block_drbd::store::memory::Memory;
use xenstore_rs::Xs;

use super::outside::{Outside, Stopped};
use super::words::{Answer, Folder, Kind, Link, Rules, Sync, Task, View};
use super::{Ended, Info, Next, Past};

/// The only resource, and its minor.
pub const RESOURCE: &str = "web-root";
pub const MINOR: u32 = 1;
/// The backends of the two domains.
pub const BACKENDS: [&str; 2] = ["backend/vbd/7/51714", "backend/vbd/8/51714"];
const DOMIDS: [u32; 2] = [7, 8];

/// Real time is none of the model's: it decides when a deadline has passed.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// Runs the program from its beginning until it asks what nobody has answered yet, or ends.
pub fn replay(kind: Kind, log: &[Answer], past: Past) -> Info {
    let outside = Outside::new(kind, log);
    let info = |next, locked, published| Info {
        kind,
        next,
        locked,
        published,
        past,
    };
    match catch_unwind(AssertUnwindSafe(|| whole(&outside))) {
        Ok(ended) => info(Next::End(ended), false, outside.has_published()),
        Err(cause) => match (cause.downcast_ref::<Stopped>(), outside.stop.get()) {
            (Some(Stopped), Some(stop)) => info(Next::Ask(stop.call), stop.locked, stop.published),
            _ => resume_unwind(cause),
        },
    }
}

/// A whole run, as `main` has it.
fn whole(outside: &Outside<'_>) -> Ended {
    let world = World {
        store: outside,
        replication: outside,
        host: outside,
    };
    let Ok(configuration) = Configuration::parse(configuration(outside.kind.rules)) else {
        return Ended::default();
    };
    let all = Deadline::within(LONG);
    let action = match outside.kind.task {
        Task::Add => Action::Add,
        Task::Remove => Action::Remove,
        Task::Reap => {
            let names = [RESOURCE.to_owned()].into();
            let _ = reap::run(&world, names, &configuration, false, &all);
            return Ended::default();
        }
    };
    let Ok(path) = BackendPath::parse(Some(BACKENDS[usize::from(outside.kind.slot)])) else {
        return Ended::default();
    };
    let outcome = run(
        &world,
        action,
        &path,
        &configuration,
        &Time::of(action, &all),
    )
    .outcome;
    Ended {
        done: outcome.code() == ExitCode::Done,
        warned: matches!(&outcome, Outcome::Done(warnings) if !warnings.is_empty()),
    }
}

fn configuration(rules: Rules) -> &'static str {
    match rules {
        Rules::Window => "",
        Rules::WindowRefuse => "disconnected = \"refuse\"",
        Rules::StaticRefuse => "disconnected = \"refuse\"\ndual-primary = \"static\"",
        Rules::Shared => {
            "disconnected = \"refuse\"\ndual-primary = \"static\"\n[resource.web-root]\nshared = true"
        }
    }
}

/// xenstore with those domains and backends.
pub fn store(kind: Kind, folders: [Folder; 2]) -> Memory {
    let store = Memory::default();
    let write = |path: String, value: &str| {
        // The store takes everything but what is malformed.
        let _ = store.write(&path, value);
    };
    for (slot, folder) in folders.iter().enumerate() {
        let Some(state) = folder.state else { continue };
        let incoming = kind.incoming && usize::from(kind.slot) == slot;
        let name = if incoming { "web--incoming" } else { "web" };
        let guest = if kind.same_guest { 0 } else { slot };
        let home = format!("/local/domain/{}", DOMIDS[slot]);
        write(format!("{home}/name"), name);
        write(format!("{home}/vm"), &format!("/vm/{guest}"));
        let node = |name: &str| format!("{}/{name}", BACKENDS[slot]);
        write(node("state"), &state.to_string());
        write(node("online"), if folder.online { "1" } else { "0" });
        for (name, value) in [
            ("params", RESOURCE),
            ("mode", "w"),
            ("type", "phy"),
            ("dev", "xvda2"),
        ] {
            write(node(name), value);
        }
        if folder.published {
            write(node("physical-device"), "93:1");
        }
    }
    store
}

fn generation(kind: Kind) -> Generation {
    if kind.nine {
        Generation::V9
    } else {
        Generation::V84
    }
}

fn role(primary: bool) -> Role {
    if primary {
        Role::Primary
    } else {
        Role::Secondary
    }
}

fn disk(up_to_date: bool) -> DiskState {
    if up_to_date {
        DiskState::UpToDate
    } else {
        DiskState::Inconsistent
    }
}

/// What DRBD says, as the program reads it.
pub fn resource(kind: Kind, view: View) -> Resource {
    let connected = view.link == Link::Connected;
    let replication = match view.sync {
        _ if !connected => ReplicationState::Off,
        Sync::Established => ReplicationState::Established,
        Sync::Target => ReplicationState::SyncTarget,
        Sync::Source => ReplicationState::SyncSource,
    };
    let peer = PeerDevice {
        volume: 0,
        replication,
        disk: if connected {
            disk(view.peer_up_to_date)
        } else {
            DiskState::DUnknown
        },
        client: false,
        received: 0,
        unacked: 0,
        done: None,
    };
    let connection = Connection {
        peer_node_id: 0,
        peer: if kind.nine { "nodo2" } else { "peer" }.into(),
        state: match view.link {
            Link::Connected => ConnectionState::Connected,
            Link::Connecting => ConnectionState::Connecting,
            Link::StandAlone => ConnectionState::StandAlone,
        },
        role: if connected {
            role(view.peer_primary)
        } else {
            Role::Unknown
        },
        peer_devices: vec![peer],
        paths: Vec::new(),
    };
    Resource {
        name: RESOURCE.into(),
        generation: generation(kind),
        role: role(view.primary),
        suspended: Vec::new(),
        force_io_failures: false,
        volumes: vec![Volume {
            volume: 0,
            minor: MINOR,
            role: role(view.primary),
            disk: disk(view.up_to_date),
            client: false,
            quorum: kind.nine.then_some(true),
            lower_pending: 0,
        }],
        connections: vec![connection],
    }
}

/// Settings in force. 8.4 forgets them with the connection (recordings, surprise 4).
pub fn settings(_: Kind, two: Option<bool>) -> Settings {
    let address = |host: u8| Address {
        family: "ipv4".into(),
        endpoint: format!("10.0.0.{host}:7789"),
    };
    Settings {
        quorum: false,
        connections: vec![ConnectionSettings {
            peer_node_id: 0,
            protocol: two.map(|_| "C".to_owned()),
            two_primaries: two,
            fencing: false,
            transport: String::new(),
            paths: vec![Path {
                local: address(1),
                peer: address(2),
                established: None,
            }],
        }],
    }
}
