//! Who may still have a volume, by what xenstore and the kernel say together.
//!
//! xenstore alone is not enough: a toolstack that gave up leaves a folder for ever, or deletes it while
//! the kernel still writes for a guest that is gone.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use crate::backend::DRBD_MAJOR;
use crate::host::{Attached, Host};
use crate::sharing::{self, Relation, Use};
use crate::store::Together;

/// One disk of a guest that leads to a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupant {
    /// The domain.
    pub domid: u32,
    /// Name of the backend's folder, which is the number of the virtual device.
    pub device: String,
    /// Minor of the volume.
    pub minor: u32,
    /// What xenstore says, where it is published there.
    pub published: Option<Use>,
    /// The kernel has it, so it may have the volume open.
    pub attached: bool,
}

impl Occupant {
    /// A living guest has the disk, or the kernel still does. A frontend that closed may come back, as
    /// between the kernels of pvgrub, so that closed alone does not count as gone.
    #[must_use]
    pub fn is_using(&self) -> bool {
        self.attached || self.known().is_some_and(|u| !u.is_closed())
    }

    /// Nobody but the kernel has it: whoever had it is gone, or given up by the toolstack.
    #[must_use]
    pub fn is_stray(&self) -> bool {
        self.attached && self.known().is_none()
    }

    /// What xenstore says, where it is of a domain that exists.
    #[must_use]
    pub fn known(&self) -> Option<&Use> {
        let published = self.published.as_ref();
        published.filter(|u| u.relation != Relation::Gone)
    }
}

impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(user) = self.known() else {
            return write!(f, "the kernel's vbd-{}-{}", self.domid, self.device);
        };
        let vdev = crate::words::short(&user.vdev, 40);
        write!(f, "{} as {vdev}", user.guest)
    }
}

/// All that lead to those minors.
///
/// # Errors
/// When xenstored cannot be asked.
pub fn occupants(
    store: &impl Together,
    host: &impl Host,
    minors: &[u32],
) -> io::Result<Vec<Occupant>> {
    let wanted = |minor| minors.contains(&minor);
    let attached = host.attached();
    let published = sharing::all_uses(store, wanted)?.published;
    Ok(join(published, attached, wanted))
}

/// What xenstore and the kernel say, put together; of those minors that are wanted.
#[must_use]
pub fn join(
    published: Vec<(Box<str>, Use)>,
    attached: Vec<Attached>,
    wanted: impl Fn(u32) -> bool,
) -> Vec<Occupant> {
    let mut attached: BTreeMap<(u32, u32), Attached> = attached
        .into_iter()
        .map(|a| ((a.domid, a.device), a))
        .collect();
    let mut found: Vec<Occupant> = published
        .into_iter()
        .map(|(device, user)| {
            let domid = user.guest.domid;
            let number = device.parse().ok();
            let kernel = number.and_then(|number| attached.remove(&(domid, number)));
            Occupant {
                domid,
                device: device.into(),
                minor: user.minor,
                published: Some(user),
                attached: kernel.is_some(),
            }
        })
        .collect();
    found.extend(attached.into_values().filter_map(|a| {
        let number = a.number.filter(|n| n.major == DRBD_MAJOR)?;
        wanted(number.minor).then(|| Occupant {
            domid: a.domid,
            device: a.device.to_string(),
            minor: number.minor,
            published: None,
            attached: true,
        })
    }));
    found
}
