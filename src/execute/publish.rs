//! Tells blkback and the toolstack which device it is.

use std::time::Duration;

use xenstore_rs::{Xs, XsTransaction, XsTransactionSpan};

use super::{StepError, Subject};
use crate::backend::{DeviceNumber, STATE_INIT_WAIT};
use crate::deadline::Deadline;
use crate::decision::{Failure, rivals};
use crate::drbd::Replication;
use crate::facts::Arrival;
use crate::holders::node;
use crate::host::Host;
use crate::observe::World;
use crate::sharing;
use crate::store::{Timed, in_transaction, read_optional};

/// A wait for Xen's lock after which what was confirmed is old.
const LONG_WAIT: Duration = Duration::from_millis(200);

impl<S, R, H> World<'_, S, R, H>
where
    S: XsTransaction + Timed,
    S::Span: XsTransactionSpan,
    R: Replication,
    H: Host,
{
    /// Xen's lock. After a long wait for it a guest that is being received is confirmed once more, as often
    /// as it takes: no DRBD tool runs while it is held.
    fn lock_block(&self, subject: &Subject<'_>, deadline: &Deadline) -> Result<H::Lock, StepError> {
        loop {
            let asked = self.host.now();
            let lock = self.host.lock_block(deadline)?;
            let waited = self.host.now() - asked;
            if subject.facts.arrival == Arrival::PlainStart || waited < LONG_WAIT {
                return Ok(lock);
            }
            drop(lock);
            self.confirm(subject, Arrival::IncomingMigration, deadline)?;
        }
    }

    /// Whether a transaction whose end nobody saw was committed after all.
    pub(super) fn is_published(&self, subject: &Subject<'_>, device: DeviceNumber) -> bool {
        let node = |name| {
            read_optional(self.store, &subject.path.node(name))
                .ok()
                .flatten()
        };
        node("physical-device").as_deref() == Some(device.to_string().as_str())
            && node("hotplug-status").as_deref() == Some("connected")
    }

    /// Under Xen's lock: nobody else has published the device meanwhile; then all in one transaction
    /// that reads `state` again, since blkback opens the device at once and a failure there reaches
    /// nobody (linux: drivers/block/xen-blkback/xenbus.c).
    pub(super) fn publish(
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
