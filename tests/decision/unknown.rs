//! Contract 31: what is not known never counts for more than what is known to be bad.

use block_drbd::decision::{Decision, decide};
use block_drbd::drbd::{ConnectionState, DiskState, Generation, ReplicationState, Role};
use block_drbd::facts::{Arrival, Facts};
use block_drbd::policy::{Disconnected, Policy};
use block_drbd::probe::Probe;
use block_drbd::request::Action;

use crate::space::{self, set_net, set_probe, up};

type Change = fn(&mut Facts);

fn proceeds(facts: &Facts, policy: &Policy) -> bool {
    matches!(decide(Action::Add, facts, policy), Decision::Proceed { .. })
}

/// Facts from which single ones are then taken away or made bad.
fn bases() -> Vec<Facts> {
    let mut all = vec![space::plain_start(), space::incoming(), space::peer_lost()];
    let mut refused = space::peer_lost();
    set_probe(&mut refused, Some(&Probe::Refused));
    all.push(refused);
    let mut target = space::plain_start();
    up(&mut target).volumes[0].disk = DiskState::Inconsistent;
    up(&mut target).connections[0].peer_devices[0].replication = ReplicationState::SyncTarget;
    all.push(target);
    let mut consistent = space::peer_lost();
    up(&mut consistent).volumes[0].disk = DiskState::Consistent;
    for settings in consistent
        .settings
        .iter_mut()
        .flat_map(|s| &mut s.connections)
    {
        settings.fencing = true;
    }
    all.push(consistent);
    let mut client = space::plain_start();
    up(&mut client).volumes[0].disk = DiskState::Diskless;
    up(&mut client).volumes[0].client = true;
    all.push(client);
    let mut beside = space::incoming();
    beside.arrival = Arrival::PlainStart;
    beside.backend.mode = "w!".into();
    all.push(beside);
    let second: Vec<Facts> = all.iter().cloned().map(space::with_second_volume).collect();
    all.extend(second);
    all
}

/// Every policy of a start, over all bases: where `unknown` starts the guest, `bad` does, too.
fn never_better(name: &str, bad: Change, unknown: Change) {
    let mut started = 0_u32;
    for base in bases() {
        for policy in space::policies() {
            let (mut worse, mut vague) = (base.clone(), base.clone());
            bad(&mut worse);
            unknown(&mut vague);
            if proceeds(&vague, &policy) {
                started += 1;
                assert!(
                    proceeds(&worse, &policy),
                    "{name}: unknown starts what bad does not: {vague:?} under {policy:?}"
                );
            }
        }
    }
    println!("{name}: {started} starts although it is not known");
}

fn unlisted() -> String {
    "Fresh".into()
}

#[test]
fn an_unknown_disk_is_no_better_than_a_bad_one() {
    fn set(facts: &mut Facts, disk: DiskState) {
        up(facts).volumes[0].disk = disk;
    }
    for bad in [
        (|f| set(f, DiskState::Inconsistent)) as Change,
        |f| set(f, DiskState::Outdated),
        |f| set(f, DiskState::Failed),
    ] {
        never_better("disk", bad, |f| set(f, DiskState::Unlisted(unlisted())));
        never_better("disk", bad, |f| set(f, DiskState::DUnknown));
    }
}

#[test]
fn an_unknown_connection_is_no_better_than_a_lost_one() {
    fn set(facts: &mut Facts, state: ConnectionState) {
        up(facts).connections[0].state = state;
    }
    never_better(
        "connection",
        |f| set(f, ConnectionState::Connecting),
        |f| set(f, ConnectionState::Unlisted(unlisted())),
    );
}

#[test]
fn an_unknown_replication_is_no_better_than_none() {
    fn set(facts: &mut Facts, replication: ReplicationState) {
        up(facts).connections[0].peer_devices[0].replication = replication;
    }
    never_better(
        "replication",
        |f| set(f, ReplicationState::Off),
        |f| set(f, ReplicationState::Unlisted(unlisted())),
    );
}

#[test]
fn an_unknown_disk_of_the_peer_is_no_better_than_a_bad_one() {
    fn set(facts: &mut Facts, disk: DiskState) {
        up(facts).connections[0].peer_devices[0].disk = disk;
    }
    for unknown in [
        (|f| set(f, DiskState::Unlisted(unlisted()))) as Change,
        |f| set(f, DiskState::DUnknown),
    ] {
        never_better(
            "disk of the peer",
            |f| set(f, DiskState::Inconsistent),
            unknown,
        );
    }
}

#[test]
fn a_peer_whose_role_is_unknown_is_no_better_than_a_primary_or_a_secondary() {
    // Connected, so that there would be a role to know; a lost peer's is never known.
    for arrival in [Arrival::PlainStart, Arrival::IncomingMigration] {
        for role in [Role::Unknown, Role::Unlisted(unlisted())] {
            for policy in space::policies() {
                let mut facts = space::plain_start();
                facts.arrival = arrival;
                up(&mut facts).connections[0].role = role.clone();
                assert!(!proceeds(&facts, &policy), "{facts:?}");
            }
        }
    }
}

fn unfenced(facts: &mut Facts) {
    for settings in facts.settings.iter_mut().flat_map(|s| &mut s.connections) {
        settings.fencing = false;
    }
}

#[test]
fn settings_that_say_nothing_allow_nothing() {
    for (bad, unknown) in [
        (
            (|f| set_net(f, (Some("A"), Some(true)))) as Change,
            (|f| set_net(f, (None, Some(true)))) as Change,
        ),
        (
            |f| set_net(f, (Some("C"), Some(false))),
            |f| set_net(f, (Some("C"), None)),
        ),
        (
            |f| set_net(f, (Some("C"), Some(false))),
            |f| f.settings = None,
        ),
        (
            |f| set_net(f, (Some("A"), Some(true))),
            |f| set_net(f, (Some("D"), Some(true))),
        ),
    ] {
        never_better("settings", bad, unknown);
    }
    never_better("fencing", unfenced, |f| {
        unfenced(f);
        f.settings = None;
    });
}

#[test]
fn contract_37_a_question_that_was_not_put_is_no_answer() {
    for (bad, unknown) in [
        (
            (|f| set_probe(f, Some(&Probe::Unanswered))) as Change,
            (|f| set_probe(f, None)) as Change,
        ),
        (
            |f| {
                if up(f).primary_peer().is_none() {
                    set_probe(f, Some(&Probe::Accepted));
                }
            },
            |f| {
                // Whoever is connected need not be asked, and an answer is then a good sign.
                if up(f).primary_peer().is_none() {
                    set_probe(f, Some(&Probe::Failed("no route".into())));
                }
            },
        ),
        (
            |f| set_probe(f, Some(&Probe::Unanswered)),
            |f| set_probe(f, Some(&Probe::Failed("no route".into()))),
        ),
    ] {
        never_better("probe", bad, unknown);
    }
}

#[test]
fn on_9_a_quorum_that_is_not_told_is_no_better_than_none() {
    fn set(facts: &mut Facts, quorum: Option<bool>) {
        up(facts).generation = Generation::V9;
        up(facts).volumes[0].quorum = quorum;
    }
    never_better("quorum", |f| set(f, Some(false)), |f| set(f, None));
}

#[test]
fn a_folder_that_says_nothing_starts_nothing() {
    for change in [
        (|f| f.backend.state = None) as Change,
        |f| f.backend.online = false,
        |f| f.backend.exists = false,
        |f| f.backend.physical_device = Some("garbage".into()),
        |f| up(f).volumes.clear(),
    ] {
        for mut facts in bases() {
            change(&mut facts);
            assert!(!proceeds(&facts, &Policy::default()), "{facts:?}");
        }
    }
}

#[test]
fn a_peer_that_nobody_could_ask_is_not_overruled_by_any_policy() {
    for disconnected in [
        Disconnected::Allow,
        Disconnected::Warn,
        Disconnected::Refuse,
    ] {
        let policy = Policy {
            disconnected,
            ..Policy::default()
        };
        let mut facts = space::peer_lost();
        set_probe(&mut facts, None);
        assert!(!proceeds(&facts, &policy));
    }
}
