//! Products of everything that interacts. What does not interact is left healthy, and is mixed with
//! the rest at random by the property tests.

use std::sync::OnceLock;

use block_drbd::backend::Access;
use block_drbd::drbd::{Absence, DiskState, Generation, ReplicationState, Role};
use block_drbd::facts::{Arrival, Facts, Found};
use block_drbd::holders::Holder;
use block_drbd::policy::{DualPrimary, Policy, Resync};
use block_drbd::probe::Probe;

use crate::invariants::Report;
use crate::space::{self, disconnect, set_net, set_probe, set_role, up};

const ARRIVALS: [Arrival; 2] = [Arrival::PlainStart, Arrival::IncomingMigration];

/// All products, gone through once for all tests.
pub fn report() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| {
        let mut report = Report::default();
        for group in [
            peer, network, disk, sharing, backend, policy, two_of_all, alone, remove,
        ] {
            group(&mut report);
        }
        report
    })
}

fn shared_or_not() -> [Policy; 2] {
    [false, true].map(|shared| Policy {
        shared,
        ..Policy::default()
    })
}

/// connection × role × replication × disk of the peer × arrival × shared × own role × probe
fn peer(report: &mut Report) {
    let policies = shared_or_not();
    let probes = space::probes();
    let mut facts = space::plain_start();
    for own in [Role::Secondary, Role::Primary] {
        set_role(&mut facts, &own);
        for state in space::connection_states() {
            up(&mut facts).connections[0].state = state;
            for role in space::roles() {
                up(&mut facts).connections[0].role = role;
                for replication in space::replications() {
                    up(&mut facts).connections[0].peer_devices[0].replication = replication;
                    for disk in space::disks() {
                        up(&mut facts).connections[0].peer_devices[0].disk = disk;
                        for arrival in ARRIVALS {
                            facts.arrival = arrival;
                            for probe in &probes {
                                set_probe(&mut facts, probe.as_ref());
                                report.add_all(&facts, &policies);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// connection × role of the peer × healthy or lost × settings × probe × arrival × policy
fn network(report: &mut Report) {
    let mut policies = space::policies();
    policies.retain(|p| p.resync == Resync::Refuse);
    for arrival in ARRIVALS {
        for state in space::connection_states() {
            for role in space::roles() {
                for lost in [false, true] {
                    let mut facts = space::plain_start();
                    facts.arrival = arrival;
                    let connection = &mut up(&mut facts).connections[0];
                    if lost {
                        disconnect(connection);
                    }
                    connection.state = state.clone();
                    connection.role = role.clone();
                    for probe in space::probes() {
                        set_probe(&mut facts, probe.as_ref());
                        for net in space::NETS {
                            set_net(&mut facts, net);
                            report.add_all(&facts, &policies);
                        }
                        let mut silent = facts.clone();
                        silent.settings = None;
                        report.add_all(&silent, &shared_or_not());
                    }
                }
            }
        }
    }
}

/// role × disk × client × quorum × suspended × noted × replication × peer × fencing × generation
fn disk(report: &mut Report) {
    use ReplicationState as R;
    let policies = [Resync::Refuse, Resync::Allow].map(|resync| Policy {
        resync,
        ..Policy::default()
    });
    let mut bases = vec![space::plain_start(), space::incoming(), space::peer_lost()];
    let mut outdated = space::plain_start();
    up(&mut outdated).connections[0].peer_devices[0].disk = DiskState::Outdated;
    bases.push(outdated);
    for mut facts in bases {
        for (generation, quorums) in [
            (Generation::V84, &[None][..]),
            (Generation::V9, &[Some(true), Some(false)][..]),
        ] {
            up(&mut facts).generation = generation;
            for replication in [
                R::Established,
                R::SyncTarget,
                R::PausedSyncT,
                R::SyncSource,
                R::Off,
            ] {
                up(&mut facts).connections[0].peer_devices[0].replication = replication;
                for disk in space::disks() {
                    up(&mut facts).volumes[0].disk = disk;
                    for role in space::roles() {
                        set_role(&mut facts, &role);
                        for bits in 0..32_u8 {
                            let bit = |n: u8| bits & (1 << n) != 0;
                            facts.promoted_by_us = bit(0);
                            for settings in
                                facts.settings.iter_mut().flat_map(|s| &mut s.connections)
                            {
                                settings.fencing = bit(1);
                            }
                            let resource = up(&mut facts);
                            resource.volumes[0].client = bit(2);
                            let user = || vec!["user".to_owned()];
                            resource.suspended = if bit(3) { user() } else { Vec::new() };
                            resource.force_io_failures = bit(4);
                            for quorum in quorums {
                                up(&mut facts).volumes[0].quorum = *quorum;
                                report.add_all(&facts, &policies);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// none, one or two users × own role × access × arrival × shared × state of the peer
fn sharing(report: &mut Report) {
    let policies = shared_or_not();
    let users = space::users();
    let mut sets = vec![Vec::new()];
    sets.extend(users.iter().map(|u| vec![u.clone()]));
    let some = users.iter().step_by(2);
    sets.extend(some.flat_map(|a| users.iter().map(move |b| vec![a.clone(), b.clone()])));
    for base in [space::plain_start(), space::incoming(), space::peer_lost()] {
        let mut facts = space::with_second_volume(base);
        for arrival in ARRIVALS {
            facts.arrival = arrival;
            for mode in ["w", "r"] {
                facts.backend.mode = mode.into();
                for role in [Role::Secondary, Role::Primary] {
                    set_role(&mut facts, &role);
                    for uses in &sets {
                        facts.uses.clone_from(uses);
                        report.add_all(&facts, &policies);
                    }
                }
            }
        }
    }
}

/// everything about the backend's folder × volume × what is found × holders × role
fn backend(report: &mut Report) {
    let policy = Policy::default();
    let mounted = Holder::Mount {
        minor: 1,
        on: "/mnt".into(),
    };
    let open = Holder::Process {
        minor: 1,
        command: "blkid".into(),
        pid: 77,
    };
    let healthy = space::plain_start();
    let second = space::with_second_volume(healthy.clone());
    let mut bases: Vec<Facts> = vec![healthy.clone(), second, space::incoming()];
    for found in [
        Found::NoDevice("why".into()),
        Found::Absent(Absence::NoModule),
        Found::Absent(Absence::NotUp),
        Found::Absent(Absence::NotConfigured("words".into())),
    ] {
        bases.push(Facts {
            found,
            ..healthy.clone()
        });
    }
    let kinds = [None, Some("phy"), Some("drbd"), Some("vbd3"), Some("qdisk")];
    let devices = [
        None,
        Some("93:1"),
        Some("93:b"),
        Some("8:1"),
        Some("garbage"),
    ];
    let modes = ["w", "r", "w!", ""];
    let states = [None, Some(1), Some(2), Some(3), Some(4), Some(5), Some(6)];
    for mut facts in bases {
        for bits in 0..16_u8 {
            facts.backend.exists = bits & 1 == 0;
            facts.backend.online = bits & 2 == 0;
            facts.holders.clear();
            facts
                .holders
                .extend((bits & 4 != 0).then(|| mounted.clone()));
            facts.holders.extend((bits & 8 != 0).then(|| open.clone()));
            for state in states {
                facts.backend.state = state;
                for device in devices {
                    facts.backend.physical_device = device.map(str::to_owned);
                    for (params, kind) in kinds
                        .iter()
                        .map(|k| ("web-root", *k))
                        .chain([("aio:/x", None), ("vhd:/x", Some("phy"))])
                    {
                        facts.backend.params = Some(params.into());
                        facts.backend.kind = kind.map(str::to_owned);
                        for (volume, mode) in
                            [None, Some(0), Some(1), Some(7)].into_iter().zip(modes)
                        {
                            facts.volume = volume;
                            facts.backend.mode = mode.into();
                            report.add(&facts, &policy);
                            if facts.resource().is_some() {
                                let mut primary = facts.clone();
                                set_role(&mut primary, &Role::Primary);
                                report.add(&primary, &policy);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// every policy × probe × fencing × quorum asked for and held × lost peer
fn policy(report: &mut Report) {
    let mut facts = space::with_second_volume(space::peer_lost());
    for probe in space::probes() {
        set_probe(&mut facts, probe.as_ref());
        for bits in 0..32_u8 {
            let bit = |n: u8| bits & (1 << n) != 0;
            if let Some(settings) = &mut facts.settings {
                settings.quorum = bit(0);
                settings.connections[0].fencing = bit(1);
            }
            up(&mut facts).volumes[0].quorum = Some(bit(2));
            up(&mut facts).volumes[1].quorum = bit(3).then_some(true);
            set_role(
                &mut facts,
                if bit(4) {
                    &Role::Primary
                } else {
                    &Role::Secondary
                },
            );
            report.add_all(&facts, &space::policies());
        }
    }
}

/// two peers, each in one of many states × two volumes, each in one of many states × policy
fn two_of_all(report: &mut Report) {
    let mut base = space::with_second_volume(space::with_second_peer(space::plain_start()));
    let policies: Vec<Policy> = space::policies()
        .into_iter()
        .filter(|p| p.dual_primary == DualPrimary::Window)
        .collect();
    for case in 0..(7 * 7 * 5 * 5 * 2_usize) {
        let mut facts = base.clone();
        facts.arrival = ARRIVALS[case % 2];
        let pick = case / 2;
        peer_in_state(&mut facts, 0, pick % 7);
        peer_in_state(&mut facts, 1, pick / 7 % 7);
        volume_in_state(&mut facts, 0, pick / 49 % 5);
        volume_in_state(&mut facts, 1, pick / 245);
        report.add_all(&facts, &policies);
    }
    base.probes.clear();
    report.add_all(&base, &policies);
}

/// no peer at all × every policy × quorum × arrival
fn alone(report: &mut Report) {
    let mut facts = space::plain_start();
    up(&mut facts).connections.clear();
    for arrival in ARRIVALS {
        facts.arrival = arrival;
        for quorum in [None, Some(false), Some(true)] {
            up(&mut facts).volumes[0].quorum = quorum;
            report.add_all(&facts, &space::policies());
        }
    }
}

fn peer_in_state(facts: &mut Facts, peer: usize, state: usize) {
    let id = u32::try_from(peer).unwrap_or_default();
    let connection = &mut up(facts).connections[peer];
    match state {
        0 => {}
        1 => connection.role = Role::Primary,
        2 => connection.role = Role::Unknown,
        3 => {
            connection.role = Role::Primary;
            connection.peer_devices[1].replication = ReplicationState::SyncTarget;
        }
        4 => {
            connection.role = Role::Primary;
            connection.peer_devices.truncate(1);
        }
        5 => disconnect(connection),
        _ => {
            disconnect(connection);
            facts.probes.insert(id, Probe::Accepted);
        }
    }
}

fn volume_in_state(facts: &mut Facts, volume: usize, state: usize) {
    let own = &mut up(facts).volumes[volume];
    match state {
        0 => {}
        1 => own.disk = DiskState::Inconsistent,
        2 => own.disk = DiskState::Attaching,
        3 => {
            own.disk = DiskState::Diskless;
            own.client = true;
        }
        _ => own.role = Role::Primary,
    }
}

/// own role × users × holders × noted × what is found
fn remove(report: &mut Report) {
    let policy = Policy::default();
    let users = space::users();
    let mut sets = vec![Vec::new()];
    sets.extend(users.iter().map(|u| vec![u.clone()]));
    sets.extend(users.windows(3).map(<[_]>::to_vec));
    let swap = Holder::Swap { minor: 1 };
    let up_here = space::with_second_volume(space::plain_start());
    let gone = Facts {
        found: Found::Absent(Absence::NotUp),
        ..up_here.clone()
    };
    for uses in sets {
        for bits in 0..32_u8 {
            let mut facts = up_here.clone();
            facts.uses.clone_from(&uses);
            facts.promoted_by_us = bits & 1 != 0;
            facts.window_noted = bits & 8 != 0;
            facts.promoting = bits & 16 != 0;
            facts.backend.exists = bits & 2 != 0;
            facts.holders = if bits & 4 == 0 {
                Vec::new()
            } else {
                vec![swap.clone()]
            };
            facts.backend.mode = if uses.iter().any(|u| u.access == Access::ReadOnly) {
                "r"
            } else {
                "w"
            }
            .into();
            for first in space::roles() {
                for second in space::roles() {
                    up(&mut facts).volumes[0].role = first.clone();
                    up(&mut facts).volumes[1].role = second;
                    report.remove(&facts, &policy);
                }
            }
        }
        report.remove(&gone, &policy);
    }
}
