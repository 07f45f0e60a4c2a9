//! A program that goes on telling, by the same rules: a process group of its own that dies with us.

use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::{RunError, command, kill};

/// What a look at it brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing was said since the last look.
    None,
    /// Something was said.
    Some,
    /// It has ended.
    End,
}

/// The program; dropping it kills its whole group.
#[derive(Debug)]
pub struct Stream {
    child: Child,
    out: ChildStdout,
}

impl Stream {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<A: AsRef<OsStr>>(program: &Path, args: &[A]) -> Result<Self, RunError> {
        let failed = |source| RunError::Spawn {
            program: program.display().to_string(),
            source,
        };
        let mut command = command(program, args);
        let mut child = command.stderr(Stdio::null()).spawn().map_err(failed)?;
        let Some(out) = child.stdout.take() else {
            kill(&mut child);
            return Err(failed(ErrorKind::BrokenPipe.into()));
        };
        let quiet = fcntl(&out, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        let stream = Self { child, out };
        // The descriptor is ours, so this cannot fail; if it did, reading would block.
        quiet.map(|_| stream).map_err(|e| failed(e.into()))
    }

    /// Takes what it has said, without waiting.
    pub fn take(&mut self) -> News {
        let mut chunk = [0; 16384];
        let mut news = News::None;
        loop {
            match self.out.read(&mut chunk) {
                Ok(0) => return News::End,
                Ok(_) => news = News::Some,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return news,
                Err(_) => return News::End,
            }
        }
    }
}

/// Readable when it has said something, or has ended.
impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.out.as_fd()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn sh(script: &str) -> Stream {
        Stream::start(Path::new("/bin/sh"), &["-c", script]).unwrap()
    }

    fn next(stream: &mut Stream) -> News {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            match stream.take() {
                News::None if Instant::now() < end => std::thread::sleep(Duration::from_millis(2)),
                news => return news,
            }
        }
    }

    #[test]
    fn it_tells_when_something_was_said_and_when_it_has_ended() {
        let mut stream = sh("sleep 0.2; echo change; sleep 0.5");
        assert_eq!(stream.take(), News::None);
        assert_eq!(next(&mut stream), News::Some);
        assert_eq!(next(&mut stream), News::End);
    }

    #[test]
    fn nothing_of_it_is_left_when_it_is_dropped() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let script = format!(
            "(sleep 1; echo late >{}) & echo now; sleep 100",
            file.path().display()
        );
        let mut stream = sh(&script);
        assert_eq!(next(&mut stream), News::Some);
        drop(stream);
        std::thread::sleep(Duration::from_millis(1200));
        assert_eq!(std::fs::read(file.path()).unwrap(), b"");
    }
}
