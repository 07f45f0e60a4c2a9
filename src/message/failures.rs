//! The codes of what went wrong.

use std::io;

use super::{Code, Coded, Message};
use crate::deadline::Expired;
use crate::decision::Failure;
use crate::drbd;
use crate::execute::StepError;
use crate::host::LockError;
use crate::observe::ObserveError;
use crate::policy::ConfigurationError;
use crate::process::RunError;
use crate::request::PathError;

impl Coded for Expired {
    fn code(&self) -> Code {
        match self {
            Self::Deadline => Code::Timeout,
            Self::Interrupted => Code::Signal,
        }
    }
}

impl Coded for Failure {
    fn code(&self) -> Code {
        match self {
            Self::Vanished => Code::Vanished,
            Self::State { .. } => Code::GivenUp,
            Self::OtherDevice { .. } => Code::OtherDevice,
            Self::LostRole { .. } => Code::LostRole,
        }
    }
}

impl Coded for RunError {
    fn code(&self) -> Code {
        match self {
            Self::Spawn { .. } | Self::Pipe { .. } => Code::Tool,
            Self::Expired { expired, .. } => expired.code(),
        }
    }
}

/// A command that changes something is told by whoever ran it.
impl Coded for drbd::Error {
    fn code(&self) -> Code {
        match self {
            Self::Command(_) | Self::Unreadable(_) => Code::Reading,
            Self::Run(error) => error.code(),
            Self::Version(_) => Code::Version,
            Self::Answer(_) => Code::Answer,
        }
    }
}

impl Coded for ObserveError {
    fn code(&self) -> Code {
        match self {
            Self::Store(error) => store(error),
            Self::Drbd(error) => error.code(),
        }
    }
}

impl Coded for LockError {
    fn code(&self) -> Code {
        match self {
            Self::Expired {
                expired: Expired::Deadline,
                ..
            } => Code::Locked,
            Self::Expired { expired, .. } => expired.code(),
            Self::Io { .. } => Code::Host,
        }
    }
}

impl Coded for StepError {
    fn code(&self) -> Code {
        match self {
            Self::Refusal(refusal) | Self::Unconfirmed { refusal, .. } => refusal.code(),
            Self::Failure(failure) => failure.code(),
            Self::Drbd(error) => error.code(),
            Self::Store(error) => store(error),
            Self::Lock(error) => error.code(),
            Self::Window(open) => open.code(),
            Self::Open { .. } => Code::StaysPrimary,
            Self::Other(message) => message.code,
            Self::Expired(expired) => expired.code(),
        }
    }
}

impl Coded for ConfigurationError {
    fn code(&self) -> Code {
        Code::Configuration
    }
}

impl Coded for PathError {
    fn code(&self) -> Code {
        Code::XenbusPath
    }
}

impl Message {
    /// xenstored cannot be reached.
    #[must_use]
    pub fn no_store(error: &io::Error) -> Self {
        Self::new(Code::Xenstore, error.to_string())
    }

    /// What was found is not what was locked.
    #[must_use]
    pub fn renamed() -> Self {
        let words = "the resource came up or was renamed at this very moment: try again";
        Self::new(Code::Renamed, words)
    }
}

fn store(error: &io::Error) -> Code {
    match error.kind() {
        io::ErrorKind::TimedOut => Code::Timeout,
        _ => Code::Xenstore,
    }
}
