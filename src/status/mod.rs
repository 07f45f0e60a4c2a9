//! What `status` shows: a row for each volume, and where DRBD and the guests disagree.
//!
//! A pure function of a [`Survey`]: [`Status::of`]. [`table`] words it for people; as JSON it is what
//! README documents.

mod guest;
mod judge;
mod mark;
mod peer;
pub mod table;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::drbd::{Generation, Resource, Volume};
use crate::holders::{self, Holder};
use crate::occupant::Occupant;
use crate::policy::Configuration;
use crate::survey::{Guests, Survey, Unpublished};

pub use guest::{Disk, Moves, State};
pub use judge::Window;
pub use mark::{Kind, Mark};
pub use peer::Peer;

/// All that is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The generation of the loaded DRBD module; `None` while none is.
    pub drbd: Option<Generation>,
    /// How many resources are up, whether or not they are shown.
    #[serde(skip)]
    pub up: usize,
    /// Whether xenstore told of guests: `known`, `no-xen`, `unknown`.
    pub guests: &'static str,
    /// Why they are unknown.
    pub why: Option<String>,
    /// A row for each volume, in order of names and numbers.
    pub volumes: Vec<Row>,
    /// Where DRBD and the guests disagree, in the same order.
    pub marks: Vec<Mark>,
}

/// One volume. Text of others is printable already.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The resource; `None` where a guest has a device of none that is up.
    pub resource: Option<String>,
    /// Number of the volume.
    pub volume: Option<u32>,
    /// How many volumes the resource has.
    #[serde(skip)]
    pub volumes: usize,
    /// Its device; `None` where a guest's disk names a resource that is not up.
    pub device: Option<String>,
    /// Its role here.
    pub role: Option<String>,
    /// Its disk here.
    pub disk: Option<String>,
    /// Whether there is quorum, where DRBD says so.
    pub quorum: Option<bool>,
    /// Why I/O of the resource is suspended; empty when it is not.
    pub suspended: Vec<String>,
    /// Each peer, by node id.
    pub peers: Vec<Peer>,
    /// Each guest's disk that leads to it.
    pub guests: Vec<Disk>,
    /// What on this host itself holds it, where no guest does.
    pub holders: Vec<String>,
    /// Whether two primaries are allowed.
    pub window: Window,
    /// A live migration of a guest that has it is under way.
    pub migrating: bool,
    /// An `add`, a `remove` or a `reap` is at the resource.
    pub busy: bool,
    /// A mark concerns it.
    pub marked: bool,
}

impl Status {
    /// Of what was read; of those resources only, unless none is named.
    #[must_use]
    pub fn of(survey: &Survey, configuration: &Configuration, only: &[String]) -> Self {
        let known = Disks::of(survey);
        let asked = |name: &str| only.is_empty() || only.iter().any(|o| o == name);
        let mut status = Self {
            drbd: survey.generation,
            up: survey.resources.len(),
            guests: match survey.guests {
                Guests::Known => "known",
                Guests::NoXen => "no-xen",
                Guests::Unknown(_) => "unknown",
            },
            why: match &survey.guests {
                Guests::Unknown(why) => Some(crate::words::printable(why)),
                _ => None,
            },
            volumes: Vec::new(),
            marks: Vec::new(),
        };
        for resource in survey.resources.iter().filter(|r| asked(&r.name)) {
            let policy = configuration.policy(Some(&resource.name));
            let view = judge::View::of(survey, resource, &policy, &known);
            let marks = view.marks();
            for volume in &resource.volumes {
                let marked = marks.iter().any(|m| m.concerns(volume.volume));
                status.volumes.push(Row {
                    marked,
                    ..row(survey, resource, volume, &view, &known)
                });
            }
            status.marks.extend(marks);
        }
        if only.is_empty() {
            status.add_unknown_devices(survey, &known);
        }
        status.add_resources_not_up(survey, asked);
        status
    }

    /// Devices that guests have and that no resource tells of.
    fn add_unknown_devices(&mut self, survey: &Survey, known: &Disks<'_>) {
        let volumes = survey.resources.iter().flat_map(Resource::minors);
        let up: std::collections::BTreeSet<u32> = volumes.collect();
        for (minor, occupants) in known.by_minor.iter().filter(|(m, _)| !up.contains(m)) {
            let marks: Vec<Mark> = judge::without_resource(*minor, occupants).collect();
            let disks = occupants.iter().map(|o| Disk::of(o, survey));
            self.volumes.push(Row {
                device: Some(holders::node(*minor)),
                guests: disks.collect(),
                marked: !marks.is_empty(),
                ..Row::empty()
            });
            self.marks.extend(marks);
        }
    }

    /// Disks that name a resource which is not up, or a volume that it has not.
    fn add_resources_not_up(&mut self, survey: &Survey, asked: impl Fn(&str) -> bool) {
        for disk in &survey.unpublished {
            let name = disk.resource.as_deref().unwrap_or_default();
            if survey.resource(name).is_some() || !asked(name) {
                continue;
            }
            let mark = judge::not_attached(disk);
            self.volumes.push(Row {
                resource: disk.resource.clone(),
                volume: disk.volume,
                guests: vec![Disk::of_unpublished(disk, survey)],
                busy: survey.busy.contains(name),
                marked: mark.is_some(),
                ..Row::empty()
            });
            self.marks.extend(mark);
        }
    }

    /// Nothing disagrees.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.marks.is_empty()
    }

    /// As README documents it, in one line.
    #[must_use]
    pub fn json(&self) -> String {
        // Strings, numbers and enums always can be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Row {
    /// `web-root`, or `data/1` where there are several volumes.
    fn shown(&self) -> String {
        match (&self.resource, self.volume) {
            (Some(name), Some(volume)) if self.volumes > 1 => format!("{name}/{volume}"),
            (Some(name), _) => name.clone(),
            (None, _) => "-".to_owned(),
        }
    }

    fn empty() -> Self {
        Self {
            resource: None,
            volume: None,
            volumes: 0,
            device: None,
            role: None,
            disk: None,
            quorum: None,
            suspended: Vec::new(),
            peers: Vec::new(),
            guests: Vec::new(),
            holders: Vec::new(),
            window: Window::Shut,
            migrating: false,
            busy: false,
            marked: false,
        }
    }
}

/// Guests' disks, by what they lead to.
struct Disks<'s> {
    by_minor: BTreeMap<u32, Vec<&'s Occupant>>,
    unpublished: BTreeMap<&'s str, Vec<&'s Unpublished>>,
    holders: BTreeMap<u32, Vec<&'s Holder>>,
}

impl<'s> Disks<'s> {
    fn of(survey: &'s Survey) -> Self {
        let mut disks = Self {
            by_minor: BTreeMap::new(),
            unpublished: BTreeMap::new(),
            holders: BTreeMap::new(),
        };
        for occupant in &survey.occupants {
            let same = disks.by_minor.entry(occupant.minor).or_default();
            same.push(occupant);
        }
        for disk in &survey.unpublished {
            let name = disk.resource.as_deref().unwrap_or_default();
            disks.unpublished.entry(name).or_default().push(disk);
        }
        for holder in &survey.holders {
            let same = disks.holders.entry(holder.minor()).or_default();
            same.push(holder);
        }
        disks
    }

    fn occupants(&self, minor: u32) -> &[&'s Occupant] {
        self.by_minor.get(&minor).map_or(&[], Vec::as_slice)
    }

    fn unpublished(&self, name: &str) -> &[&'s Unpublished] {
        self.unpublished.get(name).map_or(&[], Vec::as_slice)
    }

    fn holders(&self, minor: u32) -> &[&'s Holder] {
        self.holders.get(&minor).map_or(&[], Vec::as_slice)
    }
}

fn row(
    survey: &Survey,
    resource: &Resource,
    volume: &Volume,
    view: &judge::View<'_>,
    known: &Disks<'_>,
) -> Row {
    let peers = resource.connections.iter();
    let occupants = known.occupants(volume.minor).iter();
    let mut guests: Vec<Disk> = occupants.map(|o| Disk::of(o, survey)).collect();
    // A disk that does not say which volume it means is shown with the first one.
    let first = resource.volumes.first().map(|v| v.volume);
    let unpublished = known.unpublished(&resource.name).iter();
    let unpublished = unpublished.filter(|u| u.volume.or(first) == Some(volume.volume));
    guests.extend(unpublished.map(|u| Disk::of_unpublished(u, survey)));
    let holders = known.holders(volume.minor).iter();
    Row {
        resource: Some(crate::words::printable(&resource.name)),
        volume: Some(volume.volume),
        volumes: resource.volumes.len(),
        device: Some(holders::node(volume.minor)),
        role: Some(peer::word(&volume.role)),
        disk: Some(peer::word(&volume.disk)),
        quorum: volume.quorum,
        suspended: resource.suspended.iter().map(peer::word).collect(),
        peers: peers.map(|c| Peer::of(c, volume.volume)).collect(),
        guests,
        holders: holders.map(|h| h.short()).collect(),
        window: view.window(),
        migrating: view.is_migrating(),
        busy: survey.busy.contains(&resource.name),
        marked: false,
    }
}
