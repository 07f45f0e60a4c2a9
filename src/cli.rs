//! The command line.

use clap::{Parser, Subcommand};

use crate::request::Action;

/// Xen block script for guest disks that are replicated by DRBD.
///
/// Xen's toolstack runs it for disks such as 'drbd:web-root,xvda2,w', with XENBUS_PATH set.
#[derive(Debug, Parser)]
#[command(version, about, disable_help_subcommand = true)]
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
}

/// `key=value` arguments, which Xen's block scripts pass over (xen: tools/hotplug/Linux/xen-hotplug-common.sh.in).
#[derive(Debug, clap::Args)]
pub struct Ignored {
    /// Passed over
    #[arg(hide = true, value_parser = key_value)]
    ignored: Vec<String>,
}

fn key_value(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((key, _)) if !key.is_empty() && !key.starts_with('-') => Ok(text.to_owned()),
        _ => Err("only KEY=VALUE may follow, and is passed over".to_owned()),
    }
}

impl Command {
    /// The action that is asked for.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::Add(_) => Action::Add,
            Self::Remove(_) => Action::Remove,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Option<Action> {
        let args = std::iter::once("block-drbd").chain(args.iter().copied());
        Cli::try_parse_from(args).ok().map(|c| c.command.action())
    }

    #[test]
    fn contract_1_add_or_remove_and_nothing_else() {
        assert_eq!(parse(&["add"]), Some(Action::Add));
        assert_eq!(parse(&["remove"]), Some(Action::Remove));
        assert_eq!(parse(&["add", "a=b", "c="]), Some(Action::Add));
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
        ] {
            assert_eq!(parse(args), None, "{args:?}");
        }
    }
}
