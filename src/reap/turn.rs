//! One turn on one resource, under its lock: look, decide, act.

use std::time::Duration;

use xenstore_rs::{XsTransaction, XsTransactionSpan};

use super::{Found, State, Why};
use crate::deadline::{Deadline, Expired};
use crate::decision::reap::{Left, Reaping, decide};
use crate::drbd::{Class, Error, Replication, Resource};
use crate::execute::StepError;
use crate::execute::window::Closed;
use crate::facts::ReapFacts;
use crate::host::{Host, LockError, Note, openers};
use crate::message::{Code, Coded};
use crate::observe::{ObserveError, World};
use crate::plan::Step;
use crate::policy::Policy;
use crate::store::Timed;

/// A run that keeps the lock for longer than this clears up after itself.
const LOCK: Duration = Duration::from_secs(1);

/// What a turn is about.
pub(super) struct Turn<'t, 'w, S, R, H> {
    pub world: &'t World<'w, S, R, H>,
    pub name: &'t str,
    pub policy: &'t Policy,
    pub deadline: &'t Deadline,
    /// A failure that is tried once more was not seen yet.
    pub once: bool,
}

impl<S, R, H> Turn<'_, '_, S, R, H>
where
    S: XsTransaction + Timed,
    S::Span: XsTransactionSpan,
    R: Replication,
    H: Host,
{
    /// Only says what would be done.
    pub fn plan(&self) -> Found {
        let (_lock, facts) = match self.look() {
            Ok(seen) => seen,
            Err(found) => return found,
        };
        let reaping = decide(&facts, self.policy);
        let steps = reaping.plan.steps.clone();
        let mut found = self.found(&reaping, (!steps.is_empty()).then_some(State::Planned));
        if steps.contains(&Step::Demote) {
            found.why.extend(self.in_doubt());
        }
        Found { steps, ..found }
    }

    /// Disks that the kernel is closing, and of which nothing tells any more where they lead to: it is
    /// DRBD that knows whether they have this resource open, and says so when it is demoted.
    fn in_doubt(&self) -> Option<Why> {
        let attached = self.world.host.attached().into_iter();
        let closing: Vec<String> = attached.filter(|a| a.closing).map(|a| a.name()).collect();
        let words = format!(
            "the kernel is still closing {}: if that is its disk, DRBD refuses",
            crate::words::list(&closing)
        );
        (!closing.is_empty()).then_some(Why { code: None, words })
    }

    /// Does it. `true` when another look may find it otherwise.
    pub fn take(&mut self) -> (Found, bool) {
        let (_lock, facts) = match self.look() {
            Ok(seen) => seen,
            Err(found) => return (found, false),
        };
        let mut reaping = decide(&facts, self.policy);
        log::debug!("{}: {reaping:?}", self.name);
        let held = matches!(reaping.left.as_slice(), [Left::Open(_), ..]);
        let mut done = Vec::new();
        for step in std::mem::take(&mut reaping.plan.steps) {
            match self.step(&step, facts.resource.as_ref()) {
                Ok(true) => done.push(step),
                Ok(false) => {}
                Err(StepError::Window(open)) => reaping.left.push(Left::Window(open.why)),
                Err(error) => return self.failed(&facts, &error, done),
            }
        }
        // What should have been demoted or closed is tried again by whoever runs this: no event tells
        // that it is closed, that a promotion has ended, or that the link is back.
        let waits = |l: &Left| matches!(l, Left::Open(_) | Left::Promoting | Left::Window(_));
        let state = if reaping.left.iter().any(waits) {
            Some(State::Failed)
        } else {
            (!done.is_empty()).then_some(State::Done)
        };
        let found = Found {
            steps: done,
            ..self.found(&reaping, state)
        };
        (found, held)
    }

    fn look(&self) -> Result<(H::Lock, ReapFacts), Found> {
        let found = |state| Found::new(self.name, state);
        let within = self.deadline.at_most(LOCK);
        let lock = match self.world.host.lock_resource(self.name, &within) {
            Ok(lock) => lock,
            Err(LockError::Expired {
                expired: Expired::Deadline,
                ..
            }) => {
                let why = "left to another run: an add or a remove is at it";
                return Err(found(State::Busy).because(Code::Locked, why));
            }
            Err(error) => return Err(found(State::Failed).because(error.code(), error.to_string())),
        };
        match self.world.leftover(self.name, self.policy, self.deadline) {
            Ok(facts) => Ok((lock, facts)),
            Err(error) => {
                let late = match &error {
                    ObserveError::Store(e) => e.kind() == std::io::ErrorKind::TimedOut,
                    ObserveError::Drbd(e) => e.expired() == Some(Expired::Deadline),
                };
                let state = if late { State::Late } else { State::Failed };
                Err(found(state).because(error.code(), error.to_string()))
            }
        }
    }

    /// Carries out a step. `false` when it was so already.
    fn step(&self, step: &Step, resource: Option<&Resource>) -> Result<bool, StepError> {
        let (world, deadline) = (self.world, self.deadline);
        match (step, resource) {
            (Step::Demote, Some(resource)) => world.demote(resource, deadline).map(|()| true),
            (Step::CloseWindow(opened), _) => {
                let closed = world.close_window(self.name, *opened, self.policy, deadline)?;
                Ok(closed == Closed::Now)
            }
            (Step::Forget, _) => {
                if let Some(resource) = resource {
                    let minors: Vec<u32> = resource.minors().collect();
                    world.host.release_udev(&minors);
                }
                let noted = world.host.is_noted(Note::Promotion, self.name);
                world.forget(Note::Promotion, self.name);
                Ok(noted)
            }
            // None but these is planned, and a demotion only of what is up.
            _ => Ok(false),
        }
    }

    fn failed(&mut self, facts: &ReapFacts, error: &StepError, done: Vec<Step>) -> (Found, bool) {
        let again = match error {
            StepError::Drbd(Error::Command(e)) => match e.when_demoting() {
                Class::Transient => true,
                Class::Once => std::mem::take(&mut self.once),
                Class::Final | Class::NotUp => false,
            },
            StepError::Open { .. } => true,
            _ => false,
        };
        let late = error.expired() == Some(Expired::Deadline);
        let state = if late { State::Late } else { State::Failed };
        let name = self.name;
        let who = facts.resource.as_ref().map(|r| self.world.who_holds(r));
        let who = who.unwrap_or_else(|| openers::words(&[]));
        let why = format!(
            "stays Primary here: {error}; {who}; when it is closed, run `drbdadm secondary {name}`"
        );
        let found = Found {
            steps: done,
            ..Found::new(name, state).because(Code::StaysPrimary, why)
        };
        (found, again)
    }

    /// What there is to tell, apart from the steps; `state` where they tell how it ended.
    fn found(&self, reaping: &Reaping, state: Option<State>) -> Found {
        let otherwise = match (reaping.left.as_slice(), reaping.users.as_slice()) {
            ([], []) => State::Clear,
            ([], _) => State::InUse,
            _ => State::Left,
        };
        let mut found = Found::new(self.name, state.unwrap_or(otherwise));
        if !reaping.users.is_empty() {
            let users = crate::words::list(&reaping.users);
            found.why.push(Why {
                code: None,
                words: format!("used here: {users}"),
            });
        }
        found.why.extend(reaping.left.iter().map(|left| Why {
            code: Some(left.code()),
            words: left.sentence(self.name),
        }));
        found
    }
}
