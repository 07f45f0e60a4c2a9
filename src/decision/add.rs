//! Whether a guest may have a disk: the decision table of README, row by row.

use super::health::{self, blocked, is_usable, peer};
use super::peers::{
    check_alone, check_disconnected, check_overlap, check_primary_peer, has_fencing,
};
use super::rivals::{check_sharing, joins_a_user};
use super::{Decision, Failure, Reason, Warning};
use crate::backend::{DeviceNumber, STATE_INIT_WAIT};
use crate::drbd::{Absence, Connection, DiskState, Generation, Resource, Role, Volume};
use crate::facts::{Arrival, Facts, Found};
use crate::holders::Holder;
use crate::plan::{Plan, Step};
use crate::policy::{DualPrimary, Policy, Resync};
use crate::refusal::{Obstacle, Refusal};
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
        // udev and others open a device for a moment when they hear of it.
        let passing = |h: &Holder| matches!(h, Holder::Process { .. });
        let decide = if holders.iter().all(passing) {
            Decision::Wait
        } else {
            Decision::Refuse
        };
        return Err(decide(Refusal::Held {
            resource: resource.name.clone(),
            holders,
        }));
    }
    let shared = policy.is_shared(&facts.backend);
    if !shared {
        check_sharing(facts, resource, volume)?;
    }
    if joins_a_user(facts, resource, volume) {
        let mut warnings = Vec::new();
        check_disks(facts, resource, policy, &mut warnings)?;
        let confirm = Step::Confirm(Arrival::PlainStart);
        return Ok(proceed(vec![confirm, Step::Publish(device)], warnings));
    }
    match facts.arrival {
        Arrival::IncomingMigration => incoming(facts, resource, policy, device, shared),
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

/// A guest that is received from another host, where it is suspended and Primary.
fn incoming(
    facts: &Facts,
    resource: &Resource,
    policy: &Policy,
    device: DeviceNumber,
    shared: bool,
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
    let allowed = check_overlap(facts, resource, source).map_err(refuse)?;
    let peer = || peer(source);
    match policy.dual_primary {
        _ if allowed => {}
        // It would have to stay open for as long as guests share the resource; or both are Primary already,
        // which DRBD does not let be where two primaries are not allowed: then something is not as it is told.
        _ if shared || resource.is_primary() => {
            return Err(refuse(Obstacle::TwoPrimaries { peer: peer() }));
        }
        DualPrimary::Static => return Err(refuse(Obstacle::Static { peer: peer() })),
        DualPrimary::Window | DualPrimary::Never => {}
    }
    if let Some(refusal) = quorum_lost(resource) {
        return Err(Decision::Refuse(refusal));
    }
    let mut steps = promotion(facts, resource);
    if !allowed {
        // Behind the note, ahead of the promotion.
        steps.insert(steps.len() - 1, Step::OpenWindow(source.peer_node_id));
    }
    let confirm = Step::Confirm(Arrival::IncomingMigration);
    steps.extend([confirm, Step::Drain, Step::Publish(device)]);
    Ok(proceed(steps, Vec::new()))
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
    check_alone(facts, resource, policy, &mut warnings)?;
    if let Some(refusal) = quorum_lost(resource) {
        return Err(Decision::Wait(refusal));
    }
    let mut steps = promotion(facts, resource);
    steps.extend([Step::Confirm(Arrival::PlainStart), Step::Publish(device)]);
    Ok(proceed(steps, warnings))
}

/// What is Primary for a reason of its own stays so if this fails.
fn promotion(facts: &Facts, resource: &Resource) -> Vec<Step> {
    if resource.is_primary() && !facts.promoted_by_us {
        vec![Step::Hold]
    } else {
        vec![Step::Note, Step::Promote]
    }
}

/// Lost, or untold where DRBD tells it.
fn quorum_lost(resource: &Resource) -> Option<Refusal> {
    let told = |v: &Volume| v.quorum == Some(true) || resource.generation == Generation::V84;
    let lost = !resource.volumes.iter().all(told);
    lost.then(|| Refusal::NoQuorum {
        resource: resource.name.clone(),
    })
}

fn check_disks(
    facts: &Facts,
    resource: &Resource,
    policy: &Policy,
    warnings: &mut Vec<Warning>,
) -> Result<(), Decision> {
    for volume in resource.volumes.iter().filter(|v| !is_usable(resource, v)) {
        match health::sync_source(resource, volume) {
            Some(source)
                if policy.resync == Resync::Allow && health::is_filled(resource, volume) =>
            {
                warnings.push(Warning::Resync {
                    resource: resource.name.clone(),
                    peer: peer(source),
                });
            }
            Some(source) if health::can_be_filled(volume) => {
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
            _ => return Err(Decision::Refuse(health::disk(resource, volume))),
        }
    }
    Ok(())
}
