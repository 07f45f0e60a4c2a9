//! The reading after a promotion, spoilt in one place at a time: each of them undoes the promotion.

use block_drbd::decision::health::confirm;
use block_drbd::drbd::{Connection, ConnectionState, DiskState, ReplicationState, Resource, Role};
use block_drbd::facts::{Arrival, Facts};

use crate::space::{self, up};

type Change = (String, Box<dyn Fn(&mut Resource)>);

/// A reading that a promotion was decided on, and how.
struct Case {
    name: &'static str,
    before: Resource,
    arrival: Arrival,
    shared: bool,
}

impl Case {
    fn of(name: &'static str, mut facts: Facts) -> Self {
        Self {
            name,
            arrival: facts.arrival,
            shared: facts.backend.mode.contains('!'),
            before: up(&mut facts).clone(),
        }
    }

    /// The same reading, Primary: what a promotion that went well leaves.
    fn after(&self) -> Resource {
        let mut after = self.before.clone();
        after.role = Role::Primary;
        for volume in &mut after.volumes {
            volume.role = Role::Primary;
        }
        after
    }

    fn accepts(&self, after: Option<&Resource>) -> bool {
        confirm(&self.before, after, self.arrival, self.shared).is_ok()
    }

    /// Every change that really changes the reading has to be rejected.
    fn rejects(&self, changes: &[Change]) -> usize {
        let mut made = 0;
        for (what, change) in changes {
            let mut after = self.after();
            change(&mut after);
            if after != self.after() {
                made += 1;
                assert!(
                    !self.accepts(Some(&after)),
                    "{}: {what} was accepted",
                    self.name
                );
            }
        }
        made
    }
}

fn change(what: impl Into<String>, change: impl Fn(&mut Resource) + 'static) -> Change {
    (what.into(), Box::new(change))
}

fn cases() -> Vec<Case> {
    let mut client = space::plain_start();
    up(&mut client).volumes[0].disk = DiskState::Diskless;
    up(&mut client).volumes[0].client = true;
    let mut primary = space::plain_start();
    space::set_role(&mut primary, &Role::Primary);
    let mut alone = space::plain_start();
    up(&mut alone).connections.clear();
    vec![
        Case::of("plain start", space::plain_start()),
        Case::of(
            "two volumes",
            space::with_second_volume(space::plain_start()),
        ),
        Case::of("two peers", space::with_second_peer(space::plain_start())),
        Case::of("peer lost", space::peer_lost()),
        Case::of("no peer", alone),
        Case::of("client", client),
        Case::of("Primary before", primary),
        Case::of("incoming", space::incoming()),
        Case::of(
            "incoming, two volumes",
            space::with_second_volume(space::incoming()),
        ),
        Case::of(
            "incoming, two peers",
            space::with_second_peer(space::incoming()),
        ),
    ]
}

/// What spoils any reading.
fn spoilt_here(case: &Case) -> Vec<Change> {
    let mut all = vec![
        change("suspended", |r| r.suspended.push("quorum".into())),
        change("suspended for an unknown reason", |r| {
            r.suspended.push("fresh".into());
        }),
        change("I/O made to fail", |r| r.force_io_failures = true),
        change("no volumes", |r| r.volumes.clear()),
        change("a volume less", |r| drop(r.volumes.pop())),
        change("another minor", |r| r.volumes[0].minor = 99),
    ];
    for number in 0..case.before.volumes.len() {
        for role in space::roles().into_iter().filter(|r| *r != Role::Primary) {
            let what = format!("volume {number} {role}");
            all.push(change(what, move |r| r.volumes[number].role = role.clone()));
        }
        for disk in space::disks()
            .into_iter()
            .filter(|d| *d != DiskState::UpToDate)
        {
            let what = format!("disk {number} {disk}");
            all.push(change(what, move |r| r.volumes[number].disk = disk.clone()));
        }
        let what = format!("no quorum for {number}");
        all.push(change(what, move |r| {
            r.volumes[number].quorum = Some(false);
        }));
    }
    for number in 0..case.before.connections.len() {
        let what = format!("connection {number} is gone");
        all.push(change(what, move |r| drop(r.connections.remove(number))));
        let what = format!("connection {number} is StandAlone");
        all.push(change(what, move |r| {
            r.connections[number].state = ConnectionState::StandAlone;
        }));
    }
    all.push(change("a new peer is Primary", |r| {
        let mut facts = space::with_second_peer(space::plain_start());
        let mut new = up(&mut facts).connections[1].clone();
        (new.peer_node_id, new.role) = (9, Role::Primary);
        r.connections.push(new);
    }));
    all
}

/// What spoils a connection that was good.
fn spoilt_connections(case: &Case) -> Vec<Change> {
    let mut all = Vec::new();
    let connections = case.before.connections.iter().enumerate();
    for (number, before) in connections.filter(|(_, c)| c.is_connected()) {
        let mut on = |what: String, spoil: Box<dyn Fn(&mut Connection)>| {
            all.push(change(format!("connection {number} {what}"), move |r| {
                spoil(&mut r.connections[number]);
            }));
        };
        let states = space::connection_states().into_iter();
        for state in states.filter(|s| *s != ConnectionState::Connected) {
            on(
                state.to_string(),
                Box::new(move |c| c.state = state.clone()),
            );
        }
        for role in [Role::Unknown, Role::Unlisted("Fresh".into())] {
            on(
                format!("role {role}"),
                Box::new(move |c| c.role = role.clone()),
            );
        }
        if before.role == Role::Secondary {
            on(
                "became Primary".into(),
                Box::new(|c| c.role = Role::Primary),
            );
        }
        on(
            "without its volumes".into(),
            Box::new(|c| c.peer_devices.clear()),
        );
        for device in 0..before.peer_devices.len() {
            for word in [
                ReplicationState::Off,
                ReplicationState::Unlisted("Fresh".into()),
            ] {
                on(
                    format!("volume {device} {word}"),
                    Box::new(move |c| c.peer_devices[device].replication = word.clone()),
                );
            }
            on(
                format!("peer disk {device} unknown"),
                Box::new(move |c| c.peer_devices[device].disk = DiskState::DUnknown),
            );
        }
    }
    all
}

/// What spoils the connection to a peer that is Primary, too.
fn out_of_step(case: &Case) -> Vec<Change> {
    let mut all = Vec::new();
    let connections = case.before.connections.iter().enumerate();
    for (number, before) in connections.filter(|(_, c)| c.role == Role::Primary) {
        for device in 0..before.peer_devices.len() {
            let words = space::replications().into_iter();
            for word in words.filter(|w| *w != ReplicationState::Established) {
                let what = format!("replication {device} {word}");
                all.push(change(what, move |r| {
                    r.connections[number].peer_devices[device].replication = word.clone();
                }));
            }
            for disk in space::disks()
                .into_iter()
                .filter(|d| *d != DiskState::UpToDate)
            {
                let what = format!("peer disk {device} {disk}");
                all.push(change(what, move |r| {
                    r.connections[number].peer_devices[device].disk = disk.clone();
                }));
            }
        }
        all.push(change("a volume of the peer less", move |r| {
            drop(r.connections[number].peer_devices.pop());
        }));
    }
    all
}

#[test]
fn the_same_reading_but_primary_is_accepted() {
    for case in cases() {
        assert!(case.accepts(Some(&case.after())), "{}", case.name);
    }
}

#[test]
fn a_promotion_that_did_not_take_is_rejected() {
    for case in cases() {
        let still = case.before.is_primary();
        assert_eq!(case.accepts(Some(&case.before)), still, "{}", case.name);
        assert!(!case.accepts(None), "{}: gone", case.name);
    }
}

#[test]
fn contract_34_a_reading_that_is_worse_in_one_place_is_rejected() {
    let made: usize = cases()
        .iter()
        .map(|case| case.rejects(&spoilt_here(case)) + case.rejects(&spoilt_connections(case)))
        .sum();
    println!("{made} worse readings");
    assert!(made > 300, "{made}");
}

#[test]
fn a_migration_is_undone_when_anything_between_the_two_primaries_got_worse() {
    let mut made = 0;
    let migrations = cases()
        .into_iter()
        .filter(|c| c.arrival == Arrival::IncomingMigration);
    for case in migrations {
        made += case.rejects(&out_of_step(&case));
        made += case.rejects(&[change("the source is no longer Primary", |r| {
            r.connections[0].role = Role::Secondary;
        })]);
    }
    assert!(made > 80, "{made}");
}

#[test]
fn a_shared_resource_is_held_to_the_same_beside_a_primary() {
    let mut facts = space::with_second_volume(space::incoming());
    facts.arrival = Arrival::PlainStart;
    facts.backend.mode = "w!".into();
    let case = Case::of("shared", facts);
    assert!(case.accepts(Some(&case.after())));
    case.rejects(&out_of_step(&case));
}

#[test]
fn a_peer_of_a_shared_resource_that_became_primary_out_of_step_is_rejected() {
    let mut facts = space::plain_start();
    facts.backend.mode = "w!".into();
    let case = Case::of("shared", facts);
    case.rejects(&[change("Primary, and being resynced", |r| {
        r.connections[0].role = Role::Primary;
        r.connections[0].peer_devices[0].replication = ReplicationState::SyncSource;
        r.connections[0].peer_devices[0].disk = DiskState::Inconsistent;
    })]);
}

#[test]
fn a_start_during_a_resync_is_undone_when_the_source_got_worse() {
    let mut facts = space::plain_start();
    up(&mut facts).volumes[0].disk = DiskState::Inconsistent;
    up(&mut facts).connections[0].peer_devices[0].replication = ReplicationState::SyncTarget;
    let case = Case::of("resync = \"allow\"", facts);
    assert!(case.accepts(Some(&case.after())));
    case.rejects(&[change("the source is Outdated", |r| {
        r.connections[0].peer_devices[0].disk = DiskState::Outdated;
    })]);
}

#[test]
fn a_quorum_that_is_no_longer_told_is_rejected() {
    for case in cases() {
        case.rejects(&[change("quorum untold", |r| r.volumes[0].quorum = None)]);
    }
}
