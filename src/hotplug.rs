//! The one loop behind `add` and `remove`: look, decide, act; look again where time may help.

use std::time::{Duration, Instant};

use xenstore_rs::{XsTransaction, XsTransactionSpan};

use crate::deadline::{Deadline, Expired};
use crate::decision::{Decision, Warning, decide};
use crate::drbd::{Class, Connection, Error, Generation, Name, Replication, Resource};
use crate::execute::{Interrupted, StepError, Subject};
use crate::facts::{Arrival, Facts, Found};
use crate::host::{Host, LockError};
use crate::observe::{Asked, Named, ObserveError, World};
use crate::outcome::Outcome;
use crate::plan::Step;
use crate::policy::{Configuration, Policy};
use crate::refusal::Refusal;
use crate::request::{Action, BackendPath};
use crate::words::list;

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
    S: XsTransaction,
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
        known: None,
    };
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
        let waited = since.get_or_insert_with(Instant::now).elapsed();
        let left = patience.saturating_sub(waited);
        if left.is_zero() {
            break otherwise;
        }
        match world.host.pause(pause.min(left), &time.work) {
            Ok(()) => pause = (pause * 3 / 2).min(LONGEST_PAUSE),
            Err(Expired::Deadline) => break otherwise,
            Err(expired @ Expired::Interrupted) => {
                break Outcome::Failed(format!("block-drbd {expired}"));
            }
        }
    };
    let outcome = run.with_openers(outcome);
    Ended {
        outcome,
        facts: run.facts,
    }
}

struct Run<'r, 'w, S, R, H> {
    world: &'r World<'w, S, R, H>,
    action: Action,
    path: &'r BackendPath,
    configuration: &'r Configuration,
    time: &'r Time,
    facts: Option<Facts>,
    /// What an earlier turn knew it to be about: the toolstack may delete the folder meanwhile.
    known: Option<Named>,
}

impl<S, R, H> Run<'_, '_, S, R, H>
where
    S: XsTransaction,
    S::Span: XsTransactionSpan,
    R: Replication,
    H: Host,
{
    /// Looks, decides and acts, under the lock of the resource; gives the lock back before a pause.
    fn turn(&mut self, once: &mut bool) -> Turn {
        let mut asked = match self.world.asked(self.action, self.path) {
            Ok(asked) => asked,
            Err(error) => return Turn::End(failed(&error.into())),
        };
        match (&asked.name, &self.known) {
            (Ok(named), _) => self.known = Some(named.clone()),
            (Err(_), Some(known)) if self.action == Action::Remove => {
                asked.name = Ok(known.clone());
            }
            (Err(_), _) => {}
        }
        let _lock = match self.lock(&asked) {
            Ok(lock) => lock,
            Err(outcome) => return Turn::End(outcome),
        };
        let name = asked.name.as_ref().ok().and_then(|n| match &n.name {
            Name::Resource(name) => Some(name.clone()),
            Name::Minor(_) => None,
        });
        let mut policy = self.configuration.policy(name.as_deref());
        let facts =
            match self
                .world
                .observe(self.action, self.path, asked, &policy, &self.time.work)
            {
                Ok(facts) => facts,
                Err(error) => return Turn::End(failed(&error)),
            };
        if name.is_none() {
            policy = self
                .configuration
                .policy(facts.resource().map(|r| r.name.as_str()));
        }
        let decision = decide(self.action, &facts, &policy);
        log::debug!("decision: {decision:?}");
        self.facts = Some(facts);
        self.act(decision, &policy, once)
    }

    fn lock(&self, asked: &Asked) -> Result<Option<H::Lock>, Outcome> {
        let name = match asked.name.as_ref().map(|n| &n.name) {
            Ok(Name::Resource(name)) => name.clone(),
            Ok(minor @ Name::Minor(_)) => {
                match self.world.replication.read(minor, &self.time.work) {
                    Ok(Some(resource)) => resource.name,
                    Ok(None) => return Ok(None),
                    Err(error) => return Err(failed(&error.into())),
                }
            }
            Err(_) => return Ok(None),
        };
        match self.world.host.lock_resource(&name, &self.time.work) {
            Ok(lock) => Ok(Some(lock)),
            Err(
                error @ LockError::Expired {
                    expired: Expired::Deadline,
                    ..
                },
            ) => Err(Outcome::Deadline(error.to_string())),
            Err(error) => Err(Outcome::Failed(error.to_string())),
        }
    }

    fn act(&mut self, decision: Decision, policy: &Policy, once: &mut bool) -> Turn {
        let (plan, warnings) = match decision {
            Decision::Nothing(reason) => return Turn::End(Outcome::Nothing(reason)),
            Decision::Refuse(refusal) => {
                return Turn::End(Outcome::Refused(self.again(policy).unwrap_or(refusal)));
            }
            Decision::Fail(failure) => return Turn::End(Outcome::Failed(failure.to_string())),
            Decision::Wait(refusal) => {
                let otherwise = Outcome::Refused(self.again(policy).unwrap_or(refusal));
                return Turn::Later {
                    patience: policy.patience,
                    otherwise,
                };
            }
            Decision::Proceed { plan, warnings } => (plan, warnings),
        };
        let result = self.with_subject(policy, |world, subject, time| {
            world.carry_out(&plan, subject, &time.work, time.reserve)
        });
        match result {
            None => Turn::End(Outcome::Failed("there is a plan and no resource".into())),
            Some(Ok(())) => Turn::End(Outcome::Done(self.named_warnings(warnings, policy))),
            Some(Err(interrupted)) => self.after(*interrupted, policy, once),
        }
    }

    fn with_subject<T>(
        &self,
        policy: &Policy,
        act: impl FnOnce(&World<'_, S, R, H>, &Subject<'_>, &Time) -> T,
    ) -> Option<T> {
        let facts = self.facts.as_ref()?;
        let subject = Subject {
            path: self.path,
            facts,
            resource: facts.resource()?,
            policy,
        };
        Some(act(self.world, &subject, self.time))
    }

    /// What a failed step means: over, or worth another look.
    fn after(&mut self, interrupted: Interrupted, policy: &Policy, once: &mut bool) -> Turn {
        let Interrupted { step, error, left } = interrupted;
        let class = match (&error, &step) {
            (StepError::Drbd(Error::Command(e)), Step::Demote) => e.when_demoting(),
            (StepError::Drbd(Error::Command(e)), _) => e.when_promoting(),
            // The link may have been lost at this very moment: what holds now is decided anew. A
            // migration is not tried again, since its guest is waiting at the source.
            (
                StepError::Unconfirmed {
                    refusal: Refusal::Worse { .. },
                    ..
                },
                Step::Confirm(Arrival::PlainStart),
            ) => Class::Transient,
            _ => Class::Final,
        };
        let outcome = self.outcome(&step, error, left.as_deref(), policy);
        let patience = match self.action {
            Action::Add => policy.patience,
            Action::Remove => Duration::MAX,
        };
        match class {
            _ if left.is_some() => Turn::End(outcome),
            Class::Transient => Turn::Later {
                patience,
                otherwise: outcome,
            },
            Class::Once if std::mem::take(once) => Turn::Later {
                patience: Duration::MAX,
                otherwise: outcome,
            },
            Class::Once | Class::Final | Class::NotUp => Turn::End(outcome),
        }
    }

    fn outcome(
        &mut self,
        step: &Step,
        error: StepError,
        left: Option<&str>,
        policy: &Policy,
    ) -> Outcome {
        let name = self
            .facts
            .as_ref()
            .and_then(Facts::resource)
            .map_or_else(String::new, |r| r.name.clone());
        let tail = left.map(|l| format!("; {l}")).unwrap_or_default();
        match error {
            StepError::Refusal(refusal) if tail.is_empty() => Outcome::Refused(refusal),
            StepError::Unconfirmed { refusal, after } if tail.is_empty() => {
                Outcome::Refused(self.compared_again(step, after, policy).unwrap_or(refusal))
            }
            error if error.expired() == Some(Expired::Deadline) => {
                Outcome::Deadline(format!("{name}: {error}, so it was given up{tail}"))
            }
            StepError::Drbd(error) => {
                let verb = if *step == Step::Demote {
                    "demote"
                } else {
                    "promote"
                };
                Outcome::Failed(format!(
                    "DRBD did not {verb} {name}: {error}{tail}; see `drbdadm status {name}`"
                ))
            }
            error => Outcome::Failed(format!("{error}{tail}")),
        }
    }

    /// On 8.4 DRBD calls every peer `peer`: asks the configuration for its host name. Only for words,
    /// and only once everything is undone: `drbdadm` takes its time.
    fn name_peer(&mut self) -> Option<String> {
        let Some(Facts {
            found: Found::Up(resource),
            ..
        }) = &mut self.facts
        else {
            return None;
        };
        if resource.generation != Generation::V84
            || resource.connections.iter().all(Connection::has_name)
        {
            return None;
        }
        let name = self
            .world
            .replication
            .peer_name(resource, &self.time.work)?;
        for connection in &mut resource.connections {
            connection.peer.clone_from(&name);
        }
        Some(name)
    }

    /// The same decision, with the peer's name in its words.
    fn again(&mut self, policy: &Policy) -> Option<Refusal> {
        self.name_peer()?;
        match decide(self.action, self.facts.as_ref()?, policy) {
            Decision::Refuse(refusal) | Decision::Wait(refusal) => Some(refusal),
            _ => None,
        }
    }

    fn named_warnings(&mut self, warnings: Vec<Warning>, policy: &Policy) -> Vec<Warning> {
        if warnings.is_empty() || self.name_peer().is_none() {
            return warnings;
        }
        match self
            .facts
            .as_ref()
            .map(|facts| decide(self.action, facts, policy))
        {
            Some(Decision::Proceed { warnings, .. }) => warnings,
            _ => warnings,
        }
    }

    /// The same comparison, with the peer's name in its words.
    fn compared_again(
        &mut self,
        step: &Step,
        after: Option<Box<Resource>>,
        policy: &Policy,
    ) -> Option<Refusal> {
        let (Step::Confirm(arrival), mut after) = (step, after?) else {
            return None;
        };
        let name = self.name_peer()?;
        for connection in &mut after.connections {
            connection.peer.clone_from(&name);
        }
        self.with_subject(policy, |_, subject, _| {
            subject.compare(Some(&after), *arrival).err()
        })?
    }

    /// A demotion that failed to the end: says who holds the device, and what to run.
    fn with_openers(&self, outcome: Outcome) -> Outcome {
        let (Action::Remove, Some(resource)) =
            (self.action, self.facts.as_ref().and_then(Facts::resource))
        else {
            return outcome;
        };
        let (Outcome::Failed(words) | Outcome::Deadline(words)) = &outcome else {
            return outcome;
        };
        let volumes: Vec<(u32, u32)> = resource
            .volumes
            .iter()
            .map(|v| (v.volume, v.minor))
            .collect();
        let openers = self.world.host.openers(&resource.name, &volumes);
        let who = if openers.is_empty() {
            "no process on this host shows as the holder, so it may be the kernel's (blkback with I/O that does not end)".to_owned()
        } else {
            list(&openers)
        };
        let name = &resource.name;
        let text = format!(
            "{words}; {name} stays Primary here; {who}; when it is closed, run `drbdadm secondary {name}`"
        );
        match outcome {
            Outcome::Deadline(_) => Outcome::Deadline(text),
            _ => Outcome::Failed(text),
        }
    }
}

fn failed(error: &ObserveError) -> Outcome {
    let late = match error {
        ObserveError::Store(error) => error.kind() == std::io::ErrorKind::TimedOut,
        ObserveError::Drbd(error) => error.expired() == Some(Expired::Deadline),
    };
    if late {
        Outcome::Deadline(error.to_string())
    } else {
        Outcome::Failed(error.to_string())
    }
}
