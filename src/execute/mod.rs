//! Carries a plan out, and takes back what was done when a step fails.

mod held;
mod publish;
mod undo;
pub mod window;

use std::io;
use std::time::Duration;

use xenstore_rs::{XsTransaction, XsTransactionSpan};

use crate::deadline::{Deadline, Expired};
use crate::decision::{Failure, health};
use crate::drbd::{self, Generation, Replication, Resource};
use crate::facts::{Arrival, Facts};
use crate::host::{Host, LockError, Note};
use crate::logging::PERSON;
use crate::message::{Code, Coded, Message};
use crate::observe::World;
use crate::plan::{Plan, Step};
use crate::policy::Policy;
use crate::refusal::{Obstacle, Refusal};
use crate::request::BackendPath;
use crate::store::Timed;

/// Readings in a row that show the source's writes to have stopped, and the time between them.
const QUIET_READINGS: u32 = 3;
const QUIET_PAUSE: Duration = Duration::from_millis(20);

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
    /// Two primaries stay allowed.
    #[error(transparent)]
    Window(#[from] window::Open),
    /// Somebody has the resource open, and DRBD would take it from him.
    #[error("{resource} is held open")]
    Open {
        /// The resource.
        resource: String,
        /// By whom, in words.
        who: String,
    },
    /// Something else, in words.
    #[error("{}", .0.words)]
    Other(Message),
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

pub(crate) fn no_node(resource: &str, why: &str) -> Message {
    let words = format!(
        "the device node of {resource} cannot be used ({why}): if it is missing, make it by mknod, with major 147"
    );
    Message::new(Code::Node, words)
}

/// A plan that failed.
#[derive(Debug)]
pub struct Interrupted {
    /// The step.
    pub step: Step,
    /// Why.
    pub error: StepError,
    /// What could not be taken back.
    pub left: Option<Message>,
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

    /// The same, with the reading in the error.
    fn check(&self, after: Option<Resource>, arrival: Arrival) -> Result<(), StepError> {
        self.compare(after.as_ref(), arrival).map_err(|refusal| {
            let after = after.map(Box::new);
            StepError::Unconfirmed { refusal, after }
        })
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
                // The guest has its disk, or has let go of it: this is for whoever looks after the host.
                if let StepError::Window(open) = &error {
                    let guest = &subject.facts.guest;
                    let advice = Message::new(open.code(), open.advice(guest.name.as_deref()));
                    log::warn!(target: PERSON, code = advice.code.as_str(); "{guest}: {advice}");
                    continue;
                }
                let later = deadline.deaf().extended(reserve);
                // A store that hangs must leave time for the demotion.
                self.store
                    .set_deadline(deadline.deaf().extended(reserve / 2).end());
                // Only its answer was lost: blkback has the device, and may have opened it.
                if let (Step::Publish(device), StepError::Store(lost)) = (step, &error) {
                    if self.is_published(subject, *device) {
                        log::warn!("published, though xenstored did not confirm it: {lost}");
                        continue;
                    }
                }
                // What a command of DRBD began may have happened all the same.
                let promoting = *step == Step::Promote;
                let begun = promoting || matches!(step, Step::OpenWindow(_));
                let mut undo = plan.undo(done + usize::from(begun));
                // Nobody saw its end, or that of an earlier one whose note stands: the kernel may complete
                // it later. The note tells whose it is.
                let unseen = promoting && error.expired().is_some();
                let earlier = subject.facts.promoted_by_us && subject.resource.is_secondary();
                if unseen || (earlier && !plan.steps[..done].contains(&Step::Promote)) {
                    undo.retain(|s| *s != Step::Forget);
                }
                let left = self.undo(&undo, subject, &later);
                let step = step.clone();
                return Err(Box::new(Interrupted { step, error, left }));
            }
        }
        Ok(())
    }

    fn step(
        &self,
        step: &Step,
        subject: &Subject<'_>,
        deadline: &Deadline,
    ) -> Result<(), StepError> {
        let resource = subject.resource;
        match step {
            Step::Note => self.note(Note::Promotion, &resource.name),
            Step::Forget => {
                self.forget(Note::Promotion, &resource.name);
                let minors: Vec<u32> = resource.minors().collect();
                self.host.release_udev(&minors);
                Ok(())
            }
            Step::OpenWindow(peer) => self.open_window(subject, *peer, deadline),
            Step::CloseWindow(opened) => {
                self.close_window(&resource.name, *opened, subject.policy, deadline)?;
                Ok(())
            }
            Step::Promote => {
                self.hold_udev(subject);
                Ok(self.replication.promote(resource, deadline)?)
            }
            Step::Hold => Ok(self.replication.promote(resource, deadline)?),
            Step::Demote => self.demote(resource, deadline),
            Step::Confirm(arrival) => self.confirm(subject, *arrival, deadline),
            Step::Drain => self.drain(subject, deadline),
            Step::Publish(device) => self.publish(subject, *device, deadline),
        }
    }

    /// For speed only: whatever is in the way of it is in nobody else's.
    fn hold_udev(&self, subject: &Subject<'_>) {
        let resource = subject.resource;
        let received = subject.facts.arrival == Arrival::IncomingMigration;
        if received && resource.generation == Generation::V84 && resource.is_secondary() {
            let minors: Vec<u32> = resource.minors().collect();
            if let Err(error) = self.host.hold_udev(&minors) {
                log::debug!("udev does not wait for {}: {error}", resource.name);
            }
        }
    }

    fn note(&self, note: Note, resource: &str) -> Result<(), StepError> {
        self.host.note(note, resource).map_err(|e| {
            let words = format!("cannot note {note} of {resource}: {e}");
            StepError::Other(Message::new(Code::Host, words))
        })
    }

    /// Drops a note. What it is about is as it should be: one that is left over harms nobody.
    pub fn forget(&self, note: Note, resource: &str) {
        if let Err(error) = self.host.forget(note, resource) {
            log::warn!("cannot drop the note on {note} of {resource}: {error}");
        }
    }

    /// Demotes, and judges by the role that is read afterwards, not by what the command said.
    ///
    /// # Errors
    /// When it is still Primary, or that cannot be read; when it is open, on DRBD 9.
    pub fn demote(&self, now: &Resource, deadline: &Deadline) -> Result<(), StepError> {
        self.check_openers(now)?;
        let result = self.replication.demote(now, deadline);
        if self.replication.is_secondary(now, deadline)? {
            return Ok(());
        }
        result?;
        let words = format!("{} is still Primary, and DRBD does not say why", now.name);
        Err(StepError::Other(Message::new(Code::StaysPrimary, words)))
    }

    fn confirm(
        &self,
        subject: &Subject<'_>,
        arrival: Arrival,
        deadline: &Deadline,
    ) -> Result<(), StepError> {
        let after = self.replication.read_again(subject.resource, deadline)?;
        subject.check(after, arrival)?;
        for minor in subject.resource.minors() {
            self.host
                .check_node(minor)
                .map_err(|why| StepError::Other(no_node(&subject.resource.name, &why)))?;
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
        let arrival = Arrival::IncomingMigration;
        match last.resource {
            // On 9 the last quiet reading told all of it.
            Some(now) => subject.check(Some(now), arrival),
            None => self.confirm(subject, arrival, deadline),
        }
    }
}
