//! What a run found, for people, for the log and for other programs.

use std::fmt;

use serde::Serialize;

use super::{Found, State, Why};
use crate::logging::about;
use crate::message::Code;
use crate::plan::Step;
use crate::words::printable;

/// One entry of the array, as documented in README.
#[derive(Serialize)]
struct Entry<'f> {
    resource: &'f str,
    state: State,
    steps: Vec<&'static str>,
    why: Option<String>,
    codes: Vec<&'static str>,
}

/// All of it as an array of JSON.
#[must_use]
pub fn json(found: &[Found]) -> String {
    let entries: Vec<Entry<'_>> = found
        .iter()
        .map(|f| Entry {
            resource: &f.resource,
            state: f.state,
            steps: f.steps.iter().map(name).collect(),
            why: (!f.why.is_empty()).then(|| printable(&sentences(f))),
            codes: f.codes().map(Code::as_str).collect(),
        })
        .collect();
    // Strings and enums always can be written.
    serde_json::to_string(&entries).unwrap_or_default()
}

fn sentences(found: &Found) -> String {
    let words: Vec<&str> = found.why.iter().map(|w| w.words.as_str()).collect();
    words.join("; ")
}

/// The stable name of a step.
fn name(step: &Step) -> &'static str {
    match step {
        Step::Demote => "demote",
        Step::CloseWindow(_) => "close-window",
        Step::Forget => "forget",
        _ => "other",
    }
}

/// What was done, in words.
fn done(step: &Step) -> &'static str {
    match step {
        Step::Demote => "demoted",
        Step::CloseWindow(_) => "two primaries are no longer allowed",
        Step::Forget => "its note dropped",
        _ => "done",
    }
}

impl Found {
    /// There is something to tell a person.
    #[must_use]
    pub fn is_news(&self) -> bool {
        !matches!(self.state, State::Clear | State::InUse)
    }

    /// The codes of what is wrong.
    fn codes(&self) -> impl Iterator<Item = Code> {
        self.why.iter().filter_map(|w| w.code)
    }

    /// Puts it in the log, under the name of the resource.
    pub(super) fn tell(&self) {
        about("DRBD_RESOURCE", self.resource.as_str());
        let code = self.codes().next().map(Code::as_str);
        match self.state {
            State::Clear | State::InUse => log::debug!("{self}"),
            State::Planned => {}
            State::Done | State::Busy => log::info!(code = code; "reap: {self}"),
            State::Left => log::warn!(code = code; "reap: {self}"),
            State::Failed | State::Late => log::error!(code = code; "reap: {self}"),
        }
    }
}

/// One line: `web-root: demoted, its note dropped`.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.state == State::Planned {
            let steps: Vec<String> = self.steps.iter().map(Step::to_string).collect();
            parts.push(format!("would {}", crate::words::list(&steps)));
        } else if !self.steps.is_empty() {
            let steps: Vec<&str> = self.steps.iter().map(done).collect();
            parts.push(steps.join(", "));
        }
        parts.extend(self.why.iter().map(Why::to_string));
        if parts.is_empty() {
            parts.push("nothing is left of it".to_owned());
        }
        let line = format!("{}: {}", self.resource, parts.join("; "));
        f.write_str(&printable(&line))
    }
}

/// The sentence, and its code behind it.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)?;
        match self.code {
            Some(code) => write!(f, " [{code}]"),
            None => Ok(()),
        }
    }
}
