//! The manual: man pages, completions of the shells and the sample of the configuration, all made from
//! what the program itself is made of.

pub mod catalogue;
pub mod configuration;
pub mod examples;
pub mod page;
pub mod placeholders;
pub mod program;
pub mod settings;

use std::io;
use std::path::Path;

use clap_complete::env::{Bash, Fish, Zsh};

use crate::completion::script;

/// Every file of the manual: its name, and what stands in it. `date` is that of the pages.
///
/// # Errors
/// When one cannot be made.
pub fn files(date: &str) -> io::Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("block-drbd.8", program::page(date)?),
        ("block-drbd.toml.5", configuration::page(date)),
        ("block-drbd.toml", settings::sample()),
        ("block-drbd.bash", script(&Bash)?),
        ("_block-drbd", script(&Zsh)?),
        ("block-drbd.fish", script(&Fish)?),
    ])
}

/// Writes them into a folder, which is made if need be.
///
/// # Errors
/// When that fails.
pub fn write(folder: &Path, date: &str) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, text) in files(date)? {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
