//! The commands for people and for systemd; `block-drbd` hands them over to this program.

use std::process::ExitCode as Code;

use clap::Parser;

use block_drbd::cli::{Cli, Command, Toolstack};
use block_drbd::command::{check, doctor, explain, reap, status, toolstack};
use block_drbd::logging::{self, PERSON};
use block_drbd::message::{Code as Cause, Message};
use block_drbd::outcome::ExitCode;
use block_drbd::request::Action;
use block_drbd::root::Root;

fn main() -> Code {
    if block_drbd::completion::answer() {
        return Code::SUCCESS;
    }
    let root = Root::from_env();
    logging::start(&root);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked_for = error.exit_code() == 0;
            if !asked_for {
                let said = Message::new(Cause::Usage, format!("called wrongly: {}", arguments()));
                log::error!(code = said.code.as_str(); "{said}");
            }
            let _ = error.print();
            return if asked_for {
                ExitCode::Done
            } else {
                ExitCode::Usage
            }
            .into();
        }
    };
    let ended = match &cli.command {
        Command::Add(options) => hotplug(Action::Add, options, root),
        Command::Remove(options) => hotplug(Action::Remove, options, root),
        Command::Reap(options) => reap::run(options, root),
        Command::Check(options) => check::run(options, root),
        Command::Explain(options) => explain::run(options, root),
        Command::Status(options) => status::run(options, root),
        Command::Doctor(options) => doctor::run(options, &root),
    };
    match ended {
        Ok(code) => code.into(),
        Err(error) => {
            let code = Message::code_of(error.as_ref()).map(Cause::as_str);
            log::error!(target: PERSON, code = code; "{} failed: {error:#}", cli.command);
            ExitCode::Failed.into()
        }
    }
}

/// As the toolstack asks for it, or only in words.
fn hotplug(action: Action, options: &Toolstack, root: Root) -> anyhow::Result<ExitCode> {
    if options.dry_run {
        explain::dry_run(action, options, root)
    } else {
        toolstack::run(action, root).map_err(Into::into)
    }
}

/// What stands on the command line, fit for a log.
fn arguments() -> String {
    let words = std::env::args_os()
        .skip(1)
        .map(|w| w.to_string_lossy().into_owned());
    block_drbd::words::short(&words.collect::<Vec<_>>().join(" "), 200)
}
