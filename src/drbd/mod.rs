//! DRBD as seen from this node: what a resource is like, and the few commands that change it.

pub mod configured;
pub mod error;
pub mod events2;
pub mod proc_drbd;
pub mod resource;
pub mod section;
pub mod settings;
pub mod tools;
pub mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::deadline::{Deadline, Expired};
use crate::process::RunError;

pub use configured::Configured;
pub use error::{Class, CommandError};
pub use resource::{Address, Connection, Generation, Path, PeerDevice, Resource, Volume};
pub use settings::{ConnectionSettings, Settings};
pub use words::{ConnectionState, DiskState, ReplicationState, Role};

/// How a guest's configuration names a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Name {
    /// By its name.
    Resource(String),
    /// By the minor of one of its devices.
    Minor(u32),
}

/// Why there is no resource to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Absence {
    /// The kernel module is not loaded.
    NoModule,
    /// Configured here, but not up.
    NotUp,
    /// Nothing of that name stands in the configuration of this host: drbdadm's words.
    NotConfigured(String),
}

/// Why DRBD could not be asked or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command ran and refused.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The command could not be run, or not to its end.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The kernel module is of a version that this program does not know.
    #[error("/proc/drbd names no DRBD version that is known here: {0}")]
    Version(String),
    /// /proc/drbd is there and cannot be read, which does not mean that the module is not loaded.
    #[error("/proc/drbd cannot be read ({0})")]
    Unreadable(String),
    /// What the tool printed cannot be the answer.
    #[error("`{0}` printed nothing that can be understood")]
    Answer(String),
}

impl Error {
    /// DRBD itself refused, with a number; everything else is a tool that failed.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Command(error) if error.code.is_some())
    }

    /// The deadline or a signal ended it.
    #[must_use]
    pub fn expired(&self) -> Option<Expired> {
        match self {
            Self::Run(RunError::Expired { expired, .. }) => Some(*expired),
            _ => None,
        }
    }
}

/// One reading of the counters that tell whether a peer's writes still arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// KiB received, summed over peers, by volume.
    pub received: Vec<u64>,
    /// Nothing waits for an acknowledgement or for the local disk.
    pub idle: bool,
    /// All else that was read with them, as [`Replication::read_again`] reads it (9).
    pub resource: Option<Resource>,
}

/// The seam to DRBD: the tools of the host, or a simulation.
pub trait Replication {
    /// Everything about one resource; `None` when it is not up, or no such minor exists.
    ///
    /// # Errors
    /// When DRBD cannot be asked.
    fn read(&self, name: &Name, deadline: &Deadline) -> Result<Option<Resource>, Error>;

    /// As [`Replication::read`], and the settings in force where one question answers both: for a
    /// guest that is suspended meanwhile.
    ///
    /// # Errors
    /// When DRBD cannot be asked.
    fn read_with_settings(
        &self,
        name: &Name,
        deadline: &Deadline,
    ) -> Result<Option<(Resource, Option<Settings>)>, Error> {
        Ok(self.read(name, deadline)?.map(|r| (r, None)))
    }

    /// Everything about a resource that was read `before`, anew.
    ///
    /// # Errors
    /// When DRBD cannot be asked.
    fn read_again(
        &self,
        before: &Resource,
        deadline: &Deadline,
    ) -> Result<Option<Resource>, Error> {
        self.read(&Name::Resource(before.name.clone()), deadline)
    }

    /// The generation of the loaded module; `None` while none is.
    ///
    /// # Errors
    /// When it is one that this program does not know.
    fn generation(&self) -> Result<Option<Generation>, Error>;

    /// Every resource that is up, as [`Replication::read`] reads one. None without the module.
    ///
    /// # Errors
    /// When DRBD cannot be asked.
    fn all(&self, deadline: &Deadline) -> Result<Vec<Resource>, Error>;

    /// The settings in force of every resource that is up, with their names. None without the module.
    ///
    /// # Errors
    /// When DRBD cannot be asked.
    fn all_settings(&self, deadline: &Deadline) -> Result<Vec<(String, Settings)>, Error>;

    /// The settings in force.
    ///
    /// # Errors
    /// When DRBD cannot be asked, or the resource is not up.
    fn settings(&self, resource: &Resource, deadline: &Deadline) -> Result<Settings, Error>;

    /// Makes every volume Primary here. Rolls itself back when one of several is refused.
    ///
    /// # Errors
    /// When DRBD refuses, or does not answer in time.
    fn promote(&self, resource: &Resource, deadline: &Deadline) -> Result<(), Error>;

    /// Makes every volume Secondary here.
    ///
    /// # Errors
    /// When DRBD refuses, or does not answer in time.
    fn demote(&self, resource: &Resource, deadline: &Deadline) -> Result<(), Error>;

    /// Whether no volume is Primary here any more, read anew. A resource that went down is not.
    ///
    /// # Errors
    /// When DRBD cannot be asked.
    fn is_secondary(&self, resource: &Resource, deadline: &Deadline) -> Result<bool, Error> {
        let now = self.read_again(resource, deadline)?;
        Ok(now.is_none_or(|r| r.is_secondary()))
    }

    /// Allows two primaries on one connection, or no longer. While connected DRBD carries it to the
    /// peer, ahead of whatever follows.
    ///
    /// # Errors
    /// When DRBD refuses, or does not answer in time.
    fn allow_two_primaries(
        &self,
        resource: &Resource,
        connection: &ConnectionSettings,
        allow: bool,
        deadline: &Deadline,
    ) -> Result<(), Error>;

    /// Whether the configuration of this host allows two primaries on any connection; `None` when it
    /// cannot be read. Asks `drbdadm`: off the guest's way only.
    fn configured_two_primaries(&self, resource: &Resource, deadline: &Deadline) -> Option<bool>;

    /// The same for every resource of the configuration, by name. Off the guest's way only.
    fn all_configured_two_primaries(&self, deadline: &Deadline) -> Option<BTreeMap<String, bool>>;

    /// Reads the counters of [`InFlight`].
    ///
    /// # Errors
    /// When DRBD cannot be asked.
    fn in_flight(&self, resource: &Resource, deadline: &Deadline) -> Result<InFlight, Error>;

    /// Why [`Replication::read`] found nothing. Asks `drbdadm`: for refusals only.
    fn absence(&self, name: &Name, deadline: &Deadline) -> Absence;

    /// Host name of the one peer of 8.4, which DRBD itself calls `peer`, from the configuration.
    /// Asks `drbdadm`: for refusals only.
    fn peer_name(&self, resource: &Resource, deadline: &Deadline) -> Option<String>;
}
