//! An address that does not answer.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::socket::{Backlog, listen};

/// An address that swallows connections, as a dead host's does: a listener whose queue is full.
pub struct Silence {
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Silence {
    /// At that address.
    pub fn at(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listen(&listener, Backlog::new(1).unwrap()).unwrap();
        let address: SocketAddr = address.parse().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            queued.push(stream);
            assert!(Instant::now() < deadline, "{address} goes on accepting");
        }
        Self {
            _listener: listener,
            _queued: queued,
        }
    }
}
