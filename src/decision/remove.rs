//! Whether a disk that a guest has let go of is demoted (contract 19 to 24).

use super::{Decision, Reason};
use crate::facts::Facts;
use crate::plan::{Plan, Step};

/// Decides on `remove`. Nothing is refused here: what is not known is not changed.
#[must_use]
pub fn decide(facts: &Facts) -> Decision {
    let Some(resource) = facts.resource() else {
        let unknown = !facts.backend.exists || facts.backend.params.is_none();
        return Decision::Nothing(if unknown {
            Reason::NothingKnown
        } else {
            Reason::NotUp
        });
    };
    if resource.is_secondary() {
        return if facts.promoted_by_us {
            Decision::Proceed {
                plan: Plan::new(vec![Step::Forget]),
                warnings: Vec::new(),
            }
        } else {
            Decision::Nothing(Reason::AlreadySecondary)
        };
    }
    let users = users(facts);
    if !users.is_empty() {
        return Decision::Nothing(Reason::InUse(users));
    }
    Decision::Proceed {
        plan: Plan::new(vec![Step::Demote, Step::Forget]),
        warnings: Vec::new(),
    }
}

/// Everybody else on this host who would lose the device.
#[must_use]
pub fn users(facts: &Facts) -> Vec<String> {
    let guests = facts
        .uses
        .iter()
        .filter(|u| !u.is_closed())
        .map(|u| format!("{} as {}", u.guest, u.vdev));
    let holders = facts.holders.iter().map(ToString::to_string);
    guests.chain(holders).collect()
}
