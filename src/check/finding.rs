//! What is to be said about one disk, and where.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::Message;
use crate::words::{printable, short};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// It would start, and there is something to see to.
    Warning,
    /// It would be refused.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One finding: an entry of the array of `--json`, as documented in README.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The file or name that was given.
    pub file: String,
    /// Line in the file.
    #[serde(default)]
    pub line: Option<usize>,
    /// How much it matters.
    pub severity: Severity,
    /// Name of the guest.
    #[serde(default)]
    pub guest: Option<String>,
    /// Name of the disk in the guest.
    #[serde(default)]
    pub vdev: Option<String>,
    /// Name of the resource, or what names it.
    #[serde(default)]
    pub resource: Option<String>,
    /// Under which code the manual explains it, where the program itself would say so.
    #[serde(default)]
    pub code: Option<String>,
    /// The host that said so, where it was asked over ssh.
    #[serde(default)]
    pub host: Option<String>,
    /// What is so, and what to do.
    pub sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            severity,
            sentence,
            ..
        } = self;
        f.write_str(file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {severity}: ")?;
        if let Some(host) = &self.host {
            write!(f, "{host}: ")?;
        }
        f.write_str(sentence)?;
        match &self.code {
            Some(code) => write!(f, " [{code}]"),
            None => Ok(()),
        }
    }
}

/// What a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // as in `Finding`
pub struct Place {
    pub file: String,
    pub line: Option<usize>,
    pub guest: Option<String>,
    pub vdev: Option<String>,
    pub resource: Option<String>,
}

/// Longest sentence: as long as one in xenstore, and what is written around it.
const SENTENCE_MAX: usize = 1200;
/// Longest name.
const NAME_MAX: usize = 200;

impl Place {
    /// A finding there. Whatever it says is fit for a terminal.
    #[must_use]
    pub fn finding(&self, severity: Severity, sentence: &str) -> Finding {
        let name = |text: &Option<String>| text.as_deref().map(|t| short(t, NAME_MAX));
        Finding {
            file: printable(&self.file),
            line: self.line,
            severity,
            guest: name(&self.guest),
            vdev: name(&self.vdev),
            resource: name(&self.resource),
            code: None,
            host: None,
            sentence: short(sentence, SENTENCE_MAX),
        }
    }

    /// A message, with its code.
    #[must_use]
    pub fn message(&self, severity: Severity, message: &Message) -> Finding {
        Finding {
            code: Some(message.code.to_string()),
            ..self.finding(severity, &message.words)
        }
    }

    /// It would be refused.
    #[must_use]
    pub fn error(&self, sentence: impl AsRef<str>) -> Finding {
        self.finding(Severity::Error, sentence.as_ref())
    }

    /// It would start.
    #[must_use]
    pub fn warning(&self, sentence: impl AsRef<str>) -> Finding {
        self.finding(Severity::Warning, sentence.as_ref())
    }

    /// Good to know.
    #[must_use]
    pub fn note(&self, sentence: impl AsRef<str>) -> Finding {
        self.finding(Severity::Note, sentence.as_ref())
    }

    /// The same place, at another line.
    #[must_use]
    pub fn at(&self, line: usize) -> Self {
        Self {
            line: Some(line),
            ..self.clone()
        }
    }
}

/// `web.cfg:3`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.file))?;
        match self.line {
            Some(line) => write!(f, ":{line}"),
            None => Ok(()),
        }
    }
}
