//! The decision: a pure function of the request, the facts and the policy. No I/O, no clock.

pub mod add;
pub mod health;
pub(crate) mod peers;
pub mod reap;
pub mod remove;
pub mod rivals;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::plan::Plan;
use crate::policy::Policy;
use crate::probe::Probe;
use crate::refusal::Refusal;
use crate::request::Action;
use crate::words::list;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It is so already, or nobody is concerned.
    Nothing(Reason),
    /// Carry this out.
    Proceed {
        /// The steps.
        plan: Plan,
        /// What the person should know all the same.
        warnings: Vec<Warning>,
    },
    /// Read the facts again after a while: this may pass by itself. If it does not, refuse so.
    Wait(Refusal),
    /// Change nothing.
    Refuse(Refusal),
    /// The request cannot be carried out, and no rule was broken: the toolstack gave up, say.
    Fail(Failure),
}

/// Why nothing needs doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// `add`: published by an earlier run.
    AlreadyAttached,
    /// `remove`: the folder is gone, or never said which resource.
    NothingKnown,
    /// `remove`: the resource is not up here.
    NotUp,
    /// `remove`: Secondary already.
    AlreadySecondary,
    /// `remove`: Secondary, and a promotion that was given up may still come.
    Promoting,
    /// `remove`: still in use here by others.
    InUse(Vec<String>),
}

/// Why an `add` cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The folder is gone.
    #[error("the backend was removed while the disk was being attached: attach it again")]
    Vanished,
    /// `state` is not 2, or `online` is not 1.
    #[error("the backend is in state {state} and {}: the toolstack has given it up; detach the disk and attach it again", if *.online { "online" } else { "not online" })]
    State {
        /// `state`.
        state: String,
        /// `online`.
        online: bool,
    },
    /// `physical-device` is another one.
    #[error(
        "device {found} is attached here already, not {expected} of {resource}: detach the disk and attach it again"
    )]
    OtherDevice {
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
        /// The resource.
        resource: String,
    },
    /// Published, but the role was lost since.
    #[error(
        "{resource} was attached earlier and is Secondary here now, so the guest cannot use it: detach the disk and attach it again"
    )]
    LostRole {
        /// The resource.
        resource: String,
    },
}

/// Something that did not stop a start or a `remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Warning {
    /// A peer is disconnected, so nobody knows whether the guest runs there.
    Disconnected {
        /// The resource.
        resource: String,
        /// The peer.
        peer: String,
        /// What its address answered.
        probe: Option<Probe>,
    },
    /// The resource has no peer at all.
    NoPeer {
        /// The resource.
        resource: String,
    },
    /// The local copy is incomplete.
    Resync {
        /// The resource.
        resource: String,
        /// Where it is filled from.
        peer: String,
    },
    /// `remove`: the guest moved to a peer, and others keep the resource Primary here.
    PrimaryTwice {
        /// The resource.
        resource: String,
        /// The peer.
        peer: String,
        /// Who uses it here.
        users: Vec<String>,
    },
}

impl Warning {
    /// Something that cannot stay so, rather than what was accepted.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self, Self::PrimaryTwice { .. })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected {
                resource,
                peer,
                probe,
            } => {
                let why = match probe {
                    Some(Probe::Refused) => "the host is alive, but its DRBD is down or StandAlone",
                    Some(Probe::Unanswered) => {
                        "the host does not answer: it is down, or its network is"
                    }
                    _ => "whether that host is alive cannot be asked",
                };
                write!(
                    f,
                    "{resource} starts without {peer} ({why}): make sure that the guest does not run there, else the copies part"
                )
            }
            Self::NoPeer { resource } => write!(
                f,
                "{resource} has no peer set up on this host: make sure that the guest does not run elsewhere; `drbdadm adjust {resource}` sets its peers up"
            ),
            Self::Resync { resource, peer } => write!(
                f,
                "{resource} is being resynced from {peer}: the guest depends on that host until it is UpToDate"
            ),
            Self::PrimaryTwice {
                resource,
                peer,
                users,
            } => write!(
                f,
                "{resource} stays Primary here ({}) and is Primary on {peer}, too: if their link is lost now, the copies part; move what uses it to {peer} as well, or stop it; if it is a guest's there that had been refused it here, `xl block-detach` it there first",
                list(users)
            ),
        }
    }
}

/// Decides.
#[must_use]
pub fn decide(action: Action, facts: &Facts, policy: &Policy) -> Decision {
    match action {
        Action::Add => add::decide(facts, policy),
        Action::Remove => remove::decide(facts, policy),
    }
}
