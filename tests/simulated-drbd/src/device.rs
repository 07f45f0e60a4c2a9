//! One volume of a resource as one host sees it.

use crate::opener::Opener;
use crate::state::{Disk, Replication, Role};
use serde::{Deserialize, Serialize};

/// The counters of a device and of its peer device; sizes in KiB, requests in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// KiB read from the disk.
    pub read: u64,
    /// KiB written to the disk.
    pub written: u64,
    /// Updates of the activity log.
    pub al_writes: u64,
    /// Updates of the bitmap.
    pub bm_writes: u64,
    /// KiB received from the peer.
    pub received: u64,
    /// KiB sent to the peer.
    pub sent: u64,
    /// KiB which differ from the peer's copy.
    pub out_of_sync: u64,
    /// Requests sent and not answered yet.
    pub pending: u64,
    /// Requests received and not answered yet.
    pub unacked: u64,
    /// Requests from above which are not complete.
    pub upper_pending: u64,
    /// Requests to the disk which are not complete.
    pub lower_pending: u64,
    /// Sectors of application writes in flight (9 only).
    pub ap_in_flight: u64,
    /// Sectors of resync in flight (9 only).
    pub rs_in_flight: u64,
}

/// Counters which go on growing: a guest that writes on the other side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// When it began, in milliseconds since the epoch.
    pub since_ms: u64,
    /// When the last write arrives; `None` is never.
    pub until_ms: Option<u64>,
    /// KiB a second.
    pub rate: u64,
    /// Requests shown as waiting while it lasts.
    pub waiting: u64,
    /// Whether this host is where the writes come from.
    pub source: bool,
}

/// One volume of a resource as one host sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // Independent facts, each with a word of its own in DRBD.
pub struct Device {
    /// The role here; on 9 that of all volumes is the same.
    pub role: Role,
    /// The disk here.
    pub disk: Disk,
    /// The peer's role as last heard.
    pub peer_role: Role,
    /// The peer's disk as last heard.
    pub peer_disk: Disk,
    /// The replication of this volume.
    pub replication: Replication,
    /// The counters of the device and its peer device.
    pub counters: Counters,
    /// Who has the device open here.
    #[serde(default)]
    pub openers: Vec<Opener>,
    /// A data generation of its own since the peer was lost: two of those are a split brain.
    #[serde(default)]
    pub new_generation: bool,
    /// Wanted without a disk (`disk none`): 9 prints `client:yes`.
    #[serde(default)]
    pub client: bool,
    /// Whether there is quorum (9 only).
    pub quorum: bool,
    /// The activity log does not take updates (before the first connection after a crash).
    #[serde(default)]
    pub al_suspended: bool,
    /// `no`, or who paused the resync: `user`, `peer`, `dependency`.
    pub resync_suspended: String,
    /// KiB which differed when the resync began.
    #[serde(default)]
    pub resync_total: u64,
    /// Writes still to be counted by the clock.
    #[serde(default)]
    pub flow: Option<Flow>,
    /// Options of the disk which differ from the default (`fencing` on 8.4).
    #[serde(default)]
    pub options: crate::options::Options,
}

impl Device {
    /// A device which has just come up: Secondary, UpToDate, alone.
    #[must_use]
    pub fn new() -> Self {
        Self {
            role: Role::Secondary,
            disk: Disk::UpToDate,
            peer_role: Role::Unknown,
            peer_disk: Disk::DUnknown,
            replication: Replication::Off,
            counters: Counters::default(),
            openers: Vec::new(),
            new_generation: false,
            client: false,
            quorum: true,
            al_suspended: false,
            resync_suspended: "no".to_owned(),
            resync_total: 0,
            flow: None,
            options: crate::options::Options::new(),
        }
    }

    /// The counters at a moment: those kept, and what the flow has brought since.
    #[must_use]
    pub fn counters_at(&self, now_ms: u64) -> Counters {
        let mut counters = self.counters.clone();
        let Some(flow) = &self.flow else {
            return counters;
        };
        let running = flow.until_ms.is_none_or(|until| now_ms < until);
        let end = flow.until_ms.map_or(now_ms, |until| until.min(now_ms));
        let kib = end.saturating_sub(flow.since_ms) * flow.rate / 1000;
        counters.written += kib;
        if flow.source {
            counters.sent += kib;
            if running {
                counters.pending = flow.waiting;
                counters.upper_pending = flow.waiting;
                counters.ap_in_flight = flow.waiting * 128;
            }
        } else {
            counters.received += kib;
            if running {
                counters.lower_pending = flow.waiting.min(1);
            }
        }
        counters
    }
}

impl Default for Device {
    fn default() -> Self {
        Self::new()
    }
}
