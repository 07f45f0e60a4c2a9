//! What DRBD's tools answer when they refuse, and whether asking again may help.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether a failed command is worth another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// May pass by itself; tried again within the patience for it.
    Transient,
    /// Tried once more, not oftener: each try may take DRBD's own long time-out.
    Once,
    /// Stays as it is until somebody changes something.
    Final,
    /// What was asked for is already so: not configured here, for a demotion.
    NotUp,
}

/// A failed DRBD command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandError {
    /// The command, for the log.
    pub command: String,
    /// Exit code; `None` when it was killed.
    pub exit: Option<i32>,
    /// DRBD's number: negative for state errors, above 100 for others.
    pub code: Option<i32>,
    /// DRBD's own words, in one line.
    pub text: String,
}

/// "Multiple primaries not allowed by config".
pub const TWO_PRIMARIES: i32 = -1;
/// "Need access to `UpToDate` data".
pub const NO_UP_TO_DATE_DISK: i32 = -2;
/// "State change was refused by peer node".
pub const REFUSED_BY_PEER: i32 = -10;
/// "Device is held open by someone".
pub const DEVICE_IN_USE: i32 = -12;
/// "In transient state, retry after next state change".
pub const IN_TRANSIENT_STATE: i32 = -18;
/// "Concurrent state changes detected and aborted".
pub const CONCURRENT_STATE_CHANGE: i32 = -19;
/// "Interrupted state change".
pub const INTERRUPTED: i32 = -21;
/// "Peer may not become primary while device is opened read-only".
pub const PRIMARY_READER: i32 = -22;
/// "Timeout in operation".
pub const TIMEOUT: i32 = -23;
/// "No quorum".
pub const NO_QUORUM: i32 = -25;
/// "Device minor not allocated" (8.4).
pub const MINOR_NOT_ALLOCATED: i32 = 127;
/// "Interrupted by Signal".
pub const INTERRUPTED_BY_SIGNAL: i32 = 129;
/// "Unknown resource" (9).
pub const UNKNOWN_RESOURCE: i32 = 158;

impl CommandError {
    /// Reads what the tool wrote: `X: State change failed: (-12) Device is held open by someone`,
    /// `X: Failure: (127) Device minor not allocated`, `??: Failure: (162) …`, and the lines that
    /// the kernel adds (drbd-utils: user/v9/drbdsetup.c, `check_error`).
    #[must_use]
    pub fn new(command: String, exit: Option<i32>, stderr: &str) -> Self {
        let lines: Vec<&str> = stderr
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty() && *l != "additional info from kernel:")
            .collect();
        let code = lines.iter().find_map(|l| code(l));
        let text = lines
            .iter()
            .map(|l| words(l))
            .collect::<Vec<_>>()
            .join("; ");
        Self {
            command,
            exit,
            code,
            text,
        }
    }

    /// The class of this error when a resource is promoted.
    #[must_use]
    pub fn when_promoting(&self) -> Class {
        match self.code {
            Some(
                TWO_PRIMARIES
                | NO_UP_TO_DATE_DISK
                | REFUSED_BY_PEER
                | IN_TRANSIENT_STATE
                | CONCURRENT_STATE_CHANGE
                | PRIMARY_READER
                | NO_QUORUM,
            ) => Class::Transient,
            Some(INTERRUPTED | INTERRUPTED_BY_SIGNAL | TIMEOUT) => Class::Once,
            _ => Class::Final,
        }
    }

    /// The class of this error when a resource is demoted.
    #[must_use]
    pub fn when_demoting(&self) -> Class {
        match self.code {
            Some(MINOR_NOT_ALLOCATED | UNKNOWN_RESOURCE) => Class::NotUp,
            Some(
                DEVICE_IN_USE
                | REFUSED_BY_PEER
                | IN_TRANSIENT_STATE
                | CONCURRENT_STATE_CHANGE
                | PRIMARY_READER,
            ) => Class::Transient,
            Some(INTERRUPTED | INTERRUPTED_BY_SIGNAL | TIMEOUT) => Class::Once,
            _ => Class::Final,
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.text.as_str(), self.exit) {
            ("", Some(exit)) => write!(f, "`{}` exited {exit}", self.command),
            ("", None) => write!(f, "`{}` was killed", self.command),
            (text, _) => f.write_str(text),
        }
    }
}

impl std::error::Error for CommandError {}

/// The number in `(-12)`, where the line is one of DRBD's.
fn code(line: &str) -> Option<i32> {
    let (_, rest) = line
        .split_once("failed: (")
        .or_else(|| line.split_once("Failure: ("))?;
    rest.split_once(')')?.0.parse().ok()
}

/// The line from its number on; the name or minor before it stands in our own sentence already.
fn words(line: &str) -> &str {
    let tail = |mark: &str| line.split_once(mark).map(|(_, rest)| rest);
    tail("failed: ")
        .or_else(|| tail("Failure: "))
        .unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(stderr: &str) -> CommandError {
        CommandError::new("drbdsetup secondary 1".into(), Some(11), stderr)
    }

    #[test]
    fn held_open_is_transient_for_a_demotion_and_keeps_the_kernels_words() {
        let e = error(
            "web-root: State change failed: (-12) Device is held open by someone\nadditional info from kernel:\ndrbd1 opened by sh (pid 7454) at 2026-11-01\n",
        );
        assert_eq!(e.code, Some(DEVICE_IN_USE));
        assert_eq!(e.when_demoting(), Class::Transient);
        assert_eq!(e.when_promoting(), Class::Final);
        assert_eq!(
            e.to_string(),
            "(-12) Device is held open by someone; drbd1 opened by sh (pid 7454) at 2026-11-01"
        );
    }

    #[test]
    fn not_up_is_success_for_a_demotion_only() {
        for text in [
            "1: Failure: (127) Device minor not allocated",
            "x: Failure: (158) Unknown resource",
        ] {
            assert_eq!(error(text).when_demoting(), Class::NotUp);
            assert_eq!(error(text).when_promoting(), Class::Final);
        }
    }

    #[test]
    fn every_state_error_has_a_class() {
        let transient = [-1, -2, -10, -18, -19, -22, -25];
        let once = [-21, -23];
        for number in -28..0 {
            let e = error(&format!("1: State change failed: ({number}) words"));
            let expected = if transient.contains(&number) {
                Class::Transient
            } else if once.contains(&number) {
                Class::Once
            } else {
                Class::Final
            };
            assert_eq!(e.when_promoting(), expected, "{number}");
        }
    }

    #[test]
    fn a_silent_failure_still_has_words() {
        assert_eq!(error("").to_string(), "`drbdsetup secondary 1` exited 11");
        let killed = CommandError::new("x".into(), None, "");
        assert_eq!(killed.to_string(), "`x` was killed");
    }
}
