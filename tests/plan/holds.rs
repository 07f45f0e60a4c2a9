//! What holds after any run, however it ended.

use block_drbd::outcome::{ExitCode, Outcome};

use super::Scenario::{self, Join, Keep, Leave, Open, Receive, Remove, Start, Tidy};
use super::world::{Call, Outside};

/// Checks what holds after any run. Returns how it ended.
pub fn check(scenario: Scenario, outside: &Outside, ended: &Outcome, what: &str) -> ExitCode {
    let what = format!("{scenario:?}, {what}: {ended}");
    let now = (outside.is_primary(), outside.is_noted());
    let code = ended.code();
    assert!(!outside.is_locked(), "{what}: a lock is kept");
    if code == ExitCode::Done {
        // A demotion is done when it is done: its note may stay, and is found later.
        let noted = scenario.removes() && what.contains("Forget") || scenario.after().1;
        assert!(
            now.0 == scenario.after().0 && now.1 <= noted && now.1 >= scenario.after().1,
            "{what}: {now:?}"
        );
        if !scenario.removes() {
            assert_eq!(
                outside.node("physical-device").as_deref(),
                Some("93:1"),
                "{what}"
            );
            assert_eq!(
                outside.node("hotplug-status").as_deref(),
                Some("connected"),
                "{what}"
            );
        }
    } else {
        let left = outside.is_primary() && !scenario.before().0;
        if left {
            assert!(outside.is_noted(), "{what}: Primary without a note");
            let words = ended.to_string();
            assert!(
                words.contains("`drbdadm secondary web-root`"),
                "{what}: nobody is told"
            );
        } else if !scenario.removes() {
            // Whose end nobody saw, that promotion may still come: its note tells whose it is.
            let (primary, noted) = scenario.before();
            let unseen = !primary && what.contains("call: Promote") && what.contains("Expired");
            assert_eq!(now, (primary, noted || unseen), "{what}: role and note");
        } else {
            assert!(!now.0 || now.1, "{what}: Primary without its note");
        }
        if !scenario.removes() {
            assert_eq!(outside.node("physical-device"), None, "{what}: published");
            assert_eq!(outside.node("hotplug-status"), None, "{what}: published");
        }
    }
    window(scenario, outside, ended, &what);
    pauses(scenario, outside, &what);
    code
}

/// Two primaries are allowed for as long as they are needed; where that could not be set back, it is
/// noted, and for `add` it is said.
fn window(scenario: Scenario, outside: &Outside, ended: &Outcome, what: &str) {
    let (open, noted) = outside.window();
    let done = ended.code() == ExitCode::Done;
    match scenario {
        Open if done => assert_eq!((open, noted), (true, true), "{what}"),
        Open if open => {
            let told = ended.to_string().contains("two primaries stay allowed");
            assert!(noted && (told || outside.is_primary()), "{what}: open");
        }
        Tidy => assert!(noted || !open, "{what}: open without a note"),
        Leave if done => assert!(noted || !open || what.contains("Note"), "{what}: open"),
        Start | Receive | Join | Keep | Remove => {
            assert_eq!((open, noted), (true, false), "{what}: configured");
        }
        Open | Leave => {}
    }
}

/// Whoever waits for better times gives the resource's lock back meanwhile. Two waits are part of a
/// change half made and keep it: for the source's writes, and for an undoing demotion.
fn pauses(scenario: Scenario, outside: &Outside, what: &str) {
    let mut demoted = false;
    for pair in outside.made().windows(2) {
        demoted |= pair[0].call == Call::Demote;
        if pair[1].call == Call::Pause && pair[1].resource_locked {
            let undoing = !scenario.removes() && demoted;
            assert!(
                undoing || pair[0].call == Call::InFlight,
                "{what}: paused under the lock after {:?}",
                pair[0]
            );
        }
    }
}
