//! One invocation of `drbdsetup`, `drbdsetup-84` or `drbdadm`.

use crate::fault::Fault;
use crate::generation::Generation;
use crate::host::{Module, Place};
use crate::output::Output;
use crate::store::{Locked, Store};
use crate::{drbdadm, drbdsetup, follow, stuck};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Tells a process that it is the orphan which does what its killed parent was asked for.
const LATE: &str = "SIMULATED_DRBD_LATE";

/// The host at which a tool was called, and what the tool works on.
pub struct Tool {
    /// The world.
    pub store: Store,
    /// The host's index.
    pub host: usize,
    /// The generation.
    pub generation: Generation,
}

impl Tool {
    /// The tool at a host of a world.
    ///
    /// # Errors
    /// When the world or the host is not there.
    pub fn at(world: &Path, host: &str) -> Result<Self> {
        let store = Store::new(world);
        let (host, generation) = {
            let locked = store.lock()?;
            (locked.state.host(host)?, locked.state.generation)
        };
        Ok(Self {
            store,
            host,
            generation,
        })
    }

    /// Runs `drbdsetup WORDS…` or `drbdadm WORDS…`.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn run(&self, name: &str, words: &[String]) -> Result<Output> {
        match name {
            "drbdadm" => drbdadm::run(self, words),
            "drbdsetup-84" if self.generation == Generation::V9 => {
                Ok(Output::fail(20, "API mismatch! (1 != 2)\n"))
            }
            _ => drbdsetup::run(self, words),
        }
    }

    /// The world; its module is loaded if it can be, else what the tool has to say about that.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn kernel(&self) -> Result<Result<Locked, Output>> {
        let mut locked = self.store.lock()?;
        match locked.state.hosts[self.host].module {
            Module::Loaded => Ok(Ok(locked)),
            Module::Unloaded => {
                locked.state.hosts[self.host].module = Module::Loaded;
                locked.save_state()?;
                locked.show_all(self.host)?;
                Ok(Ok(locked))
            }
            Module::Absent => {
                let words = self.generation.modprobe_failure();
                let text = format!("{words}Failed to modprobe drbd (No such file or directory)\n");
                Ok(Err(Output::fail(20, text)))
            }
        }
    }

    /// Waits for the peer's answer, which does not come.
    ///
    /// # Errors
    /// When the world cannot be read.
    pub fn wait_for_peer(&self) -> Result<()> {
        let wait = self.store.lock()?.state.ping_timeout_ms;
        std::thread::sleep(Duration::from_millis(wait));
        Ok(())
    }
}

/// A whole invocation, from the words of the command line (the tool's own path first).
///
/// # Errors
/// When there is no world to work on.
pub fn invoke(words: &[String]) -> Result<Output> {
    if stuck::traced()? {
        return Ok(Output::default());
    }
    let path = Path::new(words.first().context("no argv[0]")?);
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let variable = std::env::var_os("SIMULATED_DRBD").map(PathBuf::from);
    let (root, place) = Place::find(variable.as_deref(), path)?;
    let tool = Tool::at(&place.world, &place.host)?;
    let mut line = words.to_vec();
    line[0].clone_from(&name);
    if let Some(late) = std::env::var_os(LATE) {
        let late = late.to_string_lossy().parse().unwrap_or(0);
        std::thread::sleep(Duration::from_millis(late));
        return tool.run(&name, &words[1..]);
    }
    log_call(&root, words)?;
    if let Some(output) = befall(&tool, &line, words)? {
        return Ok(output);
    }
    if name != "drbdadm" && follow::is_asked_for(&words[1..]) {
        follow::run(&tool, &name, &words[1..])?;
        return Ok(Output::default());
    }
    tool.run(&name, &words[1..])
}

fn log_call(root: &Path, words: &[String]) -> Result<()> {
    let path = root.join("simulated-drbd.calls");
    let file = File::options().create(true).append(true).open(&path);
    let mut file = file.with_context(|| path.display().to_string())?;
    file.write_all(format!("{}\n", words.join(" ").replace('\n', "\\n")).as_bytes())?;
    Ok(())
}

/// Lets the fault happen that was injected for this call; what it prints, when that is all.
fn befall(tool: &Tool, line: &[String], words: &[String]) -> Result<Option<Output>> {
    let fault = {
        let mut locked = tool.store.lock()?;
        let fault = locked.state.hosts[tool.host].take_fault(line);
        if fault.is_some() {
            locked.save_state()?;
        }
        fault
    };
    match fault {
        None => Ok(None),
        Some(Fault::Delay(ms)) => {
            std::thread::sleep(Duration::from_millis(ms));
            Ok(None)
        }
        Some(Fault::Hang) => loop {
            std::thread::sleep(Duration::from_secs(3600));
        },
        Some(Fault::Stuck(ms)) => {
            stuck::hang(ms, words)?;
            Ok(None)
        }
        Some(Fault::Fail { code, stderr }) => Ok(Some(Output::fail(code, stderr))),
        Some(Fault::ApplyLate(ms)) => apply_late(ms, words).map(Some),
    }
}

/// Leaves the work to a process of its own group, which outlives this one.
fn apply_late(ms: u64, words: &[String]) -> Result<Output> {
    let mut orphan = Command::new(std::env::current_exe()?)
        .arg0(&words[0])
        .args(&words[1..])
        .env(LATE, ms.to_string())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let status = orphan.wait()?;
    Ok(Output {
        code: status.code().unwrap_or(20),
        ..Output::default()
    })
}
