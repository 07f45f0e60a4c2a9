//! Judges a resource by what DRBD, xenstore, the kernel and the notes say of it.

use serde::Serialize;

use super::guest::moves;
use super::{Disks, Kind, Mark};
use crate::backend::{Access, Guest};
use crate::drbd::{Resource, Role, Volume};
use crate::holders;
use crate::occupant::Occupant;
use crate::policy::{DualPrimary, Policy};
use crate::sharing::Use;
use crate::survey::{Guests, Survey, Unpublished};
use crate::words::{ERROR_MAX, list, short};

/// Whether two primaries are allowed on a connection of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// They are not.
    Shut,
    /// At run time only, as for a live migration.
    Open,
    /// By the configuration, or by the policy for the resource.
    Configured,
    /// They are; whether by the configuration cannot be told.
    Allowed,
}

/// A resource, and everything that concerns it.
pub(super) struct View<'v> {
    survey: &'v Survey,
    resource: &'v Resource,
    policy: &'v Policy,
    disks: &'v Disks<'v>,
}

impl<'v> View<'v> {
    pub fn of(
        survey: &'v Survey,
        resource: &'v Resource,
        policy: &'v Policy,
        disks: &'v Disks<'v>,
    ) -> Self {
        Self {
            survey,
            resource,
            policy,
            disks,
        }
    }

    /// All disks that lead to it.
    fn occupants(&self) -> impl Iterator<Item = &'v Occupant> + '_ {
        let minors = self.resource.minors();
        minors.flat_map(|minor| self.disks.occupants(minor).iter().copied())
    }

    fn unpublished(&self) -> impl Iterator<Item = &'v Unpublished> + '_ {
        self.disks.unpublished(&self.resource.name).iter().copied()
    }

    fn is_window_noted(&self) -> bool {
        self.survey.window_noted.contains(&self.resource.name)
    }

    fn lasts(&self) -> bool {
        self.survey.window_lasting.contains(&self.resource.name)
    }

    fn is_primary_twice(&self) -> bool {
        self.resource.has_primary() && self.resource.primary_peer().is_some()
    }

    /// A guest comes or goes by its name or its mark, or this host has just allowed two primaries and has
    /// them.
    pub fn is_migrating(&self) -> bool {
        let published = self.occupants().filter_map(Occupant::known);
        let mut guests = published
            .map(|u| &u.guest)
            .chain(self.unpublished().map(|u| &u.guest));
        guests.any(|guest| moves(guest, self.survey).is_some())
            || (self.is_window_noted() && self.is_primary_twice() && !self.lasts())
    }

    pub fn window(&self) -> Window {
        let name = &self.resource.name;
        if !self.survey.allows_two_primaries(name) {
            return Window::Shut;
        }
        if self.is_window_noted() {
            return Window::Open;
        }
        if self.policy.shared || self.policy.dual_primary == DualPrimary::Static {
            return Window::Configured;
        }
        let configured = self.survey.configured_two_primaries.as_ref();
        match configured.and_then(|c| c.get(name)) {
            Some(true) => Window::Configured,
            Some(false) => Window::Open,
            None => Window::Allowed,
        }
    }

    /// Where it disagrees. While a run of this program is at it, nothing is settled.
    pub fn marks(&self) -> Vec<Mark> {
        let name = self.resource.name.as_str();
        if self.survey.busy.contains(name) {
            return Vec::new();
        }
        let mut marks = Vec::new();
        let mut mark = |kind, says: String| {
            marks.push(Mark::new(
                Some(name),
                None,
                kind,
                &format!("{name}: {says}"),
            ));
        };
        if let Some(says) = self.two_primaries() {
            mark(Kind::TwoPrimaries, says);
        } else if let Some(says) = self.open_window() {
            mark(Kind::OpenWindow, says);
        }
        if let Some(says) = self.primary_without_guest() {
            mark(Kind::PrimaryWithoutGuest, says);
        }
        for volume in &self.resource.volumes {
            self.mark_volume(volume, &mut marks);
        }
        marks.extend(self.unpublished().filter_map(not_attached));
        marks
    }

    fn two_primaries(&self) -> Option<String> {
        // Without Xen nothing migrates, and who shares a file system allows it in the configuration.
        let meant = self.policy.shared
            || (self.survey.guests == Guests::NoXen && self.window() == Window::Configured);
        if !self.is_primary_twice() || meant || self.is_migrating() {
            return None;
        }
        let peer = self.resource.primary_peer()?;
        let peer = if peer.has_name() {
            &peer.peer
        } else {
            "its peer"
        };
        Some(format!(
            "Primary here and on {peer}, and nothing here shows a migration: unless one is under way from here, a guest may run twice; see `xl list` on both hosts"
        ))
    }

    fn open_window(&self) -> Option<String> {
        if self.window() != Window::Open || self.is_migrating() {
            return None;
        }
        Some(if self.is_window_noted() {
            "two primaries stay allowed after a migration: run `block-drbd reap`".to_owned()
        } else {
            format!(
                "two primaries are allowed at run time only, and this host did not allow them: unless the guest is just migrating, run `drbdadm adjust {}` on both hosts",
                self.resource.name
            )
        })
    }

    /// Several volumes are demoted together, so one that is used keeps all.
    fn primary_without_guest(&self) -> Option<String> {
        if self.survey.guests != Guests::Known || !self.resource.has_primary() {
            return None;
        }
        let held = |minor| !self.disks.holders(minor).is_empty();
        let starting = self.unpublished().any(|u| u.error.is_none());
        // It has closed its disk, and its `remove` is about to demote.
        let left = self.occupants().filter_map(Occupant::known);
        let leaving = left.map(|u| &u.guest).any(Guest::is_named_migrated_away);
        let used = self.occupants().any(Occupant::is_using) || self.resource.minors().any(held);
        if starting || leaving || used {
            return None;
        }
        let name = &self.resource.name;
        Some(if self.survey.promotion_noted.contains(name) {
            "Primary here, and no guest here has it: run `block-drbd reap`".to_owned()
        } else {
            format!(
                "Primary here, no guest here has it, and block-drbd did not promote it: if nothing else needs it, run `drbdadm secondary {name}`"
            )
        })
    }

    fn mark_volume(&self, volume: &Volume, marks: &mut Vec<Mark>) {
        let name = self.resource.name.as_str();
        let shown = match self.resource.volumes.as_slice() {
            [_] => name.to_owned(),
            _ => format!("{name}/{}", volume.volume),
        };
        let mut mark = |kind, says: &str| {
            let says = format!("{shown}: {says}");
            marks.push(Mark::new(Some(name), Some(volume.volume), kind, &says));
        };
        let occupants = self.disks.occupants(volume.minor);
        let known = occupants.iter().filter_map(|o| o.known());
        let users: Vec<&Use> = known.filter(|u| !u.is_ending()).collect();
        if volume.role != Role::Primary {
            for user in &users {
                let says = format!(
                    "{} has it as {}, and it is {} here, so that its I/O may fail: see `dmesg`, then detach the disk and attach it anew",
                    user.guest,
                    short(&user.vdev, 40),
                    volume.role
                );
                mark(Kind::GuestWithoutPrimary, &says);
            }
        }
        if let Some(says) = several(&users, self.is_migrating()).filter(|_| !self.policy.shared) {
            mark(Kind::SeveralGuests, &says);
        }
        for says in occupants.iter().filter_map(|o| stray(o)) {
            mark(Kind::Stray, &says);
        }
    }
}

/// Different guests have it, and one of them writes. Two domains of one uuid are one guest while it migrates.
fn several(users: &[&Use], migrating: bool) -> Option<String> {
    let writes = users.iter().any(|u| u.access == Access::ReadWrite);
    let mut others = users.iter().enumerate().flat_map(|(i, first)| {
        let later = users.iter().skip(i + 1);
        later.map(move |second| (first, second))
    });
    let one = |a: &Guest, b: &Guest| a.is_served_with(b) || (migrating && a.is_same_as(b));
    let differ = |a: &Use, b: &Use| a.guest.domid == b.guest.domid || !one(&a.guest, &b.guest);
    if !writes || !others.any(|(a, b)| differ(a, b)) {
        return None;
    }
    let who: Vec<String> = users
        .iter()
        .map(|u| format!("{} as {}", u.guest, short(&u.vdev, 40)))
        .collect();
    let who = list(&who);
    Some(format!(
        "{who} have it at once, and not all of them only read: detach it from all but one"
    ))
}

/// Only the kernel, or only xenstore, still knows of it.
fn stray(occupant: &Occupant) -> Option<String> {
    if occupant.is_stray() {
        return Some(format!(
            "the guest is gone, and {occupant} still stands, so its last I/O may be under way: once that is gone, run `block-drbd reap`"
        ));
    }
    let gone = occupant.known().is_none();
    gone.then(|| {
        let (domid, device) = (occupant.domid, &occupant.device);
        format!("domain {domid} is gone, and xenstore still has its backend/vbd/{domid}/{device}: nobody uses that")
    })
}

/// Guests that have a device of which no resource tells.
pub(super) fn without_resource<'o>(
    minor: u32,
    occupants: &'o [&'o Occupant],
) -> impl Iterator<Item = Mark> + 'o {
    let node = holders::node(minor);
    let using = occupants.iter().filter(|o| o.is_using());
    using.map(move |occupant| {
        let says = format!("{node}: {occupant} has it, and no resource with that device is up");
        Mark::new(None, None, Kind::GuestWithoutResource, &says)
    })
}

/// The `add` of that disk failed.
pub(super) fn not_attached(disk: &Unpublished) -> Option<Mark> {
    let error = disk.error.as_deref()?;
    let says = format!(
        "{}: not attached to {}: {}",
        disk.resource.as_deref().unwrap_or("a disk"),
        disk.guest,
        short(error, ERROR_MAX)
    );
    let resource = disk.resource.as_deref();
    Some(Mark::new(resource, disk.volume, Kind::NotAttached, &says))
}
