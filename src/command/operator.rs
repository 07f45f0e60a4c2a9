//! Hands over to the program with the commands for people, as `drbdadm` does to its helpers.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::message::Code;
use crate::outcome::ExitCode;

/// Its name.
const PROGRAM: &str = "block-drbd-operator";
/// Where packages put it; beside this program, and in its prefix, is looked first.
const FOLDER: &str = "/usr/libexec/block-drbd";

/// Becomes that program, with the same arguments. Comes back only when it cannot.
#[must_use]
pub fn hand_over() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let mut last = None;
    // The kernel resolves the link in Xen's directory of scripts.
    let program = std::env::current_exe().ok();
    // `doctor` names it in the commands that it prints.
    let name = program.as_deref().unwrap_or(Path::new("block-drbd"));
    for path in places(program.as_deref()) {
        let mut command = Command::new(&path);
        let error = command.arg0(name).args(&arguments).exec();
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

/// Beside `program`, then as `make install PREFIX=` puts it, then as packages do.
fn places(program: Option<&Path>) -> impl Iterator<Item = PathBuf> {
    let beside = program.and_then(Path::parent);
    let prefix = beside.and_then(Path::parent);
    [
        beside.map(Path::to_owned),
        prefix.map(|p| p.join("libexec/block-drbd")),
        Some(PathBuf::from(FOLDER)),
    ]
    .into_iter()
    .flatten()
    .map(|folder| folder.join(PROGRAM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_beside_the_program_in_its_prefix_and_where_packages_put_it() {
        let found: Vec<_> = places(Some(Path::new("/usr/local/sbin/block-drbd"))).collect();
        let expected = [
            "/usr/local/sbin/block-drbd-operator",
            "/usr/local/libexec/block-drbd/block-drbd-operator",
            "/usr/libexec/block-drbd/block-drbd-operator",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
    }

    #[test]
    fn where_the_program_lies_need_not_be_known() {
        let found: Vec<_> = places(None).collect();
        assert_eq!(found, [Path::new(FOLDER).join(PROGRAM)]);
    }
}
