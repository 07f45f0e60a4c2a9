//! Reads what a decision on one resource needs; what costs a program or a search only where it matters.

use crate::deadline::Deadline;
use crate::drbd::{Name, Replication};
use crate::facts::ReapFacts;
use crate::host::{Host, Note};
use crate::observe::{ObserveError, World};
use crate::occupant::{Occupant, occupants};
use crate::policy::{DualPrimary, Policy};
use crate::store::Together;

impl<S: Together, R: Replication, H: Host> World<'_, S, R, H> {
    /// Reads the facts.
    ///
    /// # Errors
    /// When xenstored or DRBD cannot be asked.
    pub(super) fn leftover(
        &self,
        name: &str,
        policy: &Policy,
        deadline: &Deadline,
    ) -> Result<ReapFacts, ObserveError> {
        let mut facts = ReapFacts {
            promotion_noted: self.host.is_noted(Note::Promotion, name),
            window_noted: self.host.is_noted(Note::Window, name),
            ..ReapFacts::default()
        };
        let mut read = self
            .replication
            .read(&Name::Resource(name.to_owned()), deadline)?;
        if let Some(resource) = read.take_if(|r| facts.promotion_noted && !r.has_primary()) {
            (facts.promoting, read) = self.still_promoting(resource, deadline)?;
        }
        let Some(resource) = read else {
            facts.promoting = facts.promotion_noted && self.host.is_promoting(name, &[]);
            return Ok(facts);
        };
        let minors: Vec<u32> = resource.minors().collect();
        if resource.has_primary() {
            facts.occupants = occupants(self.store, self.host, &minors)?;
            facts.holders = self.host.holders(&minors);
            if !facts.occupants.iter().any(Occupant::is_using) && facts.holders.is_empty() {
                facts.openers = self.host.openers(name, &resource.devices());
            }
        }
        if facts.window_noted || policy.dual_primary == DualPrimary::Window {
            let settings = self.replication.settings(&resource, deadline)?;
            if !facts.window_noted && settings.open().count() > 0 {
                let configured = &mut facts.configured_two_primaries;
                *configured = self
                    .replication
                    .configured_two_primaries(&resource, deadline);
            }
            facts.settings = Some(settings);
        }
        facts.resource = Some(resource);
        Ok(facts)
    }
}
