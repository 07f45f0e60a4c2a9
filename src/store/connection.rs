//! One connection to xenstored: requests and their replies, up to a deadline.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, send, socket,
};

use super::error::refused;
use super::wire::{self, ERROR, HEADER, Header, Request, WATCH_EVENT, malformed};

/// A connection, over a unix socket or through the kernel's xenbus device.
///
/// The descriptor does not block and is closed on exec.
#[derive(Debug)]
pub struct Connection {
    file: File,
    is_socket: bool,
    address: PathBuf,
    deadline: Instant,
    last_request: u32,
    received: Vec<u8>,
    broken: bool,
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its kind.
    pub request: Request,
    /// What it is about, for errors.
    pub path: &'a str,
    /// Its payload, in parts.
    pub payload: &'a [&'a [u8]],
}

impl Connection {
    /// Opens `address`: a device if it is a character device, else a socket.
    ///
    /// # Errors
    /// `TimedOut` at the deadline, and whatever opening or connecting says.
    pub fn open(address: &Path, deadline: Instant) -> io::Result<Self> {
        let is_socket = !std::fs::metadata(address)?.file_type().is_char_device();
        let file = if is_socket {
            connect_until(address, deadline)?
        } else {
            open_device(address)?
        };
        Ok(Self {
            file,
            is_socket,
            address: address.into(),
            deadline,
            last_request: 0,
            received: Vec::new(),
            broken: false,
        })
    }

    /// When to give up, from now on. A connection that was given up is made anew, if it can be.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if self.broken {
            if let Ok(new) = Self::open(&self.address, deadline) {
                *self = new;
            }
        }
    }

    /// Sends a request and waits for its reply.  `path` is only named in errors.
    ///
    /// # Errors
    /// As [`Connection::call_each`], and those of the one request.
    pub fn call(
        &mut self,
        request: Request,
        transaction: u32,
        path: &str,
        payload: &[&[u8]],
    ) -> io::Result<Vec<u8>> {
        let asked = Asked {
            request,
            path,
            payload,
        };
        let mut answers = self.call_each(transaction, &[asked])?;
        answers.pop().unwrap_or_else(|| Err(malformed("no reply")))
    }

    /// Sends requests, and only then waits for the reply to each: to be answered costs a round through
    /// the scheduler, not to be asked. On a device each is waited for.
    ///
    /// That xenstored refused one of them is the result of that one; see [`refused`].
    ///
    /// # Errors
    /// * `InvalidInput`: one of them cannot be sent, and none was. The connection remains usable.
    /// * `TimedOut`: the deadline came. If that was before anything was sent, the connection
    ///   remains usable.
    /// * `InvalidData`, or any I/O error: the connection is abandoned, as replies could be taken
    ///   for those to other requests. Later calls fail with `NotConnected`.
    pub fn call_each(
        &mut self,
        transaction: u32,
        asked: &[Asked<'_>],
    ) -> io::Result<Vec<io::Result<Vec<u8>>>> {
        if self.broken {
            let what = format!(
                "the connection to xenstored at {} was given up earlier",
                self.address.display()
            );
            return Err(io::Error::new(ErrorKind::NotConnected, what));
        }
        let mut ids = Vec::with_capacity(asked.len());
        let mut messages = Vec::with_capacity(asked.len());
        for one in asked {
            let last: u32 = ids.last().copied().unwrap_or(self.last_request);
            let id = last.wrapping_add(1);
            messages.push(wire::encode(one.request, id, transaction, one.payload)?);
            ids.push(id);
        }
        self.remaining()?;
        self.last_request = ids.last().copied().unwrap_or(self.last_request);
        self.broken = true;
        if self.is_socket {
            self.send(&messages.concat())?;
        }
        let answers: io::Result<Vec<_>> = asked
            .iter()
            .zip(messages.iter().zip(ids))
            .map(|(one, (message, id))| {
                // The device hands a message on from the descriptor's one buffer, which the next would
                // overwrite (linux: drivers/xen/xenbus/xenbus_xs.c, `xenbus_dev_request_and_reply`).
                if !self.is_socket {
                    self.send(message)?;
                }
                self.answer(one, id)
            })
            .collect();
        self.broken = answers.is_err();
        answers
    }

    /// The reply to a request; the outer error when it is none.
    fn answer(&mut self, asked: &Asked<'_>, id: u32) -> io::Result<io::Result<Vec<u8>>> {
        let (header, body) = self.reply()?;
        if header.request != id {
            return Err(malformed("the reply to another request"));
        }
        if header.kind == ERROR {
            let name = wire::value(body);
            return Ok(Err(refused(&name, asked.request, asked.path)));
        }
        if header.kind != asked.request as u32 {
            return Err(malformed("a reply of another type"));
        }
        Ok(Ok(body))
    }

    /// The next message which is not an event of a watch: on a device they may come from one set
    /// earlier.
    fn reply(&mut self) -> io::Result<(Header, Vec<u8>)> {
        loop {
            self.fill(HEADER)?;
            let Some(bytes) = self.received.first_chunk::<HEADER>() else {
                continue;
            };
            let header = Header::decode(*bytes)?;
            self.fill(HEADER + header.length)?;
            let rest = self.received.split_off(HEADER + header.length);
            let body = std::mem::replace(&mut self.received, rest).split_off(HEADER);
            if header.kind != WATCH_EVENT {
                return Ok((header, body));
            }
        }
    }

    /// Takes what xenstored sent by itself, without waiting; tells whether that was anything.
    ///
    /// # Errors
    /// When xenstored is gone.
    pub fn take_events(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 4096];
        let mut any = false;
        loop {
            match self.file.read(&mut chunk) {
                Ok(0) => return Err(self.vanished()),
                // Which node it was does not matter, so not even where a message ends.
                Ok(_) => any = true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(any),
                Err(error) => ignore_retry(error)?,
            }
        }
    }

    /// What becomes readable when xenstored has something to say.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Reads until `wanted` bytes have been received.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        let mut chunk = [0; 4096];
        while self.received.len() < wanted {
            self.wait(PollFlags::POLLIN)?;
            match self.file.read(&mut chunk) {
                Ok(0) => return Err(self.vanished()),
                Ok(count) => self
                    .received
                    .extend_from_slice(chunk.get(..count).unwrap_or(&chunk)),
                Err(error) => ignore_retry(error)?,
            }
        }
        Ok(())
    }

    /// Writes a whole message, in one call unless xenstored is slow to take it.
    fn send(&mut self, mut message: &[u8]) -> io::Result<()> {
        while !message.is_empty() {
            let sent = if self.is_socket {
                send(self.file.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL)
                    .map_err(io::Error::from)
            } else {
                self.file.write(message)
            };
            match sent {
                Ok(count) => message = message.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.wait(PollFlags::POLLOUT)?;
                }
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(self.vanished()),
                Err(error) => ignore_retry(error)?,
            }
        }
        Ok(())
    }

    /// Waits until the descriptor is ready.
    ///
    /// Not called before the first attempt to write: the xenbus device never reports that it can be
    /// written (linux: `drivers/xen/xenbus/xenbus_dev_frontend.c`, `xenbus_file_poll`).
    fn wait(&self, events: PollFlags) -> io::Result<()> {
        loop {
            let timeout = PollTimeout::try_from(self.remaining()?).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.file.as_fd(), events)], timeout) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn remaining(&self) -> io::Result<Duration> {
        remaining(self.deadline, &self.address)
    }

    fn vanished(&self) -> io::Error {
        let what = format!(
            "xenstored at {} closed the connection",
            self.address.display()
        );
        io::Error::new(ErrorKind::ConnectionAborted, what)
    }
}

/// The time left, rounded up to what `poll` can wait.
fn remaining(deadline: Instant, address: &Path) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        let what = format!("xenstored at {} did not answer in time", address.display());
        return Err(io::Error::new(ErrorKind::TimedOut, what));
    }
    Ok(left + Duration::from_millis(1))
}

fn ignore_retry(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(()),
        _ => Err(error),
    }
}

fn open_device(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)
}

/// Connects to a unix socket.
///
/// A hung xenstored leaves its queue of connections full (C xenstored listens with a backlog of 1),
/// and `connect` then blocks for ever, or fails with EAGAIN without any means to wait for the
/// queue.
fn connect_until(path: &Path, deadline: Instant) -> io::Result<File> {
    let address = UnixAddr::new(path)?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    loop {
        match connect(socket.as_raw_fd(), &address) {
            Ok(()) => return Ok(File::from(socket)),
            Err(Errno::EAGAIN) => {
                thread::sleep(remaining(deadline, path)?.min(Duration::from_millis(5)));
            }
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
