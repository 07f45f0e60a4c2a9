//! `--watch`: looks again when DRBD or xenstore tell of a change, and only then.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::host::{Host, MINOR, WEB, both, eventually, pause};

/// The program, watching, and what it has said.
struct Watching {
    child: Child,
    lines: Receiver<String>,
    last: Value,
}

impl Watching {
    fn start(host: &Host) -> Self {
        let mut child = host
            .program(&["status", "--watch", "--json"])
            .spawn()
            .unwrap();
        let out: ChildStdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(out).lines().map_while(Result::ok);
            while lines.next().is_some_and(|line| sender.send(line).is_ok()) {}
        });
        let mut watching = Self {
            child,
            lines,
            last: Value::Null,
        };
        watching.until("the first look", |_| true);
        watching
    }

    /// Waits for a line of which that is so.
    #[track_caller]
    fn until(&mut self, what: &str, so: impl Fn(&Value) -> bool) {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30));
            let line = line.unwrap_or_else(|e| panic!("never: {what}: {e}; last {}", self.last));
            self.last = serde_json::from_str(&line).unwrap();
            if so(&self.last) {
                return;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// The exit code after Ctrl-C.
    fn end(mut self) -> Option<i32> {
        self.signal(Signal::SIGINT);
        self.child.wait().unwrap().code()
    }
}

/// How often DRBD was asked for everything.
fn looks(host: &Host) -> usize {
    let calls = host.calls();
    calls.iter().filter(|c| c.contains("events2 --now")).count()
}

#[test]
fn it_shows_a_guest_come_and_go_as_it_happens() {
    both(|host| {
        let mut watching = Watching::start(host);
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        watching.until("attached", |s| {
            let row = &s["volumes"][0];
            row["role"] == "Primary" && row["guests"][0]["state"] == "attached"
        });
        disk.close();
        disk.remove().assert_silent_success();
        disk.vanish();
        watching.until("gone", |s| {
            let row = &s["volumes"][0];
            row["role"] == "Secondary" && row["guests"].as_array().is_some_and(Vec::is_empty)
        });
        assert_eq!(watching.end(), Some(0));
    });
}

/// What only DRBD tells, and what only xenstore tells.
#[test]
fn it_shows_a_migration_live() {
    both(|host| {
        let mut watching = Watching::start(host);
        let disk = host.arriving_disk(7);
        watching.until("the peer is Primary", |s| {
            s["volumes"][0]["peers"][0]["role"] == "Primary"
        });
        disk.receive().assert_silent_success();
        watching.until("arriving", |s| {
            let row = &s["volumes"][0];
            row["migrating"] == true
                && row["role"] == "Primary"
                && row["guests"][0]["moves"] == "in"
        });
        host.xen.guest(7, "web");
        watching.until("renamed", |s| s["volumes"][0]["guests"][0]["name"] == "web");
        host.peer_demotes(WEB, MINOR);
        watching.until("demoted there", |s| {
            s["volumes"][0]["peers"][0]["role"] == "Secondary"
        });
        assert_eq!(watching.end(), Some(0));
    });
}

#[test]
fn nobody_is_asked_while_nothing_changes() {
    both(|host| {
        let watching = Watching::start(host);
        // The first look, the one for what was said meanwhile, and the one after that.
        pause(3000);
        let before = looks(host);
        assert!(before <= 4, "{before}");
        pause(2000);
        assert_eq!(looks(host), before);
        assert_eq!(watching.end(), Some(0));
    });
}

/// Contract 26: no child outlives it, not even if it is killed.
#[test]
fn its_children_end_with_it() {
    both(|host| {
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            let mut watching = Watching::start(host);
            let streams = || {
                let root = host.path("/").display().to_string();
                let processes = std::fs::read_dir("/proc").unwrap().flatten();
                let lines = processes.filter_map(|p| std::fs::read(p.path().join("cmdline")).ok());
                let lines = lines.map(|l| String::from_utf8_lossy(&l).into_owned());
                lines
                    .filter(|l| l.contains("drbdsetup") && l.contains(&root))
                    .count()
            };
            assert_eq!(streams(), 1, "it listens to DRBD");
            watching.signal(signal);
            watching.child.wait().unwrap();
            eventually("nobody listens", || streams() == 0);
        }
    });
}
