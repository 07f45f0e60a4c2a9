//! What is going to be done, as data: printed by a dry run, compared by tests, cut short at every
//! step by fault injection.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::backend::DeviceNumber;
use crate::facts::Arrival;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Note that the resource is promoted by this program, before it is.
    Note,
    /// Drop that note.
    Forget,
    /// Allow two primaries on the connection to the peer of that node id, at run time.
    OpenWindow(u32),
    /// Set that back: on the connection of that node id, which this plan opened; without one, on
    /// every connection where the configuration does not allow it.
    CloseWindow(Option<u32>),
    /// Make the resource Primary here.
    Promote,
    /// Keep a resource Primary that was so before. On DRBD 9 it may be so only as long as somebody
    /// has it open (auto-promote), which `drbdsetup primary` ends.
    Hold,
    /// Make it Secondary here.
    Demote,
    /// Read everything again: Primary, usable, and nothing worse than before.
    Confirm(Arrival),
    /// Wait until the source's writes have stopped arriving, then read everything again: a link that is
    /// lost meanwhile looks like writes that have stopped.
    Drain,
    /// Tell blkback and the toolstack which device it is.
    Publish(DeviceNumber),
}

impl Step {
    /// What takes this step back; `None` where nothing was changed, or nothing may be taken back.
    #[must_use]
    pub fn undo(&self) -> Option<Self> {
        match self {
            Self::Note => Some(Self::Forget),
            Self::OpenWindow(peer) => Some(Self::CloseWindow(Some(*peer))),
            Self::Promote => Some(Self::Demote),
            Self::Forget
            | Self::CloseWindow(_)
            | Self::Hold
            | Self::Demote
            | Self::Confirm(_)
            | Self::Drain
            | Self::Publish(_) => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note => f.write_str("note the promotion"),
            Self::Forget => f.write_str("drop the note of the promotion"),
            Self::OpenWindow(_) => f.write_str("allow two primaries for the moment"),
            Self::CloseWindow(_) => f.write_str("no longer allow two primaries"),
            Self::Promote => f.write_str("promote"),
            Self::Hold => f.write_str("keep it Primary"),
            Self::Demote => f.write_str("demote"),
            Self::Confirm(_) => f.write_str("read everything again"),
            Self::Drain => f.write_str(
                "wait until the source's writes have stopped arriving, read everything again",
            ),
            Self::Publish(device) => write!(f, "publish device {device}"),
        }
    }
}

/// Steps in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Plan {
    /// A plan of those steps.
    #[must_use]
    pub fn new(steps: Vec<Step>) -> Self {
        Self { steps }
    }

    /// What takes back the first `done` steps, last one first.
    #[must_use]
    pub fn undo(&self, done: usize) -> Vec<Step> {
        self.steps
            .iter()
            .take(done)
            .rev()
            .filter_map(Step::undo)
            .collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return f.write_str("nothing");
        }
        let steps: Vec<String> = self.steps.iter().map(Step::to_string).collect();
        f.write_str(&steps.join(", "))
    }
}
