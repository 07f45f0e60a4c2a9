//! `doctor`, as a person or a program runs it.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, Result};

use super::{status::screen, warn_of_test};
use crate::cli::Doctor;
use crate::deadline::Deadline;
use crate::doctor::{self, Facts, Finding, Severity, report};
use crate::outcome::ExitCode;
use crate::root::Root;
use crate::store::{Store, Timed};

/// For all of it.
const LOOK: Duration = Duration::from_secs(30);
/// For reaching xenstored.
const STORE: Duration = Duration::from_secs(5);

/// Carries it out.
///
/// # Errors
/// When signals cannot be watched for.
pub fn run(options: &Doctor, root: &Root) -> Result<ExitCode> {
    warn_of_test(root);
    let deadline = Deadline::within_or_signal(LOOK).context("cannot watch for signals")?;
    let store = Store::open(deadline.at_most(STORE).end());
    if let Ok(store) = &store {
        store.set_deadline(deadline.end());
    }
    let facts = doctor::look(root, &store, &deadline);
    deadline.check().context("not all was looked at: this")?;
    let findings = doctor::examine(&facts);
    let text = if options.json {
        format!("{}\n", report::json(&findings))
    } else {
        report::text(&findings, screen::colour())
    };
    // A closed pipe is nobody's failure.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Ok(code(&facts, &findings))
}

fn code(facts: &Facts, findings: &[Finding]) -> ExitCode {
    if facts.is_partial() {
        ExitCode::Failed
    } else if findings.iter().any(|f| f.severity < Severity::Note) {
        ExitCode::Disagreement
    } else {
        ExitCode::Done
    }
}
