//! `check`, as a person runs it, or the host that a guest would leave.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::warn_of_test;
use crate::check::{self, Check, Finding, Group, Other, Place, Question, Severity};
use crate::cli;
use crate::deadline::Deadline;
use crate::drbd::tools::Tools;
use crate::host::Linux;
use crate::message::Coded;
use crate::observe::World;
use crate::outcome::ExitCode;
use crate::policy::{Configuration, ConfigurationError, FILE};
use crate::root::Root;
use crate::store::Store;

/// For everything on this host.
const ALL: Duration = Duration::from_secs(60);

/// Finds out, and prints what was found.
///
/// # Errors
/// When xenstored cannot be asked.
pub fn run(options: &cli::Check, root: Root) -> Result<ExitCode> {
    warn_of_test(&root);
    if let Some(host) = options.migrate.as_deref() {
        if host.is_empty() || host.starts_with('-') || options.ssh.trim().is_empty() {
            log::error!(target: crate::logging::PERSON, "check: --migrate takes the name of a host, and -s a command that reaches it");
            return Ok(ExitCode::Usage);
        }
    }
    let mut found = Vec::new();
    let (groups, readable) = groups(options, &mut found);
    let needed = |g: &Group| !g.subjects.is_empty() || !g.unserved.is_empty();
    match Configuration::read(&root) {
        // Nothing to ask this host about.
        _ if !groups.iter().any(needed) => {
            found.extend(groups.into_iter().flat_map(|g| g.findings));
        }
        Ok(configuration) => answers(options, root, &configuration, groups, &mut found)?,
        Err(error) => {
            found.extend(groups.into_iter().flat_map(|g| g.findings));
            found.push(broken(&error));
        }
    }
    print(&found, options.json);
    let refused = found.iter().any(|f| f.severity == Severity::Error);
    Ok(match (readable, refused) {
        (false, _) => ExitCode::Failed,
        (true, true) => ExitCode::Refused,
        (true, false) => ExitCode::Done,
    })
}

/// What was asked about, and whether all of it could be read.
fn groups(options: &cli::Check, found: &mut Vec<Finding>) -> (Vec<Group>, bool) {
    let mut groups = Vec::new();
    let mut readable = true;
    for argument in &options.what {
        if !check::is_file(argument) {
            groups.push(Group::of_resource(&argument.to_string_lossy()));
            continue;
        }
        match Group::of_file(argument) {
            Ok(group) => groups.push(group),
            Err(error) => {
                readable = false;
                found.push(place(argument).error(format!("it cannot be read: {error}")));
            }
        }
    }
    groups.extend(options.disk.iter().map(|d| Group::of_disk(d)));
    (groups, readable)
}

fn place(file: &Path) -> Place {
    Place {
        file: file.to_string_lossy().into_owned(),
        ..Place::default()
    }
}

/// `add` would refuse every disk with that.
fn broken(error: &ConfigurationError) -> Finding {
    let mut place = place(Path::new(FILE));
    if let ConfigurationError::Content { line, .. } = error {
        place.line = Some(*line);
    }
    place.message(Severity::Error, &error.message())
}

fn answers(
    options: &cli::Check,
    root: Root,
    configuration: &Configuration,
    groups: Vec<Group>,
    found: &mut Vec<Finding>,
) -> Result<()> {
    let deadline = Deadline::within(ALL);
    let store = Store::open(deadline.end())
        .context("who uses a resource cannot be known, so nothing can be said")?;
    let own = std::fs::read_to_string(root.join("/proc/sys/kernel/hostname")).unwrap_or_default();
    let host = Linux::new(root.clone());
    let replication = Tools::new(root);
    let world = World {
        store: &store,
        replication: &replication,
        host: &host,
    };
    let question = match (options.incoming, &options.migrate) {
        (true, _) => Question::Receive {
            uuid: options.uuid.clone(),
            from: options.from.clone(),
        },
        (false, Some(_)) => Question::StartOnly,
        (false, None) => Question::Start,
    };
    let mut check = Check::new(&world, configuration, &deadline, question);
    for group in groups {
        let answer = check.group(&group)?;
        let mut of_group = group.findings;
        of_group.extend(answer.findings);
        if let (Some(host), false) = (&options.migrate, answer.movable.is_empty()) {
            let other = Other {
                host,
                ssh: &options.ssh,
            };
            let runs = answer.running.as_ref();
            let uuid = runs.and_then(|g| g.uuid());
            let from = own.trim();
            of_group.extend(check::ask(
                other,
                &answer.movable,
                uuid,
                from,
                runs.is_some(),
            ));
        }
        of_group.sort_by_key(|f| f.line);
        found.extend(of_group);
    }
    Ok(())
}

/// A closed pipe must not stop it.
fn print(found: &[Finding], json: bool) {
    let mut out = std::io::stdout().lock();
    if json {
        // Strings and enums always can be written.
        let text = serde_json::to_string(found).unwrap_or_default();
        let _ = writeln!(out, "{text}");
        return;
    }
    for finding in found {
        let _ = writeln!(out, "{finding}");
    }
}
