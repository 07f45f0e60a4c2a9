//! What is left of guests' disks and may be cleared away; what is not, and why (contract 26, 27).

use serde::{Deserialize, Serialize};

use super::health;
use super::remove::may_have_moved;
use crate::drbd::{Resource, Role, Settings};
use crate::facts::ReapFacts;
use crate::holders::Holder;
use crate::occupant::Occupant;
use crate::plan::{Plan, Step};
use crate::policy::{DualPrimary, Policy};

/// What is decided on one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaping {
    /// What to do; may be empty. [`Step::Demote`], [`Step::CloseWindow`] of every connection and
    /// [`Step::Forget`] at the most, in that order.
    pub plan: Plan,
    /// What stays as it is, though somebody should know.
    pub left: Vec<Left>,
    /// Who uses the resource here.
    pub users: Vec<String>,
}

/// Something that stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Left {
    /// Primary and unused, and this program did not promote it.
    Foreign,
    /// Promoted by this program and used by no guest, but a process has it open: who.
    Open(Vec<String>),
    /// Promoted by this program, and the guest is gone, but the kernel still has its disk: which.
    Stray(Vec<String>),
    /// Secondary, and a promotion that was given up may still come.
    Promoting,
    /// DRBD does not tell its role.
    Unknown,
    /// This program allowed two primaries, and cannot set that back now: why.
    Window(String),
    /// Two primaries are allowed at run time only, and this program did not do that.
    ForeignWindow,
}

/// Decides. Nothing is touched but what this program noted as its own, and nothing that is used.
#[must_use]
pub fn decide(facts: &ReapFacts, policy: &Policy) -> Reaping {
    let mut reaping = Reaping::default();
    let role = role(facts);
    let mut strays = Vec::new();
    if matches!(role, Role::Primary) {
        (strays, reaping.users) = users(facts);
        if !facts.promotion_noted {
            reaping.users.append(&mut strays);
        }
    }
    let openers = || facts.openers.iter().map(ToString::to_string).collect();
    let mut steps = Vec::new();
    // What was promoted is not, or no longer: its note goes.
    let mut settled = false;
    match (role, facts.promotion_noted) {
        (Role::Primary, _) if !reaping.users.is_empty() => {}
        (Role::Primary, true) if !strays.is_empty() => reaping.left.push(Left::Stray(strays)),
        (Role::Primary, true) if facts.openers.is_empty() => {
            steps.push(Step::Demote);
            settled = true;
        }
        (Role::Primary, true) => reaping.left.push(Left::Open(openers())),
        (Role::Primary, false) if facts.openers.is_empty() => reaping.left.push(Left::Foreign),
        (Role::Primary, false) => reaping.users = openers(),
        (Role::Secondary, true) if facts.promoting => reaping.left.push(Left::Promoting),
        (Role::Secondary, noted) => settled = noted,
        (_, true) => reaping.left.push(Left::Unknown),
        (_, false) => {}
    }
    match window(facts, policy, settled) {
        Window::Shut => {}
        Window::Close => steps.push(Step::CloseWindow(None)),
        Window::Stays(left) => reaping.left.push(left),
    }
    // Last, so that a run that is killed leaves its traces.
    if settled {
        steps.push(Step::Forget);
    }
    reaping.plan = Plan::new(steps);
    reaping
}

/// Primary if any volume is: on 8.4 a promotion may be killed half-way. What is down is Secondary.
fn role(facts: &ReapFacts) -> Role {
    let Some(resource) = &facts.resource else {
        return Role::Secondary;
    };
    if resource.has_primary() {
        Role::Primary
    } else if resource.is_secondary() {
        Role::Secondary
    } else {
        Role::Unknown
    }
}

/// Disks that only the kernel has, and everybody else on this host who would lose the device.
fn users(facts: &ReapFacts) -> (Vec<String>, Vec<String>) {
    let using = facts.occupants.iter().filter(|o| o.is_using());
    let (strays, guests): (Vec<&Occupant>, Vec<&Occupant>) = using.partition(|o| o.is_stray());
    let mut holders: Vec<&Holder> = facts.holders.iter().collect();
    holders.retain(|h| !(facts.promotion_noted && h.is_loop()));
    let holders = holders.into_iter().map(ToString::to_string);
    let guests = guests.into_iter().map(ToString::to_string);
    let strays = strays.into_iter().map(ToString::to_string);
    (strays.collect(), guests.chain(holders).collect())
}

/// What becomes of two primaries that are allowed.
enum Window {
    /// Nothing: they are not, or that is as it should be.
    Shut,
    /// Allowed no more.
    Close,
    /// They stay allowed.
    Stays(Left),
}

fn window(facts: &ReapFacts, policy: &Policy, settled: bool) -> Window {
    let Some(resource) = &facts.resource else {
        // What is down has no settings in force: only the note goes.
        return if facts.window_noted {
            Window::Close
        } else {
            Window::Shut
        };
    };
    if facts.window_noted {
        return match in_the_way(facts, resource, settled) {
            Some(why) => Window::Stays(Left::Window(why)),
            None => Window::Close,
        };
    }
    let windowed = policy.dual_primary == DualPrimary::Window && !policy.shared;
    // As `remove` does: a peer that the guest moved to may have opened it.
    if settled && may_have_moved(resource, policy, policy.shared) {
        return Window::Close;
    }
    let open = facts
        .settings
        .as_ref()
        .is_some_and(|s| s.open().count() > 0);
    if windowed && open && facts.configured_two_primaries == Some(false) {
        return Window::Stays(Left::ForeignWindow);
    }
    Window::Shut
}

/// Why a window cannot be closed now, on none of the connections where it is open. `settled`: the resource
/// will be Secondary by then.
fn in_the_way(facts: &ReapFacts, resource: &Resource, settled: bool) -> Option<String> {
    let primary = !settled && !resource.is_secondary();
    let open = facts.settings.iter().flat_map(Settings::open);
    let mut why = None;
    for connection in open {
        match health::may_close_window(resource, connection.peer_node_id, primary) {
            Ok(_) => return None,
            Err(this) => why = why.or(Some(this)),
        }
    }
    why
}
