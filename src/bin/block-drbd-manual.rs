//! Writes the man pages, the completions of the shells and the sample of the configuration into a
//! folder, for whoever makes a package.

use std::path::Path;
use std::process::ExitCode;

use block_drbd::manual;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (folder, date) = (arguments.next(), arguments.next().unwrap_or_default());
    let Some(folder) = folder.filter(|f| !f.starts_with('-')) else {
        eprintln!("usage: block-drbd-manual FOLDER [DATE]");
        return ExitCode::from(2);
    };
    match manual::write(Path::new(&folder), &date) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("block-drbd-manual: {folder}: {error}");
            ExitCode::FAILURE
        }
    }
}
