//! `status`, as a person or a program runs it.

pub(super) mod screen;
mod watch;

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, Result};

use super::warn_of_test;
use crate::cli;
use crate::deadline::{Deadline, Expired};
use crate::drbd::tools::Tools;
use crate::drbd::{Absence, Error, Name, Replication};
use crate::host::Linux;
use crate::logging::PERSON;
use crate::message::{Code, Coded, Message};
use crate::outcome::ExitCode;
use crate::policy::Configuration;
use crate::refusal::Refusal;
use crate::root::Root;
use crate::spec::check_name;
use crate::status::{Status, table};
use crate::store::Store;
use crate::survey::{self, Survey};

/// For one look at everything.
const LOOK: Duration = Duration::from_secs(30);
/// Longer than anybody watches: only a signal ends it.
const EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Carries it out.
///
/// # Errors
/// When DRBD cannot be asked.
pub fn run(options: &cli::Status, root: Root) -> Result<ExitCode> {
    warn_of_test(&root);
    let configuration = Configuration::read(&root).unwrap_or_else(|error| {
        let code = error.code();
        log::error!(target: PERSON, code = code.as_str(); "{error}; its defaults hold for this status [{code}]");
        Configuration::default()
    });
    let here = Here {
        options,
        configuration,
        host: Linux::new(root.clone()),
        tools: Tools::new(root),
    };
    let limit = if options.watch { EVER } else { LOOK };
    let all = Deadline::within_or_signal(limit)
        .map_err(|e| Message::new(Code::Host, format!("cannot watch for signals: {e}")))?;
    if options.watch {
        return watch::run(&here, &all);
    }
    let survey = match here.look(&all) {
        Ok(survey) => survey,
        Err(error) => return failed(&error),
    };
    let missing = here.missing(&survey, &all);
    for refusal in &missing {
        tell(&refusal.message());
    }
    let status = here.status(&survey);
    // A closed pipe is nobody's failure.
    let text = if options.json {
        format!("{}\n", status.json())
    } else {
        table::draw(&status, screen::style())
    };
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Ok(code(&status, !missing.is_empty()))
}

fn tell(message: &Message) {
    log::error!(target: PERSON, code = message.code.as_str(); "{message}");
}

/// A look that took too long has an exit code of its own.
fn failed(error: &Error) -> Result<ExitCode> {
    let message = error.message();
    if error.expired() == Some(Expired::Deadline) {
        tell(&message);
        return Ok(ExitCode::Deadline);
    }
    Err(message).context("DRBD cannot be asked")
}

fn code(status: &Status, missing: bool) -> ExitCode {
    if missing || status.guests == "unknown" {
        ExitCode::Failed
    } else if status.agrees() {
        ExitCode::Done
    } else {
        ExitCode::Disagreement
    }
}

/// What is asked, and of whom.
struct Here<'o> {
    options: &'o cli::Status,
    configuration: Configuration,
    host: Linux,
    tools: Tools,
}

impl Here<'_> {
    /// Reads everything.
    fn look(&self, all: &Deadline) -> Result<Survey, Error> {
        let deadline = all.at_most(LOOK);
        let store = Store::open(deadline.end());
        let (tools, host, settings) = (&self.tools, &self.host, &self.configuration);
        survey::read(store.as_ref(), tools, host, settings, &deadline)
    }

    fn status(&self, survey: &Survey) -> Status {
        Status::of(survey, &self.configuration, &self.options.resources)
    }

    /// Resources that were asked for and are not up.
    fn missing(&self, survey: &Survey, deadline: &Deadline) -> Vec<Refusal> {
        let asked = self.options.resources.iter();
        let missing = asked.filter(|name| survey.resource(name).is_none());
        missing
            .map(|name| self.why_missing(name, deadline))
            .collect()
    }

    fn why_missing(&self, name: &str, deadline: &Deadline) -> Refusal {
        let resource = crate::words::short(name, 127);
        if let Err(error) = check_name(name) {
            let words = error.to_string();
            return Refusal::NotConfigured { resource, words };
        }
        match self
            .tools
            .absence(&Name::Resource(name.to_owned()), deadline)
        {
            Absence::NoModule => Refusal::NoModule,
            Absence::NotUp => Refusal::NotUp { resource },
            Absence::NotConfigured(words) => Refusal::NotConfigured { resource, words },
        }
    }
}
