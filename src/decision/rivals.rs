//! Who else on this host uses the resource, and whether this guest may join them.

use super::Decision;
use crate::backend::Access;
use crate::drbd::{Resource, Role, Volume};
use crate::facts::{Arrival, Facts};
use crate::refusal::Refusal;
use crate::sharing::{Relation, Use};

/// Another guest, or the same domain a second time; one that is letting go is waited for.
pub(super) fn check_sharing(
    facts: &Facts,
    resource: &Resource,
    volume: &Volume,
) -> Result<(), Decision> {
    let Some((user, refusal)) = rival(facts, resource, volume) else {
        return Ok(());
    };
    Err(if user.is_ending() {
        Decision::Wait(refusal)
    } else {
        Decision::Refuse(refusal)
    })
}

/// The same question by itself, asked again under Xen's lock before the device is published.
#[must_use]
pub fn conflict(facts: &Facts, resource: &Resource, volume: &Volume) -> Option<Refusal> {
    rival(facts, resource, volume).map(|(_, refusal)| refusal)
}

/// The first user that this guest cannot share the volume with, and the refusal that names it.
fn rival<'f>(facts: &'f Facts, resource: &Resource, volume: &Volume) -> Option<(&'f Use, Refusal)> {
    let wanted = facts.backend.access();
    let writes = |u: &Use| Access::ReadWrite == wanted || Access::ReadWrite == u.access;
    let mut rivals = facts
        .uses
        .iter()
        .filter(|u| u.minor == volume.minor && writes(u));
    rivals.find_map(|user| {
        let resource = resource.name.clone();
        let vdev = user.vdev.clone();
        match user.relation {
            Relation::Gone => None,
            // Two domains may have one uuid: a configuration that was copied, or a saved guest that was
            // restored beside the one that goes on. A reboot begins when the old domain is gone.
            Relation::SameGuest
                if facts.arrival != Arrival::PlainStart
                    || user.guest.is_served_with(&facts.guest) =>
            {
                None
            }
            Relation::ThisDomain => Some((user, Refusal::AttachedTwice { resource, vdev })),
            Relation::SameGuest | Relation::Other => {
                let (guest, access) = (user.guest.to_string(), user.access);
                Some((
                    user,
                    Refusal::Busy {
                        resource,
                        guest,
                        vdev,
                        access,
                        wanted,
                    },
                ))
            }
        }
    })
}

/// The resource is Primary here for somebody whom this guest joins, so that no promotion is needed
/// and the peers need not be asked again:
///
/// * the same guest, migrating to its own host or with its stub domain; where it only starts, beside another of
///   its uuid that it may share with (both read, say), while all peers are Secondary. Not what is left of it where
///   `xl migrate` took it away and its end was not seen: the guest runs on the peer then;
/// * the very same domain, with another of its volumes;
/// * others who share this volume, as long as no peer is Primary.
///
/// A guest that is received from another host joins nobody but itself: whoever else has the
/// resource here says nothing about the source.
pub(super) fn joins_a_user(facts: &Facts, resource: &Resource, volume: &Volume) -> bool {
    let mut users = facts.uses.iter().filter(|u| !u.is_ending());
    let alone = resource.primary_peer().is_none();
    let plain = facts.arrival == Arrival::PlainStart;
    resource.is_primary()
        && users.any(|u| match u.relation {
            Relation::SameGuest => {
                let known = resource.connections.iter();
                let secondary = known.map(|c| &c.role).all(|role| *role == Role::Secondary);
                let joins = secondary || !plain || u.guest.is_served_with(&facts.guest);
                joins && !u.guest.is_named_migrated_away()
            }
            Relation::ThisDomain => plain,
            Relation::Other => plain && alone && u.minor == volume.minor,
            Relation::Gone => false,
        })
}
