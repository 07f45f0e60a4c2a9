//! The one loop behind `add` and `remove`: look, decide, act; look again where time may help.

mod turn;
mod wording;

use std::cell::OnceCell;
use std::time::Duration;

use xenstore_rs::{XsTransaction, XsTransactionSpan};

use crate::deadline::{Deadline, Expired};
use crate::drbd::Replication;
use crate::facts::Facts;
use crate::host::Host;
use crate::message::{Coded, Message};
use crate::observe::{Asked, Named, World};
use crate::outcome::Outcome;
use crate::policy::Configuration;
use crate::request::{Action, BackendPath};
use crate::store::Timed;

/// First and longest pause between two readings.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Time kept back from `remove`, to find out who holds the device.
const REPORT: Duration = Duration::from_secs(2);

/// How a run ended, and what it was about.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// The last facts, where it came so far.
    pub facts: Option<Facts>,
    /// What the backend's nodes said before, likewise.
    pub asked: Option<Asked>,
}

/// One turn of the loop.
enum Turn {
    /// It is over.
    End(Outcome),
    /// Look again after a pause, up to the patience for it; then end so.
    Later {
        patience: Duration,
        otherwise: Outcome,
    },
}

/// The time that an action has, and the part of it that is kept for undoing.
#[derive(Debug)]
pub struct Time {
    /// By when the work has to be done.
    pub work: Deadline,
    /// What is kept back.
    pub reserve: Duration,
}

impl Time {
    /// Splits the time that is left until `all`.
    #[must_use]
    pub fn of(action: Action, all: &Deadline) -> Self {
        let kept = match action {
            Action::Add => Duration::from_secs(5),
            Action::Remove => REPORT,
        };
        let reserve = kept.min(all.left() / 4);
        Self {
            work: all.at_most(all.left().saturating_sub(reserve)),
            reserve,
        }
    }
}

/// Carries out a request.
#[must_use]
pub fn run<S, R, H>(
    world: &World<'_, S, R, H>,
    action: Action,
    path: &BackendPath,
    configuration: &Configuration,
    time: &Time,
) -> Ended
where
    S: XsTransaction + Timed,
    S::Span: XsTransactionSpan,
    R: Replication,
    H: Host,
{
    let mut run = Run {
        world,
        action,
        path,
        configuration,
        time,
        facts: None,
        asked: None,
        resource: None,
        known: None,
        by_device: false,
        stuck: false,
        peer: OnceCell::new(),
    };
    if action == Action::Remove {
        // Whatever it was received with, it is not received again.
        world.host.unmark(path.frontend_id);
    }
    // Patience begins when there is something to wait for; time spent on a lock is not it.
    let mut since = None;
    let mut pause = FIRST_PAUSE;
    let mut once = true;
    let outcome = loop {
        let (patience, otherwise) = match run.turn(&mut once) {
            Turn::End(outcome) => break outcome,
            Turn::Later {
                patience,
                otherwise,
            } => (patience, otherwise),
        };
        let waited = world.host.now() - *since.get_or_insert_with(|| world.host.now());
        let left = patience.saturating_sub(waited);
        if left.is_zero() {
            break otherwise;
        }
        match world.host.pause(pause.min(left), &time.work) {
            Ok(()) => pause = (pause * 3 / 2).min(LONGEST_PAUSE),
            Err(Expired::Deadline) => break otherwise,
            Err(expired @ Expired::Interrupted) => {
                let words = format!("block-drbd {expired}: detach the disk and attach it again");
                break Outcome::Failed(Message::new(expired.code(), words));
            }
        }
    };
    let outcome = run.with_openers(outcome);
    Ended {
        outcome,
        facts: run.facts,
        asked: run.asked,
    }
}

struct Run<'r, 'w, S, R, H> {
    world: &'r World<'w, S, R, H>,
    action: Action,
    path: &'r BackendPath,
    configuration: &'r Configuration,
    time: &'r Time,
    facts: Option<Facts>,
    /// What the nodes said, as long as they were there.
    asked: Option<Asked>,
    /// Name of the resource, as far as it is known without facts.
    resource: Option<String>,
    /// What an earlier turn knew it to be about: the toolstack may delete the folder meanwhile.
    known: Option<Named>,
    /// It is known by the device that was published, which counts for more than its name.
    by_device: bool,
    /// A demotion was tried and did not succeed.
    stuck: bool,
    /// Host name of the peer, once it was asked for (8.4).
    peer: OnceCell<Option<String>>,
}
