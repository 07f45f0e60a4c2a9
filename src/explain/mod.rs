//! A question put to the decision without carrying anything out: the facts, the rule, the plan.
//!
//! What was read can be saved and put again on another machine, since a decision hangs on nothing else.

mod look;
mod rule;
mod told;

use serde::{Deserialize, Serialize};

use crate::decision::{Decision, decide};
use crate::facts::Facts;
use crate::outcome::ExitCode;
use crate::policy::Policy;
use crate::request::Action;

pub use look::{Subject, look};

/// Everything that a decision hangs on. No secret stands in it; names and addresses do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Version of the program that read the facts.
    pub version: String,
    /// What the toolstack asks for, or would.
    pub action: Action,
    /// The backend's path, or the disk that was asked about.
    pub about: String,
    /// The facts.
    pub facts: Facts,
    /// What the administrator decided on this resource.
    pub policy: Policy,
}

/// A case and what follows from it, as `--json` prints them.
#[derive(Debug, Serialize)]
pub struct Answer<'c> {
    /// The case.
    #[serde(flatten)]
    pub case: &'c Case,
    /// What would be done.
    pub decision: Decision,
    /// The rule that decided, in words.
    pub rule: String,
}

impl Case {
    /// What would be done.
    #[must_use]
    pub fn decision(&self) -> Decision {
        decide(self.action, &self.facts, &self.policy)
    }

    /// The case with what follows from it.
    #[must_use]
    pub fn answer(&self) -> Answer<'_> {
        let decision = self.decision();
        Answer {
            rule: rule::rule(self.action, &decision),
            case: self,
            decision,
        }
    }
}

impl Answer<'_> {
    /// The exit code that the run itself would have.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        match self.decision {
            Decision::Proceed { .. } | Decision::Nothing(_) => ExitCode::Done,
            Decision::Wait(_) | Decision::Refuse(_) => ExitCode::Refused,
            Decision::Fail(_) => ExitCode::Failed,
        }
    }
}
