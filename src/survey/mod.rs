//! Everything of this host's replicated disks, read at once: what `status` shows and other commands
//! for people judge by.
//!
//! Its cost does not hang on how many resources there are, but for the size of the answers: one
//! `drbdsetup events2 --now`, one `drbdsetup show`, one walk over xenstore, and one `drbdadm dump` where
//! only the configuration can tell whether two primaries are allowed on purpose.

mod guests;

pub use guests::refused;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backend::{Access, Guest};
use crate::deadline::Deadline;
use crate::drbd::{self, Generation, Replication, Resource, Role, Settings};
use crate::holders::Holder;
use crate::host::{Host, Note};
use crate::occupant::Occupant;
use crate::policy::{Configuration, DualPrimary};
use crate::store::Together;

/// The source of a migration demotes within seconds of the promotion at the destination.
const OVERLAP: Duration = Duration::from_secs(300);

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Of the loaded DRBD module; `None` while none is.
    pub generation: Option<Generation>,
    /// Every resource that is up, by name.
    pub resources: Vec<Resource>,
    /// The settings in force of each.
    pub settings: BTreeMap<String, Settings>,
    /// Whether the configuration allows two primaries, by resource. Read where two primaries are
    /// allowed and neither a note nor the policy tells by whom.
    pub configured_two_primaries: Option<BTreeMap<String, bool>>,
    /// Resources that this program promoted and has not demoted since.
    pub promotion_noted: BTreeSet<String>,
    /// Resources on which this program allowed two primaries, and nobody has set that back since.
    pub window_noted: BTreeSet<String>,
    /// Those of them that were allowed longer ago than a migration can overlap.
    pub window_lasting: BTreeSet<String>,
    /// Resources at which an `add`, a `remove` or a `reap` is now.
    pub busy: BTreeSet<String>,
    /// Whether xenstore told of the guests.
    pub guests: Guests,
    /// Guests' disks that lead to a DRBD device, whether or not that is up.
    pub occupants: Vec<Occupant>,
    /// Guests' disks that name a resource and have no device, or not yet.
    pub unpublished: Vec<Unpublished>,
    /// Guests that are being received, by domain id.
    pub arriving: BTreeSet<u32>,
    /// Mounts, swaps and devices on top, looked for where a volume is Primary and no guest has it.
    pub holders: Vec<Holder>,
}

/// Whether xenstore told of the guests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guests {
    /// It did.
    #[default]
    Known,
    /// There is no xenstored, nor a sign of one: no Xen runs here.
    NoXen,
    /// It could not be asked: why.
    Unknown(String),
}

impl Guests {
    /// By the error of a store that cannot be had.
    #[must_use]
    pub fn from_error(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NoXen,
            _ => Self::Unknown(error.to_string()),
        }
    }
}

/// A guest's disk that names a resource and has no device: it is being attached, or that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpublished {
    /// The domain.
    pub guest: Guest,
    /// Name of the backend's folder, which is the number of the virtual device.
    pub device: String,
    /// Name of the virtual device.
    pub vdev: String,
    /// What the guest may do.
    pub access: Access,
    /// The specification names nothing that can be a resource, where there is none.
    pub resource: Option<String>,
    /// The volume, where that is clear.
    pub volume: Option<u32>,
    /// What the toolstack was told when it failed.
    pub error: Option<String>,
}

/// Reads all of it; guests only if there is a store.
///
/// xenstore is asked first: an `add` promotes before it publishes, and a `remove` demotes after the
/// guest has let go. Who cannot wait for that finds the resource in [`Survey::busy`].
///
/// # Errors
/// When DRBD cannot be asked.
pub fn read<S: Together, R: Replication, H: Host>(
    store: Result<&S, &io::Error>,
    replication: &R,
    host: &H,
    configuration: &Configuration,
    deadline: &Deadline,
) -> Result<Survey, drbd::Error> {
    let mut survey = Survey {
        generation: replication.generation()?,
        busy: host.locked().into_iter().collect(),
        ..Survey::default()
    };
    let disks = match store {
        Ok(store) => guests::Disks::read(store, host).map_err(|e| Guests::Unknown(e.to_string())),
        Err(error) => Err(Guests::from_error(error)),
    };
    if survey.generation.is_some() {
        survey.resources = replication.all(deadline)?;
        survey.resources.sort_by(|a, b| a.name.cmp(&b.name));
    }
    survey.promotion_noted = host.noted(Note::Promotion).into_iter().collect();
    survey.window_noted = host.noted(Note::Window).into_iter().collect();
    let lasts = |name: &&String| {
        host.age(Note::Window, name)
            .is_some_and(|age| age > OVERLAP)
    };
    survey.window_lasting = survey.window_noted.iter().filter(lasts).cloned().collect();
    if !survey.resources.is_empty() {
        survey.settings = replication.all_settings(deadline)?.into_iter().collect();
        if survey.has_unexplained_window(configuration) {
            survey.configured_two_primaries = replication.all_configured_two_primaries(deadline);
        }
    }
    match disks {
        Ok(disks) => disks.tell(&mut survey, host),
        Err(why) => survey.guests = why,
    }
    let unused: Vec<u32> = survey.unused_primaries().collect();
    if !unused.is_empty() {
        survey.holders = host.holders(&unused);
    }
    Ok(survey)
}

impl Survey {
    /// The resource of that name.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&Resource> {
        self.resources.iter().find(|r| r.name == name)
    }

    /// Two primaries are allowed on a connection of that resource, by whatever hand.
    #[must_use]
    pub fn allows_two_primaries(&self, name: &str) -> bool {
        let settings = self.settings.get(name);
        settings.is_some_and(|s| s.open().next().is_some())
    }

    /// Two primaries are allowed somewhere, and only the configuration can tell whether they should be.
    fn has_unexplained_window(&self, configuration: &Configuration) -> bool {
        self.settings.keys().any(|name| {
            let policy = configuration.policy(Some(name));
            let meant = policy.shared || policy.dual_primary == DualPrimary::Static;
            !meant && !self.window_noted.contains(name) && self.allows_two_primaries(name)
        })
    }

    /// Minors of volumes that are Primary here and that no guest has.
    fn unused_primaries(&self) -> impl Iterator<Item = u32> + '_ {
        let using = self.occupants.iter().filter(|o| o.is_using());
        let used: BTreeSet<u32> = using.map(|o| o.minor).collect();
        let volumes = self.resources.iter().flat_map(|r| &r.volumes);
        let unused = volumes.filter(move |v| v.role == Role::Primary && !used.contains(&v.minor));
        unused.map(|v| v.minor)
    }
}
