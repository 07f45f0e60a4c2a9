//! The proof of the proof: with any one guard taken away, the checker finds what it was there for.

use std::collections::BTreeSet;
use std::io::Write;

use model::check::check;
use model::guard;
use model::mutants::{ALL, SPARE};

#[test]
fn every_guard_is_missed() {
    for mutant in ALL {
        let checked = check(mutant.setting, Some(mutant.without), Some(mutant.breaks));
        let found = checked.broken.iter().find(|(p, _)| *p == mutant.breaks);
        let Some((_, story)) = found else {
            panic!(
                "without {:?} nothing breaks {}",
                mutant.without, mutant.breaks
            );
        };
        let line = format!(
            "without {:?}: {} does not hold, after {} events",
            mutant.without,
            mutant.breaks,
            story.lines().take_while(|l| !l.starts_with("=>")).count()
        );
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

#[test]
fn behind_some_guards_stands_another_one() {
    for (guard, setting, why) in SPARE {
        let checked = check(setting, Some(guard), None);
        let broken: Vec<_> = checked.broken.iter().map(|(p, _)| p).collect();
        assert!(
            broken.is_empty(),
            "{guard:?} is no longer spare ({why}): {broken:?}"
        );
    }
}

#[test]
fn no_guard_is_left_out() {
    let known = ALL.iter().map(|m| m.without).chain(SPARE.map(|s| s.0));
    let known: BTreeSet<String> = known.map(|g| format!("{g:?}")).collect();
    let all: BTreeSet<String> = guard::ALL.iter().map(|g| format!("{g:?}")).collect();
    assert_eq!(known, all);
}
