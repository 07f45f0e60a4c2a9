//! What a decision comes to, without the words.

use block_drbd::decision::Decision;
use block_drbd::plan::Step;
use block_drbd::refusal::Refusal;

/// What is answered, without the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Nothing,
    Fail,
    Refuse,
    Wait,
    /// Publish what is Primary already.
    Attach,
    /// Publish it after making sure that it stays Primary.
    Keep,
    /// Promote for a guest that starts.
    Promote,
    /// Promote for a guest that is received.
    Receive,
    /// Something that an `add` never does.
    Other,
}
use Answer::{Attach, Fail, Keep, Nothing, Promote, Receive, Refuse, Wait};

/// The answer, and the sort of refusal in it (or nothing).
pub fn answer(decision: &Decision) -> (Answer, &'static str) {
    let plan = match decision {
        Decision::Nothing(_) => return (Nothing, ""),
        Decision::Fail(_) => return (Fail, ""),
        Decision::Refuse(refusal) => return (Refuse, sort(refusal)),
        Decision::Wait(refusal) => return (Wait, sort(refusal)),
        Decision::Proceed { plan, .. } => plan,
    };
    let has = |step: &Step| plan.steps.contains(step);
    let answer = match plan.steps.last() {
        Some(Step::Publish(_)) if has(&Step::Demote) => Answer::Other,
        Some(Step::Publish(_)) if has(&Step::Drain) => Receive,
        Some(Step::Publish(_)) if has(&Step::Promote) => Promote,
        Some(Step::Publish(_)) if has(&Step::Hold) => Keep,
        Some(Step::Publish(_)) => Attach,
        _ => Answer::Other,
    };
    (answer, "")
}

fn sort(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Kind { .. } => "kind",
        Refusal::Spec { .. }
        | Refusal::NoModule
        | Refusal::NotConfigured { .. }
        | Refusal::NotUp { .. } => "not up",
        Refusal::NoVolume { .. } | Refusal::WhichVolume { .. } => "volume",
        Refusal::Suspended { .. } | Refusal::FailingIo { .. } | Refusal::StandAlone { .. } => {
            "blocked"
        }
        Refusal::NoQuorum { .. } => "quorum",
        Refusal::Disk { .. } => "disk",
        Refusal::SyncTarget { .. } => "sync target",
        Refusal::Held { .. } => "held",
        Refusal::Busy { .. } => "busy",
        Refusal::AttachedTwice { .. } => "twice",
        Refusal::PeerPrimary { .. } => "peer primary",
        Refusal::PeerAlive { .. } => "peer alive",
        Refusal::Disconnected { .. } => "disconnected",
        Refusal::NoPeer { .. } => "no peer",
        Refusal::ProbeFailed { .. } => "probe failed",
        Refusal::Migration { .. } => "migration",
        Refusal::Beside { .. } => "beside",
        Refusal::Worse { .. } => "worse",
    }
}
