//! Is the peer alive? One TCP connection to its replication address, without a byte sent.
//!
//! While DRBD is connected nobody listens there, so a live host refuses at once; a cut link gives
//! silence, at a moment when DRBD may still call itself connected. Seen on real 8.4.11 and 9.2.16.

use std::net::{SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, SockaddrLike, bind, connect,
    getsockopt, socket, sockopt,
};
use serde::{Deserialize, Serialize};

use crate::drbd::Path;

/// What the peer's address answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// Somebody listens: the peer's DRBD is up and waits for a connection.
    Accepted,
    /// The host is alive and nobody listens: connected already, or its DRBD is down or `StandAlone`.
    Refused,
    /// Silence: the host is dead, or its network is.
    Unanswered,
    /// Not TCP over IP, so there is nothing to ask.
    NotApplicable,
    /// The question could not be put: why. Not an answer.
    Failed(String),
}

/// Asks once, from the local replication address, waiting `timeout` at the most.
#[must_use]
pub fn probe(path: &Path, timeout: Duration) -> Probe {
    if !matches!(path.peer.family.as_str(), "ipv4" | "ipv6") {
        return Probe::NotApplicable;
    }
    let (Some(local), Some(peer)) = (resolve(&path.local.endpoint), resolve(&path.peer.endpoint))
    else {
        return Probe::Failed(format!("{} is not an address", path.peer));
    };
    match ask(local, peer, timeout) {
        Ok(probe) => probe,
        Err(error) => Probe::Failed(format!("{peer}: {}", error.desc())),
    }
}

fn ask(local: SocketAddr, peer: SocketAddr, timeout: Duration) -> nix::Result<Probe> {
    match (local, peer) {
        (SocketAddr::V4(mut local), SocketAddr::V4(peer)) => {
            local.set_port(0);
            open(
                AddressFamily::Inet,
                &SockaddrIn::from(local),
                &SockaddrIn::from(peer),
                timeout,
            )
        }
        (SocketAddr::V6(mut local), SocketAddr::V6(peer)) => {
            local.set_port(0);
            open(
                AddressFamily::Inet6,
                &SockaddrIn6::from(local),
                &SockaddrIn6::from(peer),
                timeout,
            )
        }
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

fn open(
    family: AddressFamily,
    local: &dyn SockaddrLike,
    peer: &dyn SockaddrLike,
    timeout: Duration,
) -> nix::Result<Probe> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(family, SockType::Stream, flags, None)?;
    match bind(fd.as_raw_fd(), local) {
        // The local address is gone with its network: the peer cannot be reached from there.
        Err(Errno::EADDRNOTAVAIL) => return Ok(Probe::Unanswered),
        other => other?,
    }
    match connect(fd.as_raw_fd(), peer) {
        Err(Errno::EINPROGRESS) => answer(&fd, timeout),
        Err(errno) => meaning(errno),
        Ok(()) => Ok(Probe::Accepted),
    }
}

fn answer(fd: &OwnedFd, timeout: Duration) -> nix::Result<Probe> {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLOUT)];
    let ready = loop {
        match poll(
            &mut fds,
            PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX),
        ) {
            Err(Errno::EINTR) => {}
            other => break other?,
        }
    };
    if ready == 0 {
        return Ok(Probe::Unanswered);
    }
    match getsockopt(fd, sockopt::SocketError)? {
        0 => Ok(Probe::Accepted),
        errno => meaning(Errno::from_raw(errno)),
    }
}

fn meaning(errno: Errno) -> nix::Result<Probe> {
    match errno {
        Errno::ECONNREFUSED | Errno::ECONNRESET => Ok(Probe::Refused),
        Errno::EHOSTUNREACH
        | Errno::ENETUNREACH
        | Errno::ENETDOWN
        | Errno::EHOSTDOWN
        | Errno::ETIMEDOUT => Ok(Probe::Unanswered),
        other => Err(other),
    }
}

/// `10.0.0.1:7789`, `[fe80::1]:7789`, `[fe80::1%eth0]:7789`. Nothing is looked up: that could take
/// longer than any deadline.
fn resolve(endpoint: &str) -> Option<SocketAddr> {
    if let Ok(address) = endpoint.parse() {
        return Some(address);
    }
    let (host, port) = endpoint.strip_prefix('[')?.split_once("]:")?;
    let (host, zone) = host.split_once('%')?;
    let scope = if_nametoindex(zone).ok()?;
    Some(SocketAddrV6::new(host.parse().ok()?, port.parse().ok()?, 0, scope).into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::drbd::Address;

    fn path(family: &str, peer: &str) -> Path {
        let address = |endpoint: &str| Address {
            family: family.into(),
            endpoint: endpoint.into(),
        };
        Path {
            local: address("127.0.0.1:7789"),
            peer: address(peer),
            established: None,
        }
    }

    #[test]
    fn contract_37_a_listening_peer_a_live_peer_and_silence_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let timeout = Duration::from_millis(300);
        assert_eq!(probe(&path("ipv4", &address), timeout), Probe::Accepted);
        drop(listener);
        assert_eq!(probe(&path("ipv4", &address), timeout), Probe::Refused);
    }

    #[test]
    fn an_address_may_name_its_interface() {
        let address = resolve("[fe80::1%lo]:7789").map(|a| a.to_string());
        assert_eq!(address.as_deref(), Some("[fe80::1%1]:7789"));
        assert_eq!(resolve("[::1]:7789").map(|a| a.port()), Some(7789));
        assert_eq!(resolve("[fe80::1%nosuch0]:7789"), None);
        assert_eq!(resolve("localhost:7789"), None);
    }

    #[test]
    fn contract_37_failure_to_ask_is_not_an_answer() {
        let timeout = Duration::from_millis(100);
        assert!(matches!(
            probe(&path("ipv4", "nowhere:1"), timeout),
            Probe::Failed(_)
        ));
        assert!(matches!(
            probe(&path("ipv4", "127.0.0.1:99999"), timeout),
            Probe::Failed(_)
        ));
        assert_eq!(
            probe(&path("ssocks", "10.0.0.1:7789"), timeout),
            Probe::NotApplicable
        );
    }
}
