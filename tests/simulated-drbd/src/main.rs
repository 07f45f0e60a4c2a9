//! `drbdsetup`, `drbdsetup-84`, `drbdadm` by the name it is called, else the control tool.

use simulated_drbd::{control, tool};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let name = words.first().map(Path::new).and_then(Path::file_name);
    let is_tool = name.is_some_and(|name| {
        ["drbdsetup", "drbdsetup-84", "drbdadm"]
            .iter()
            .any(|tool| name == *tool)
    });
    let outcome = if is_tool {
        tool::invoke(&words)
    } else {
        control::run(&words)
    };
    match outcome {
        Ok(output) => {
            // Whoever closed the other end does not want to read it.
            let _ = std::io::stdout().write_all(output.stdout.as_bytes());
            let _ = std::io::stderr().write_all(output.stderr.as_bytes());
            ExitCode::from(u8::try_from(output.code).unwrap_or(u8::MAX))
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "simulated-drbd: {error:#}");
            ExitCode::from(99)
        }
    }
}
