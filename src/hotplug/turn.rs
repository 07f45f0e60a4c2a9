//! One turn of the loop: look, decide, act, and say what a failure means.

use std::time::Duration;

use xenstore_rs::{XsTransaction, XsTransactionSpan};

use super::Time;
use super::{Run, Turn};
use crate::backend::{Backend, DRBD_MAJOR, Guest};
use crate::deadline::Expired;
use crate::decision::{Decision, decide};
use crate::drbd::error::TWO_PRIMARIES;
use crate::drbd::{Class, Error, Name, Replication};
use crate::execute::{Interrupted, StepError, Subject};
use crate::facts::{Arrival, Facts};
use crate::host::{Host, LockError};
use crate::logging::about;
use crate::message::{Code, Coded, Message};
use crate::observe::{Asked, Named, ObserveError, World};
use crate::outcome::Outcome;
use crate::plan::Step;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::request::Action;
use crate::store::Timed;

impl<S, R, H> Run<'_, '_, S, R, H>
where
    S: XsTransaction + Timed,
    S::Span: XsTransactionSpan,
    R: Replication,
    H: Host,
{
    /// Looks, decides and acts, under the lock of the resource; gives the lock back before a pause.
    pub(super) fn turn(&mut self, once: &mut bool) -> Turn {
        let mut asked = match self.world.asked(self.action, self.path) {
            Ok(asked) => asked,
            Err(error) => return self.unseen(failed(&error.into())),
        };
        match (&asked.name, &self.known) {
            (_, Some(known)) if self.by_device => asked.name = Ok(known.clone()),
            (Ok(named), _) => self.known = Some(named.clone()),
            (Err(_), Some(known)) if self.action == Action::Remove => {
                asked.name = Ok(known.clone());
            }
            (Err(_), _) => {}
        }
        self.hear(&asked);
        let (name, _lock) = match self.lock(&asked) {
            Ok(locked) => locked.unzip(),
            Err(outcome) => return self.unseen(outcome),
        };
        let policy = self.configuration.policy(name.as_deref());
        let observed = self
            .world
            .observe(self.action, self.path, asked, &policy, &self.time.work);
        let facts = match observed {
            Ok(facts) => facts,
            Err(error) => return self.unseen(failed(&error)),
        };
        tell_about(
            &facts.guest,
            &facts.backend,
            facts.resource().map(|r| r.name.as_str()),
        );
        if let Some(again) = self.elsewhere(&facts, name.as_deref()) {
            return again;
        }
        let decision = decide(self.action, &facts, &policy);
        log::debug!("decision: {decision:?}");
        self.facts = Some(facts);
        self.act(decision, &policy, once)
    }

    /// Keeps what the nodes said, for the words of a run that comes to know nothing else.
    fn hear(&mut self, asked: &Asked) {
        // A folder that is gone says less than it did before.
        if asked.backend.exists || self.asked.is_none() {
            self.asked = Some(asked.clone());
        }
        if let Ok(Name::Resource(name)) = asked.name.as_ref().map(|n| &n.name) {
            self.resource = Some(name.clone());
        }
        tell_about(&asked.guest, &asked.backend, self.resource.as_deref());
    }

    /// A look that failed, or a lock. Nobody calls `remove` a second time: a process, the kernel's answer or
    /// xenstored may be had a moment later, so it looks again while there is time.
    fn unseen(&self, outcome: Outcome) -> Turn {
        match &outcome {
            // Another module than the one that is loaded does not come by itself.
            Outcome::Failed(message)
                if self.action == Action::Remove && message.code != Code::Version =>
            {
                // A connection to xenstored that was given up is made anew by that.
                self.world.store.set_deadline(self.time.work.end());
                Turn::Later {
                    patience: Duration::MAX,
                    otherwise: outcome,
                }
            }
            _ => Turn::End(outcome),
        }
    }

    /// Locks the resource, and says which; `None` where there is none to lock.
    fn lock(&mut self, asked: &Asked) -> Result<Option<(String, H::Lock)>, Outcome> {
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
        about("DRBD_RESOURCE", name.as_str());
        self.resource = Some(name.clone());
        match self.world.host.lock_resource(&name, &self.time.work) {
            Ok(lock) => Ok(Some((name, lock))),
            Err(
                error @ LockError::Expired {
                    expired: Expired::Deadline,
                    ..
                },
            ) => Err(Outcome::Deadline(error.message())),
            Err(error) => Err(Outcome::Failed(error.message())),
        }
    }

    /// What was found is not what was locked: look again.
    fn elsewhere(&mut self, facts: &Facts, locked: Option<&str>) -> Option<Turn> {
        let found = facts.resource();
        // A resource may be renamed, and a link may lead elsewhere, while a guest has the disk: what
        // was published is what has to be demoted.
        let published = facts
            .backend
            .device()
            .filter(|d| d.major == DRBD_MAJOR)
            .map(|d| d.minor);
        let strange = |minor: &u32| !found.is_some_and(|r| r.minors().any(|m| m == *minor));
        if let (Action::Remove, Some(minor), false) =
            (self.action, published.filter(strange), self.by_device)
        {
            self.by_device = true;
            self.known = Some(Named {
                name: Name::Minor(minor),
                volume: None,
            });
        } else if found.is_none() || found.map(|r| r.name.as_str()) == locked {
            return None;
        }
        let patience = match self.action {
            Action::Add => Duration::from_secs(5),
            Action::Remove => Duration::MAX,
        };
        Some(Turn::Later {
            patience,
            otherwise: Outcome::Failed(Message::renamed()),
        })
    }

    fn act(&mut self, decision: Decision, policy: &Policy, once: &mut bool) -> Turn {
        let (plan, warnings) = match decision {
            Decision::Nothing(reason) => return Turn::End(Outcome::Nothing(reason)),
            Decision::Refuse(refusal) => {
                return Turn::End(Outcome::Refused(self.again(policy).unwrap_or(refusal)));
            }
            Decision::Fail(failure) => return Turn::End(Outcome::Failed(failure.message())),
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
            None => Turn::End(Outcome::Failed(Message::renamed())),
            Some(Ok(())) => Turn::End(Outcome::Done(self.named_warnings(warnings, policy))),
            Some(Err(interrupted)) => self.after(*interrupted, policy, once),
        }
    }

    fn is_incoming(&self) -> bool {
        self.facts
            .as_ref()
            .is_some_and(|f| f.arrival == Arrival::IncomingMigration)
    }

    pub(super) fn with_subject<T>(
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
            // It was the tool that failed, not DRBD that refused.
            (StepError::Drbd(e), Step::Demote)
                if self.action == Action::Remove && e.expired().is_none() && !e.is_refusal() =>
            {
                Class::Transient
            }
            (StepError::Drbd(Error::Command(e)), Step::Demote) => e.when_demoting(),
            // A matter of configuration, while the guest waits suspended.
            (StepError::Drbd(Error::Command(e)), _)
                if self.is_incoming() && e.code == Some(TWO_PRIMARIES) =>
            {
                Class::Final
            }
            (StepError::Drbd(Error::Command(e)), _) => e.when_promoting(),
            // Somebody may close it. The link may have been lost at this very moment: what holds now is
            // decided anew. A migration is not tried again, since its guest is waiting at the source.
            (StepError::Open { .. }, _)
            | (
                StepError::Unconfirmed {
                    refusal: Refusal::Worse { .. },
                    ..
                },
                Step::Confirm(Arrival::PlainStart),
            ) => Class::Transient,
            _ => Class::Final,
        };
        // The first refusal is usual: blkback closes the device a moment later.
        let again = std::mem::replace(&mut self.stuck, step == Step::Demote);
        if again && self.stuck && class == Class::Transient {
            if let Some(used) = self.used_elsewhere(policy) {
                return Turn::End(used);
            }
        }
        let outcome = self.outcome(&step, error, left.as_ref(), policy);
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

    /// What keeps a disk that could not be demoted may be a mount in a container: then it is decided as with
    /// one of this host's own. Only now, since to look for it is to walk over all processes.
    fn used_elsewhere(&mut self, policy: &Policy) -> Option<Outcome> {
        let facts = self
            .facts
            .as_mut()
            .filter(|_| self.action == Action::Remove)?;
        let minors: Vec<u32> = facts.resource()?.minors().collect();
        facts.holders = self.world.host.mounts_elsewhere(&minors);
        match decide(self.action, facts, policy) {
            Decision::Nothing(reason) => Some(Outcome::Nothing(reason)),
            Decision::Proceed { plan, warnings } if plan.steps.is_empty() => {
                Some(Outcome::Done(self.named_warnings(warnings, policy)))
            }
            _ => None,
        }
    }

    fn outcome(
        &mut self,
        step: &Step,
        error: StepError,
        left: Option<&Message>,
        policy: &Policy,
    ) -> Outcome {
        let name = self
            .facts
            .as_ref()
            .and_then(Facts::resource)
            .map_or_else(String::new, |r| r.name.clone());
        let tail = left.map(|l| format!("; {}", l.words)).unwrap_or_default();
        // What is left needs somebody more than what it came from.
        let said = |code, words| Message::new(left.map_or(code, |l| l.code), words);
        match error {
            StepError::Refusal(refusal) if tail.is_empty() => Outcome::Refused(refusal),
            StepError::Unconfirmed { refusal, after } if tail.is_empty() => {
                Outcome::Refused(self.compared_again(step, after, policy).unwrap_or(refusal))
            }
            StepError::Unconfirmed { refusal, after } => {
                let refusal = self.compared_again(step, after, policy).unwrap_or(refusal);
                Outcome::Failed(said(refusal.code(), format!("{refusal}{tail}")))
            }
            error if error.expired() == Some(Expired::Deadline) => {
                let mut words = format!("{name}: {error}, so it was given up{tail}");
                // A `remove` says so itself.
                if self.action == Action::Add {
                    let see = format!("; see `drbdadm status {name}` and the kernel's log");
                    words.push_str(&see);
                }
                Outcome::Deadline(said(error.code(), words))
            }
            StepError::Drbd(error) => {
                let (verb, refused) = match step {
                    Step::Demote => ("demote", Code::StaysPrimary),
                    _ => ("promote", Code::Promote),
                };
                let code = match &error {
                    Error::Command(_) => refused,
                    error => error.code(),
                };
                let words = format!(
                    "DRBD did not {verb} {name}: {error}{tail}; see `drbdadm status {name}`"
                );
                Outcome::Failed(said(code, words))
            }
            error => Outcome::Failed(said(error.code(), format!("{error}{tail}"))),
        }
    }
}

fn failed(error: &ObserveError) -> Outcome {
    let late = match error {
        ObserveError::Store(error) => error.kind() == std::io::ErrorKind::TimedOut,
        ObserveError::Drbd(error) => error.expired() == Some(Expired::Deadline),
    };
    if late {
        Outcome::Deadline(error.message())
    } else {
        Outcome::Failed(error.message())
    }
}

/// Fields of every log line from now on. What an earlier look knew stays: a folder may be gone by now.
fn tell_about(guest: &Guest, backend: &Backend, resource: Option<&str>) {
    for (field, value) in [
        ("XEN_DOMAIN", guest.name.as_deref()),
        ("XEN_VDEV", Some(backend.vdev.as_str())),
        ("DRBD_RESOURCE", resource),
    ] {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            about(field, value);
        }
    }
}
