//! The reasons to refuse, each with the sentence a person reads: what is so, and what to do next.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::backend::Access;
use crate::drbd::{DiskState, ReplicationState};
use crate::holders::Holder;
use crate::words::list;

/// Why a guest may not have the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // the fields are what the sentences below name
pub enum Refusal {
    /// The specification is no DRBD device.
    Spec { params: String, why: String },
    /// Another kind of backend.
    Kind { kind: String },
    /// The module is not loaded.
    NoModule,
    /// Not in the configuration of this host.
    NotConfigured { resource: String, words: String },
    /// Down.
    NotUp { resource: String },
    /// No such volume.
    NoVolume {
        resource: String,
        volume: u32,
        have: Vec<u32>,
    },
    /// Several volumes, and none was named.
    WhichVolume { resource: String, have: Vec<u32> },
    /// I/O is suspended.
    Suspended {
        resource: String,
        reasons: Vec<String>,
    },
    /// Forced demotion left it failing.
    FailingIo { resource: String },
    /// No quorum.
    NoQuorum { resource: String },
    /// A connection that DRBD has given up.
    StandAlone { resource: String, peer: String },
    /// A disk that must not be used.
    Disk {
        resource: String,
        volume: u32,
        disk: DiskState,
    },
    /// The local copy is being filled.
    SyncTarget {
        resource: String,
        volume: u32,
        peer: String,
    },
    /// Something on this host holds the device.
    Held {
        resource: String,
        holders: Vec<Holder>,
    },
    /// Another guest has it.
    Busy {
        resource: String,
        guest: String,
        vdev: String,
        access: Access,
        wanted: Access,
    },
    /// The same guest has it already.
    AttachedTwice { resource: String, vdev: String },
    /// A peer is Primary.
    PeerPrimary { resource: String, peer: String },
    /// Disconnected, and the peer's DRBD is alive.
    PeerAlive {
        resource: String,
        peer: String,
        address: String,
    },
    /// Disconnected, and the policy forbids a start.
    Disconnected {
        resource: String,
        peer: String,
        alive: bool,
    },
    /// No peer is set up, and the policy forbids a start.
    NoPeer { resource: String },
    /// The peer could not be asked.
    ProbeFailed {
        resource: String,
        peer: String,
        why: String,
    },
    /// The migration cannot be taken in.
    Migration { resource: String, why: Obstacle },
    /// A shared resource cannot be Primary here beside its peer.
    Beside { resource: String, why: Obstacle },
    /// The promotion brought something worse to light.
    Worse {
        resource: String,
        why: String,
        /// A guest was to be received, and goes on at its source.
        incoming: bool,
    },
}

/// Why an incoming migration is refused. The guest then goes on at its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Obstacle {
    /// `dual-primary = "never"`.
    Never,
    /// No peer is Primary and connected.
    NoSource { peers: Vec<String> },
    /// More than one is.
    TwoSources { peers: Vec<String> },
    /// Replication to the source is not in its normal state.
    NotEstablished {
        peer: String,
        volume: u32,
        replication: ReplicationState,
    },
    /// The source's copy is not good.
    PeerDisk {
        peer: String,
        volume: u32,
        disk: DiskState,
    },
    /// The local copy is not good.
    Disk { volume: u32, disk: DiskState },
    /// Not protocol C.
    Protocol { protocol: String },
    /// `dual-primary = "static"`, and two primaries are not allowed.
    Static { peer: String },
    /// Two primaries are not allowed.
    TwoPrimaries { peer: String },
    /// The settings could not be read.
    Settings,
    /// The link is cut, and DRBD has not noticed.
    LinkCut { peer: String, address: String },
    /// The source has noticed that the link was lost, this host has not.
    LinkLost { peer: String, address: String },
    /// The source could not be asked whether the link is alive.
    NotAsked { peer: String, why: String },
    /// The source's writes did not stop arriving.
    Writes { seconds: u64 },
}

impl Refusal {
    /// Another user has the device, rather than something being wrong with it.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. } | Self::AttachedTwice { .. } | Self::Held { .. }
        )
    }
}

impl fmt::Display for Refusal {
    #[allow(clippy::too_many_lines)] // one sentence a reason: a table, not a procedure
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec { params, why } => write!(f, "`{params}` names no DRBD device: {why}"),
            Self::Kind { kind } => write!(
                f,
                "a backend of type {kind} cannot be served: use a raw disk, as in 'drbd:RES,xvda,w'"
            ),
            Self::NoModule => f.write_str(
                "DRBD's kernel module is not loaded on this host: run `modprobe drbd`, then `drbdadm up` the resource",
            ),
            Self::NotConfigured { resource, words } => {
                write!(f, "resource {resource} is not configured on this host")?;
                if !words.is_empty() {
                    write!(f, " ({words})")?;
                }
                f.write_str(": check the name, or copy its configuration here")
            }
            Self::NotUp { resource } => {
                write!(f, "resource {resource} is not up on this host: run `drbdadm up {resource}`")
            }
            Self::NoVolume { resource, volume, have } => write!(
                f,
                "resource {resource} has no volume {volume}: name one that it has ({})",
                list(have)
            ),
            Self::WhichVolume { resource, have } => write!(
                f,
                "resource {resource} has volumes {}: name one, as in drbd:{resource}/{}",
                list(have),
                have.first().copied().unwrap_or_default()
            ),
            Self::Suspended { resource, reasons } => write!(
                f,
                "I/O on {resource} is suspended ({}): the guest would hang; bring the peer or quorum back, or run `drbdadm resume-io {resource}` if somebody suspended it",
                list(reasons)
            ),
            Self::FailingIo { resource } => write!(
                f,
                "{resource} was demoted by force and I/O of its last openers still fails: close them, then try again"
            ),
            Self::NoQuorum { resource } => {
                write!(f, "{resource} has no quorum here: reconnect its peers, then try again")
            }
            Self::StandAlone { resource, peer } => write!(
                f,
                "{resource} is StandAlone towards {peer}: if that is a split brain, run `drbdadm disconnect {resource}; drbdadm secondary {resource}; drbdadm connect --discard-my-data {resource}` on the host whose copy is to be LOST and where no guest has it, then `drbdadm connect {resource}` on the one whose copy is kept"
            ),
            Self::Disk { resource, volume, disk } => write!(
                f,
                "the disk of {resource} volume {volume} is {disk} here: it is not safe to use; start the guest where it is UpToDate, or let it resync first"
            ),
            Self::SyncTarget { resource, volume, peer } => write!(
                f,
                "{resource} volume {volume} is being resynced from {peer}: wait until `drbdadm status {resource}` says UpToDate, or set resync = \"allow\""
            ),
            Self::Held { resource, holders } => {
                write!(f, "{resource} is in use on this host itself: {}; release it first", list(holders))
            }
            Self::Busy { resource, guest, vdev, access, wanted } => write!(
                f,
                "{resource} is attached {access} to {guest} as {vdev}, so it cannot be attached {wanted} here; shut that guest down, or set shared = true if a cluster file system is on it"
            ),
            Self::AttachedTwice { resource, vdev } => {
                write!(f, "{resource} is attached to this guest already, as {vdev}: detach that one first")
            }
            Self::PeerPrimary { resource, peer } => write!(
                f,
                "{resource} is Primary on {peer}: the guest runs there, or something else uses it; stop it there, or migrate it here"
            ),
            Self::PeerAlive { resource, peer, address } => write!(
                f,
                "{resource} is not connected to {peer}, whose DRBD is up and waits at {address}: the guest may run there; run `drbdadm connect {resource}` on both hosts and see `drbdadm status {resource}`"
            ),
            Self::Disconnected { resource, peer, alive } => write!(
                f,
                "{resource} is not connected to {peer} ({}) and disconnected = \"refuse\" is set: reconnect it, or make sure that the guest does not run there and set disconnected = \"warn\"",
                if *alive { "the host is alive, its DRBD does not listen" } else { "the host does not answer" }
            ),
            Self::NoPeer { resource } => write!(
                f,
                "{resource} has no peer set up on this host and disconnected = \"refuse\" is set: run `drbdadm adjust {resource}`"
            ),
            Self::ProbeFailed { resource, peer, why } => write!(
                f,
                "{resource} is not connected to {peer} and asking whether that host is alive failed ({why}): reconnect it, then try again"
            ),
            Self::Migration { resource, why } => {
                write!(f, "{resource} cannot be taken over from a running guest: {why}; the guest goes on at its source")
            }
            Self::Beside { resource, why } => {
                write!(f, "{resource} is shared, and cannot be Primary on two hosts now: {why}; see `drbdadm status {resource}`")
            }
            Self::Worse { resource, why, incoming } => {
                write!(f, "{resource} was promoted and demoted again: {why}; ")?;
                if *incoming {
                    write!(f, "the guest goes on at its source; {}", parted(resource, DESTINATION, SOURCE))
                } else {
                    write!(f, "see `drbdadm status {resource}`")
                }
            }
        }
    }
}

/// The hosts of a migration. What both say comes to the one terminal where `xl migrate` was typed, so
/// that "this host" would mean another one there.
pub const SOURCE: &str = "the source";
/// See [`SOURCE`].
pub const DESTINATION: &str = "the destination";

/// How two copies come together that both were Primary when the link was lost (8.4 parts them even if
/// nobody wrote). Only for a copy that no guest has used since.
#[must_use]
pub fn parted(resource: &str, lost: &str, kept: &str) -> String {
    format!(
        "should {resource} stay StandAlone when the link is back, run `drbdadm disconnect {resource}; drbdadm connect --discard-my-data {resource}` on {lost}, then `drbdadm connect {resource}` on {kept}"
    )
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str(
                "dual-primary = \"never\" is set here: set \"window\" to allow live migrations",
            ),
            Self::NoSource { peers } if peers.is_empty() => {
                f.write_str("it has no peer: `drbdadm adjust` sets its peers up")
            }
            Self::NoSource { peers } => write!(
                f,
                "no peer is connected and Primary ({}): what is here may be stale; reconnect it first",
                peers.join(", ")
            ),
            Self::TwoSources { peers } => write!(
                f,
                "it is Primary on {} at once: demote it where no guest uses it",
                list(peers)
            ),
            Self::NotEstablished {
                peer,
                volume,
                replication,
            } => write!(
                f,
                "replication of volume {volume} with {peer} is {replication}, not Established: wait until it is"
            ),
            Self::PeerDisk { peer, volume, disk } => {
                write!(
                    f,
                    "the disk of volume {volume} on {peer} is {disk}, not UpToDate: wait for the resync"
                )
            }
            Self::Disk { volume, disk } => {
                write!(
                    f,
                    "the disk of volume {volume} is {disk} here, not UpToDate: wait for the resync"
                )
            }
            Self::Protocol { protocol } => write!(
                f,
                "it replicates by protocol {protocol}, and two primaries need protocol C: change it in the configuration and run `drbdadm adjust`"
            ),
            Self::TwoPrimaries { peer } => write!(
                f,
                "two primaries are not allowed with {peer}: set `allow-two-primaries yes` on both hosts and run `drbdadm adjust`"
            ),
            Self::Static { peer } => write!(
                f,
                "two primaries are not allowed with {peer} and dual-primary = \"static\" is set: set `allow-two-primaries yes` on both hosts and run `drbdadm adjust`, or set dual-primary = \"window\""
            ),
            Self::Settings => f.write_str(
                "DRBD does not tell the settings of the connection: see `drbdsetup show`",
            ),
            Self::LinkCut { peer, address } => write!(
                f,
                "{peer} does not answer at {address}: the replication link is cut, and DRBD has not noticed yet: bring it back first"
            ),
            Self::LinkLost { peer, address } => write!(
                f,
                "{peer} waits for a new connection at {address}: the replication link was lost, and DRBD has not noticed here yet: try again once it is connected"
            ),
            Self::NotAsked { peer, why } => write!(
                f,
                "asking whether {peer} is alive failed ({why}): try again"
            ),
            Self::Writes { seconds } => {
                write!(
                    f,
                    "writes of the source were still arriving after {seconds} s: try again, or set a longer drain"
                )
            }
        }
    }
}
