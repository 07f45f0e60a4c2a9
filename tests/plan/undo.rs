//! What happens while a plan is taken back.

use super::world::{BACKEND, Call, Fault};
use super::{Action, ExitCode, Open, Receive, Role, Start, Tidy, always, check, run, strike};

#[test]
fn whatever_happens_while_a_plan_is_taken_back_is_named_and_stays_noted() {
    use Fault::{Broken, Expired, Refused};
    let causes = [
        strike(Call::CheckNode, 1, Broken),
        strike(Call::LockBlock, 1, Broken),
        strike(
            Call::LockBlock,
            1,
            Fault::Before(|o| o.write(&format!("{BACKEND}/state"), "5")),
        ),
        strike(Call::Promote, 1, Fault::DoneAndExpired),
        strike(Call::Promote, 1, Fault::DoneAndRefused(-7)),
    ];
    for scenario in [Start, Receive] {
        for cause in causes {
            for fault in [Refused(-12), Refused(-20), Refused(-23), Expired, Broken] {
                let (outside, outcome) =
                    run(scenario, &[cause, always(Call::Demote, 1, fault)], "");
                let code = check(
                    scenario,
                    &outside,
                    &outcome,
                    &format!("{cause:?}, {fault:?}"),
                );
                assert!(outside.is_primary() && outside.is_noted(), "{outcome}");
                assert_ne!(code, ExitCode::Done);
                assert!(
                    outcome.to_string().contains("could not be demoted again"),
                    "{outcome}"
                );
                let tries = outside.count(Call::Demote);
                assert!(tries <= 12, "{tries} tries");
                assert_eq!(
                    outside.count(Call::Promote),
                    1,
                    "not tried again on what is left"
                );
            }
            let (outside, outcome) = run(scenario, &[cause, always(Call::Forget, 1, Broken)], "");
            assert!(!outside.is_primary(), "{outcome}");
            assert_ne!(outcome.code(), ExitCode::Done);
            assert!(
                !outcome.to_string().contains("could not be demoted"),
                "it was demoted, and only its note stays: {outcome}"
            );
        }
    }
}

/// Contract 16: what is committed is done, whoever was told so.
#[test]
fn a_publication_whose_answer_is_lost_stands() {
    for scenario in [Start, Receive, Open] {
        let outside = scenario.world();
        outside.store.lose_answers(1);
        let outcome = outside.run(Action::Add, "").outcome;
        let code = check(scenario, &outside, &outcome, "the answer is lost");
        assert_eq!(code, ExitCode::Done, "{outcome}");
    }
}

#[test]
fn an_interrupted_demotion_is_tried_once_more_while_a_plan_is_taken_back() {
    for number in [-21, -23] {
        let strikes = [
            strike(Call::CheckNode, 1, Fault::Broken),
            strike(Call::Demote, 1, Fault::Refused(number)),
        ];
        let (outside, outcome) = run(Start, &strikes, "");
        assert!(!outside.is_primary(), "({number}): {outcome}");
    }
}

#[test]
fn a_promotion_that_others_use_by_now_stays_and_stays_noted() {
    for scenario in [Start, Receive] {
        let strikes = [strike(
            Call::CheckNode,
            1,
            Fault::Before(|o| {
                o.published(9, "mail", "/vm/mail");
                o.strike(strike(Call::LockBlock, 1, Fault::Broken));
            }),
        )];
        let (outside, outcome) = run(scenario, &strikes, "");
        assert_ne!(outcome.code(), ExitCode::Done);
        assert!(outside.is_primary(), "another guest uses it: {outcome}");
        assert!(
            outside.is_noted(),
            "it is still this program's promotion: {outcome}"
        );
    }
}

#[test]
fn what_could_not_be_taken_back_is_reported_with_drbds_own_reason() {
    let strikes = [
        strike(Call::CheckNode, 1, Fault::Broken),
        always(Call::Demote, 1, Fault::Refused(-12)),
    ];
    let (_, outcome) = run(Start, &strikes, "");
    let words = outcome.to_string();
    assert!(words.contains("(-12) words of DRBD"), "{words}");
    assert!(!words.contains("writes"), "no source writes here: {words}");
}

#[test]
fn a_promotion_whose_end_nobody_saw_keeps_its_note_and_one_that_was_refused_does_not() {
    for (fault, noted) in [
        (Fault::Expired, true),
        (Fault::DoneAndExpired, true),
        (Fault::Refused(-7), false),
        (Fault::DoneAndRefused(-7), false),
    ] {
        for scenario in [Start, Receive] {
            let (outside, outcome) = run(scenario, &[strike(Call::Promote, 1, fault)], "");
            let now = (outside.is_primary(), outside.is_noted());
            assert_eq!(now, (false, noted), "{scenario:?}, {fault:?}: {outcome}");
        }
    }
}

/// An earlier promotion may still run in the kernel, and this `add` never came as far as its own.
#[test]
fn a_note_that_stood_before_stays_until_the_role_tells() {
    for fault in [Fault::Expired, Fault::DoneAndExpired, Fault::Refused(-7)] {
        let outside = Open.world();
        outside.set_noted();
        outside.strike(strike(Call::OpenWindow, 1, fault));
        let outcome = outside.run(Action::Add, "").outcome;
        assert_ne!(outcome.code(), ExitCode::Done);
        let now = (outside.is_primary(), outside.is_noted());
        assert_eq!(now, (false, true), "{fault:?}: {outcome}");
    }
}

#[test]
fn a_promotion_that_ends_while_remove_looks_for_it_is_undone() {
    let outside = Tidy.world();
    outside.set_noted();
    let ends = Fault::Before(|o| o.set_role(&Role::Primary));
    outside.strike(strike(Call::Read, 2, ends));
    let outcome = outside.run(Action::Remove, "").outcome;
    assert_eq!(outcome.code(), ExitCode::Done);
    let now = (outside.is_primary(), outside.is_noted());
    assert_eq!(now, (false, false), "{outcome}");
}
