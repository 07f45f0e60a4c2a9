//! Everything that was looked at: serialisable, so that findings can be repeated on another machine.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::libvirt::Libvirt;
use super::lock::Lock;
use super::lvm::Lvm;
use super::mark::Mark;
use super::module::Module;
use super::multipath::Multipath;
use super::place::Place;
use super::policies::Policies;
use super::script::Script;
use super::units::Units;
use super::xen::Xen;
use crate::drbd::Configured;
use crate::holders::Holder;
use crate::host::Opener;
use crate::survey::Survey;

/// What was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    /// DRBD itself.
    pub module: Module,
    /// Xen itself.
    pub xen: Xen,
    /// All resources, settings and guests' disks; or why DRBD does not tell.
    pub survey: Result<Survey, String>,
    /// The configuration of all resources; or why drbdadm does not tell. `None` without drbd-utils.
    pub configured: Option<Result<BTreeMap<String, Configured>, String>>,
    /// This program's configuration.
    pub policies: Policies,
    /// Mounts, swaps and devices on top of whatever is Primary here.
    pub holders: Vec<Holder>,
    /// Processes that have a device open which no guest uses.
    pub openers: Vec<Opener>,
    /// Noted resources whose promotion still runs.
    pub promoting: BTreeSet<String>,
    /// Where this program lies.
    pub place: Place,
    /// What xl runs for disks.
    pub scripts: Vec<Script>,
    /// LVM.
    pub lvm: Lvm,
    /// multipathd.
    pub multipath: Multipath,
    /// systemd's units and udev's rules.
    pub units: Units,
    /// libvirt.
    pub libvirt: Libvirt,
    /// Locks that are held.
    pub locks: Vec<Lock>,
    /// Marks of libvirt's hook that do not count.
    pub marks: Vec<Mark>,
}

impl Facts {
    /// Every resource that is up or configured here; `None` where drbdadm does not tell.
    #[must_use]
    pub fn known(&self) -> Option<BTreeSet<&str>> {
        let configured = self.configured.as_ref()?.as_ref().ok()?;
        let survey = self.survey.as_ref().ok();
        let up = survey.into_iter().flat_map(|s| &s.resources);
        let up = up.map(|r| r.name.as_str());
        Some(up.chain(configured.keys().map(String::as_str)).collect())
    }

    /// The names that each of DRBD's devices has, or would have.
    #[must_use]
    pub fn devices(&self) -> Vec<Vec<String>> {
        let resources = self.survey.as_ref().map_or(&[][..], |s| &s.resources);
        let volumes = resources
            .iter()
            .flat_map(|r| r.volumes.iter().map(move |v| (&r.name, v)));
        let mut devices: Vec<Vec<String>> = volumes
            .map(|(name, v)| names(name, v.volume, v.minor))
            .collect();
        if devices.is_empty() && !self.module.is_absent() {
            devices.push(names("r0", 0, 0));
        }
        devices
    }

    /// Something could not be looked at: a finding says what.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.survey.is_err() || matches!(self.xen.store, super::xen::Store::Failed(_))
    }
}

/// By udev's rule of drbd-utils: before 9.28 without the volume, where there is but one.
fn names(resource: &str, volume: u32, minor: u32) -> Vec<String> {
    vec![
        format!("/dev/drbd{minor}"),
        format!("/dev/drbd/by-res/{resource}"),
        format!("/dev/drbd/by-res/{resource}/{volume}"),
    ]
}
