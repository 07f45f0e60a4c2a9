//! The row of the decision table that a decision comes from, in words.

use crate::decision::{Decision, Failure, Reason};
use crate::plan::{Plan, Step};
use crate::refusal::Refusal;
use crate::request::Action;

const IN_USE: &str = "what is still used on this host stays Primary";

/// The rule.
#[must_use]
pub fn rule(action: Action, decision: &Decision) -> String {
    match decision {
        Decision::Proceed { plan, .. } => match action {
            Action::Add => attached(plan),
            Action::Remove if plan.steps.is_empty() => IN_USE,
            Action::Remove => "what nobody on this host uses any more is demoted",
        },
        Decision::Nothing(reason) => nothing(reason),
        Decision::Wait(refusal) | Decision::Refuse(refusal) => refused(refusal),
        Decision::Fail(Failure::Vanished | Failure::State { .. }) => {
            "only a backend that is online and waits (state 2) gets its device"
        }
        Decision::Fail(Failure::OtherDevice { .. } | Failure::LostRole { .. }) => {
            "what was published earlier is not published anew"
        }
    }
    .to_owned()
}

fn attached(plan: &Plan) -> &'static str {
    let has = |wanted: fn(&Step) -> bool| plan.steps.iter().any(wanted);
    if has(|s| matches!(s, Step::Drain)) {
        "a guest that migrates here gets the disk beside its source, over a healthy connection"
    } else if has(|s| matches!(s, Step::Promote | Step::Hold)) {
        "a guest that starts gets a disk that nobody else has, here or on a peer"
    } else {
        "guests that only read, a stub domain, a guest received from this same host and guests of a shared resource join whoever has the disk here"
    }
}

fn nothing(reason: &Reason) -> &'static str {
    match reason {
        Reason::AlreadyAttached => "what an earlier run has published stays",
        Reason::NothingKnown | Reason::NotUp => "what is not known is not changed",
        Reason::InUse(_) => IN_USE,
        Reason::AlreadySecondary => "what is Secondary already needs no demotion",
        Reason::Promoting => "a promotion that was given up stays noted until it is over",
    }
}

fn refused(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Spec { .. } | Refusal::Kind { .. } => "a disk has to name a DRBD device",
        Refusal::NoModule | Refusal::NotConfigured { .. } | Refusal::NotUp { .. } => {
            "the resource has to be up on this host"
        }
        Refusal::NoVolume { .. } | Refusal::WhichVolume { .. } => {
            "a disk has to name one volume of the resource"
        }
        Refusal::Suspended { .. }
        | Refusal::FailingIo { .. }
        | Refusal::NoQuorum { .. }
        | Refusal::StandAlone { .. } => "a resource that cannot do I/O, or is parted, is not used",
        Refusal::Disk { .. } | Refusal::SyncTarget { .. } => "a copy that is not good is not used",
        Refusal::Held { .. } => "what this host itself uses is not given to a guest",
        Refusal::Busy { .. } | Refusal::AttachedTwice { .. } => {
            "a disk that is written to belongs to one guest"
        }
        Refusal::PeerPrimary { .. } => "what is Primary on a peer is in use there",
        Refusal::PeerAlive { .. } | Refusal::ProbeFailed { .. } => {
            "a peer that is alive has to be connected before a guest starts"
        }
        Refusal::Disconnected { .. } | Refusal::NoPeer { .. } => {
            "the configuration forbids a start without the peer"
        }
        Refusal::Migration { .. } => {
            "a guest migrates here over a healthy connection only, else it goes on at its source"
        }
        Refusal::Beside { .. } => "a shared resource is Primary on two hosts as configured only",
        Refusal::Worse { .. } => "a reading after the promotion that is worse undoes it",
    }
}
