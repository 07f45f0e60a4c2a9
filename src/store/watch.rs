//! Waits for changes, on a connection of its own.

use std::env;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::client::connect;
use super::connection::Connection;
use super::path::check_path;
use super::wire::Request;

/// Tells that something changed; what it was is to be read anew.
#[derive(Debug)]
pub struct Watch {
    connection: Connection,
}

impl Watch {
    /// Watches those nodes and all below them. xenstored tells of each once at the beginning.
    ///
    /// # Errors
    /// When xenstored cannot be reached, or refuses.
    pub fn open(paths: &[&str], deadline: Instant) -> io::Result<Self> {
        let mut connection = connect(|name| env::var_os(name), deadline)?;
        for path in paths {
            check_path(path)?;
            // The token only comes back in the events.
            let payload: [&[u8]; 3] = [path.as_bytes(), b"\0", b"status\0"];
            match connection.call(Request::Watch, 0, path, &payload) {
                // On a device it may be this program's own from earlier.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                other => drop(other?),
            }
        }
        Ok(Self { connection })
    }

    /// Takes what has come, without waiting; tells whether that was anything.
    ///
    /// # Errors
    /// When xenstored is gone.
    pub fn take(&mut self) -> io::Result<bool> {
        self.connection.take_events()
    }
}

/// Readable when something has changed.
impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}
