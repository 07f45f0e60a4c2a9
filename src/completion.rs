//! What a shell may put behind `block-drbd`: clap's own answers, and the resources that are up.

use std::ffi::OsStr;
use std::time::Duration;

use clap::{CommandFactory, ValueHint};
use clap_complete::engine::ValueCompleter;
use clap_complete::env::{CompleteEnv, EnvCompleter};
use clap_complete::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter};

use crate::cli::Cli;
use crate::deadline::Deadline;
use crate::drbd::Replication;
use crate::drbd::tools::Tools;
use crate::root::Root;

/// The environment variable by which a shell's script asks.
pub const VARIABLE: &str = "BLOCK_DRBD_COMPLETE";

/// No shell waits longer for the names of resources, whatever DRBD does.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the names of resources are called on the command line.
const RESOURCE: [&str; 3] = ["RES", "RESOURCE", "RESOURCES"];

/// Answers a shell, if it is one that asks.
#[must_use]
pub fn answer() -> bool {
    let asked = CompleteEnv::with_factory(|| with_names(Cli::command()))
        .var(VARIABLE)
        .try_complete(std::env::args_os(), None);
    // A shell that is not known gets nothing.
    asked.unwrap_or(true)
}

/// The same command line, with names of resources for whatever takes one.
#[must_use]
pub fn with_names(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let takes = arg.get_value_names().map_or_else(
                || RESOURCE.contains(&arg.get_id().as_str().to_uppercase().as_str()),
                // As in `CFG|RESOURCE`.
                |names| {
                    names
                        .iter()
                        .any(|n| n.split('|').any(|w| RESOURCE.contains(&w)))
                },
            );
            match (takes, arg.get_value_hint()) {
                (true, ValueHint::AnyPath | ValueHint::FilePath) => {
                    arg.add(ArgValueCompleter::new(names_and_files))
                }
                (true, _) => arg.add(ArgValueCandidates::new(names)),
                (false, _) => arg,
            }
        })
        .mut_subcommands(with_names)
}

/// The resources that are up, from the one command that tells them all without parsing the
/// configuration.
fn names() -> Vec<CompletionCandidate> {
    let up = Tools::new(Root::from_env()).all(&Deadline::within(PATIENCE));
    let up = up.unwrap_or_default().into_iter();
    up.map(|r| CompletionCandidate::new(r.name)).collect()
}

/// Those that begin so, and files.
fn names_and_files(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = names();
    let begun = current.as_encoded_bytes();
    found.retain(|c| c.get_value().as_encoded_bytes().starts_with(begun));
    found.extend(PathCompleter::any().complete(current));
    found
}

/// The script that makes a shell ask.
///
/// # Errors
/// When it cannot be written.
pub fn script(shell: &dyn EnvCompleter) -> std::io::Result<String> {
    let mut script = Vec::new();
    let name = "block-drbd";
    shell.write_registration(VARIABLE, name, name, name, &mut script)?;
    let mut script = String::from_utf8_lossy(&script).trim().to_owned();
    if shell.is("zsh") {
        // A function that zsh loads by its name is called at once, too.
        script.push_str(
            "\n[[ $funcstack[1] == _block-drbd ]] && _clap_dynamic_completer_block_drbd \"$@\"",
        );
    }
    script.push('\n');
    Ok(script)
}
