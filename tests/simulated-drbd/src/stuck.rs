//! A tool that its parent cannot reap once it was killed, as one that the kernel does not let die.

use anyhow::Result;
use nix::sys::ptrace::{Options, seize};
use nix::unistd::Pid;
use std::os::unix::process::{CommandExt as _, parent_id};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Tells a process that it traces its parent, and for how many milliseconds.
const TRACES: &str = "SIMULATED_DRBD_TRACES";

/// Hangs, and is traced by a process of another group. What was killed is a zombie that only its tracer
/// can reap, so that its parent sees it run still (linux: `kernel/exit.c`, `wait_consider_task`). Where
/// nobody may trace, it only hangs.
///
/// # Errors
/// When the tracer cannot be started.
pub fn hang(ms: u64, words: &[String]) -> Result<()> {
    Command::new(std::env::current_exe()?)
        .arg0(&words[0])
        .env(TRACES, ms.to_string())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// Whether this process is such a tracer. Its time is over then.
///
/// # Errors
/// When it may not trace.
pub fn traced() -> Result<bool> {
    let Some(ms) = std::env::var_os(TRACES) else {
        return Ok(false);
    };
    let ms = ms.to_string_lossy().parse().unwrap_or(0);
    let parent = Pid::from_raw(i32::try_from(parent_id())?);
    seize(parent, Options::empty())?;
    std::thread::sleep(Duration::from_millis(ms));
    Ok(true)
}
