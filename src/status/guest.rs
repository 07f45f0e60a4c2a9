//! A guest's disk, as it is shown.

use std::fmt;

use serde::Serialize;

use crate::backend::{Access, Guest};
use crate::occupant::Occupant;
use crate::survey::{Survey, Unpublished};
use crate::words::short;

/// Longest name that is shown.
const LENGTH: usize = 64;

/// How far a disk is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The guest has it.
    Attached,
    /// The guest lets go of it.
    Closing,
    /// The guest has let go of it.
    Closed,
    /// The kernel still has it; the guest is gone, or the toolstack has given it up.
    Stray,
    /// xenstore still has it; the domain is gone.
    Gone,
    /// It has no device, or not yet.
    NotAttached,
}

/// Which way a guest moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moves {
    /// It is being received from another host.
    In,
    /// Another host has received it.
    Out,
}

/// A guest's disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// Name of the guest, where it is known.
    pub name: Option<String>,
    /// Domain id; 0 is this host itself.
    pub domid: u32,
    /// Name of the virtual device; its number where it has no name any more.
    pub vdev: String,
    /// `r` or `w`; `None` where only the kernel knows.
    pub mode: Option<char>,
    /// How far it is attached.
    pub state: State,
    /// Whether the guest is migrating.
    pub moves: Option<Moves>,
}

impl Disk {
    /// Of a disk that leads to a device.
    #[must_use]
    pub fn of(occupant: &Occupant, survey: &Survey) -> Self {
        let published = occupant.published.as_ref();
        let guest = published.map(|u| &u.guest);
        let state = match occupant.known() {
            _ if occupant.is_stray() => State::Stray,
            None => State::Gone,
            Some(user) if user.is_closed() && !occupant.attached => State::Closed,
            Some(user) if user.is_ending() => State::Closing,
            Some(_) => State::Attached,
        };
        let vdev = published.map(|u| u.vdev.as_str()).filter(|v| !v.is_empty());
        Self {
            name: guest.and_then(name),
            domid: occupant.domid,
            vdev: short(vdev.unwrap_or(&occupant.device), LENGTH),
            mode: published.map(|u| letter(u.access)),
            state,
            moves: guest.and_then(|g| moves(g, survey)),
        }
    }

    /// Of a disk without a device.
    #[must_use]
    pub fn of_unpublished(disk: &Unpublished, survey: &Survey) -> Self {
        Self {
            name: name(&disk.guest),
            domid: disk.guest.domid,
            vdev: short(&disk.vdev, LENGTH),
            mode: Some(letter(disk.access)),
            state: State::NotAttached,
            moves: moves(&disk.guest, survey),
        }
    }
}

fn name(guest: &Guest) -> Option<String> {
    guest.name.as_deref().map(|n| short(n, LENGTH))
}

fn letter(access: Access) -> char {
    match access {
        Access::ReadOnly => 'r',
        Access::ReadWrite => 'w',
    }
}

/// Whether the guest comes or goes, as far as this host can tell.
pub(super) fn moves(guest: &Guest, survey: &Survey) -> Option<Moves> {
    if survey.arriving.contains(&guest.domid) {
        Some(Moves::In)
    } else if guest.is_named_migrated_away() {
        Some(Moves::Out)
    } else {
        None
    }
}

/// `web (7) xvda2 w`, and what is out of the ordinary.
impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.domid) {
            (_, 0) => f.write_str("this host (0)")?,
            (Some(name), domid) => write!(f, "{name} ({domid})")?,
            (None, domid) => write!(f, "domain {domid}")?,
        }
        write!(f, " {}", self.vdev)?;
        if let Some(mode) = self.mode {
            write!(f, " {mode}")?;
        }
        f.write_str(match self.state {
            State::Attached => "",
            State::Closing => ", closing",
            State::Closed => ", closed",
            State::Stray => ", stray",
            State::Gone => ", gone",
            State::NotAttached => ", not attached",
        })?;
        f.write_str(match self.moves {
            None => "",
            Some(Moves::In) => ", arriving",
            Some(Moves::Out) => ", migrated away",
        })
    }
}
