//! The command line.

use std::fmt;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::request::is_assignment;

/// Xen block script for guest disks that are replicated by DRBD.
#[derive(Debug, Parser)]
#[command(name = "block-drbd", version, about, disable_help_subcommand = true)]
#[command(after_help = "\
Xen's toolstack runs it for disks such as 'drbd:web-root,xvda2,w', with
XENBUS_PATH set. block-drbd(8) explains each command, and each message by its
code.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Promote the resource and publish its device to the guest
    Add(Toolstack),
    /// Demote the resource, unless somebody else here uses it
    Remove(Toolstack),
    /// Demote what was left Primary, close windows left open
    ///
    /// It touches nothing that this program did not promote or open, and nothing
    /// that is in use, and says of everything else why it is left. It may run at any
    /// time, and beside `add` and `remove`.
    #[command(verbatim_doc_comment)]
    Reap(Reap),
    /// Say beforehand whether guests would start here and migrate
    Check(Check),
    /// Say what add or remove would do for a disk, and why
    Explain(Explain),
    /// Show which guest has which resource, its peers, and what disagrees
    Status(Status),
    /// Say what is wrong with this host, and which command mends it
    Doctor(Doctor),
}

/// What to explain.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The facts, the rule that decides, and the plan; nothing is done.
Exit code: that of the run itself, 0, 1 or 3.")]
pub struct Explain {
    /// backend/vbd/7/51714, or a disk as behind `drbd:`
    #[arg(value_name = "XENBUS_PATH|RESOURCE", required_unless_present = "facts")]
    pub about: Option<String>,
    /// What remove would do, not add
    #[arg(long)]
    pub remove: bool,
    /// As if the guest were received from another host
    #[arg(long, conflicts_with = "remove")]
    pub incoming: bool,
    /// Explain what --save has saved, here or elsewhere
    #[arg(long, value_name = "FILE", conflicts_with_all = ["about", "remove", "incoming"])]
    pub facts: Option<PathBuf>,
    /// Save the facts, for a report; the file must not exist
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Print an object of JSON
    #[arg(long)]
    pub json: bool,
}

/// What to find out beforehand.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
One finding a line: FILE:LINE: SEVERITY: SENTENCE
  error    `xl` or block-drbd would refuse it
  warning  a start would warn of it, or a migration would be refused
Exit code: 0 no error, 1 a file cannot be read, 2 called wrongly, 3 an error")]
pub struct Check {
    /// Guests' files, and resources as named behind `drbd:`
    #[arg(value_name = "CFG|RESOURCE", required_unless_present = "disk")]
    pub what: Vec<PathBuf>,
    /// A disk as `xl block-attach` takes it
    #[arg(long, value_name = "DISKSPEC")]
    pub disk: Vec<String>,
    /// Ask HOST, too, whether it would take the guests
    #[arg(long, value_name = "HOST")]
    pub migrate: Option<String>,
    /// Reaches HOST, as in `xl migrate -s`
    #[arg(
        short = 's',
        long = "ssh",
        value_name = "COMMAND",
        default_value = "ssh",
        requires = "migrate"
    )]
    pub ssh: String,
    /// Print an array of JSON
    #[arg(long)]
    pub json: bool,
    /// The disks would be received from another host, which asks
    #[arg(long, hide = true, conflicts_with = "migrate")]
    pub incoming: bool,
    /// The guest's uuid
    #[arg(long, hide = true, requires = "incoming")]
    pub uuid: Option<String>,
    /// Name of the other host, where the guest does not run yet
    #[arg(long, hide = true, requires = "incoming")]
    pub from: Option<String>,
}

/// What to show.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A row for each volume. Where DRBD and the guests disagree, the row is marked
with ! and a sentence below says what to do.
Exit code: 0 all agrees, 1 failed, or a named resource is not up, 4 not in time,
5 something disagrees.")]
pub struct Status {
    /// Only these resources
    #[arg(value_name = "RES")]
    pub resources: Vec<String>,
    /// Print an object of JSON; with --watch one for each change
    #[arg(long)]
    pub json: bool,
    /// Show it anew whenever DRBD or xenstore tell of a change
    #[arg(long)]
    pub watch: bool,
}

/// How to report.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It looks at DRBD and drbd-utils, Xen, the script in Xen's directory, each
resource's state and settings, what was left behind, what else holds DRBD's
devices (LVM, multipathd), systemd's units, udev's rules, libvirt's hook and
/etc/xen/block-drbd.toml. Nothing is changed. Colours only on a terminal, and
not with NO_COLOR set.
Exit code: 0 nothing is wrong (there may be notes), 1 something could not be
looked at, 5 an error or a warning.")]
pub struct Doctor {
    /// Print an array of JSON
    #[arg(long)]
    pub json: bool,
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

/// How the toolstack calls. `key=value` arguments are passed over, as Xen's block scripts do (xen:
/// tools/hotplug/Linux/xen-hotplug-common.sh.in).
#[derive(Debug, clap::Args)]
pub struct Toolstack {
    /// Say what would be done, and why; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Save the facts, for a report; the file must not exist
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    pub save: Option<PathBuf>,
    /// Print an object of JSON
    #[arg(long, requires = "dry_run")]
    pub json: bool,
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
            Self::Check(_) => "check",
            Self::Explain(_) => "explain",
            Self::Status(_) => "status",
            Self::Doctor(_) => "doctor",
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
        let cli = Cli::command();
        let commands = cli.get_subcommands().map(|c| vec![c.get_name()]);
        for command in commands.chain([Vec::new()]) {
            for option in ["-h", "--help"] {
                let args = ["block-drbd"].into_iter().chain(command.iter().copied());
                let asked = Cli::try_parse_from(args.chain([option]));
                let help = asked.unwrap_err().to_string();
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
        assert_eq!(said(&["check", "web.cfg", "web-root"]), "check");
        assert_eq!(
            said(&["check", "--disk", "drbd:web-root,xvda,w", "--json"]),
            "check"
        );
        assert_eq!(
            said(&["check", "web.cfg", "--migrate", "nodo2", "-s", "ssh -p 22"]),
            "check"
        );
        assert_eq!(said(&["status", "--json", "--watch", "a", "b"]), "status");
        assert_eq!(said(&["doctor", "--json"]), "doctor");
        for args in [
            &[][..],
            &["check"],
            &["check", "--migrate", "nodo2"],
            &["check", "web.cfg", "-s", "ssh"],
            &["check", "web.cfg", "--from", "nodo2"],
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
            &["status", "--dry-run"],
            &["status", "-x"],
            &["doctor", "web-root"],
            &["doctor", "--fix"],
        ] {
            assert_eq!(parse(args), None, "{args:?}");
        }
    }
}
