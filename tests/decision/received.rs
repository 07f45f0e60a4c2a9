//! The rows of a guest that is received, and of what only looks like one.

use block_drbd::decision::{Decision, decide};
use block_drbd::drbd::{DiskState, ReplicationState, Role};
use block_drbd::facts::{Arrival, Facts};
use block_drbd::policy::{DualPrimary, Policy};
use block_drbd::probe::Probe;
use block_drbd::request::Action;

use crate::answer::{Answer, answer};
use crate::sentences::{add, refused, says, sentence, waits};
use crate::space::{self, incoming, plain_start, set_probe, up};

#[test]
fn an_incoming_migration_is_taken_in_when_all_is_well() {
    let Decision::Proceed { plan, .. } = add(&incoming()) else {
        panic!("refused");
    };
    assert_eq!(
        plan.to_string(),
        "note the promotion, promote, read everything again, \
         wait until the source's writes have stopped arriving, read everything again, \
         publish device 93:1"
    );
}

#[test]
fn an_incoming_migration_with_anything_less_is_refused_and_the_guest_goes_on_at_its_source() {
    type Change = fn(&mut Facts);
    let cases: [(Change, &[&str]); 9] = [
        (
            |f| space::disconnect(&mut up(f).connections[0]),
            &["nodo2: Connecting", "stale"],
        ),
        (
            |f| up(f).connections[0].role = Role::Secondary,
            &["nodo2: Connected, Secondary"],
        ),
        (|f| up(f).connections.clear(), &["no peer"]),
        (
            |f| up(f).volumes[0].disk = DiskState::Inconsistent,
            &["volume 0", "Inconsistent here"],
        ),
        (
            |f| up(f).connections[0].peer_devices[0].replication = ReplicationState::SyncSource,
            &["nodo2", "SyncSource, not Established"],
        ),
        (
            |f| up(f).connections[0].peer_devices[0].disk = DiskState::Outdated,
            &["on nodo2", "Outdated, not UpToDate"],
        ),
        (
            |f| space::set_net(f, (Some("A"), Some(true))),
            &["protocol A", "`drbdadm adjust`"],
        ),
        (
            |f| space::set_net(f, (Some("C"), None)),
            &["DRBD does not tell the settings"],
        ),
        (|f| f.settings = None, &["settings"]),
    ];
    for (change, words) in cases {
        let mut facts = incoming();
        change(&mut facts);
        refused(&facts, words);
        refused(&facts, &["web-root", "the guest goes on at its source"]);
    }
    let never = Policy {
        dual_primary: DualPrimary::Never,
        ..Policy::default()
    };
    let decision = decide(Action::Add, &incoming(), &never);
    says(
        &sentence(&decision),
        &["web-root", "dual-primary = \"never\""],
    );
}

#[test]
fn a_window_is_opened_for_the_moment_where_two_primaries_are_not_allowed() {
    let mut facts = incoming();
    space::set_net(&mut facts, (Some("C"), Some(false)));
    let Decision::Proceed { plan, .. } = add(&facts) else {
        panic!("refused");
    };
    assert_eq!(
        plan.to_string(),
        "note the promotion, allow two primaries for the moment, promote, read everything again, \
         wait until the source's writes have stopped arriving, read everything again, \
         publish device 93:1"
    );
}

#[test]
fn two_primaries_that_are_to_be_configured_are_not_allowed_at_run_time() {
    let policy = Policy {
        dual_primary: DualPrimary::Static,
        ..Policy::default()
    };
    let mut facts = incoming();
    space::set_net(&mut facts, (Some("C"), Some(false)));
    let refusal = sentence(&decide(Action::Add, &facts, &policy));
    let words = [
        "nodo2",
        "`allow-two-primaries yes`",
        "dual-primary = \"window\"",
        "goes on at its source",
    ];
    says(&refusal, &words);
}

#[test]
fn a_resource_that_guests_share_gets_no_window() {
    let mut facts = incoming();
    facts.backend.mode = "w!".into();
    space::set_net(&mut facts, (Some("C"), Some(false)));
    refused(&facts, &["nodo2", "`allow-two-primaries yes`"]);
}

/// DRBD lets no two Primaries be where they are not allowed.
#[test]
fn facts_that_contradict_each_other_open_no_window() {
    let mut facts = incoming();
    facts.backend.mode = "r".into();
    space::set_role(&mut facts, &Role::Primary);
    space::set_net(&mut facts, (Some("C"), Some(false)));
    refused(&facts, &["nodo2", "two primaries are not allowed"]);
}

#[test]
fn an_incoming_migration_whose_source_does_not_answer_is_refused() {
    let mut facts = incoming();
    set_probe(&mut facts, Some(&Probe::Unanswered));
    refused(
        &facts,
        &[
            "web-root",
            "nodo2",
            "10.0.0.2:7789",
            "the replication link is cut",
        ],
    );
}

/// `xl migrate` that fails at the final handshake leaves `NAME--migratedaway` at the source, suspended
/// and Primary, while the guest runs on the peer.
#[test]
fn a_guest_that_comes_back_to_what_it_left_behind_is_looked_at_as_any() {
    let left = |mut facts: Facts| {
        space::set_role(&mut facts, &Role::Primary);
        facts.uses = vec![space::migrated_away()];
        facts
    };
    let mut facts = left(incoming());
    assert_eq!(answer(&add(&facts)).0, Answer::Receive);
    space::disconnect(&mut up(&mut facts).connections[0]);
    refused(&facts, &["nodo2: Connecting", "stale"]);
    let mut facts = left(plain_start());
    up(&mut facts).connections[0].role = Role::Primary;
    refused(&facts, &["web-root", "guest web--migratedaway (domain 5)"]);
}

/// Contract 37: a question that could not be put is no answer, and is not told as one.
#[test]
fn a_source_that_could_not_be_asked_is_not_called_silent() {
    let mut facts = incoming();
    set_probe(&mut facts, Some(&Probe::Failed("no buffer space".into())));
    refused(
        &facts,
        &["web-root", "nodo2 is alive failed", "no buffer space"],
    );
}

#[test]
fn a_shared_resource_beside_a_primary_is_not_spoken_of_as_a_migration() {
    let mut facts = incoming();
    facts.arrival = Arrival::PlainStart;
    facts.backend.mode = "w!".into();
    assert_eq!(answer(&add(&facts)).0, Answer::Promote);
    set_probe(&mut facts, Some(&Probe::Unanswered));
    let sentence = sentence(&add(&facts));
    says(&sentence, &["web-root", "nodo2"]);
    assert!(
        !sentence.contains("goes on at its source"),
        "no guest is received: {sentence}"
    );
}

#[test]
fn pygrub_starts_as_any_guest() {
    let mut facts = plain_start();
    facts.guest.domid = 0;
    assert_eq!(answer(&add(&facts)).0, Answer::Promote);
    up(&mut facts).connections[0].role = Role::Primary;
    waits(&facts, &["Primary on nodo2"]);
}

#[test]
fn a_source_that_waits_for_a_new_connection_has_noticed_a_loss_that_this_host_has_not() {
    let mut facts = incoming();
    space::set_probe(&mut facts, Some(&Probe::Accepted));
    let refusal = sentence(&add(&facts));
    for word in [
        "nodo2",
        "waits for a new connection",
        "10.0.0.2:7789",
        "goes on at its source",
    ] {
        assert!(refusal.contains(word), "no {word} in {refusal}");
    }
}
