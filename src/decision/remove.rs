//! Whether a disk that a guest has let go of is demoted (contract 19 to 24).

use super::{Decision, Reason};
use crate::drbd::{Resource, Role};
use crate::facts::Facts;
use crate::plan::{Plan, Step};
use crate::policy::{DualPrimary, Policy};

/// Decides on `remove`. Nothing is refused here: what is not known is not changed.
#[must_use]
pub fn decide(facts: &Facts, policy: &Policy) -> Decision {
    let Some(resource) = facts.resource() else {
        let unknown = !facts.backend.exists || facts.backend.params.is_none();
        return Decision::Nothing(if unknown {
            Reason::NothingKnown
        } else {
            Reason::NotUp
        });
    };
    let mut steps = Vec::new();
    let demoting = !resource.is_secondary();
    if demoting {
        let users = users(facts);
        if !users.is_empty() {
            return Decision::Nothing(Reason::InUse(users));
        }
        steps.push(Step::Demote);
    }
    // Whose it is has to be known still when a promotion that was given up comes to its end.
    let ours = demoting || (facts.promoted_by_us && !facts.promoting);
    let shared = policy.is_shared(&facts.backend);
    if facts.window_noted || (ours && may_have_moved(resource, policy, shared)) {
        steps.push(Step::CloseWindow(None));
    }
    // Last, so that a run that is killed leaves its traces.
    if ours {
        steps.push(Step::Forget);
    }
    if steps.is_empty() {
        return Decision::Nothing(if facts.promoting {
            Reason::Promoting
        } else {
            Reason::AlreadySecondary
        });
    }
    Decision::Proceed {
        plan: Plan::new(steps),
        warnings: Vec::new(),
    }
}

/// The guest may have moved to a peer, which then may have opened a window for that.
pub(super) fn may_have_moved(resource: &Resource, policy: &Policy, shared: bool) -> bool {
    policy.dual_primary == DualPrimary::Window
        && !shared
        && resource
            .connections
            .iter()
            .any(|c| c.role != Role::Secondary)
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
