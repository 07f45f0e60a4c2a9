//! One thing that is not as it should be.

use std::fmt;

use serde::Serialize;

use crate::words::printable;

/// How bad it is. The words are stable: monitoring reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Guests cannot have their disks, or data are at risk.
    Error,
    /// It works until something else happens.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// What was found. All text is printable: names and words of tools are other people's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a resource, a file, a program.
    pub subject: String,
    /// What is so.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// What to do: commands, a line each; what no command does stands behind a `#`.
    pub fix: String,
}

impl Finding {
    /// Of any severity.
    #[must_use]
    pub fn new(severity: Severity, subject: &str, what: &str, why: &str, fix: &str) -> Self {
        let lines: Vec<String> = fix.lines().map(printable).collect();
        Self {
            severity,
            subject: printable(subject),
            what: printable(what),
            why: printable(why),
            fix: lines.join("\n"),
        }
    }

    /// An error.
    #[must_use]
    pub fn error(subject: &str, what: &str, why: &str, fix: &str) -> Self {
        Self::new(Severity::Error, subject, what, why, fix)
    }

    /// A warning.
    #[must_use]
    pub fn warning(subject: &str, what: &str, why: &str, fix: &str) -> Self {
        Self::new(Severity::Warning, subject, what, why, fix)
    }

    /// A note.
    #[must_use]
    pub fn note(subject: &str, what: &str, why: &str, fix: &str) -> Self {
        Self::new(Severity::Note, subject, what, why, fix)
    }
}

/// A word for a shell: as it is where that is safe, else in quotes.
#[must_use]
pub fn quoted(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@,%".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_gets_through_but_the_ends_of_commands() {
        let finding = Finding::note("a\x1b[m", "b\n", "c\r", "one\x07\ntwo\x1b");
        assert_eq!(
            (finding.subject.as_str(), finding.what.as_str()),
            ("a?[m", "b")
        );
        assert_eq!(
            (finding.why.as_str(), finding.fix.as_str()),
            ("c", "one?\ntwo?")
        );
    }

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("/mnt/a-b"), "/mnt/a-b");
        assert_eq!(quoted("/mnt/my disk"), "'/mnt/my disk'");
        assert_eq!(quoted("a'; rm -r /"), "'a'\\''; rm -r /'");
        assert_eq!(quoted("-r"), "'-r'");
    }
}
