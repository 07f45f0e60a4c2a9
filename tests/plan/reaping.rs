//! `reap`, with every call made to fail in every way: what it could not do is noted still, so that the
//! next run does it.

use std::time::Duration;

use block_drbd::deadline::Deadline;
use block_drbd::drbd::{Error, Role};
use block_drbd::observe::World;
use block_drbd::policy::Configuration;
use block_drbd::reap::{self, Found, State};

use super::world::{Call, Fault, Made, Outside, Strike};

/// Primary for nobody, and a window beside it that is still open.
fn left_behind() -> Outside {
    let outside = Outside::new();
    outside.set_role(&Role::Primary);
    outside.set_noted();
    outside.windowed(true);
    outside.set_window_noted();
    outside
}

fn run(outside: &Outside, dry: bool) -> Result<Vec<Found>, Error> {
    let world = World {
        store: &outside.store,
        replication: outside,
        host: outside,
    };
    let configuration = Configuration::default();
    let all = Deadline::within(Duration::from_secs(30));
    let names = reap::candidates(outside, outside, &configuration, &all)?;
    Ok(reap::run(&world, names, &configuration, dry, &all))
}

/// Primary, noted; two primaries allowed, noted.
fn left(outside: &Outside) -> [(bool, bool); 2] {
    [(outside.is_primary(), outside.is_noted()), outside.window()]
}

const NOTHING: [(bool, bool); 2] = [(false, false); 2];

fn faults(call: Call) -> Vec<Fault> {
    let mut all = vec![Fault::Expired, Fault::Broken];
    if matches!(call, Call::Demote | Call::CloseWindow) {
        all.extend([
            Fault::Refused(-12),
            Fault::Refused(-10),
            Fault::DoneAndRefused(-12),
            Fault::DoneAndExpired,
        ]);
    }
    all
}

/// Contract 26.
#[test]
fn whatever_fails_is_done_by_the_next_run() {
    let whole = left_behind();
    let found = run(&whole, false).unwrap();
    assert_eq!(
        found.iter().map(|f| f.state).collect::<Vec<_>>(),
        [State::Done]
    );
    assert_eq!(left(&whole), NOTHING);
    let calls = whole.made();
    assert!(calls.len() > 8, "{calls:?}");
    for Made { call, nth, .. } in calls {
        for fault in faults(call) {
            for always in [false, true] {
                let outside = left_behind();
                outside.strike(Strike {
                    call,
                    nth,
                    always,
                    fault,
                });
                let ended = run(&outside, false);
                let what = format!("{call:?} {nth} {always} {fault:?}: {ended:?}");
                check(&outside, ended.ok(), &what);
                outside.heal();
                run(&outside, false).unwrap();
                assert_eq!(left(&outside), NOTHING, "{what}");
            }
        }
    }
}

fn check(outside: &Outside, found: Option<Vec<Found>>, what: &str) {
    assert!(!outside.is_locked(), "{what}: a lock is kept");
    let [(primary, promoted), (open, window)] = left(outside);
    assert!(promoted || !primary, "{what}: nobody's Primary");
    assert!(window || !open, "{what}: nobody's window");
    // Not even a look was possible, or it is said what stays.
    let told = |f: &Found| !matches!(f.state, State::Clear | State::InUse) && !f.why.is_empty();
    let told = found.is_none_or(|all| all.iter().all(told));
    assert!(told || !(primary || open), "{what}: not a word");
}

/// Contract 35, with a third node (DRBD 9).
#[test]
fn a_window_with_a_node_that_is_away_keeps_no_other_open() {
    let outside = left_behind();
    outside.third_node_is_away();
    let found = run(&outside, false).unwrap();
    assert_eq!(found[0].state, State::Failed, "{found:?}");
    assert!(found[0].why[0].words.contains("nodo3"), "{found:?}");
    assert_eq!(left(&outside), [(false, false), (false, true)]);
}

#[test]
fn a_dry_run_asks_for_nothing_to_be_changed() {
    let outside = left_behind();
    let before = left(&outside);
    let found = run(&outside, true).unwrap();
    assert_eq!(found[0].state, State::Planned);
    assert_eq!(left(&outside), before);
    let changes = [
        Call::Demote,
        Call::CloseWindow,
        Call::Note,
        Call::Forget,
        Call::Pause,
    ];
    let made = outside.made();
    assert!(made.iter().all(|m| !changes.contains(&m.call)), "{made:?}");
}

#[test]
fn a_promotion_that_ends_while_it_is_looked_for_is_undone() {
    let outside = Outside::new();
    outside.set_noted();
    outside.strike(Strike {
        call: Call::Read,
        nth: 2,
        always: false,
        fault: Fault::Before(|o| o.set_role(&Role::Primary)),
    });
    let found = run(&outside, false).unwrap();
    assert_eq!(found[0].state, State::Done, "{found:?}");
    assert_eq!(left(&outside)[0], (false, false));
}
