//! Who else on this host uses the resource through a block backend (xen: tools/hotplug/Linux/block
//! `check_sharing`, whose rules for "the same guest" hold here, too).

use std::io;

use serde::{Deserialize, Serialize};
use xenstore_rs::Xs;

use crate::backend::{
    Access, DRBD_MAJOR, DeviceNumber, Guest, STATE_CLOSED, STATE_CLOSING, access,
};
use crate::request::BackendPath;
use crate::store::read_visible;

/// How another user of the device is related to the guest in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The very same domain: the device is attached to it a second time.
    ThisDomain,
    /// The same guest as another domain: reboot, stub domain, migration to the same host.
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
    store: &impl Xs,
    own: &BackendPath,
    guest: &Guest,
    minors: &[u32],
) -> io::Result<Vec<Use>> {
    let found = published(store, &own.all(), &own.to_string(), minors, guest)?;
    Ok(found.into_iter().map(|(_, user)| user).collect())
}

/// All published uses of those minors, each with the name of its folder, which is the number of the
/// virtual device. To nobody in particular, so nobody is the same guest.
///
/// # Errors
/// When xenstored cannot be asked.
pub fn all_uses(store: &impl Xs, minors: &[u32]) -> io::Result<Vec<(Box<str>, Use)>> {
    published(store, "backend/vbd", "", minors, &Guest::default())
}

/// Everybody below `all` but the one at `own`.
fn published(
    store: &impl Xs,
    all: &str,
    own: &str,
    minors: &[u32],
    guest: &Guest,
) -> io::Result<Vec<(Box<str>, Use)>> {
    let mut found = Vec::new();
    for domain in directory(store, all)? {
        let Ok(domid) = domain.parse::<u32>() else {
            continue;
        };
        for device in directory(store, &format!("{all}/{domain}"))? {
            let path = format!("{all}/{domain}/{device}");
            if path == own {
                continue;
            }
            let Some(number) = read_visible(store, &format!("{path}/physical-device"))? else {
                continue;
            };
            let Some(DeviceNumber {
                major: DRBD_MAJOR,
                minor,
            }) = DeviceNumber::parse(&number)
            else {
                continue;
            };
            if minors.contains(&minor) {
                let user = user(store, &path, domid, minor, guest)?;
                found.extend(user.map(|user| (device, user)));
            }
        }
    }
    Ok(found)
}

/// `None` when the folder went away meanwhile.
fn user(
    store: &impl Xs,
    path: &str,
    domid: u32,
    minor: u32,
    guest: &Guest,
) -> io::Result<Option<Use>> {
    let node = |name: &str| read_visible(store, &format!("{path}/{name}"));
    let Some(state) = node("state")? else {
        return Ok(None);
    };
    let other = Guest::read(store, domid)?;
    let relation = if domid == guest.domid {
        Relation::ThisDomain
    } else if other.is_same_as(guest) {
        Relation::SameGuest
    } else if domid != 0 && !exists(store, domid)? {
        Relation::Gone
    } else {
        Relation::Other
    };
    Ok(Some(Use {
        guest: other,
        vdev: node("dev")?.map(String::from).unwrap_or_default(),
        minor,
        access: access(&node("mode")?.unwrap_or_default()),
        state: state.parse().ok(),
        relation,
    }))
}

/// Whether a domain still has its folder. One that may not be read exists.
fn exists(store: &impl Xs, domid: u32) -> io::Result<bool> {
    match store.directory(&format!("/local/domain/{domid}")) {
        Ok(nodes) => Ok(!nodes.is_empty()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(true),
        Err(error) => Err(error),
    }
}

fn directory(store: &impl Xs, path: &str) -> io::Result<Vec<Box<str>>> {
    match store.directory(path) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(Vec::new())
        }
        other => other,
    }
}
