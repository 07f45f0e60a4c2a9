//! `block-drbd`, as Xen's toolstack runs it: see the library for how it works.
//!
//! It stays small, since it is loaded for every disk. What people run is another program beside it,
//! to which everything but `add` and `remove` is handed over.

use std::io::Write;
use std::process::ExitCode as Code;

use block_drbd::command::{operator, toolstack};
use block_drbd::logging::{self, PERSON};
use block_drbd::outcome::ExitCode;
use block_drbd::request::Action;
use block_drbd::root::Root;

fn main() -> Code {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|a| a == "--version") && arguments.next().is_none() {
        return version().into();
    }
    let Some(action) = Action::of_toolstack(std::env::args_os().skip(1)) else {
        return operator::hand_over().into();
    };
    let root = Root::from_env();
    logging::start(&root);
    match toolstack::run(action, root) {
        Ok(code) => code.into(),
        Err(said) => {
            log::error!(target: PERSON, code = said.code.as_str(); "{action} failed: {said}");
            ExitCode::Failed.into()
        }
    }
}

/// Of this very program, by which `doctor` knows it. A closed pipe is nobody's failure.
fn version() -> ExitCode {
    let line = concat!("block-drbd ", env!("CARGO_PKG_VERSION"), "\n");
    let _ = std::io::stdout().write_all(line.as_bytes());
    ExitCode::Done
}
