//! Takes back what a plan that failed has done.

use std::time::Duration;

use xenstore_rs::{XsTransaction, XsTransactionSpan};

use super::{StepError, Subject};
use crate::deadline::Deadline;
use crate::drbd::{self, Class, Generation, Replication};
use crate::host::Host;
use crate::message::{Code, Coded, Message};
use crate::observe::World;
use crate::plan::Step;
use crate::sharing;
use crate::store::Timed;

impl<S, R, H> World<'_, S, R, H>
where
    S: XsTransaction + Timed,
    S::Span: XsTransactionSpan,
    R: Replication,
    H: Host,
{
    /// Takes back what was done. Returns what is left; its note then stays, too.
    pub(super) fn undo(
        &self,
        steps: &[Step],
        subject: &Subject<'_>,
        deadline: &Deadline,
    ) -> Option<Message> {
        let mut left = None;
        for step in steps {
            log::debug!("undo: {step}");
            if *step != Step::Demote {
                match self.step(step, subject, deadline) {
                    Ok(()) => {}
                    Err(error @ StepError::Window(_)) => left = Some(error.message()),
                    Err(error) => log::warn!("{error}"),
                }
                continue;
            }
            match self.demote_again(subject, deadline) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    let name = &subject.resource.name;
                    let who = match &error {
                        StepError::Open { who, .. } => format!(": {who}"),
                        _ => String::new(),
                    };
                    return Some(Message::new(
                        Code::StaysPrimary,
                        format!(
                            "{name} could not be demoted again ({error}{who}): run `drbdadm secondary {name}`"
                        ),
                    ));
                }
            }
        }
        left
    }

    /// Demotes what was promoted for nothing. `false` when somebody else uses it by now.
    fn demote_again(&self, subject: &Subject<'_>, deadline: &Deadline) -> Result<bool, StepError> {
        let resource = subject.resource;
        let minors: Vec<u32> = resource.minors().collect();
        let users = sharing::uses(self.store, subject.path, &subject.facts.guest, &minors);
        match users.map(|users| self.without_orphans(users)) {
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
                .replication
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
                StepError::Open { .. } => true,
                _ => false,
            };
            // Its own reason says more than that time ran out.
            if !again || self.host.pause(nap, deadline).is_err() {
                return Err(error);
            }
            nap *= 2;
        }
    }
}
