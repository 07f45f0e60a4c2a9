//! Goes on showing the status: looks again whenever DRBD or xenstore say that something changed.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Here, LOOK, failed, screen};
use crate::deadline::Deadline;
use crate::drbd::{Error, Generation};
use crate::message::Coded;
use crate::outcome::ExitCode;
use crate::process::{News, Stream};
use crate::status::{Status, table};
use crate::store::Watch;

/// What changes with guests' disks: the backends, and the names of guests, which a migration changes.
const NODES: [&str; 3] = ["backend/vbd", "backend/qdisk", "/vm"];
/// Changes come in bursts: a look waits for so long a silence, and no longer than that.
const SILENCE: Duration = Duration::from_millis(100);
const BURST: Duration = Duration::from_millis(500);
/// A change of settings makes no event (a window closes), but follows one.
const AFTER: Duration = Duration::from_secs(1);
/// 8.4 does not tell how far a resync is.
const RESYNC: Duration = Duration::from_secs(3);
/// Whoever is gone is looked for that often.
const GONE: Duration = Duration::from_secs(5);

/// Until a signal comes, or nobody reads any more.
///
/// # Errors
/// When the first look fails.
pub(super) fn run(here: &Here<'_>, all: &Deadline) -> Result<ExitCode> {
    let mut sources = Sources::default();
    let mut last = String::new();
    let mut first = true;
    let mut after = false;
    loop {
        // Whoever tells is listened to before the look, so that nothing is missed.
        sources.listen(here, all);
        let (text, pause) = match here.look(all) {
            Ok(survey) => {
                let status = here.status(&survey);
                let pause = sources.pause(&status, after);
                (words(here, &status), pause)
            }
            Err(_) if all.check().is_err() => return Ok(ExitCode::Done),
            Err(error) if first => return failed(&error),
            Err(error) => (failure(here, &error), Some(GONE)),
        };
        if text != last && tell(here, &text).is_err() {
            return Ok(ExitCode::Done);
        }
        last = text;
        first = false;
        match sources
            .wait(pause, all)
            .context("cannot wait for changes")?
        {
            Woken::Stopped => return Ok(ExitCode::Done),
            Woken::Changed => after = true,
            Woken::Paused => after = false,
        }
    }
}

fn words(here: &Here<'_>, status: &Status) -> String {
    if here.options.json {
        format!("{}\n", status.json())
    } else {
        table::draw(status, screen::style())
    }
}

fn failure(here: &Here<'_>, error: &Error) -> String {
    let error = error.message();
    if here.options.json {
        log::error!(code = error.code.as_str(); "{error}");
        return String::new();
    }
    format!("! {error}\n")
}

fn tell(here: &Here<'_>, text: &str) -> io::Result<()> {
    if here.options.json {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        return out.flush();
    }
    screen::show(text)
}

/// Why waiting ended.
enum Woken {
    Changed,
    Paused,
    Stopped,
}

/// Who tells of changes.
#[derive(Default)]
struct Sources {
    drbd: Option<Stream>,
    xenstore: Option<Watch>,
}

impl Sources {
    /// Listens to whoever is not listened to and is there.
    fn listen(&mut self, here: &Here<'_>, all: &Deadline) {
        if self.drbd.is_none() {
            let events = here.tools.events();
            self.drbd = events.unwrap_or_else(|error| {
                log::warn!("{error}");
                None
            });
        }
        if self.xenstore.is_none() {
            self.xenstore = Watch::open(&NODES, all.at_most(LOOK).end()).ok();
        }
    }

    /// After what time to look again, if nobody tells of a change.
    fn pause(&self, status: &Status, after: bool) -> Option<Duration> {
        let lost = (self.drbd.is_none() && status.drbd.is_some())
            || (self.xenstore.is_none() && status.guests != "no-xen")
            || (self.drbd.is_none() && self.xenstore.is_none());
        let peers = status.volumes.iter().flat_map(|r| &r.peers);
        let resync =
            status.drbd == Some(Generation::V84) && peers.into_iter().any(|p| p.done.is_some());
        if after {
            Some(AFTER)
        } else if resync {
            Some(RESYNC)
        } else {
            lost.then_some(GONE)
        }
    }

    /// Waits for a change and for the silence behind it.
    fn wait(&mut self, pause: Option<Duration>, all: &Deadline) -> nix::Result<Woken> {
        let end = pause.map(|p| Instant::now() + p);
        loop {
            if !self.poll(end, all)? {
                return Ok(if all.check().is_err() {
                    Woken::Stopped
                } else {
                    Woken::Paused
                });
            }
            if all.check().is_err() {
                return Ok(Woken::Stopped);
            }
            if self.take() {
                break;
            }
        }
        let burst = Instant::now() + BURST;
        while self.poll(Some(burst.min(Instant::now() + SILENCE)), all)? && all.check().is_ok() {
            self.take();
            if Instant::now() >= burst {
                break;
            }
        }
        Ok(if all.check().is_err() {
            Woken::Stopped
        } else {
            Woken::Changed
        })
    }

    /// Whether somebody has something to say before the end.
    fn poll(&self, end: Option<Instant>, all: &Deadline) -> nix::Result<bool> {
        let sources: [Option<BorrowedFd<'_>>; 3] = [
            all.signals(),
            self.drbd.as_ref().map(AsFd::as_fd),
            self.xenstore.as_ref().map(AsFd::as_fd),
        ];
        let sources = sources.into_iter().flatten();
        let mut fds: Vec<_> = sources
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        let timeout = match end {
            None => PollTimeout::NONE,
            Some(end) => {
                let left = end.saturating_duration_since(Instant::now());
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            }
        };
        match poll(&mut fds, timeout) {
            Ok(0) | Err(Errno::EINTR) => Ok(false),
            Ok(_) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Takes what was said; tells whether that may be a change. Who has ended is let go of.
    fn take(&mut self) -> bool {
        let news = self.drbd.as_mut().map_or(News::None, Stream::take);
        if news == News::End {
            self.drbd = None;
        }
        let seen = self.xenstore.as_mut().map_or(Ok(false), Watch::take);
        if seen.is_err() {
            self.xenstore = None;
        }
        news != News::None || seen.unwrap_or(true)
    }
}
