//! `reap`, as a person or systemd runs it.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};

use super::warn_of_test;
use crate::cli::Reap;
use crate::deadline::Deadline;
use crate::drbd::tools::Tools;
use crate::host::{Host, Linux, Note};
use crate::message::{Code, Coded, Message};
use crate::observe::World;
use crate::outcome::ExitCode;
use crate::policy::Configuration;
use crate::reap::{self, Found, State};
use crate::root::Root;
use crate::store::Store;

/// For all resources together.
const ALL: Duration = Duration::from_secs(300);
/// For the first look, and for reaching xenstored.
const FIRST: Duration = Duration::from_secs(30);

/// Carries it out. What was found stands on standard output then.
///
/// # Errors
/// When DRBD or xenstored cannot be asked: then nothing was changed.
pub fn run(options: &Reap, root: Root) -> Result<ExitCode> {
    warn_of_test(&root);
    // What was promoted under a good file is demoted under a broken one, too.
    let configuration = Configuration::read(&root).unwrap_or_else(|error| {
        let code = error.code();
        log::error!(code = code.as_str(); "{error}; its defaults hold for this reap [{code}]");
        Configuration::default()
    });
    let all = Deadline::within_or_signal(ALL)
        .map_err(|e| Message::new(Code::Host, format!("cannot watch for signals: {e}")))?;
    let host = Linux::new(root.clone());
    let replication = Tools::new(root);
    let first = all.at_most(FIRST);
    let names =
        reap::candidates(&replication, &host, &configuration, &first).map_err(|e| e.message())?;
    let found = if names.is_empty() {
        Vec::new()
    } else {
        let store = Store::open(first.end())
            .map_err(|e| Message::no_store(&e))
            .context("who uses a resource cannot be known, so nothing is touched")?;
        let world = World {
            store: &store,
            replication: &replication,
            host: &host,
        };
        reap::run(&world, names, &configuration, options.dry_run, &all)
    };
    print(&found, options.json);
    let noted = |name: &str| {
        let notes = [Note::Promotion, Note::Window];
        notes.into_iter().any(|note| host.is_noted(note, name))
    };
    Ok(code(&found, options.dry_run, noted))
}

/// A closed pipe must not stop it.
fn print(found: &[Found], json: bool) {
    let mut out = std::io::stdout().lock();
    if json {
        let _ = writeln!(out, "{}", reap::json(found));
        return;
    }
    for line in found.iter().filter(|f| f.is_news()) {
        let _ = writeln!(out, "{line}");
    }
}

/// What another run was at, and of which a note still stands, may be left by that run, too: the service comes
/// back. `noted` tells, of a resource.
fn code(found: &[Found], dry: bool, noted: impl Fn(&str) -> bool) -> ExitCode {
    let any = |state| found.iter().any(|f| f.state == state);
    let mut busy = found.iter().filter(|f| f.state == State::Busy);
    if any(State::Failed) {
        ExitCode::Failed
    } else if any(State::Late) || (!dry && busy.any(|f| noted(&f.resource))) {
        ExitCode::Deadline
    } else {
        ExitCode::Done
    }
}
