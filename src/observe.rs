//! Reads the facts, all in one place.

use std::collections::BTreeMap;
use std::io;

use xenstore_rs::Xs;

use crate::backend::{Backend, DRBD_MAJOR, Guest};
use crate::deadline::Deadline;
use crate::drbd::{self, Absence, DiskState, Name, Replication, Resource, Settings};
use crate::facts::{Arrival, Facts, Found};
use crate::host::{Caller, Host, Note};
use crate::policy::Policy;
use crate::probe::Probe;
use crate::request::{Action, BackendPath};
use crate::sharing;
use crate::spec::Spec;

/// The three seams to the outside.
#[derive(Debug)]
pub struct World<'w, S, R, H> {
    /// xenstore.
    pub store: &'w S,
    /// DRBD.
    pub replication: &'w R,
    /// This host.
    pub host: &'w H,
}

/// Why the facts could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// xenstored cannot be asked.
    #[error("xenstore: {0}")]
    Store(#[from] io::Error),
    /// DRBD cannot be asked.
    #[error(transparent)]
    Drbd(#[from] drbd::Error),
}

/// What a backend's nodes say: the first half of the facts, needed to know what to lock.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The nodes.
    pub backend: Backend,
    /// The domain.
    pub guest: Guest,
    /// What the specification names, or why it names nothing.
    pub name: Result<Named, String>,
}

/// A device that the specification names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The resource.
    pub name: Name,
    /// The volume, where the specification says so.
    pub volume: Option<u32>,
}

impl<S: Xs, R: Replication, H: Host> World<'_, S, R, H> {
    /// Reads the backend's nodes and what they name.
    ///
    /// # Errors
    /// When xenstored cannot be asked.
    pub fn asked(&self, action: Action, path: &BackendPath) -> io::Result<Asked> {
        let backend = Backend::read(self.store, path)?;
        let guest = Guest::read(self.store, path.frontend_id)?;
        let mut name = match &backend.params {
            Some(params) => self.named(params),
            None => Err("the toolstack wrote no specification".to_owned()),
        };
        // `remove` may find nothing but the device that was published.
        if let (Action::Remove, true, Some(device)) = (action, name.is_err(), backend.device()) {
            if device.major == DRBD_MAJOR {
                name = Ok(Named {
                    name: Name::Minor(device.minor),
                    volume: None,
                });
            }
        }
        Ok(Asked {
            backend,
            guest,
            name,
        })
    }

    fn named(&self, params: &str) -> Result<Named, String> {
        let minor = |minor| Named {
            name: Name::Minor(minor),
            volume: None,
        };
        match Spec::parse(params).map_err(|e| e.to_string())? {
            Spec::Resource { name, volume } => Ok(Named {
                name: Name::Resource(name),
                volume,
            }),
            Spec::Minor(number) => Ok(minor(number)),
            spec @ Spec::ByDisk(_) => self.host.minor_of(&spec.to_string()).map(minor),
        }
    }

    /// Reads the rest.
    ///
    /// # Errors
    /// When xenstored or DRBD cannot be asked.
    pub fn observe(
        &self,
        action: Action,
        path: &BackendPath,
        asked: Asked,
        policy: &Policy,
        deadline: &Deadline,
    ) -> Result<Facts, ObserveError> {
        let Asked {
            backend,
            guest,
            name,
        } = asked;
        let mut facts = Facts {
            backend,
            guest,
            arrival: Arrival::PlainStart,
            found: Found::Absent(Absence::NotUp),
            volume: None,
            uses: Vec::new(),
            holders: Vec::new(),
            settings: None,
            probes: BTreeMap::new(),
            promoted_by_us: false,
            window_noted: false,
        };
        let named = match name {
            Ok(named) => named,
            Err(why) => {
                facts.found = Found::NoDevice(why);
                return Ok(facts);
            }
        };
        let Some(resource) = self.replication.read(&named.name, deadline)? else {
            if action == Action::Add {
                facts.found = Found::Absent(self.replication.absence(&named.name, deadline));
            }
            return Ok(facts);
        };
        let by_minor = |minor| {
            resource
                .volumes
                .iter()
                .find(|v| v.minor == minor)
                .map(|v| v.volume)
        };
        facts.volume = match named.name {
            Name::Minor(minor) => by_minor(minor),
            Name::Resource(_) => named.volume,
        };
        let minors: Vec<u32> = resource.minors().collect();
        facts.uses = sharing::uses(self.store, path, &facts.guest, &minors)?;
        facts.holders = self.host.holders(&minors);
        facts.promoted_by_us = self.host.is_noted(Note::Promotion, &resource.name);
        facts.window_noted = self.host.is_noted(Note::Window, &resource.name);
        if action == Action::Add {
            facts.arrival = arrival(&facts.guest, self.host.caller());
            self.look_closer(&mut facts, &resource, policy, deadline)?;
        }
        facts.found = Found::Up(resource);
        Ok(facts)
    }

    /// Settings and probes, where a decision can hang on them: they cost a program and a round trip.
    fn look_closer(
        &self,
        facts: &mut Facts,
        resource: &Resource,
        policy: &Policy,
        deadline: &Deadline,
    ) -> Result<(), ObserveError> {
        let shared = policy.is_shared(&facts.backend);
        let incoming = facts.arrival == Arrival::IncomingMigration;
        let beside = |c: &drbd::Connection| c.role == drbd::Role::Primary && (incoming || shared);
        let asked: Vec<_> = resource
            .connections
            .iter()
            .filter(|c| beside(c) || (!incoming && !c.is_connected()))
            .collect();
        let consistent = resource
            .volumes
            .iter()
            .any(|v| v.disk == DiskState::Consistent);
        if asked.is_empty() && !consistent && !resource.connections.is_empty() {
            return Ok(());
        }
        let settings = self.replication.settings(resource, deadline)?;
        for connection in asked {
            if let Some(probe) = self.probe(&settings, connection, policy) {
                facts.probes.insert(connection.peer_node_id, probe);
            }
        }
        facts.settings = Some(settings);
        Ok(())
    }

    /// Asks the peer. A connected one over the paths in use, all of which have to answer; another one
    /// over any. `None` where no address is known.
    pub(crate) fn probe(
        &self,
        settings: &Settings,
        connection: &drbd::Connection,
        policy: &Policy,
    ) -> Option<Probe> {
        let own = settings.connection(connection.peer_node_id);
        if own.is_some_and(|c| !matches!(c.transport.as_str(), "" | "tcp" | "lb-tcp")) {
            return Some(Probe::NotApplicable);
        }
        let used = || {
            connection
                .paths
                .iter()
                .filter(|p| p.established == Some(true))
        };
        let connected = connection.is_connected();
        let paths: Vec<&drbd::Path> = match own.map(|c| c.paths.as_slice()) {
            _ if connected && used().next().is_some() => used().collect(),
            Some(paths) if !paths.is_empty() => paths.iter().collect(),
            _ => connection.paths.iter().collect(),
        };
        let mut last = None;
        for path in paths {
            let probe = self.host.probe(path, policy.probe);
            let alive = matches!(probe, Probe::Accepted | Probe::Refused);
            last = Some(probe);
            if alive != connected {
                break;
            }
        }
        last
    }
}

/// What `xl migrate` calls a domain that it receives (xen: `tools/xl/xl_vmcontrol.c`).
const INCOMING: &str = "--incoming";

/// An incoming migration shows two signs, which must agree.
fn arrival(guest: &Guest, caller: Caller) -> Arrival {
    let named = guest
        .name
        .as_deref()
        .is_some_and(|n| n.len() > INCOMING.len() && n.ends_with(INCOMING));
    match caller {
        Caller::MigrateReceive | Caller::DriverDomain | Caller::Unknown if named => {
            Arrival::IncomingMigration
        }
        _ => Arrival::PlainStart,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_is_merely_called_incoming_starts_plainly() {
        let guest = |name: &str| Guest {
            domid: 7,
            name: Some(name.into()),
            ..Guest::default()
        };
        let incoming = Arrival::IncomingMigration;
        let plain = Arrival::PlainStart;
        assert_eq!(
            arrival(&guest("web--incoming"), Caller::MigrateReceive),
            incoming
        );
        assert_eq!(arrival(&guest("web--incoming"), Caller::Unknown), incoming);
        assert_eq!(arrival(&guest("web--incoming"), Caller::Other), plain);
        assert_eq!(
            arrival(&guest("web"), Caller::MigrateReceive),
            plain,
            "a reboot by the receiving xl"
        );
        assert_eq!(arrival(&guest("--incoming"), Caller::MigrateReceive), plain);
        assert_eq!(arrival(&Guest::default(), Caller::MigrateReceive), plain);
    }
}
