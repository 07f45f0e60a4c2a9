//! Runs a program until a deadline, in a process group that dies with us.
//!
//! libxl's own time-out kills this one process and no child of it (xen:
//! `tools/libs/light/libxl_aoutils.c)`: a promotion that outlived us would happen behind the
//! toolstack's back, after `remove`.

mod stream;

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;

use crate::deadline::{Deadline, Expired};

pub use stream::{News, Stream};

/// Where DRBD's tools look for helpers of their own.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// How long a killed child gets to disappear. One in uninterruptible sleep does not (DRBD 8.4 with
/// frozen I/O), and is left to init.
const GRACE: Duration = Duration::from_millis(200);
/// More output than any DRBD tool has: the rest is read and dropped.
const OUTPUT_MAX: usize = 16 << 20;

/// What a program left behind.
#[derive(Debug)]
pub struct Output {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output, with replacement characters for what is not UTF-8.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not be started.
    #[error("cannot run {program}: {source}")]
    Spawn {
        /// The program's path.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// Its pipes could not be read.
    #[error("lost the output of {program}: {source}")]
    Pipe {
        /// The program's path.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It was still running at the deadline, or a signal came, and it was killed.
    #[error("{program} {expired}")]
    Expired {
        /// The program's path.
        program: String,
        /// Which of the two.
        expired: Expired,
    },
}

/// Runs `program` with `args`; its environment is empty but for `LC_ALL=C` and a fixed `PATH`.
///
/// # Errors
/// When it cannot be started, or does not end in time: then its whole group has been killed.
pub fn run<A: AsRef<OsStr>>(
    program: &Path,
    args: &[A],
    deadline: &Deadline,
) -> Result<Output, RunError> {
    let name = || program.display().to_string();
    if let Err(expired) = deadline.check() {
        return Err(RunError::Expired {
            program: name(),
            expired,
        });
    }
    let mut command = command(program, args);
    let mut child = command.spawn().map_err(|source| RunError::Spawn {
        program: name(),
        source,
    })?;
    let result = finish(&mut child, deadline);
    if result.is_err() {
        kill(&mut child);
    }
    result.map_err(|stop| match stop {
        Stop::Expired(expired) => RunError::Expired {
            program: name(),
            expired,
        },
        Stop::Io(source) => RunError::Pipe {
            program: name(),
            source,
        },
    })
}

/// A program by the rules for all of them; its standard error comes back, too.
fn command<A: AsRef<OsStr>>(program: &Path, args: &[A]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("LC_ALL", "C")
        .env("PATH", PATH)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    die_with_parent(&mut command);
    command
}

/// Asks the kernel to kill the child when we die, by whatever hand.
#[allow(unsafe_code)]
fn die_with_parent(command: &mut Command) {
    let parent = nix::unistd::getpid();
    // SAFETY: between fork and exec only prctl(2), pthread_sigmask(3) and getppid(2) are called; all
    // are async-signal-safe and allocate nothing.
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // Signals that we only look at now and then shall end the child at once.
            SigSet::empty().thread_set_mask()?;
            if nix::unistd::getppid() == parent {
                Ok(())
            } else {
                Err(io::ErrorKind::Interrupted.into())
            }
        });
    }
}

enum Stop {
    Expired(Expired),
    Io(io::Error),
}

/// A pipe of the child until it reports its end, and what came out of it.
struct Drain<R> {
    pipe: Option<R>,
    data: Vec<u8>,
}

impl<R: Read> Drain<R> {
    fn read(&mut self) -> Result<(), Stop> {
        let mut chunk = [0; 16384];
        if let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut chunk).map_err(Stop::Io)? {
                0 => self.pipe = None,
                n if self.data.len() < OUTPUT_MAX => self.data.extend_from_slice(&chunk[..n]),
                _ => {}
            }
        }
        Ok(())
    }

    fn text(self) -> String {
        String::from_utf8(self.data)
            .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
    }
}

fn finish(child: &mut Child, deadline: &Deadline) -> Result<Output, Stop> {
    let mut out = Drain {
        pipe: child.stdout.take(),
        data: Vec::new(),
    };
    let mut err = Drain {
        pipe: child.stderr.take(),
        data: Vec::new(),
    };
    while out.pipe.is_some() || err.pipe.is_some() {
        let (out_ready, err_ready) = wait(&out, &err, deadline)?;
        if out_ready {
            out.read()?;
        }
        if err_ready {
            err.read()?;
        }
    }
    // Closed pipes mostly mean the end. Begin with a short nap: a long one would be most of the
    // cost of a child that takes 0.3 ms.
    let mut nap = Duration::from_micros(50);
    loop {
        if let Some(status) = child.try_wait().map_err(Stop::Io)? {
            return Ok(Output {
                code: status.code(),
                stdout: out.text(),
                stderr: err.text(),
            });
        }
        deadline.sleep(nap).map_err(Stop::Expired)?;
        nap = (nap * 2).min(Duration::from_millis(1));
    }
}

/// Waits until one of the pipes has something to say; tells which.
fn wait<O: AsFd, E: AsFd>(
    out: &Drain<O>,
    err: &Drain<E>,
    deadline: &Deadline,
) -> Result<(bool, bool), Stop> {
    let mut fds = Vec::with_capacity(3);
    fds.extend(
        out.pipe
            .as_ref()
            .map(|p| PollFd::new(p.as_fd(), PollFlags::POLLIN)),
    );
    fds.extend(
        err.pipe
            .as_ref()
            .map(|p| PollFd::new(p.as_fd(), PollFlags::POLLIN)),
    );
    let pipes = fds.len();
    fds.extend(
        deadline
            .signals()
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN)),
    );
    deadline.check().map_err(Stop::Expired)?;
    match poll(&mut fds, deadline.poll_timeout()) {
        Ok(_) | Err(nix::Error::EINTR) => {}
        Err(error) => return Err(Stop::Io(error.into())),
    }
    let mut ready = fds[..pipes].iter().map(|fd| fd.any().unwrap_or(true));
    let out_ready = out.pipe.is_some() && ready.next() == Some(true);
    let err_ready = err.pipe.is_some() && ready.next() == Some(true);
    Ok((out_ready, err_ready))
}

fn kill(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let nap = Duration::from_millis(2);
    let mut slept = Duration::ZERO;
    while slept < GRACE && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(nap);
        slept += nap;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn sh(script: &str, within: Duration) -> (Result<Output, RunError>, Duration) {
        let start = Instant::now();
        let result = run(
            Path::new("/bin/sh"),
            &["-c", script],
            &Deadline::within(within),
        );
        (result, start.elapsed())
    }

    #[test]
    fn exit_code_and_both_streams_come_back() {
        let (result, _) = sh("echo out; echo err >&2; exit 3", Duration::from_secs(10));
        let output = result.unwrap();
        assert_eq!(
            (output.code, output.stdout.as_str(), output.stderr.as_str()),
            (Some(3), "out\n", "err\n")
        );
    }

    #[test]
    fn a_program_that_hangs_is_killed_at_the_deadline() {
        let (result, took) = sh("sleep 100", Duration::from_millis(200));
        assert!(matches!(result, Err(RunError::Expired { .. })));
        assert!(took < Duration::from_secs(5));
    }

    #[test]
    fn a_grandchild_that_keeps_the_pipe_is_killed_too() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let script = format!("(sleep 1; echo late >{}) & echo now", file.path().display());
        let (result, _) = sh(&script, Duration::from_millis(200));
        assert!(matches!(result, Err(RunError::Expired { .. })));
        std::thread::sleep(Duration::from_millis(1200));
        assert_eq!(std::fs::read(file.path()).unwrap(), b"");
    }

    #[test]
    fn a_program_that_closes_its_pipes_and_hangs_is_killed() {
        let (result, _) = sh("exec >&- 2>&-; sleep 100", Duration::from_millis(200));
        assert!(matches!(result, Err(RunError::Expired { .. })));
    }

    #[test]
    fn much_output_on_both_streams_blocks_nobody() {
        let (result, _) = sh(
            "head -c 3000000 /dev/zero; head -c 1000000 /dev/zero >&2",
            Duration::from_secs(20),
        );
        let output = result.unwrap();
        assert_eq!(
            (output.stdout.len(), output.stderr.len()),
            (3_000_000, 1_000_000)
        );
    }

    #[test]
    fn the_environment_is_bare() {
        let output = sh("env | grep -v ^_= | sort", Duration::from_secs(10))
            .0
            .unwrap();
        assert_eq!(
            output
                .stdout
                .lines()
                .filter(|l| !l.starts_with("PWD=") && !l.starts_with("SHLVL="))
                .collect::<Vec<_>>(),
            ["LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        );
    }

    #[test]
    fn a_missing_program_is_an_error_that_names_it() {
        let error = run(
            Path::new("/nonexistent/drbdsetup"),
            &["x"],
            &Deadline::within(Duration::from_secs(1)),
        )
        .unwrap_err();
        assert!(
            error.to_string().contains("/nonexistent/drbdsetup"),
            "{error}"
        );
    }
}
