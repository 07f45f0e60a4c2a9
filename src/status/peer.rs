//! A peer, as far as one volume is concerned.

use serde::Serialize;

use crate::drbd::{Connection, ConnectionState, ReplicationState};
use crate::words::short;

/// Longest word of DRBD, and longest name of a peer, that is shown.
const LENGTH: usize = 64;

/// The peer at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Peer {
    /// Its host name. 8.4 says `peer` only.
    pub name: String,
    /// State of the connection.
    pub connection: String,
    /// Its role.
    pub role: String,
    /// What the replication of the volume is doing; `None` where DRBD does not say.
    pub replication: Option<String>,
    /// Its disk.
    pub disk: Option<String>,
    /// How much of a resync or a verification is done, in per cent.
    pub done: Option<f64>,
}

/// A word of DRBD, fit for a terminal.
pub(super) fn word(word: &impl ToString) -> String {
    short(&word.to_string(), LENGTH)
}

impl Peer {
    /// What is known of it and that volume.
    #[must_use]
    pub fn of(connection: &Connection, volume: u32) -> Self {
        let device = connection.peer_device(volume);
        let name = if connection.peer.is_empty() {
            "peer".to_owned()
        } else {
            word(&connection.peer)
        };
        // 8.4 leaves the last line of a resync that has ended.
        let lasts = |r: &ReplicationState| {
            !matches!(r, ReplicationState::Off | ReplicationState::Established)
        };
        let done = device
            .filter(|d| lasts(&d.replication))
            .and_then(|d| d.done);
        Self {
            name,
            connection: word(&connection.state),
            role: word(&connection.role),
            replication: device.map(|d| word(&d.replication)),
            disk: device.map(|d| word(&d.disk)),
            done: done.map(|d| f64::from(d) / 100.0),
        }
    }

    /// Connection and replication in a few words: `Connected`, `SyncTarget 25.66%`, `Connecting`.
    #[must_use]
    pub fn link(&self) -> String {
        let connected = self.connection == ConnectionState::Connected.to_string();
        let replication = self.replication.as_deref().unwrap_or_default();
        let done = self.done.map(|d| format!(" {d:.2}%"));
        let done = done.unwrap_or_default();
        match replication {
            "Established" if connected => self.connection.clone(),
            "Off" | "" if connected => format!("{}/Off", self.connection),
            other if connected => format!("{other}{done}"),
            _ => self.connection.clone(),
        }
    }

    /// Connected, in its own words: nothing is being copied or lost.
    #[must_use]
    pub fn is_well_connected(&self) -> bool {
        self.link() == ConnectionState::Connected.to_string()
    }
}
