//! What the peers' state allows: beside a Primary one, and without a disconnected one.

use super::health::{self, in_step, peer};
use super::{Decision, Warning};
use crate::drbd::{Connection, Resource, Settings};
use crate::facts::Facts;
use crate::policy::{Disconnected, Policy};
use crate::probe::Probe;
use crate::refusal::{Obstacle, Refusal};

/// Whether the resource may be Primary here beside that peer. `Ok(false)`: once two primaries are
/// allowed.
pub(super) fn check_overlap(
    facts: &Facts,
    resource: &Resource,
    connection: &Connection,
) -> Result<bool, Obstacle> {
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
    let allowed = settings.two_primaries.ok_or(Obstacle::Settings)?;
    let probe = facts.probes.get(&connection.peer_node_id);
    check_link(resource, connection, facts.settings.as_ref(), probe)?;
    Ok(allowed)
}

/// Whether a connection that DRBD calls Connected is alive.
pub(crate) fn check_link(
    resource: &Resource,
    connection: &Connection,
    settings: Option<&Settings>,
    probe: Option<&Probe>,
) -> Result<(), Obstacle> {
    match probe {
        Some(Probe::Refused | Probe::NotApplicable) => Ok(()),
        // Nobody listens while connected, but with several connections it may be another one's.
        Some(Probe::Accepted) if resource.connections.len() > 1 => Ok(()),
        Some(Probe::Accepted) => Err(Obstacle::LinkLost {
            peer: peer(connection),
            address: address(settings, connection),
        }),
        Some(Probe::Failed(why)) => Err(Obstacle::NotAsked {
            peer: peer(connection),
            why: crate::words::printable(why),
        }),
        Some(Probe::Unanswered) | None => Err(Obstacle::LinkCut {
            peer: peer(connection),
            address: address(settings, connection),
        }),
    }
}

/// Double start, unless the resource is shared.
pub(super) fn check_primary_peer(
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
    let refuse = |why| {
        Decision::Refuse(Refusal::Beside {
            resource: resource.name.clone(),
            why,
        })
    };
    let allowed = check_overlap(facts, resource, connection).map_err(refuse)?;
    // It stays Primary on both for as long as its guests run: no moment to open a window for.
    if !allowed {
        return Err(refuse(Obstacle::TwoPrimaries {
            peer: peer(connection),
        }));
    }
    Ok(())
}

/// A resource without any peer: taken out, or never made on this host.
pub(super) fn check_alone(
    facts: &Facts,
    resource: &Resource,
    policy: &Policy,
    warnings: &mut Vec<Warning>,
) -> Result<(), Decision> {
    let resource_name = resource.name.clone();
    match policy.disconnected {
        _ if !resource.connections.is_empty() => {}
        Disconnected::Allow => {}
        Disconnected::Warn if has_quorum(facts, resource) => {}
        Disconnected::Warn => warnings.push(Warning::NoPeer {
            resource: resource_name,
        }),
        Disconnected::Refuse => {
            return Err(Decision::Refuse(Refusal::NoPeer {
                resource: resource_name,
            }));
        }
    }
    Ok(())
}

/// A peer whose state nobody knows.
pub(super) fn check_disconnected(
    facts: &Facts,
    resource: &Resource,
    connection: &Connection,
    policy: &Policy,
    warnings: &mut Vec<Warning>,
) -> Result<(), Decision> {
    let name = || resource.name.clone();
    let probe = facts.probes.get(&connection.peer_node_id);
    let alive = || {
        let address = address(facts.settings.as_ref(), connection);
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
    let settings = facts.settings.as_ref();
    let own = settings.and_then(|s| s.connection(connection.peer_node_id));
    let fenced = own.is_some_and(|c| c.fencing);
    match policy.disconnected {
        Disconnected::Allow => {}
        Disconnected::Warn if fenced || has_quorum(facts, resource) => {}
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

pub(super) fn has_fencing(facts: &Facts) -> bool {
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

fn address(settings: Option<&Settings>, connection: &Connection) -> String {
    let paths = settings
        .and_then(|s| s.connection(connection.peer_node_id))
        .map(|s| &s.paths)
        .into_iter()
        .flatten()
        .chain(&connection.paths);
    paths
        .map(|p| p.peer.to_string())
        .next()
        .unwrap_or_else(|| "its replication address".into())
}
