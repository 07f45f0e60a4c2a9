//! The command line.

use std::fmt;

use clap::{Parser, Subcommand};

use crate::request::is_assignment;

/// Xen block script for guest disks that are replicated by DRBD.
///
/// Xen's toolstack runs it for disks such as 'drbd:web-root,xvda2,w', with XENBUS_PATH set.
#[derive(Debug, Parser)]
#[command(name = "block-drbd", version, about, disable_help_subcommand = true)]
#[command(after_help = "block-drbd(8) explains each command and each message, by its code.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Promote the resource and publish its device to the guest
    Add(Ignored),
    /// Demote the resource, unless somebody else here uses it
    Remove(Ignored),
    /// Demote what was left Primary, close windows left open, say what else is left
    ///
    /// It touches nothing that this program did not promote or open, and nothing that is in use. It may run at
    /// any time, and beside `add` and `remove`.
    Reap(Reap),
}

/// How to reap.
#[derive(Debug, clap::Args)]
pub struct Reap {
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print an array of JSON
    #[arg(long)]
    pub json: bool,
}

/// `key=value` arguments, which Xen's block scripts pass over (xen: tools/hotplug/Linux/xen-hotplug-common.sh.in).
#[derive(Debug, clap::Args)]
pub struct Ignored {
    /// Passed over
    #[arg(hide = true, value_parser = key_value)]
    ignored: Vec<String>,
}

fn key_value(text: &str) -> Result<String, &'static str> {
    if is_assignment(text) {
        Ok(text.to_owned())
    } else {
        Err("only KEY=VALUE may follow, and is passed over")
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add(_) => "add",
            Self::Remove(_) => "remove",
            Self::Reap(_) => "reap",
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// A screen of 24 lines, of which the prompt takes one.
    #[test]
    fn every_help_fits_a_screen() {
        let mut cli = Cli::command();
        cli.build();
        let mut commands: Vec<_> = cli.get_subcommands().cloned().collect();
        commands.push(cli);
        for mut command in commands {
            for help in [command.render_help(), command.render_long_help()] {
                let help = help.to_string();
                assert!(help.lines().count() <= 23, "{help}");
                let longest = help.lines().map(|l| l.chars().count()).max();
                assert!(longest <= Some(80), "{longest:?} columns:\n{help}");
            }
        }
    }

    fn parse(args: &[&str]) -> Option<String> {
        let args = std::iter::once("block-drbd").chain(args.iter().copied());
        Some(Cli::try_parse_from(args).ok()?.command.to_string())
    }

    #[test]
    fn contract_1_anything_else_is_refused() {
        let said = |args: &[&str]| parse(args).unwrap_or_default();
        assert_eq!(said(&["add"]), "add");
        assert_eq!(said(&["remove"]), "remove");
        assert_eq!(said(&["add", "a=b", "c="]), "add");
        assert_eq!(said(&["reap", "--dry-run", "--json"]), "reap");
        for args in [
            &[][..],
            &["online"],
            &["Add"],
            &["add", "remove"],
            &["add", "-f"],
            &["add", "--force"],
            &["add", "=x"],
            &["--force", "add"],
            &["add", "--", "-x=y"],
            &[""],
            &["add "],
            &["reap", "web-root"],
            &["reap", "a=b"],
            &["add", "--dry-run"],
        ] {
            assert_eq!(parse(args), None, "{args:?}");
        }
    }
}
