//! Where DRBD and the guests disagree: what it is, and what to do.

use serde::Serialize;

use crate::words::printable;

/// What kind of disagreement. The words are stable: monitoring reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Primary here, and nobody here has it.
    PrimaryWithoutGuest,
    /// A guest has it, and it is not Primary here.
    GuestWithoutPrimary,
    /// A guest has a device of which no resource that is up tells.
    GuestWithoutResource,
    /// Primary here and on a peer, and no migration is under way.
    TwoPrimaries,
    /// Two primaries are allowed at run time, and no migration is under way.
    OpenWindow,
    /// Several guests have it, one of them writes, and nothing allows that.
    SeveralGuests,
    /// Only the kernel, or only xenstore, still knows of a guest's disk.
    Stray,
    /// A guest's disk has no device, since its `add` failed.
    NotAttached,
}

/// A disagreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// The resource; `None` where none is up.
    pub resource: Option<String>,
    /// The volume, where not all of the resource is concerned.
    pub volume: Option<u32>,
    /// What kind.
    pub kind: Kind,
    /// What is so, and what to do next: one sentence.
    pub says: String,
}

impl Mark {
    /// Of a resource, or of one volume of it.
    pub(super) fn new(resource: Option<&str>, volume: Option<u32>, kind: Kind, says: &str) -> Self {
        Self {
            resource: resource.map(printable),
            volume,
            kind,
            says: printable(says),
        }
    }

    /// It concerns that volume of its resource.
    #[must_use]
    pub fn concerns(&self, volume: u32) -> bool {
        self.volume.is_none_or(|v| v == volume)
    }
}
