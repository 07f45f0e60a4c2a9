//! Hands over to the program with the commands for people, as `drbdadm` does to its helpers.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::message::Code;
use crate::outcome::ExitCode;

/// Its name.
const PROGRAM: &str = "block-drbd-operator";
/// Where packages put it; beside this program is looked first.
const FOLDER: &str = "/usr/libexec/block-drbd";

/// Becomes that program, with the same arguments. Comes back only when it cannot.
#[must_use]
pub fn hand_over() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let mut last = None;
    for path in places() {
        let mut command = Command::new(&path);
        let error = command.arg0("block-drbd").args(&arguments).exec();
        last = Some(format!("{}: {error}", path.display()));
    }
    let asked = arguments.first().map_or(OsStr::new(""), |a| a.as_os_str());
    let asked = crate::words::short(&asked.to_string_lossy(), 40);
    let why = last.unwrap_or_default();
    // Nothing can be done about a closed stderr.
    let _ = std::io::Write::write_all(
        &mut std::io::stderr(),
        format!(
            "block-drbd: `{asked}` is not `add` or `remove`, and the program for everything else cannot be run ({why}): install it, or call this one as Xen's toolstack does [{}]\n",
            Code::Operator
        )
        .as_bytes(),
    );
    ExitCode::Usage
}

fn places() -> impl Iterator<Item = PathBuf> {
    // The kernel resolves the link in Xen's directory of scripts.
    let beside = std::env::current_exe().ok();
    let beside = beside.and_then(|p| Some(p.parent()?.join(PROGRAM)));
    beside
        .into_iter()
        .chain(std::iter::once(PathBuf::from(FOLDER).join(PROGRAM)))
}
