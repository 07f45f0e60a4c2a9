//! Everything observed before a decision: read in one place, serialisable, so that a decision can
//! be repeated on another machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::backend::{Backend, Guest};
use crate::drbd::{Absence, Resource, Settings};
use crate::holders::Holder;
use crate::host::Opener;
use crate::occupant::Occupant;
use crate::probe::Probe;
use crate::sharing::Use;

/// How the guest comes to this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// Created, restored, rebooted, or a disk attached to it.
    PlainStart,
    /// Received from another host, where it is suspended and still Primary.
    IncomingMigration,
}

/// The resource that the specification names, as far as it can be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// It is up.
    Up(Resource),
    /// It is not.
    Absent(Absence),
    /// The specification is a path that leads to no DRBD device: why.
    NoDevice(String),
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The nodes of this backend.
    pub backend: Backend,
    /// The domain that uses it.
    pub guest: Guest,
    /// How it comes here.
    pub arrival: Arrival,
    /// The resource.
    pub found: Found,
    /// Number of the volume that the specification means, once that is known.
    pub volume: Option<u32>,
    /// Other backends on this host that use the resource.
    pub uses: Vec<Use>,
    /// Mounts, swaps and device-mapper targets on this host that hold one of its devices.
    pub holders: Vec<Holder>,
    /// Settings in force; read where the decision can hang on them.
    pub settings: Option<Settings>,
    /// What the replication addresses of peers answered, by peer node id; likewise.
    pub probes: BTreeMap<u32, Probe>,
    /// This program promoted the resource and has not demoted it since.
    pub promoted_by_us: bool,
    /// A promotion of this program's that nobody waits for still runs; looked for at `remove` where the
    /// role does not tell.
    #[serde(default)]
    pub promoting: bool,
    /// This program allowed two primaries at run time, and nobody has set that back since.
    #[serde(default)]
    pub window_noted: bool,
}

impl Facts {
    /// The resource, when it is up.
    #[must_use]
    pub fn resource(&self) -> Option<&Resource> {
        match &self.found {
            Found::Up(resource) => Some(resource),
            _ => None,
        }
    }
}

/// What was observed of a resource that may have been left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReapFacts {
    /// The resource, when it is up.
    pub resource: Option<Resource>,
    /// This program promoted it and has not demoted it since.
    pub promotion_noted: bool,
    /// This program allowed two primaries at run time, and nobody has set that back since.
    pub window_noted: bool,
    /// A promotion that nobody waits for still runs; looked for where the role does not tell.
    pub promoting: bool,
    /// Disks of guests that lead to it.
    pub occupants: Vec<Occupant>,
    /// Mounts, swaps and device-mapper targets.
    pub holders: Vec<Holder>,
    /// Processes that have it open; looked for where nobody else has it.
    pub openers: Vec<Opener>,
    /// Settings in force, where two primaries may be allowed.
    pub settings: Option<Settings>,
    /// The configuration allows two primaries; read where no note tells who allowed them.
    pub configured_two_primaries: Option<bool>,
}
