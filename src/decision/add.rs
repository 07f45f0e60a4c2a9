//! Whether a guest may have a disk: the decision table of design and manual, row by row.

use super::health::{self, blocked, in_step, is_usable, peer};
use super::{Decision, Failure, Reason, Warning};
use crate::backend::{Access, DeviceNumber, STATE_INIT_WAIT};
use crate::drbd::{Absence, Connection, DiskState, Resource, Role, Volume};
use crate::facts::{Arrival, Facts, Found};
use crate::plan::{Plan, Step};
use crate::policy::{Disconnected, DualPrimary, Policy, Resync};
use crate::probe::Probe;
use crate::refusal::{Obstacle, Refusal};
use crate::sharing::{Relation, Use};
use crate::spec::Spec;

/// Decides on `add`.
#[must_use]
pub fn decide(facts: &Facts, policy: &Policy) -> Decision {
    match consider(facts, policy) {
        Ok(decision) | Err(decision) => decision,
    }
}

/// `Err` is a decision that was clear early.
fn consider(facts: &Facts, policy: &Policy) -> Result<Decision, Decision> {
    if !facts.backend.exists {
        return Err(Decision::Fail(Failure::Vanished));
    }
    check_kind(facts)?;
    let resource = found(facts)?;
    let volume = volume(facts, resource)?;
    let device = DeviceNumber::drbd(volume.minor);
    if let Some(published) = &facts.backend.physical_device {
        return Err(published_already(
            facts, published, device, resource, volume,
        ));
    }
    if facts.backend.state != Some(STATE_INIT_WAIT) || !facts.backend.online {
        let state = facts
            .backend
            .state
            .map_or_else(|| "unknown".into(), |s| s.to_string());
        return Err(Decision::Fail(Failure::State {
            state,
            online: facts.backend.online,
        }));
    }
    if let Some(refusal) = blocked(resource) {
        return Err(Decision::Refuse(refusal));
    }
    if !facts.holders.is_empty() {
        let holders = facts.holders.clone();
        return Err(Decision::Refuse(Refusal::Held {
            resource: resource.name.clone(),
            holders,
        }));
    }
    let shared = policy.shared || facts.backend.mode.contains('!');
    if !shared {
        check_sharing(facts, resource, volume)?;
    }
    if joins_a_user(facts, resource) {
        return Ok(proceed(vec![Step::Publish(device)], Vec::new()));
    }
    match facts.arrival {
        Arrival::IncomingMigration => incoming(facts, resource, policy, device),
        Arrival::PlainStart => plain(facts, resource, policy, device, shared),
    }
}

fn proceed(steps: Vec<Step>, warnings: Vec<Warning>) -> Decision {
    Decision::Proceed {
        plan: Plan::new(steps),
        warnings,
    }
}

/// libxl says `phy` for a disk with a script; `vbd3` and its prefixes come with blktap (xen:
/// `tools/libs/light/libxl_disk.c`).
fn check_kind(facts: &Facts) -> Result<(), Decision> {
    let params = facts.backend.params.as_deref().unwrap_or_default();
    let tap = ["aio:", "vhd:"]
        .iter()
        .find(|p| params.starts_with(*p))
        .map(|p| p.trim_end_matches(':'));
    let kind = facts.backend.kind.as_deref().unwrap_or("phy");
    match (tap, kind) {
        (None, "phy" | "drbd") => Ok(()),
        (Some(kind), _) | (None, kind) => Err(Decision::Refuse(Refusal::Kind {
            kind: crate::words::printable(kind),
        })),
    }
}

/// First row: no resource to talk about.
fn found(facts: &Facts) -> Result<&Resource, Decision> {
    let params = facts.backend.params.as_deref().unwrap_or_default();
    let name = || match Spec::parse(params) {
        Ok(Spec::Resource { name, .. }) => name,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    };
    let refusal = match &facts.found {
        Found::Up(resource) => return Ok(resource),
        Found::NoDevice(why) => Refusal::Spec {
            params: crate::words::short(params, 100),
            why: why.clone(),
        },
        Found::Absent(Absence::NoModule) => Refusal::NoModule,
        Found::Absent(Absence::NotUp) => Refusal::NotUp { resource: name() },
        Found::Absent(Absence::NotConfigured(words)) => Refusal::NotConfigured {
            resource: name(),
            words: crate::words::printable(words),
        },
    };
    Err(Decision::Refuse(refusal))
}

/// The volume that is meant.
fn volume<'r>(facts: &Facts, resource: &'r Resource) -> Result<&'r Volume, Decision> {
    let have = || resource.volumes.iter().map(|v| v.volume).collect();
    let name = || resource.name.clone();
    match (facts.volume, resource.volumes.as_slice()) {
        (Some(number), _) => resource.volume(number).ok_or_else(|| {
            Decision::Refuse(Refusal::NoVolume {
                resource: name(),
                volume: number,
                have: have(),
            })
        }),
        (None, [only]) => Ok(only),
        (None, _) => Err(Decision::Refuse(Refusal::WhichVolume {
            resource: name(),
            have: have(),
        })),
    }
}

/// Contract 10: called twice.
fn published_already(
    facts: &Facts,
    published: &str,
    device: DeviceNumber,
    resource: &Resource,
    volume: &Volume,
) -> Decision {
    let name = resource.name.clone();
    if facts.backend.device() != Some(device) {
        let found = crate::words::short(published, 40);
        return Decision::Fail(Failure::OtherDevice {
            found,
            expected: device.to_string(),
            resource: name,
        });
    }
    match volume.role {
        Role::Primary => Decision::Nothing(Reason::AlreadyAttached),
        _ => Decision::Fail(Failure::LostRole { resource: name }),
    }
}

/// Another guest, or the same domain a second time; one that is letting go is waited for.
fn check_sharing(facts: &Facts, resource: &Resource, volume: &Volume) -> Result<(), Decision> {
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
            Relation::SameGuest | Relation::Gone => None,
            Relation::ThisDomain => Some((user, Refusal::AttachedTwice { resource, vdev })),
            Relation::Other => {
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

/// The resource is Primary here for somebody whom this guest may join: the same guest, or others
/// that it may share the volume or the resource with. No promotion is needed. A Primary peer is
/// another matter, unless it is the same guest that holds the resource here.
fn joins_a_user(facts: &Facts, resource: &Resource) -> bool {
    let mut users = facts
        .uses
        .iter()
        .filter(|u| !u.is_ending() && u.relation != Relation::Gone)
        .peekable();
    let same = |u: &Use| matches!(u.relation, Relation::SameGuest | Relation::ThisDomain);
    resource.is_primary()
        && users.peek().is_some()
        && (resource.primary_peer().is_none() || users.any(same))
}

/// A guest that is received from another host, where it is suspended and Primary.
fn incoming(
    facts: &Facts,
    resource: &Resource,
    policy: &Policy,
    device: DeviceNumber,
) -> Result<Decision, Decision> {
    let refuse = |why: Obstacle| {
        Decision::Refuse(Refusal::Migration {
            resource: resource.name.clone(),
            why,
        })
    };
    if policy.dual_primary == DualPrimary::Never {
        return Err(refuse(Obstacle::Never));
    }
    if let Some(volume) = health::unusable(resource) {
        return Err(refuse(Obstacle::Disk {
            volume: volume.volume,
            disk: volume.disk.clone(),
        }));
    }
    let sources: Vec<&Connection> = resource
        .connections
        .iter()
        .filter(|c| c.role == Role::Primary)
        .collect();
    let source = match sources.as_slice() {
        [source] => *source,
        [] => {
            let peers = resource.connections.iter().map(health::describe).collect();
            return Err(refuse(Obstacle::NoSource { peers }));
        }
        several => {
            let peers = several.iter().map(|c| peer(c)).collect();
            return Err(refuse(Obstacle::TwoSources { peers }));
        }
    };
    check_overlap(facts, resource, source).map_err(refuse)?;
    let confirm = Step::Confirm(Arrival::IncomingMigration);
    Ok(proceed(
        vec![
            Step::Note,
            Step::Promote,
            confirm,
            Step::Drain,
            Step::Publish(device),
        ],
        Vec::new(),
    ))
}

/// Whether the resource may be Primary here beside that peer.
fn check_overlap(
    facts: &Facts,
    resource: &Resource,
    connection: &Connection,
) -> Result<(), Obstacle> {
    in_step(resource, connection)?;
    let settings = facts
        .settings
        .as_ref()
        .and_then(|s| s.connection(connection.peer_node_id));
    let settings = settings.ok_or(Obstacle::Settings)?;
    match settings.protocol.as_deref() {
        Some("C") => {}
        Some(protocol) => {
            return Err(Obstacle::Protocol {
                protocol: protocol.to_owned(),
            });
        }
        None => return Err(Obstacle::Settings),
    }
    match settings.two_primaries {
        Some(true) => {}
        Some(false) => {
            return Err(Obstacle::TwoPrimaries {
                peer: peer(connection),
            });
        }
        None => return Err(Obstacle::Settings),
    }
    match facts.probes.get(&connection.peer_node_id) {
        Some(Probe::Accepted | Probe::Refused | Probe::NotApplicable) => Ok(()),
        Some(Probe::Unanswered | Probe::Failed(_)) | None => Err(Obstacle::LinkCut {
            peer: peer(connection),
            address: address(facts, connection),
        }),
    }
}

/// A guest that starts here.
fn plain(
    facts: &Facts,
    resource: &Resource,
    policy: &Policy,
    device: DeviceNumber,
    shared: bool,
) -> Result<Decision, Decision> {
    let mut warnings = Vec::new();
    check_disks(facts, resource, policy, &mut warnings)?;
    for connection in &resource.connections {
        if connection.role == Role::Primary {
            check_primary_peer(facts, resource, connection, shared)?;
        } else if !connection.is_connected() {
            check_disconnected(facts, resource, connection, policy, &mut warnings)?;
        }
    }
    if resource.volumes.iter().any(|v| v.quorum == Some(false)) {
        return Err(Decision::Wait(Refusal::NoQuorum {
            resource: resource.name.clone(),
        }));
    }
    let confirm = Step::Confirm(Arrival::PlainStart);
    let steps = if resource.is_primary() && !facts.promoted_by_us {
        // Primary for a reason of its own: if this fails, it stays so.
        vec![Step::Hold, confirm, Step::Publish(device)]
    } else {
        vec![Step::Note, Step::Promote, confirm, Step::Publish(device)]
    };
    Ok(proceed(steps, warnings))
}

fn check_disks(
    facts: &Facts,
    resource: &Resource,
    policy: &Policy,
    warnings: &mut Vec<Warning>,
) -> Result<(), Decision> {
    for volume in resource.volumes.iter().filter(|v| !is_usable(resource, v)) {
        let source = resource.connections.iter().find(|c| {
            c.is_connected()
                && c.peer_device(volume.volume)
                    .is_some_and(|d| d.replication.is_sync_target())
        });
        let good = |c: &&Connection| {
            c.peer_device(volume.volume)
                .is_some_and(|d| d.disk == DiskState::UpToDate)
        };
        match source {
            Some(source) if policy.resync == Resync::Allow && good(&source) => {
                warnings.push(Warning::Resync {
                    resource: resource.name.clone(),
                    peer: peer(source),
                });
            }
            Some(source) => {
                return Err(Decision::Refuse(Refusal::SyncTarget {
                    resource: resource.name.clone(),
                    volume: volume.volume,
                    peer: peer(source),
                }));
            }
            None if volume.disk.is_transient() => {
                return Err(Decision::Wait(health::disk(resource, volume)));
            }
            // After losing its Primary peer a fenced resource is Consistent: DRBD promotes it only
            // once the fence-peer handler has shut the peer out (drbd: drbd/drbd_nl.c).
            None if volume.disk == DiskState::Consistent && has_fencing(facts) => {}
            None => return Err(Decision::Refuse(health::disk(resource, volume))),
        }
    }
    Ok(())
}

/// Double start, unless the resource is shared.
fn check_primary_peer(
    facts: &Facts,
    resource: &Resource,
    connection: &Connection,
    shared: bool,
) -> Result<(), Decision> {
    if !shared {
        let refusal = Refusal::PeerPrimary {
            resource: resource.name.clone(),
            peer: peer(connection),
        };
        return Err(Decision::Wait(refusal));
    }
    check_overlap(facts, resource, connection).map_err(|why| {
        Decision::Refuse(Refusal::Migration {
            resource: resource.name.clone(),
            why,
        })
    })
}

/// A peer whose state nobody knows.
fn check_disconnected(
    facts: &Facts,
    resource: &Resource,
    connection: &Connection,
    policy: &Policy,
    warnings: &mut Vec<Warning>,
) -> Result<(), Decision> {
    let name = || resource.name.clone();
    let probe = facts.probes.get(&connection.peer_node_id);
    let alive = || {
        let address = address(facts, connection);
        Decision::Wait(Refusal::PeerAlive {
            resource: name(),
            peer: peer(connection),
            address,
        })
    };
    match probe {
        _ if health::is_reconnecting(connection) => return Err(alive()),
        Some(Probe::Accepted) => return Err(alive()),
        Some(Probe::Failed(why)) => {
            let why = crate::words::printable(why);
            return Err(Decision::Refuse(Refusal::ProbeFailed {
                resource: name(),
                peer: peer(connection),
                why,
            }));
        }
        None => {
            let why = "its replication address is not known".to_owned();
            return Err(Decision::Refuse(Refusal::ProbeFailed {
                resource: name(),
                peer: peer(connection),
                why,
            }));
        }
        Some(Probe::Refused | Probe::Unanswered | Probe::NotApplicable) => {}
    }
    match policy.disconnected {
        Disconnected::Allow => {}
        Disconnected::Warn if has_fencing(facts) || has_quorum(facts, resource) => {}
        Disconnected::Warn => warnings.push(Warning::Disconnected {
            resource: name(),
            peer: peer(connection),
            probe: probe.cloned(),
        }),
        Disconnected::Refuse => {
            let alive = probe == Some(&Probe::Refused);
            return Err(Decision::Refuse(Refusal::Disconnected {
                resource: name(),
                peer: peer(connection),
                alive,
            }));
        }
    }
    Ok(())
}

fn has_fencing(facts: &Facts) -> bool {
    facts
        .settings
        .as_ref()
        .is_some_and(|s| s.connections.iter().any(|c| c.fencing))
}

/// Quorum that is asked for, and held.
fn has_quorum(facts: &Facts, resource: &Resource) -> bool {
    facts.settings.as_ref().is_some_and(|s| s.quorum)
        && resource.volumes.iter().all(|v| v.quorum == Some(true))
}

fn address(facts: &Facts, connection: &Connection) -> String {
    let settings = facts
        .settings
        .as_ref()
        .and_then(|s| s.connection(connection.peer_node_id));
    let paths = settings
        .map(|s| &s.paths)
        .into_iter()
        .flatten()
        .chain(&connection.paths);
    paths
        .map(|p| p.peer.to_string())
        .next()
        .unwrap_or_else(|| "its replication address".into())
}
