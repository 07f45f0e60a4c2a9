//! A run of the program, and what it changed in the store.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::host::Host;

impl Host {
    /// Sends a signal to xenstored, which may be gone.
    pub fn signal_store(&self, signal: Signal) {
        let pid = fs::read_to_string(self.xen.socket().with_file_name("pid")).unwrap();
        let _ = kill(Pid::from_raw(pid.trim().parse().unwrap()), signal);
    }

    /// Every node of the store with its value, a line each.
    fn nodes(&self) -> BTreeSet<String> {
        self.xen.dump("/").lines().map(Into::into).collect()
    }

    /// Runs a command and sees what it changes in the store.
    pub fn run(&self, mut command: Command) -> Ran {
        let before = self.nodes();
        let start = Instant::now();
        let output = command.output().unwrap();
        let took = start.elapsed();
        let after = self.nodes();
        let changed = before.symmetric_difference(&after);
        let changed = changed
            .map(|line| line.split(" = ").next().unwrap_or_default().to_owned())
            .collect();
        Ran {
            took,
            changed,
            ..Ran::of(output)
        }
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; `None` when it was killed.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
    /// The nodes that came, went or changed meanwhile.
    pub changed: BTreeSet<String>,
}

impl Ran {
    /// What a child left behind.
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            took: Duration::ZERO,
            changed: BTreeSet::new(),
        }
    }

    /// Waits for a child that was started before.
    pub fn wait(child: Child) -> Self {
        Self::of(child.wait_with_output().unwrap())
    }

    /// Asserts success without a word to the person.
    #[track_caller]
    pub fn assert_silent_success(&self) {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert_eq!((self.stdout.as_str(), self.stderr.as_str()), ("", ""));
    }
}
