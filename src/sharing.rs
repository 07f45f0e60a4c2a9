//! Who else on this host uses the resource through a block backend, and who is the same guest (as in xen:
//! tools/hotplug/Linux/block, `check_sharing`).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;

use serde::{Deserialize, Serialize};

use crate::backend::{
    Access, DRBD_MAJOR, DeviceNumber, Guest, STATE_CLOSED, STATE_CLOSING, access,
};
use crate::request::BackendPath;
use crate::store::{Together, read_folder, read_visible};

/// How another user of the device is related to the guest in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The very same domain: the device is attached to it a second time.
    ThisDomain,
    /// The same guest as another domain: its stub domain, migration to the same host; or another one of its uuid.
    SameGuest,
    /// Another guest, or this host itself.
    Other,
    /// A domain that no longer exists.
    Gone,
}

/// One published backend of a volume of the resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The domain that uses it.
    pub guest: Guest,
    /// Name of the virtual device there.
    pub vdev: String,
    /// Minor of the volume.
    pub minor: u32,
    /// What the guest may do.
    pub access: Access,
    /// State of the backend.
    pub state: Option<u32>,
    /// Related how?
    pub relation: Relation,
}

impl Use {
    /// The guest lets go of it: closing or closed, and soon removed.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        matches!(self.state, Some(STATE_CLOSING | STATE_CLOSED))
    }

    /// Closed: it no longer counts as a user when the question is whether to demote.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == Some(STATE_CLOSED)
    }
}

/// All published uses of those minors but the one at `own`.
///
/// Only `physical-device` counts, compared as a number: it is what blkback opens, whichever script
/// wrote it (`phy:/dev/drbd1` is the same device).
///
/// # Errors
/// When xenstored cannot be asked.
pub fn uses(
    store: &impl Together,
    own: &BackendPath,
    guest: &Guest,
    minors: &[u32],
) -> io::Result<Vec<Use>> {
    let wanted = |minor| minors.contains(&minor);
    let mut found = Vec::new();
    let mut folders = folders(store, &own.all())?;
    folders.retain(|folder| folder.path != own.to_string());
    for (folder, published) in published(store, folders, &wanted)? {
        if let Published::Drbd(minor) = published {
            let other = Guest::read(store, folder.domid)?;
            let relation = relation(store, &other, guest)?;
            found.extend(folder.user(store, minor, other, relation)?);
        }
    }
    Ok(found)
}

/// The folder of one disk of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The domain that uses it.
    pub domid: u32,
    /// Its name, which is the number of the virtual device.
    pub device: Box<str>,
    /// Where it is.
    pub path: String,
}

/// Everybody's disks that lead to some minors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllUses {
    /// Those that are published, each with the name of its folder.
    pub published: Vec<(Box<str>, Use)>,
    /// Folders that publish no device at all.
    pub unpublished: Vec<Folder>,
}

/// All published uses of minors that are wanted. To nobody in particular, so nobody is the same guest.
///
/// # Errors
/// When xenstored cannot be asked.
pub fn all_uses(store: &impl Together, wanted: impl Fn(u32) -> bool) -> io::Result<AllUses> {
    let nobody = Guest::default();
    let mut guests = BTreeMap::new();
    let mut all = AllUses::default();
    for (folder, published) in published(store, folders(store, "backend/vbd")?, &wanted)? {
        match published {
            Published::Other => {}
            Published::Nothing => all.unpublished.push(folder),
            Published::Drbd(minor) => {
                let (guest, relation) = match guests.entry(folder.domid) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => {
                        let guest = Guest::read(store, folder.domid)?;
                        let relation = relation(store, &guest, &nobody)?;
                        new.insert((guest, relation))
                    }
                };
                let user = folder.user(store, minor, guest.clone(), *relation)?;
                all.published.extend(user.map(|user| (folder.device, user)));
            }
        }
    }
    Ok(all)
}

/// What a folder publishes to blkback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Published {
    /// Nothing, so far or any more.
    Nothing,
    /// A device of DRBD with that minor.
    Drbd(u32),
    /// Another device, or one that is not asked for.
    Other,
}

/// The folders of all guests' disks below `all`.
///
/// # Errors
/// When xenstored cannot be asked.
pub fn folders(store: &impl Together, all: &str) -> io::Result<Vec<Folder>> {
    let domains = store.list_together(&[all.to_owned()])?.concat();
    let domains = domains.iter().filter_map(|name| name.parse().ok());
    let domains: Vec<u32> = domains.collect();
    let parent = |domid: &u32| format!("{all}/{domid}");
    let parents: Vec<String> = domains.iter().map(parent).collect();
    let listed = store.list_together(&parents)?;
    let mut found = Vec::new();
    for ((domid, parent), devices) in domains.into_iter().zip(parents).zip(listed) {
        found.extend(devices.into_iter().map(|device| Folder {
            domid,
            path: format!("{parent}/{device}"),
            device,
        }));
    }
    Ok(found)
}

/// The folders with the device that each publishes.
///
/// # Errors
/// When xenstored cannot be asked.
fn published(
    store: &impl Together,
    folders: Vec<Folder>,
    wanted: &impl Fn(u32) -> bool,
) -> io::Result<Vec<(Folder, Published)>> {
    let node = |folder: &Folder| format!("{}/physical-device", folder.path);
    let nodes: Vec<String> = folders.iter().map(node).collect();
    let numbers = store.read_together(&nodes)?.into_iter();
    let published = numbers.map(|number| match number.as_deref().map(DeviceNumber::parse) {
        None => Published::Nothing,
        Some(Some(DeviceNumber {
            major: DRBD_MAJOR,
            minor,
        })) if wanted(minor) => Published::Drbd(minor),
        Some(_) => Published::Other,
    });
    Ok(folders.into_iter().zip(published).collect())
}

impl Folder {
    /// One of its nodes.
    ///
    /// # Errors
    /// When xenstored cannot be asked.
    pub fn node(&self, store: &impl Together, name: &str) -> io::Result<Option<Box<str>>> {
        read_visible(store, &format!("{}/{name}", self.path))
    }

    /// Its use of a published volume. `None` when the folder went away meanwhile.
    ///
    /// # Errors
    /// When xenstored cannot be asked.
    pub fn user(
        &self,
        store: &impl Together,
        minor: u32,
        guest: Guest,
        relation: Relation,
    ) -> io::Result<Option<Use>> {
        let [state, vdev, mode] = read_folder(store, &self.path, ["state", "dev", "mode"])?;
        let Some(state) = state else {
            return Ok(None);
        };
        Ok(Some(Use {
            guest,
            vdev: vdev.map(String::from).unwrap_or_default(),
            minor,
            access: access(&mode.unwrap_or_default()),
            state: state.parse().ok(),
            relation,
        }))
    }
}

/// How a domain is related to a guest.
///
/// # Errors
/// When xenstored cannot be asked.
pub fn relation(store: &impl Together, other: &Guest, guest: &Guest) -> io::Result<Relation> {
    Ok(if other.domid == guest.domid {
        Relation::ThisDomain
    } else if other.is_same_as(guest) {
        Relation::SameGuest
    } else if other.domid != 0 && !other.is_known() && !exists(store, other.domid)? {
        Relation::Gone
    } else {
        Relation::Other
    })
}

/// Whether a domain still has its folder. One that may not be read exists.
fn exists(store: &impl Together, domid: u32) -> io::Result<bool> {
    match store.directory(&format!("/local/domain/{domid}")) {
        Ok(nodes) => Ok(!nodes.is_empty()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(true),
        Err(error) => Err(error),
    }
}
