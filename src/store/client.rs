//! The store of the host, reached through xenstored.

use std::cell::RefCell;
use std::env;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use xenstore_rs::{Xs, XsTransaction, XsTransactionSpan};

use super::address::{Address, addresses};
use super::connection::Connection;
use super::operations::View;
use super::timed::Timed;
use super::together::Together;
use super::wire::{self, Request, malformed};

/// The store, with all operations up to one deadline.
///
/// * A path may be relative, as `XENBUS_PATH` is: xenstored takes it as one below the own domain's.
/// * `rm` of what does not exist succeeds, whether or not its parent exists; `rm` of `/` is
///   refused.
/// * `read` puts U+FFFD for what is not UTF-8 in a value.
/// * After an I/O failure or a reply which makes no sense every call fails with `NotConnected`,
///   until a new deadline is set: then it connects anew.
#[derive(Debug)]
pub struct Store {
    connection: Rc<RefCell<Connection>>,
}

impl Store {
    /// Connects to the host's xenstored, at one of the [`addresses`].
    ///
    /// # Errors
    /// An error which names every place that was tried and why it failed; `TimedOut` at the
    /// deadline.
    pub fn open(deadline: Instant) -> io::Result<Self> {
        Self::open_with(|name| env::var_os(name), deadline)
    }

    /// The same, with `environment` in the place of the process's environment.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(
        environment: impl Fn(&str) -> Option<OsString>,
        deadline: Instant,
    ) -> io::Result<Self> {
        connect(environment, deadline).map(Self::over)
    }

    fn over(connection: Connection) -> Self {
        Self {
            connection: Rc::new(RefCell::new(connection)),
        }
    }

    /// Connects to the xenstored behind one socket or device.
    ///
    /// # Errors
    /// `TimedOut` at the deadline, and whatever opening or connecting says.
    pub fn open_at(address: &Path, deadline: Instant) -> io::Result<Self> {
        Connection::open(address, deadline).map(Self::over)
    }

    /// Operations outside any transaction.
    fn plain(&self) -> View<'_> {
        View {
            connection: &self.connection,
            transaction: 0,
        }
    }
}

/// A connection to the host's xenstored, at one of the [`addresses`].
pub(super) fn connect(
    environment: impl Fn(&str) -> Option<OsString>,
    deadline: Instant,
) -> io::Result<Connection> {
    let mut failures: Vec<(Address, io::Error)> = Vec::new();
    for address in addresses(environment) {
        match Connection::open(&address.path, deadline) {
            Ok(connection) => return Ok(connection),
            Err(error) => {
                // A hung xenstored has no better one beside it.
                let timed_out = error.kind() == ErrorKind::TimedOut;
                failures.push((address, error));
                if timed_out {
                    break;
                }
            }
        }
    }
    let kind = failures
        .last()
        .map_or(ErrorKind::NotFound, |(_, error)| error.kind());
    let each: Vec<String> = failures
        .iter()
        .map(|(address, error)| format!("{address}: {error}"))
        .collect();
    Err(io::Error::new(
        kind,
        format!("cannot reach xenstored: {}", each.join("; ")),
    ))
}

impl Timed for Store {
    /// Those of open transactions included.
    fn set_deadline(&self, deadline: Instant) {
        self.connection.borrow_mut().set_deadline(deadline);
    }
}

impl Xs for Store {
    fn directory(&self, path: &str) -> io::Result<Vec<Box<str>>> {
        self.plain().directory(path)
    }

    fn read(&self, path: &str) -> io::Result<Box<str>> {
        self.plain().read(path)
    }

    fn write(&self, path: &str, data: &str) -> io::Result<()> {
        self.plain().write(path, data)
    }

    fn rm(&self, path: &str) -> io::Result<()> {
        self.plain().rm(path)
    }
}

impl Together for Store {
    fn read_together(&self, paths: &[String]) -> io::Result<Vec<Option<Box<str>>>> {
        self.plain().read_together(paths)
    }

    fn list_together(&self, paths: &[String]) -> io::Result<Vec<Vec<Box<str>>>> {
        self.plain().list_together(paths)
    }
}

impl XsTransaction for Store {
    type Span = Span;

    fn transaction(&self) -> io::Result<Span> {
        // A payload of one NUL: oxenstored does not answer a message without any.
        let reply =
            self.connection
                .borrow_mut()
                .call(Request::TransactionStart, 0, "", &[b"\0"])?;
        let id = wire::value(reply).parse().ok().filter(|id| *id != 0);
        let id = id.ok_or_else(|| malformed("a transaction id which is none"))?;
        Ok(Span {
            connection: Rc::clone(&self.connection),
            id,
            ended: false,
        })
    }
}

/// A transaction: nothing written in it is seen before [`commit`](XsTransactionSpan::commit).
///
/// Dropping it aborts it.
#[derive(Debug)]
pub struct Span {
    connection: Rc<RefCell<Connection>>,
    id: u32,
    ended: bool,
}

impl Span {
    fn view(&self) -> View<'_> {
        View {
            connection: &self.connection,
            transaction: self.id,
        }
    }

    fn end(&mut self, verdict: &[u8]) -> io::Result<()> {
        self.ended = true;
        self.connection
            .borrow_mut()
            .call(Request::TransactionEnd, self.id, "", &[verdict])
            .map(drop)
    }
}

impl Xs for Span {
    fn directory(&self, path: &str) -> io::Result<Vec<Box<str>>> {
        self.view().directory(path)
    }

    fn read(&self, path: &str) -> io::Result<Box<str>> {
        self.view().read(path)
    }

    fn write(&self, path: &str, data: &str) -> io::Result<()> {
        self.view().write(path, data)
    }

    fn rm(&self, path: &str) -> io::Result<()> {
        self.view().rm(path)
    }
}

impl XsTransactionSpan for Span {
    /// Commits; `WouldBlock` if another client interfered, in which case all of it has to be done
    /// again.
    fn commit(mut self) -> io::Result<()> {
        self.end(b"T\0")
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if !self.ended {
            // xenstored forgets it with the connection at the latest.
            let _ = self.end(b"F\0");
        }
    }
}
