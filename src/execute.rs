//! Carries a plan out, and takes back what was done when a step fails.

use std::io;
use std::time::Duration;

use xenstore_rs::{Xs, XsTransaction, XsTransactionSpan};

use crate::backend::{DeviceNumber, STATE_INIT_WAIT};
use crate::deadline::{Deadline, Expired};
use crate::decision::{Failure, health, rivals};
use crate::drbd::{self, Class, Generation, Name, Replication, Resource};
use crate::facts::{Arrival, Facts};
use crate::holders::node;
use crate::host::{Host, LockError};
use crate::observe::World;
use crate::plan::{Plan, Step};
use crate::policy::Policy;
use crate::refusal::{Obstacle, Refusal};
use crate::request::BackendPath;
use crate::sharing;
use crate::store::{Timed, in_transaction, read_optional};

/// Readings in a row that show the source's writes to have stopped, and the time between them.
const QUIET_READINGS: u32 = 3;
const QUIET_PAUSE: Duration = Duration::from_millis(20);

/// A wait for Xen's lock after which what was confirmed is old.
const LONG_WAIT: Duration = Duration::from_millis(200);

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Something came to light that is a reason to refuse.
    #[error("{0}")]
    Refusal(Refusal),
    /// The reading after the promotion is worse than the one before.
    #[error("{refusal}")]
    Unconfirmed {
        /// Worse how.
        refusal: Refusal,
        /// That reading.
        after: Option<Box<Resource>>,
    },
    /// The toolstack gave up meanwhile.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// DRBD refused to promote or to demote.
    #[error(transparent)]
    Drbd(#[from] drbd::Error),
    /// xenstored.
    #[error("xenstore: {0}")]
    Store(#[from] io::Error),
    /// A lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file of this host.
    #[error("{0}")]
    Host(String),
    /// Waiting ended.
    #[error("waiting for the source's writes {0}")]
    Expired(#[from] Expired),
}

impl StepError {
    /// The deadline or a signal ended it.
    #[must_use]
    pub fn expired(&self) -> Option<Expired> {
        match self {
            Self::Drbd(error) => error.expired(),
            Self::Expired(expired) | Self::Lock(LockError::Expired { expired, .. }) => {
                Some(*expired)
            }
            Self::Store(error) if error.kind() == io::ErrorKind::TimedOut => {
                Some(Expired::Deadline)
            }
            _ => None,
        }
    }
}

/// A plan that failed.
#[derive(Debug)]
pub struct Interrupted {
    /// The step.
    pub step: Step,
    /// Why.
    pub error: StepError,
    /// What could not be taken back, in words.
    pub left: Option<String>,
}

/// What a plan is about.
#[derive(Debug)]
pub struct Subject<'s> {
    /// The backend.
    pub path: &'s BackendPath,
    /// The facts that it was decided on.
    pub facts: &'s Facts,
    /// The resource among them.
    pub resource: &'s Resource,
    /// What the administrator decided.
    pub policy: &'s Policy,
}

impl Subject<'_> {
    /// Whether several guests may write.
    fn is_shared(&self) -> bool {
        self.policy.is_shared(&self.facts.backend)
    }

    /// Compares a reading with the one that was decided on.
    ///
    /// # Errors
    /// With what is worse.
    pub fn compare(&self, after: Option<&Resource>, arrival: Arrival) -> Result<(), Refusal> {
        health::confirm(self.resource, after, arrival, self.is_shared())
    }
}

impl<S, R, H> World<'_, S, R, H>
where
    S: XsTransaction + Timed,
    S::Span: XsTransactionSpan,
    R: Replication,
    H: Host,
{
    /// Carries out `plan`. When a step fails, those before it are undone within `reserve` more than
    /// the deadline, whatever signals come.
    ///
    /// # Errors
    /// With the step that failed.
    pub fn carry_out(
        &self,
        plan: &Plan,
        subject: &Subject<'_>,
        deadline: &Deadline,
        reserve: Duration,
    ) -> Result<(), Box<Interrupted>> {
        for (done, step) in plan.steps.iter().enumerate() {
            log::debug!("{step}");
            if let Err(error) = self.step(step, subject, deadline) {
                // A promotion that ended in an error may have happened all the same.
                let promoting = *step == Step::Promote;
                let mut undo = plan.undo(if promoting { done + 1 } else { done });
                if promoting && error.expired().is_some() {
                    // Nobody saw its end: the kernel may complete it later. The note tells whose it is.
                    undo.retain(|s| *s != Step::Forget);
                }
                let later = deadline.deaf().extended(reserve);
                // A store that hangs must leave time for the demotion.
                self.store
                    .set_deadline(deadline.deaf().extended(reserve / 2).end());
                let left = self.undo(&undo, subject, &later);
                let step = step.clone();
                return Err(Box::new(Interrupted { step, error, left }));
            }
        }
        Ok(())
    }

    /// Takes back what was done. Returns what is left, in words; its note then stays, too.
    fn undo(&self, steps: &[Step], subject: &Subject<'_>, deadline: &Deadline) -> Option<String> {
        for step in steps {
            log::debug!("undo: {step}");
            if *step != Step::Demote {
                if let Err(error) = self.step(step, subject, deadline) {
                    log::warn!("{error}");
                }
                continue;
            }
            match self.demote_again(subject, deadline) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    let name = &subject.resource.name;
                    log::error!(
                        "{name} stays Primary without a guest: {error}; run `drbdadm secondary {name}`"
                    );
                    return Some(format!(
                        "{name} could not be demoted again ({error}): run `drbdadm secondary {name}`"
                    ));
                }
            }
        }
        None
    }

    /// Demotes what was promoted for nothing. `false` when somebody else uses it by now.
    fn demote_again(&self, subject: &Subject<'_>, deadline: &Deadline) -> Result<bool, StepError> {
        let resource = subject.resource;
        let minors: Vec<u32> = resource.minors().collect();
        match sharing::uses(self.store, subject.path, &subject.facts.guest, &minors) {
            Ok(users) if users.iter().any(|u| !u.is_closed()) => {
                log::warn!(
                    "{} stays Primary: somebody else uses it by now",
                    resource.name
                );
                return Ok(false);
            }
            Ok(_) => {}
            // 8.4 refuses while anybody has the device open; 9 would take it from a reader.
            Err(error) if resource.generation == Generation::V84 => {
                log::warn!("demoting without knowing who else uses it: xenstore: {error}");
            }
            Err(error) => return Err(error.into()),
        }
        let mut nap = Duration::from_millis(50);
        let mut once = true;
        loop {
            let Some(now) = self
                .read_again(resource, deadline)?
                .filter(|r| !r.is_secondary())
            else {
                return Ok(true);
            };
            let error = match self.demote(&now, deadline) {
                Ok(()) => return Ok(true),
                Err(error) => error,
            };
            let again = match &error {
                StepError::Drbd(drbd::Error::Command(e)) => match e.when_demoting() {
                    Class::Transient => true,
                    Class::Once => std::mem::take(&mut once),
                    Class::Final | Class::NotUp => false,
                },
                _ => false,
            };
            // Its own reason says more than that time ran out.
            if !again || self.host.pause(nap, deadline).is_err() {
                return Err(error);
            }
            nap *= 2;
        }
    }

    fn step(
        &self,
        step: &Step,
        subject: &Subject<'_>,
        deadline: &Deadline,
    ) -> Result<(), StepError> {
        let resource = subject.resource;
        match step {
            Step::Note => self.host.note(&resource.name).map_err(|e| {
                StepError::Host(format!(
                    "cannot note the promotion of {}: {e}",
                    resource.name
                ))
            }),
            Step::Forget => {
                // The disk is as it should be: a note that is left over harms nobody.
                if let Err(error) = self.host.forget(&resource.name) {
                    log::warn!("cannot drop the note of {}: {error}", resource.name);
                }
                Ok(())
            }
            Step::Promote | Step::Hold => Ok(self.replication.promote(resource, deadline)?),
            Step::Demote => self.demote(resource, deadline),
            Step::Confirm(arrival) => self.confirm(subject, *arrival, deadline),
            Step::Drain => self.drain(subject, deadline),
            Step::Publish(device) => self.publish(subject, *device, deadline),
        }
    }

    /// Demotes, and judges by the role that is read afterwards, not by what the command said.
    fn demote(&self, now: &Resource, deadline: &Deadline) -> Result<(), StepError> {
        let result = self.replication.demote(now, deadline);
        if self.replication.is_secondary(now, deadline)? {
            return Ok(());
        }
        result?;
        Err(StepError::Host(format!(
            "{} is still Primary, and DRBD does not say why",
            now.name
        )))
    }

    fn read_again(
        &self,
        resource: &Resource,
        deadline: &Deadline,
    ) -> Result<Option<Resource>, drbd::Error> {
        self.replication
            .read(&Name::Resource(resource.name.clone()), deadline)
    }

    fn confirm(
        &self,
        subject: &Subject<'_>,
        arrival: Arrival,
        deadline: &Deadline,
    ) -> Result<(), StepError> {
        let after = self.read_again(subject.resource, deadline)?;
        if let Err(refusal) = subject.compare(after.as_ref(), arrival) {
            let after = after.map(Box::new);
            return Err(StepError::Unconfirmed { refusal, after });
        }
        for minor in subject.resource.minors() {
            self.host.check_node(minor).map_err(StepError::Host)?;
        }
        Ok(())
    }

    fn drain(&self, subject: &Subject<'_>, deadline: &Deadline) -> Result<(), StepError> {
        let within = deadline.at_most(subject.policy.drain);
        let mut last = self.replication.in_flight(subject.resource, deadline)?;
        let mut quiet = u32::from(last.idle);
        while quiet < QUIET_READINGS {
            if within.check() == Err(Expired::Deadline) {
                deadline.check()?;
                let seconds = subject.policy.drain.as_secs();
                let resource = subject.resource.name.clone();
                return Err(StepError::Refusal(Refusal::Migration {
                    resource,
                    why: Obstacle::Writes { seconds },
                }));
            }
            self.host.pause(QUIET_PAUSE, deadline)?;
            let now = self.replication.in_flight(subject.resource, deadline)?;
            quiet = match (now.idle, now.received == last.received) {
                (true, true) => quiet + 1,
                (true, false) => 1,
                (false, _) => 0,
            };
            last = now;
        }
        Ok(())
    }

    /// Xen's lock. After a long wait for it a guest that is being received is confirmed once more:
    /// no DRBD tool runs while it is held.
    fn lock_block(&self, subject: &Subject<'_>, deadline: &Deadline) -> Result<H::Lock, StepError> {
        for _ in 0..3 {
            let asked = self.host.now();
            let lock = self.host.lock_block(deadline)?;
            let waited = self.host.now() - asked;
            if subject.facts.arrival == Arrival::PlainStart || waited < LONG_WAIT {
                return Ok(lock);
            }
            drop(lock);
            self.confirm(subject, Arrival::IncomingMigration, deadline)?;
        }
        Ok(self.host.lock_block(deadline)?)
    }

    /// Under Xen's lock: nobody else has published the device meanwhile; then all in one transaction
    /// that reads `state` again, since blkback opens the device at once and a failure there reaches
    /// nobody (linux: drivers/block/xen-blkback/xenbus.c).
    fn publish(
        &self,
        subject: &Subject<'_>,
        device: DeviceNumber,
        deadline: &Deadline,
    ) -> Result<(), StepError> {
        let _lock = self.lock_block(subject, deadline)?;
        let minors: Vec<u32> = subject.resource.minors().collect();
        let mut facts = subject.facts.clone();
        facts.uses = sharing::uses(self.store, subject.path, &facts.guest, &minors)?;
        if !subject.is_shared() {
            let volume = subject
                .resource
                .volumes
                .iter()
                .find(|v| v.minor == device.minor);
            if let Some(refusal) =
                volume.and_then(|v| rivals::conflict(&facts, subject.resource, v))
            {
                return Err(StepError::Refusal(refusal));
            }
        }
        let path = subject.path;
        let outcome = in_transaction(self.store, deadline.end(), |span| {
            let state = read_optional(span, &path.node("state"))?;
            let online = read_optional(span, &path.node("online"))?.as_deref() == Some("1");
            let Some(state) = state else {
                return Ok(Err(Failure::Vanished));
            };
            if state.parse() != Ok(STATE_INIT_WAIT) || !online {
                return Ok(Err(Failure::State {
                    state: crate::words::short(&state, 20),
                    online,
                }));
            }
            span.write(&path.node("physical-device"), &device.to_string())?;
            span.write(&path.node("physical-device-path"), &node(device.minor))?;
            span.write(&path.node("hotplug-status"), "connected")?;
            if read_optional(span, &path.node("hotplug-error"))?.is_some() {
                span.rm(&path.node("hotplug-error"))?;
            }
            Ok(Ok(()))
        })?;
        Ok(outcome?)
    }
}
