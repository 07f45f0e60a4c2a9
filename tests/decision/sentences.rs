//! The table row by row: one example each, and the sentence that a person reads.

use block_drbd::backend::Access;
use block_drbd::decision::{Decision, decide};
use block_drbd::drbd::{Absence, ConnectionState, DiskState, ReplicationState, Role};
use block_drbd::facts::{Arrival, Facts, Found};
use block_drbd::holders::Holder;
use block_drbd::policy::{Disconnected, Policy, Resync};
use block_drbd::probe::Probe;
use block_drbd::request::Action;
use block_drbd::sharing::Relation;

use crate::answer::{Answer, answer};
use crate::space::{self, peer_lost, plain_start, set_probe, up, user};

pub fn add(facts: &Facts) -> Decision {
    decide(Action::Add, facts, &Policy::default())
}

/// The sentence of a refusal, at once or after waiting.
pub fn sentence(decision: &Decision) -> String {
    match decision {
        Decision::Refuse(refusal) | Decision::Wait(refusal) => refusal.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

/// Refused at once, in a sentence with all those words.
pub fn refused(facts: &Facts, words: &[&str]) {
    let decision = add(facts);
    assert!(matches!(decision, Decision::Refuse(_)), "{decision:?}");
    says(&sentence(&decision), words);
}

/// Waited for, and then refused in a sentence with all those words.
pub fn waits(facts: &Facts, words: &[&str]) {
    let decision = add(facts);
    assert!(matches!(decision, Decision::Wait(_)), "{decision:?}");
    says(&sentence(&decision), words);
}

pub fn says(sentence: &str, words: &[&str]) {
    for word in words {
        assert!(sentence.contains(word), "no `{word}` in: {sentence}");
    }
    let plain = !sentence.chars().any(char::is_control) && sentence.len() <= 1000;
    assert!(plain, "{sentence}");
}

fn found(found: Found) -> Facts {
    Facts {
        found,
        ..plain_start()
    }
}

#[test]
fn what_is_not_there_is_refused_with_the_command_that_brings_it_up() {
    refused(
        &found(Found::Absent(Absence::NoModule)),
        &["module", "`modprobe drbd`"],
    );
    refused(
        &found(Found::Absent(Absence::NotUp)),
        &["web-root", "not up", "`drbdadm up web-root`"],
    );
    let words = "'web-root' not defined in your config (for this host).";
    refused(
        &found(Found::Absent(Absence::NotConfigured(words.into()))),
        &["web-root", "not configured", words, "check the name"],
    );
    refused(
        &found(Found::NoDevice(
            "the volume after the / is not a number".into(),
        )),
        &["web-root/0", "the volume after the / is not a number"],
    );
}

#[test]
fn a_volume_has_to_exist_and_to_be_named_where_there_are_several() {
    let mut facts = space::with_second_volume(plain_start());
    facts.volume = Some(7);
    refused(&facts, &["web-root", "volume 7", "0 and 1"]);
    facts.volume = None;
    refused(&facts, &["web-root", "0 and 1", "drbd:web-root/0"]);
}

#[test]
fn a_resource_that_cannot_work_is_refused_with_its_state() {
    let mut facts = plain_start();
    up(&mut facts).suspended = vec!["user".into(), "quorum".into()];
    refused(
        &facts,
        &[
            "web-root",
            "suspended",
            "user and quorum",
            "`drbdadm resume-io web-root`",
        ],
    );
    let mut facts = plain_start();
    up(&mut facts).connections[0].state = ConnectionState::StandAlone;
    refused(
        &facts,
        &[
            "web-root",
            "StandAlone",
            "nodo2",
            "`drbdadm connect web-root`",
        ],
    );
    let mut facts = plain_start();
    up(&mut facts).volumes[0].disk = DiskState::Failed;
    refused(
        &facts,
        &[
            "web-root",
            "volume 0",
            "Failed",
            "start the guest where it is UpToDate",
        ],
    );
}

#[test]
fn what_this_domain_holds_is_refused_with_the_holder() {
    for (holder, words) in [
        (
            Holder::Mount {
                minor: 1,
                on: "/mnt".into(),
            },
            "/dev/drbd1 is mounted on /mnt",
        ),
        (Holder::Swap { minor: 1 }, "/dev/drbd1 is swap space"),
        (
            Holder::Device {
                minor: 1,
                name: "dm-3 (vg-lv)".into(),
            },
            "dm-3 (vg-lv)",
        ),
    ] {
        let mut facts = plain_start();
        facts.holders.push(holder);
        refused(&facts, &["web-root", words, "release it first"]);
    }
}

#[test]
fn another_guest_that_has_it_is_named() {
    for (mine, theirs) in [
        ("w", Access::ReadWrite),
        ("w", Access::ReadOnly),
        ("r", Access::ReadWrite),
    ] {
        let mut facts = plain_start();
        space::set_role(&mut facts, &Role::Primary);
        facts.backend.mode = mine.into();
        facts.uses = vec![user(Relation::Other, theirs, 1, Some(4))];
        refused(
            &facts,
            &[
                "web-root",
                "guest mail (domain 9)",
                "xvdb",
                "shut that guest down",
            ],
        );
        facts.uses[0].state = Some(5);
        waits(&facts, &["web-root", "guest mail (domain 9)"]);
    }
    let mut facts = plain_start();
    facts.uses = vec![user(Relation::ThisDomain, Access::ReadWrite, 1, Some(4))];
    refused(&facts, &["web-root", "this guest already", "xvdb"]);
}

#[test]
fn two_readers_and_the_same_guest_again_are_attached_without_a_promotion() {
    let mut facts = plain_start();
    space::set_role(&mut facts, &Role::Primary);
    facts.uses = vec![user(Relation::SameGuest, Access::ReadWrite, 1, Some(4))];
    facts.arrival = Arrival::IncomingMigration;
    assert_eq!(answer(&add(&facts)).0, Answer::Attach);
    facts.arrival = Arrival::PlainStart;
    facts.uses = vec![space::stub_domain()];
    assert_eq!(answer(&add(&facts)).0, Answer::Attach);
    facts.backend.mode = "r".into();
    facts.uses = vec![user(Relation::Other, Access::ReadOnly, 1, Some(4))];
    assert_eq!(answer(&add(&facts)).0, Answer::Attach);
}

/// A guest that was saved and goes on, and is restored under another name; or a copied configuration.
#[test]
fn a_second_domain_of_one_uuid_is_another_guest_when_it_starts() {
    let mut facts = plain_start();
    space::set_role(&mut facts, &Role::Primary);
    facts.uses = vec![user(Relation::SameGuest, Access::ReadWrite, 1, Some(4))];
    refused(&facts, &["web-root", "guest web (domain 5)", "xvdb"]);
    facts.uses[0].state = Some(6);
    waits(&facts, &["web-root", "guest web (domain 5)"]);
}

#[test]
fn a_plain_start_promotes_without_a_warning() {
    let Decision::Proceed { plan, warnings } = add(&plain_start()) else {
        panic!("not promoted");
    };
    assert_eq!(
        plan.to_string(),
        "note the promotion, promote, read everything again, publish device 93:1"
    );
    assert!(warnings.is_empty());
}

#[test]
fn contract_17_a_double_start_is_refused_with_the_peer_even_where_two_primaries_are_allowed() {
    let mut facts = plain_start();
    up(&mut facts).connections[0].role = Role::Primary;
    waits(
        &facts,
        &[
            "web-root",
            "Primary on nodo2",
            "stop it there, or migrate it here",
        ],
    );
}

#[test]
fn a_peer_that_waits_for_a_connection_may_run_the_guest() {
    let mut facts = peer_lost();
    set_probe(&mut facts, Some(&Probe::Accepted));
    waits(
        &facts,
        &[
            "web-root",
            "nodo2",
            "10.0.0.2:7789",
            "`drbdadm connect web-root`",
        ],
    );
    let mut facts = plain_start();
    up(&mut facts).connections[0].role = Role::Unknown;
    waits(&facts, &["web-root", "nodo2", "may run there"]);
}

#[test]
fn a_lost_peer_is_warned_of_and_the_warning_says_which_of_the_two() {
    for (probe, words) in [
        (
            Probe::Refused,
            "the host is alive, but its DRBD is down or StandAlone",
        ),
        (Probe::Unanswered, "the host does not answer"),
    ] {
        let mut facts = peer_lost();
        set_probe(&mut facts, Some(&probe));
        let Decision::Proceed { warnings, .. } = add(&facts) else {
            panic!("failover has to work");
        };
        says(
            &warnings[0].to_string(),
            &["web-root", "nodo2", words, "make sure"],
        );
        let strict = Policy {
            disconnected: Disconnected::Refuse,
            ..Policy::default()
        };
        let decision = decide(Action::Add, &facts, &strict);
        says(
            &sentence(&decision),
            &[
                "web-root",
                "nodo2",
                "disconnected = \"refuse\"",
                "reconnect it",
            ],
        );
    }
}

#[test]
fn quorum_or_fencing_silence_the_warning() {
    let mut fenced = peer_lost();
    let mut counted = peer_lost();
    if let (Some(fenced), Some(counted)) = (&mut fenced.settings, &mut counted.settings) {
        fenced.connections[0].fencing = true;
        counted.quorum = true;
    }
    for facts in [fenced, counted] {
        assert!(matches!(add(&facts), Decision::Proceed { warnings, .. } if warnings.is_empty()));
    }
}

#[test]
fn a_copy_that_is_not_good_is_refused() {
    for disk in [
        DiskState::Inconsistent,
        DiskState::Outdated,
        DiskState::Diskless,
    ] {
        let mut facts = plain_start();
        let word = disk.to_string();
        up(&mut facts).volumes[0].disk = disk;
        refused(&facts, &["web-root", "volume 0", &word, "not safe to use"]);
    }
}

#[test]
fn a_copy_that_is_being_filled_is_a_matter_of_policy() {
    let mut facts = plain_start();
    up(&mut facts).volumes[0].disk = DiskState::Inconsistent;
    up(&mut facts).connections[0].peer_devices[0].replication = ReplicationState::SyncTarget;
    refused(
        &facts,
        &["web-root", "volume 0", "nodo2", "resync = \"allow\""],
    );
    let allowed = Policy {
        resync: Resync::Allow,
        ..Policy::default()
    };
    let Decision::Proceed { warnings, .. } = decide(Action::Add, &facts, &allowed) else {
        panic!("not allowed");
    };
    says(
        &warnings[0].to_string(),
        &["web-root", "nodo2", "until it is UpToDate"],
    );
}

#[test]
fn a_resource_without_any_peer_starts_with_a_warning_or_not_at_all() {
    let mut facts = plain_start();
    up(&mut facts).connections.clear();
    let Decision::Proceed { warnings, .. } = add(&facts) else {
        panic!("refused");
    };
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}");
    };
    assert!(
        warning.to_string().contains("web-root has no peer set up"),
        "{warning}"
    );
    let policy = Policy {
        disconnected: Disconnected::Refuse,
        ..Policy::default()
    };
    let refusal = sentence(&decide(Action::Add, &facts, &policy));
    assert!(refusal.contains("`drbdadm adjust web-root`"), "{refusal}");
}
