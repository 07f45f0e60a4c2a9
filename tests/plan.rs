//! Every step of every plan, made to fail in every way: what is left is what was there before, or
//! it is named, noted and exits with an error.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

#[path = "plan/holds.rs"]
mod holds;
#[path = "plan/reaping.rs"]
mod reaping;
#[path = "plan/retries.rs"]
mod retries;
#[path = "plan/undo.rs"]
mod undo;
#[path = "support/world.rs"]
mod world;

use block_drbd::drbd::{ConnectionState, DiskState, ReplicationState, Role};
use block_drbd::outcome::{ExitCode, Outcome};
use block_drbd::request::Action;
use block_drbd::store::memory::Operation;
use holds::check;
use world::{BACKEND, Call, Fault, Made, Outside, Strike};
use xenstore_rs::Xs;

/// A plan, by the world that asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scenario {
    Start,
    Receive,
    /// As `Receive`, where two primaries are not configured.
    Open,
    Join,
    Keep,
    Remove,
    /// The source of a migration lets go of the disk.
    Leave,
    /// What an earlier run left: Secondary, with a window that it noted.
    Tidy,
}

use Scenario::{Join, Keep, Leave, Open, Receive, Remove, Start, Tidy};

const ALL: [Scenario; 8] = [Start, Receive, Open, Join, Keep, Remove, Leave, Tidy];

impl Scenario {
    fn world(self) -> Outside {
        let outside = Outside::new();
        match self {
            Start => {}
            Receive => outside.receive(4),
            Open => {
                outside.receive(4);
                outside.windowed(false);
            }
            Join => {
                outside.set_role(&Role::Primary);
                outside.set_noted();
                outside.published(5, "guest", "/vm/guest");
                // Its stub domain.
                outside.write("/local/domain/7/target", "5");
            }
            Keep => outside.set_role(&Role::Primary),
            Remove | Leave => {
                outside.set_role(&Role::Primary);
                outside.set_noted();
                outside.write(&format!("{BACKEND}/state"), "6");
                outside.write(&format!("{BACKEND}/physical-device"), "93:1");
                if self == Leave {
                    outside.change(|r| r.connections[0].role = Role::Primary);
                    outside.windowed(true);
                }
            }
            Tidy => {
                outside.write(&format!("{BACKEND}/state"), "6");
                outside.windowed(true);
                outside.set_window_noted();
            }
        }
        outside
    }

    fn removes(self) -> bool {
        matches!(self, Remove | Leave | Tidy)
    }

    fn action(self) -> Action {
        if self.removes() {
            Action::Remove
        } else {
            Action::Add
        }
    }

    /// Primary and noted, before the run.
    fn before(self) -> (bool, bool) {
        match self {
            Start | Receive | Open | Tidy => (false, false),
            Keep => (true, false),
            Join | Remove | Leave => (true, true),
        }
    }

    /// The same after one that went well.
    fn after(self) -> (bool, bool) {
        match self {
            Start | Receive | Open | Join => (true, true),
            Keep => (true, false),
            Remove | Leave | Tidy => (false, false),
        }
    }

    /// Every call that a run makes when nothing fails.
    fn calls(self) -> Vec<Made> {
        let outside = self.world();
        let ended = outside.run(self.action(), "");
        assert_eq!(
            ended.outcome.code(),
            ExitCode::Done,
            "{self:?}: {}",
            ended.outcome
        );
        outside.made()
    }
}

fn strike(call: Call, nth: u32, fault: Fault) -> Strike {
    Strike {
        call,
        nth,
        always: false,
        fault,
    }
}

fn always(call: Call, nth: u32, fault: Fault) -> Strike {
    Strike {
        always: true,
        ..strike(call, nth, fault)
    }
}

fn run(scenario: Scenario, strikes: &[Strike], configuration: &str) -> (Outside, Outcome) {
    let outside = scenario.world();
    for strike in strikes {
        outside.strike(*strike);
    }
    let outcome = outside.run(scenario.action(), configuration).outcome;
    (outside, outcome)
}

/// All that can happen to a call.
fn faults(call: Call) -> Vec<Fault> {
    use Fault::{After, Before, Broken, DoneAndExpired, DoneAndRefused, Expired, Refused};
    let mut all = match call {
        Call::Promote | Call::Demote | Call::OpenWindow | Call::CloseWindow => {
            let mut all = vec![Expired, DoneAndExpired, Broken];
            for number in [
                -1, -2, -7, -10, -12, -18, -19, -20, -21, -23, -25, 127, 158, 162, 164,
            ] {
                all.extend([Refused(number), DoneAndRefused(number)]);
            }
            all
        }
        Call::Read | Call::Settings | Call::InFlight => {
            vec![Expired, Broken, Refused(-18), Refused(158), Refused(-23)]
        }
        Call::LockResource | Call::LockBlock => vec![Expired, Broken],
        Call::Note
        | Call::Forget
        | Call::CheckNode
        | Call::Probe
        | Call::Pause
        | Call::Configured => vec![Broken],
        Call::PeerName => Vec::new(),
    };
    for happens in HAPPENINGS {
        all.push(Before(happens));
        if matches!(
            call,
            Call::Promote | Call::Demote | Call::OpenWindow | Call::CloseWindow
        ) {
            all.push(After(happens));
        }
    }
    all
}

/// What others do meanwhile. None of it concerns a disk that goes away.
const HAPPENINGS: [fn(&Outside); 12] = [
    |o| o.store.rm(BACKEND).unwrap(),
    |o| o.write(&format!("{BACKEND}/state"), "5"),
    |o| o.write(&format!("{BACKEND}/online"), "0"),
    |o| o.store.refuse(Operation::Write, BACKEND, "ENOSPC", 1),
    |o| o.store.refuse(Operation::Commit, "", "EIO", 1),
    |o| o.store.refuse(Operation::Begin, "", "EBUSY", 1),
    |o| o.store.refuse(Operation::Read, BACKEND, "EIO", 1),
    |o| {
        o.store
            .refuse(Operation::Directory, "backend/vbd", "EIO", 1);
    },
    |o| o.store.conflict(3),
    |o| o.change(|r| r.volumes[0].disk = DiskState::Failed),
    |o| {
        o.change(|r| {
            r.connections[0].state = ConnectionState::Connecting;
            r.connections[0].role = Role::Unknown;
            r.connections[0].peer_devices[0].replication = ReplicationState::Off;
            r.connections[0].peer_devices[0].disk = DiskState::DUnknown;
        });
    },
    |o| o.change(|r| r.suspended.push("quorum".into())),
];

#[test]
fn every_plan_goes_well_when_nothing_happens() {
    for scenario in ALL {
        let (outside, outcome) = run(scenario, &[], "");
        assert_eq!(
            check(scenario, &outside, &outcome, "nothing"),
            ExitCode::Done
        );
        if scenario == Leave || scenario == Tidy {
            assert_eq!(outside.window(), (false, false), "{scenario:?}");
        }
    }
}

#[test]
fn whatever_happens_at_any_call_leaves_all_as_it_was_or_done() {
    let mut runs = 0;
    let mut broken = Vec::new();
    for scenario in ALL {
        for Made { call, nth, .. } in scenario.calls() {
            for fault in faults(call) {
                for strike in [strike(call, nth, fault), always(call, nth, fault)] {
                    let what = format!("{strike:?}");
                    let tried = std::panic::catch_unwind(|| {
                        let (outside, outcome) = run(scenario, &[strike], "");
                        check(scenario, &outside, &outcome, &what)
                    });
                    runs += 1;
                    if let Err(panic) = tried {
                        let words = panic.downcast_ref::<String>().cloned();
                        broken.push(words.unwrap_or(what));
                    }
                }
            }
        }
    }
    println!("{runs} runs");
    assert!(runs > 1000, "{runs}");
    assert!(
        broken.is_empty(),
        "{} of {runs}:\n{}",
        broken.len(),
        broken.join("\n")
    );
}

#[test]
fn exit_codes_tell_refusals_failures_and_the_deadline_apart() {
    use Fault::{Before, Broken, Expired, Refused};
    let lost: fn(&Outside) = HAPPENINGS[10];
    for (scenario, strike, expected) in [
        (
            Start,
            strike(Call::Promote, 1, Refused(-7)),
            ExitCode::Failed,
        ),
        (Start, strike(Call::Promote, 1, Expired), ExitCode::Deadline),
        (Start, strike(Call::Read, 1, Broken), ExitCode::Failed),
        (Start, strike(Call::Read, 1, Expired), ExitCode::Deadline),
        (Start, strike(Call::Read, 2, Expired), ExitCode::Deadline),
        (
            Start,
            strike(Call::LockResource, 1, Expired),
            ExitCode::Deadline,
        ),
        (
            Start,
            strike(Call::LockResource, 1, Broken),
            ExitCode::Failed,
        ),
        (
            Start,
            strike(Call::LockBlock, 1, Expired),
            ExitCode::Deadline,
        ),
        (Start, strike(Call::Note, 1, Broken), ExitCode::Failed),
        (
            Start,
            strike(Call::LockBlock, 1, Before(HAPPENINGS[1])),
            ExitCode::Failed,
        ),
        (
            Start,
            strike(Call::Promote, 1, Fault::After(HAPPENINGS[9])),
            ExitCode::Refused,
        ),
        (
            Start,
            strike(Call::LockBlock, 1, Before(|o| o.published(9, "m", "/vm/m"))),
            ExitCode::Refused,
        ),
        (Receive, strike(Call::Probe, 1, Broken), ExitCode::Refused),
        (
            Receive,
            strike(Call::Promote, 1, Fault::After(lost)),
            ExitCode::Refused,
        ),
        (
            Receive,
            strike(Call::InFlight, 2, Expired),
            ExitCode::Deadline,
        ),
        (Receive, strike(Call::Pause, 1, Broken), ExitCode::Deadline),
        (
            Remove,
            strike(Call::Demote, 1, Refused(-20)),
            ExitCode::Failed,
        ),
        (Remove, strike(Call::Demote, 1, Expired), ExitCode::Deadline),
        (
            Remove,
            strike(Call::Demote, 1, Before(Outside::take_down)),
            ExitCode::Done,
        ),
    ] {
        let (_, outcome) = run(scenario, &[strike], "");
        let code = outcome.code();
        assert_eq!(code, expected, "{scenario:?}, {strike:?}: {outcome}");
    }
}
