//! Whether a disk that a guest has let go of is demoted (contract 19 to 24).

use super::health::peer;
use super::{Decision, Reason, Warning};
use crate::drbd::{Resource, Role};
use crate::facts::Facts;
use crate::holders::Holder;
use crate::plan::{Plan, Step};
use crate::policy::{DualPrimary, Policy};
use crate::sharing::{Relation, Use};

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
            return in_use(facts, resource, policy, users);
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

/// Nothing is demoted. Where another guest or a mount is why, and a migration has made a peer Primary as
/// well, both stay so until somebody acts: nobody else will say it (contract 24).
fn in_use(facts: &Facts, resource: &Resource, policy: &Policy, users: Vec<String>) -> Decision {
    let stays = |u: &Use| u.relation == Relation::Other && !u.is_ending();
    // What is Primary for a mount or for LVM by itself is so on purpose.
    let held = facts.promoted_by_us && !facts.holders.is_empty();
    let stay = held || facts.uses.iter().any(stays);
    match resource.primary_peer() {
        Some(there) if stay && !policy.is_shared(&facts.backend) => Decision::Proceed {
            plan: Plan::new(Vec::new()),
            warnings: vec![Warning::PrimaryTwice {
                resource: resource.name.clone(),
                peer: peer(there),
                users,
            }],
        },
        _ => Decision::Nothing(Reason::InUse(users)),
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
    let mut holders: Vec<&Holder> = facts.holders.iter().collect();
    holders.retain(|h| !(facts.promoted_by_us && h.is_loop()));
    let holders = holders.into_iter().map(ToString::to_string);
    guests.chain(holders).collect()
}
