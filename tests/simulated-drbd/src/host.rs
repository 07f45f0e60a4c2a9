//! What belongs to one host alone: its module, its faults, its root directory.

use crate::fault::{Fault, Injected};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where the kernel module is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Module {
    /// Loaded.
    #[default]
    Loaded,
    /// Not loaded; every command of `drbdsetup` loads it.
    Unloaded,
    /// Not in the system: every command fails.
    Absent,
}

/// What belongs to one host alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// The directory that stands for its `/`.
    pub root: PathBuf,
    /// Where the kernel module is.
    pub module: Module,
    /// Whether it lies powered off.
    pub crashed: bool,
    /// What goes wrong on purpose.
    pub faults: Vec<Injected>,
}

/// What stands in a host's root: where its world is, and which host it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The directory of the world.
    pub world: PathBuf,
    /// The name of the host.
    pub host: String,
}

impl Host {
    /// A host with the module loaded and nothing wrong.
    #[must_use]
    pub fn new(name: &str, root: &Path) -> Self {
        Self {
            name: name.to_owned(),
            root: root.to_owned(),
            module: Module::Loaded,
            crashed: false,
            faults: Vec::new(),
        }
    }

    /// Takes the fault that befalls this command line, once.
    pub fn take_fault(&mut self, words: &[String]) -> Option<Fault> {
        let injected = self
            .faults
            .iter_mut()
            .find(|injected| injected.befalls(words))?;
        if let Some(times) = &mut injected.times {
            *times -= 1;
        }
        Some(injected.fault.clone())
    }
}

impl Place {
    /// Finds the root by the variable, else by the tool's own absolute path; reads the place there.
    ///
    /// # Errors
    /// When neither leads to a root, or its file cannot be read.
    pub fn find(variable: Option<&Path>, tool: &Path) -> Result<(PathBuf, Self)> {
        let root = match variable {
            Some(root) => root.to_owned(),
            None => root_of(tool).with_context(|| {
                format!(
                    "{}: not below a simulated host's root, and SIMULATED_DRBD is not set",
                    tool.display()
                )
            })?,
        };
        let file = root.join("simulated-drbd.json");
        let text = std::fs::read(&file).with_context(|| file.display().to_string())?;
        let place = serde_json::from_slice(&text).with_context(|| file.display().to_string())?;
        Ok((root, place))
    }
}

/// `ROOT` of `ROOT/usr/sbin/drbdsetup`, `ROOT/sbin/…`, `ROOT/lib/drbd/…`.
fn root_of(tool: &Path) -> Option<PathBuf> {
    let above = tool.is_absolute().then(|| tool.ancestors().skip(1))?;
    above
        .take(5)
        .find(|root| root.join("simulated-drbd.json").is_file())
        .map(Path::to_owned)
}
