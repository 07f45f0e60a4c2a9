//! Clears away what was left behind: a killed run, a toolstack that gave up, a link that was cut while
//! two primaries were allowed (contract 26, 27).

mod look;
mod report;
mod turn;

use std::time::Duration;

use xenstore_rs::{XsTransaction, XsTransactionSpan};

use crate::deadline::{Deadline, Expired};
use crate::drbd::{self, Replication};
use crate::host::{Host, Note};
use crate::message::{Code, Coded};
use crate::observe::World;
use crate::plan::Step;
use crate::policy::{Configuration, DualPrimary};
use crate::spec::check_name;
use crate::store::Timed;

pub use report::json;

/// First and longest pause between two readings.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How it ended for one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The steps were carried out.
    Done,
    /// A dry run: the steps would be.
    Planned,
    /// Nothing is left of anything.
    Clear,
    /// Used on this host.
    InUse,
    /// Something is left that may not be touched.
    Left,
    /// An `add` or a `remove` is at it.
    Busy,
    /// Something went wrong.
    Failed,
    /// Time ran out.
    Late,
}

/// What was found of one resource, and done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The resource.
    pub resource: String,
    /// How it ended.
    pub state: State,
    /// What was done, or would be.
    pub steps: Vec<Step>,
    /// Who uses it, what is left and why, what went wrong: sentences.
    pub why: Vec<Why>,
}

/// A sentence on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Its code, where something is wrong.
    pub code: Option<Code>,
    /// The sentence.
    pub words: String,
}

/// The resources to look at: those with a note, those that are Primary here, and those on which two
/// primaries are allowed where windows are. In order.
///
/// # Errors
/// When DRBD cannot be asked.
pub fn candidates(
    replication: &impl Replication,
    host: &impl Host,
    configuration: &Configuration,
    deadline: &Deadline,
) -> Result<Vec<String>, drbd::Error> {
    let mut names = host.noted(Note::Promotion);
    names.extend(host.noted(Note::Window));
    let up = replication.all(deadline)?;
    if !up.is_empty() {
        let windowed = |name: &String| {
            let policy = configuration.policy(Some(name));
            policy.dual_primary == DualPrimary::Window && !policy.shared
        };
        let settings = replication.all_settings(deadline)?.into_iter();
        let open = settings.filter(|(_, s)| s.open().count() > 0);
        names.extend(open.map(|(name, _)| name).filter(windowed));
    }
    names.extend(
        up.into_iter()
            .filter(drbd::Resource::has_primary)
            .map(|r| r.name),
    );
    // Locks and notes are files of that name.
    names.retain(|name| check_name(name).is_ok());
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Looks at each resource and clears away what may be; a dry run only says what.
///
/// Every resource has the time that an `add` has; all of them have that until `all`.
#[must_use]
pub fn run<S, R, H>(
    world: &World<'_, S, R, H>,
    names: Vec<String>,
    configuration: &Configuration,
    dry: bool,
    all: &Deadline,
) -> Vec<Found>
where
    S: XsTransaction + Timed,
    S::Span: XsTransactionSpan,
    R: Replication,
    H: Host,
{
    let mut found = Vec::new();
    for name in names {
        let ended = match all.check() {
            Ok(()) => patiently(world, &name, configuration, dry, all),
            Err(expired) => Found::given_up(&name, expired),
        };
        ended.tell();
        found.push(ended);
    }
    found
}

/// One resource; looked at again where time may help.
fn patiently<S, R, H>(
    world: &World<'_, S, R, H>,
    name: &str,
    configuration: &Configuration,
    dry: bool,
    all: &Deadline,
) -> Found
where
    S: XsTransaction + Timed,
    S::Span: XsTransactionSpan,
    R: Replication,
    H: Host,
{
    let policy = configuration.policy(Some(name));
    let deadline = all.at_most(policy.deadline);
    world.store.set_deadline(deadline.end());
    let mut turn = turn::Turn {
        world,
        name,
        policy: &policy,
        deadline: &deadline,
        once: true,
    };
    if dry {
        return turn.plan();
    }
    let since = world.host.now();
    let mut pause = FIRST_PAUSE;
    loop {
        let (found, again) = turn.take();
        let left = policy.patience.saturating_sub(world.host.now() - since);
        if !again || left.is_zero() {
            return found;
        }
        if world.host.pause(pause.min(left), &deadline).is_err() {
            return found;
        }
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

impl Found {
    fn new(resource: &str, state: State) -> Self {
        Self {
            resource: resource.to_owned(),
            state,
            steps: Vec::new(),
            why: Vec::new(),
        }
    }

    fn because(mut self, code: Code, words: impl Into<String>) -> Self {
        self.why = vec![Why {
            code: Some(code),
            words: words.into(),
        }];
        self
    }

    fn given_up(resource: &str, expired: Expired) -> Self {
        let (state, why) = match expired {
            Expired::Deadline => (State::Late, "time ran out before it was looked at"),
            Expired::Interrupted => (
                State::Failed,
                "not looked at: block-drbd was stopped by a signal",
            ),
        };
        Self::new(resource, state).because(expired.code(), why)
    }
}
