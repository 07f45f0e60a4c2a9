//! How a run ended: the exit code, the words, and what the toolstack finds in xenstore.

use std::fmt;
use std::time::Instant;

use xenstore_rs::{Xs, XsTransaction, XsTransactionSpan};

use crate::decision::{Reason, Warning};
use crate::message::{Coded, Message};
use crate::refusal::Refusal;
use crate::request::BackendPath;
use crate::store::{in_transaction, read_optional};
use crate::words::ERROR_MAX;

/// Exit codes. libxl only tells 0 from the rest; the others serve people and monitoring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, or already so.
    Done = 0,
    /// Something went wrong.
    Failed = 1,
    /// Called wrongly.
    Usage = 2,
    /// Refused: a rule forbids it.
    Refused = 3,
    /// Not finished in time.
    Deadline = 4,
    /// DRBD and the guests do not agree, or something else was found that somebody should know.
    Disagreement = 5,
}

impl ExitCode {
    /// Every code.
    pub const ALL: [Self; 6] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::Deadline,
        Self::Disagreement,
    ];

    /// What the manual says of it.
    #[must_use]
    pub fn means(self) -> &'static str {
        match self {
            Self::Done => "Done, or already so.",
            Self::Failed => "Failed: something went wrong.",
            Self::Usage => "Called wrongly.",
            Self::Refused => "Refused: the disk would not be safe there.",
            Self::Deadline => "Not finished in time.",
            Self::Disagreement => "Done, and something was found that does not agree.",
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        (code as u8).into()
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The plan was carried out.
    Done(Vec<Warning>),
    /// There was nothing to do.
    Nothing(Reason),
    /// A rule forbids it.
    Refused(Refusal),
    /// Something went wrong: what, and what to do.
    Failed(Message),
    /// Time ran out: over what.
    Deadline(Message),
}

impl Outcome {
    /// The exit code.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        match self {
            Self::Done(_) | Self::Nothing(_) => ExitCode::Done,
            Self::Refused(_) => ExitCode::Refused,
            Self::Failed(_) => ExitCode::Failed,
            Self::Deadline(_) => ExitCode::Deadline,
        }
    }

    /// What a person has to know of a refusal or a failure.
    #[must_use]
    pub fn message(&self) -> Option<Message> {
        match self {
            Self::Done(_) | Self::Nothing(_) => None,
            Self::Refused(refusal) => Some(refusal.message()),
            Self::Failed(message) | Self::Deadline(message) => Some(message.clone()),
        }
    }

    /// `hotplug-status` for a failure: `busy` where somebody else has the device.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            Self::Done(_) | Self::Nothing(_) => "connected",
            Self::Refused(refusal) if refusal.is_busy() => "busy",
            Self::Refused(_) | Self::Failed(_) | Self::Deadline(_) => "error",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(_) => f.write_str("done"),
            Self::Nothing(reason) => match reason {
                Reason::AlreadyAttached => f.write_str("attached already"),
                Reason::NothingKnown => {
                    f.write_str("nothing is known of this backend, so there is nothing to do")
                }
                Reason::NotUp => {
                    f.write_str("the resource is not up here, so there is nothing to demote")
                }
                Reason::AlreadySecondary => f.write_str("Secondary already"),
                Reason::Promoting => f.write_str(
                    "Secondary, but an earlier promotion was given up and still runs in the kernel: once it is over, run `block-drbd reap`",
                ),
                Reason::InUse(users) => {
                    write!(f, "stays Primary, still used here: {}", users.join("; "))
                }
            },
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Failed(message) | Self::Deadline(message) => f.write_str(&message.words),
        }
    }
}

/// Writes `hotplug-error` and `hotplug-status`, in one transaction that reads `state`: a plain write
/// would make a folder anew that the toolstack has deleted, and nobody would ever delete it again.
///
/// Guests can read the text. It is one line of at most [`ERROR_MAX`] bytes.
///
/// # Errors
/// When xenstored cannot be asked.
pub fn report<S>(
    store: &S,
    path: &BackendPath,
    message: &Message,
    status: &str,
    until: Instant,
) -> std::io::Result<bool>
where
    S: XsTransaction,
    S::Span: XsTransactionSpan,
{
    let text = message.line(ERROR_MAX);
    in_transaction(store, until, |span| {
        if read_optional(span, &path.node("state"))?.is_none() {
            return Ok(false);
        }
        span.write(&path.node("hotplug-error"), &text)?;
        span.write(&path.node("hotplug-status"), status)?;
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Code;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let said = |code| Message::new(code, "x");
        for (outcome, code, status) in [
            (Outcome::Done(Vec::new()), 0, "connected"),
            (Outcome::Nothing(Reason::NotUp), 0, "connected"),
            (Outcome::Failed(said(Code::Promote)), 1, "error"),
            (Outcome::Refused(Refusal::NoModule), 3, "error"),
            (
                Outcome::Refused(Refusal::AttachedTwice {
                    resource: "r".into(),
                    vdev: "xvda".into(),
                }),
                3,
                "busy",
            ),
            (Outcome::Deadline(said(Code::Timeout)), 4, "error"),
        ] {
            assert_eq!(
                (outcome.code() as u8, outcome.status()),
                (code, status),
                "{outcome:?}"
            );
        }
        assert_eq!(ExitCode::Usage as u8, 2);
        assert_eq!(ExitCode::Disagreement as u8, 5);
    }
}
