//! How long this run may take, and whether somebody asked it to stop.

use std::cell::Cell;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Why waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// The deadline has passed.
    Deadline,
    /// SIGTERM, SIGINT or SIGHUP came.
    Interrupted,
}

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deadline => "did not finish in time",
            Self::Interrupted => "was stopped by a signal",
        })
    }
}

impl std::error::Error for Expired {}

/// A moment by which everything has to be done. Cloning shares the signals, not the moment.
#[derive(Clone, Debug)]
pub struct Deadline {
    end: Instant,
    signals: Option<Rc<Signals>>,
}

#[derive(Debug)]
struct Signals {
    fd: SignalFd,
    came: Cell<bool>,
}

impl Deadline {
    /// So long from now, deaf to signals.
    #[must_use]
    pub fn within(time: Duration) -> Self {
        Self {
            end: Instant::now() + time,
            signals: None,
        }
    }

    /// So long from now, and cut short by SIGTERM, SIGINT and SIGHUP, which no longer kill.
    ///
    /// # Errors
    /// When the kernel grants no signalfd.
    pub fn within_or_signal(time: Duration) -> nix::Result<Self> {
        let set: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]
            .into_iter()
            .collect();
        set.thread_block()?;
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let signals = Some(Rc::new(Signals {
            fd,
            came: Cell::new(false),
        }));
        Ok(Self {
            end: Instant::now() + time,
            signals,
        })
    }

    /// The same signals, but at the most so long from now.
    #[must_use]
    pub fn at_most(&self, time: Duration) -> Self {
        Self {
            end: self.end.min(Instant::now() + time),
            signals: self.signals.clone(),
        }
    }

    /// The same signals, later by `time`. For a step that turned out to deserve its own reserve.
    #[must_use]
    pub fn extended(&self, time: Duration) -> Self {
        Self {
            end: self.end + time,
            signals: self.signals.clone(),
        }
    }

    /// The same moment, deaf to signals: what undoes a half-made change has to finish.
    #[must_use]
    pub fn deaf(&self) -> Self {
        Self {
            end: self.end,
            signals: None,
        }
    }

    /// When it ends.
    #[must_use]
    pub fn end(&self) -> Instant {
        self.end
    }

    /// Time left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Fails once time is up or a signal came.
    ///
    /// # Errors
    /// With which of the two it was.
    pub fn check(&self) -> Result<(), Expired> {
        if let Some(signals) = &self.signals {
            if matches!(signals.fd.read_signal(), Ok(Some(_))) {
                signals.came.set(true);
            }
            if signals.came.get() {
                return Err(Expired::Interrupted);
            }
        }
        if self.left().is_zero() {
            Err(Expired::Deadline)
        } else {
            Ok(())
        }
    }

    /// Sleeps, at the most until the deadline or a signal.
    ///
    /// # Errors
    /// When either came.
    pub fn sleep(&self, time: Duration) -> Result<(), Expired> {
        let until = Instant::now() + time;
        loop {
            self.check()?;
            let left = until
                .min(self.end)
                .saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.check();
            }
            let Some(signals) = self.signals() else {
                std::thread::sleep(left);
                continue;
            };
            if left < Duration::from_millis(1) {
                std::thread::sleep(left);
            } else {
                let mut fds = [PollFd::new(signals, PollFlags::POLLIN)];
                let _ = poll(
                    &mut fds,
                    PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX),
                );
            }
        }
    }

    /// What becomes readable when a signal comes.
    #[must_use]
    pub fn signals(&self) -> Option<BorrowedFd<'_>> {
        self.signals.as_ref().map(|s| s.fd.as_fd())
    }

    /// Time left, for poll(2); rounded up, so that the deadline has passed when it returns.
    #[must_use]
    pub fn poll_timeout(&self) -> PollTimeout {
        PollTimeout::try_from(self.left() + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_in_the_past_has_expired() {
        let deadline = Deadline::within(Duration::ZERO);
        assert_eq!(deadline.check(), Err(Expired::Deadline));
        assert_eq!(
            deadline.sleep(Duration::from_secs(60)),
            Err(Expired::Deadline)
        );
    }

    #[test]
    fn at_most_never_extends() {
        let deadline = Deadline::within(Duration::from_millis(50)).at_most(Duration::from_secs(60));
        assert!(deadline.left() <= Duration::from_millis(50));
    }
}
