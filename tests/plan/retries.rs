//! What is tried again, how often, and what is not.

use std::time::Instant;

use block_drbd::drbd::{ConnectionState, Role};
use block_drbd::probe::Probe;
use block_drbd::request::Action;

use super::world::{Call, Fault};
use super::{
    ExitCode, HAPPENINGS, Leave, Receive, Remove, Start, Tidy, always, check, run, strike,
};
use super::{Outside, Scenario};

fn transient_until(scenario: Scenario, call: Call, number: i32, good: u32) -> (Outside, String) {
    let strikes: Vec<_> = (1..good)
        .map(|nth| strike(call, nth, Fault::Refused(number)))
        .collect();
    let (outside, outcome) = run(scenario, &strikes, "");
    assert_eq!(outcome.code(), ExitCode::Done, "({number}): {outcome}");
    assert_eq!(outside.count(call), good, "({number})");
    check(scenario, &outside, &outcome, "passed in the end");
    (outside, outcome.to_string())
}

/// Contract 37: one path could not be asked, and the other is silent.
#[test]
fn a_path_that_could_not_be_asked_is_not_outdone_by_a_silent_one() {
    for silent in [1, 2] {
        let outside = Outside::new();
        outside.second_path();
        outside.change(|r| {
            r.connections[0].state = ConnectionState::Connecting;
            r.connections[0].role = Role::Unknown;
        });
        outside.set_probe(Probe::Failed("no buffer space".into()));
        outside.strike(strike(Call::Probe, silent, Fault::Broken));
        let outcome = outside.run(Action::Add, "").outcome;
        assert_eq!(outcome.code(), ExitCode::Refused, "{silent}: {outcome}");
        assert!(outcome.to_string().contains("no buffer space"), "{outcome}");
    }
}

#[test]
fn contract_30_what_may_pass_is_tried_again_until_it_passes() {
    for number in [-1, -2, -10, -18, -19, -22, -25] {
        transient_until(Start, Call::Promote, number, 4);
    }
    for number in [-10, -12, -18, -19, -22] {
        transient_until(Remove, Call::Demote, number, 8);
    }
}

#[test]
fn what_takes_drbds_own_time_out_is_tried_once_more_and_not_oftener() {
    for number in [-21, -23] {
        transient_until(Start, Call::Promote, number, 2);
        transient_until(Remove, Call::Demote, number, 2);
        let (outside, outcome) = run(
            Start,
            &[always(Call::Promote, 1, Fault::Refused(number))],
            "",
        );
        assert_eq!(
            (outcome.code(), outside.count(Call::Promote)),
            (ExitCode::Failed, 2)
        );
        let (outside, outcome) = run(
            Remove,
            &[always(Call::Demote, 1, Fault::Refused(number))],
            "",
        );
        assert_eq!(
            (outcome.code(), outside.count(Call::Demote)),
            (ExitCode::Failed, 2)
        );
    }
}

#[test]
fn what_does_not_pass_is_not_tried_again() {
    for number in [-7, -12, -20, -24, -28, 102, 152] {
        let (outside, outcome) = run(
            Start,
            &[always(Call::Promote, 1, Fault::Refused(number))],
            "",
        );
        assert_eq!(
            (outcome.code(), outside.count(Call::Promote)),
            (ExitCode::Failed, 1)
        );
        let words = format!("({number}) words of DRBD");
        assert!(
            outcome.to_string().contains(&words),
            "DRBD's own reason: {outcome}"
        );
    }
    for number in [-2, -7, -20, -24] {
        let (outside, outcome) = run(
            Remove,
            &[always(Call::Demote, 1, Fault::Refused(number))],
            "",
        );
        assert_eq!(
            (outcome.code(), outside.count(Call::Demote)),
            (ExitCode::Failed, 1)
        );
    }
}

#[test]
fn without_patience_nothing_is_tried_again() {
    let (outside, outcome) = run(
        Start,
        &[always(Call::Promote, 1, Fault::Refused(-1))],
        "patience = 0",
    );
    assert_eq!(
        (outcome.code(), outside.count(Call::Promote)),
        (ExitCode::Failed, 1)
    );
}

#[test]
fn patience_ends_in_time_and_pauses_grow() {
    for (configuration, tries) in [
        ("patience = 1", 4..=9),
        ("", 8..=16),
        ("patience = 20", 20..=40),
    ] {
        let (outside, outcome) = run(
            Start,
            &[always(Call::Promote, 1, Fault::Refused(-1))],
            configuration,
        );
        assert_eq!(
            check(Start, &outside, &outcome, "patience"),
            ExitCode::Failed
        );
        let tried = outside.count(Call::Promote);
        assert!(tries.contains(&tried), "{configuration}: {tried} tries");
    }
}

#[test]
fn contract_21_a_device_that_stays_open_is_tried_until_the_deadline_and_left_noted() {
    let (outside, outcome) = run(Remove, &[always(Call::Demote, 1, Fault::Refused(-12))], "");
    assert_ne!(outcome.code(), ExitCode::Done);
    assert!(outside.is_primary() && outside.is_noted());
    let tries = outside.count(Call::Demote);
    assert!((10..60).contains(&tries), "{tries} tries within 25 s");
    for word in ["web-root", "stays Primary", "`drbdadm secondary web-root`"] {
        assert!(outcome.to_string().contains(word), "{word}: {outcome}");
    }
}

#[test]
fn a_disk_that_was_demoted_is_not_said_to_stay_primary() {
    let (outside, outcome) = run(Remove, &[always(Call::Forget, 1, Fault::Broken)], "");
    assert!(!outside.is_primary());
    assert!(!outcome.to_string().contains("stays Primary"), "{outcome}");
}

#[test]
fn a_migration_is_refused_at_once_since_its_guest_waits_at_the_source() {
    // Two primaries forbidden, by what DRBD says: a matter of configuration, which does not pass.
    let (outside, outcome) = run(Receive, &[always(Call::Promote, 1, Fault::Refused(-1))], "");
    assert_ne!(outcome.code(), ExitCode::Done);
    assert_eq!(outside.count(Call::Promote), 1, "{outcome}");
}

#[test]
fn a_migration_whose_reading_got_worse_is_undone_and_not_tried_again() {
    for happens in [HAPPENINGS[9], HAPPENINGS[10], HAPPENINGS[11]] {
        let (outside, outcome) = run(
            Receive,
            &[strike(Call::Promote, 1, Fault::After(happens))],
            "",
        );
        assert_eq!(
            check(Receive, &outside, &outcome, "worse"),
            ExitCode::Refused
        );
        assert_eq!(
            (outside.count(Call::Promote), outside.count(Call::Demote)),
            (1, 1)
        );
    }
}

#[test]
fn a_start_whose_link_was_lost_meanwhile_is_decided_anew() {
    let (outside, outcome) = run(
        Start,
        &[strike(Call::Promote, 1, Fault::After(HAPPENINGS[10]))],
        "",
    );
    assert_eq!(check(Start, &outside, &outcome, "lost"), ExitCode::Done);
    assert_eq!(
        (outside.count(Call::Promote), outside.count(Call::Demote)),
        (2, 1)
    );
    assert_eq!(
        outside.count(Call::Probe),
        1,
        "the second time it is disconnected"
    );
}

#[test]
fn the_sources_writes_are_waited_for() {
    let outside = Receive.world();
    outside.receive(30);
    let outcome = outside.run(Receive.action(), "").outcome;
    assert_eq!(check(Receive, &outside, &outcome, "writes"), ExitCode::Done);
    // Three readings alike end it: the last write makes the first of them.
    assert_eq!(outside.count(Call::InFlight), 32);
}

#[test]
fn a_source_that_does_not_stop_is_refused_in_time() {
    let outside = Receive.world();
    outside.receive(u32::MAX);
    outside.in_real_time();
    let started = Instant::now();
    let outcome = outside.run(Receive.action(), "drain = 1").outcome;
    assert!(started.elapsed().as_secs() < 3);
    assert_eq!(
        check(Receive, &outside, &outcome, "writes"),
        ExitCode::Refused
    );
    assert!(
        outcome
            .to_string()
            .contains("the guest goes on at its source"),
        "{outcome}"
    );
}

/// Contract 34, 35: `drbdadm` takes its time, and one side alone would change.
#[test]
fn a_window_is_closed_on_a_reading_that_is_as_new_as_can_be() {
    for scenario in [Leave, Tidy] {
        let lost = Fault::Before(HAPPENINGS[10]);
        let (outside, outcome) = run(scenario, &[strike(Call::Configured, 1, lost)], "");
        assert_eq!(
            outside.count(Call::CloseWindow),
            0,
            "{scenario:?}: {outcome}"
        );
        assert_eq!(outside.window(), (true, true), "{scenario:?}: {outcome}");
    }
}
