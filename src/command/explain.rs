//! `explain`, and the dry runs of `add` and `remove`.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::warn_of_test;
use crate::cli;
use crate::deadline::Deadline;
use crate::drbd::tools::Tools;
use crate::explain::{Case, Subject, look};
use crate::host::Linux;
use crate::logging::PERSON;
use crate::observe::World;
use crate::outcome::ExitCode;
use crate::policy::Configuration;
use crate::request::{Action, BackendPath};
use crate::root::Root;
use crate::store::Store;

/// For reading everything.
const ALL: Duration = Duration::from_secs(30);
/// A case has some kilobytes.
const FILE_MAX: u64 = 4 << 20;

/// Explains what was asked about, or what was saved.
///
/// # Errors
/// When the host cannot be asked, or a file cannot be read or written.
pub fn run(options: &cli::Explain, root: Root) -> Result<ExitCode> {
    let case = match (&options.facts, &options.about) {
        (Some(file), _) => saved(file)?,
        (None, Some(about)) => {
            let action = if options.remove {
                Action::Remove
            } else {
                Action::Add
            };
            read(action, &Subject::parse(about), options.incoming, root)?
        }
        (None, None) => return Ok(ExitCode::Usage),
    };
    tell(&case, options.save.as_deref(), options.json)
}

/// What `add` or `remove` would do for the backend that `XENBUS_PATH` names.
///
/// # Errors
/// As [`run`].
pub fn dry_run(action: Action, options: &cli::Toolstack, root: Root) -> Result<ExitCode> {
    let variable = std::env::var_os("XENBUS_PATH").map(|v| v.to_string_lossy().into_owned());
    let path = match BackendPath::parse(variable.as_deref()) {
        Ok(path) => path,
        Err(error) => {
            log::error!(target: PERSON, "{error}");
            return Ok(ExitCode::Usage);
        }
    };
    let case = read(action, &Subject::Backend(path), false, root)?;
    tell(&case, options.save.as_deref(), options.json)
}

fn read(action: Action, subject: &Subject, incoming: bool, root: Root) -> Result<Case> {
    warn_of_test(&root);
    let configuration = Configuration::read(&root)
        .context("until the configuration is mended, every add is refused")?;
    let deadline = Deadline::within(ALL);
    let store = Store::open(deadline.end())
        .context("who uses a resource cannot be known, so nothing can be said")?;
    let host = Linux::new(root.clone());
    let replication = Tools::new(root);
    let world = World {
        store: &store,
        replication: &replication,
        host: &host,
    };
    Ok(look(
        &world,
        action,
        subject,
        incoming,
        &configuration,
        &deadline,
    )?)
}

fn saved(file: &Path) -> Result<Case> {
    let name = file.display();
    let opened = File::open(file).with_context(|| format!("cannot open {name}"))?;
    serde_json::from_reader(BufReader::new(opened.take(FILE_MAX)))
        .with_context(|| format!("{name} is not what `block-drbd explain --save` writes"))
}

fn tell(case: &Case, save: Option<&Path>, json: bool) -> Result<ExitCode> {
    let answer = case.answer();
    if let Some(file) = save {
        let name = file.display();
        let mut options = OpenOptions::new();
        // Nothing that is there already is lost.
        let mut created = options
            .write(true)
            .create_new(true)
            .open(file)
            .with_context(|| format!("cannot make {name}"))?;
        serde_json::to_writer_pretty(&mut created, case)
            .map_err(std::io::Error::from)
            .and_then(|()| created.write_all(b"\n"))
            .with_context(|| format!("cannot write {name}"))?;
    }
    // A closed pipe is the reader's wish.
    let mut out = std::io::stdout().lock();
    let _ = if json {
        writeln!(out, "{}", serde_json::to_string(&answer)?)
    } else {
        writeln!(out, "{answer}")
    };
    Ok(answer.code())
}
