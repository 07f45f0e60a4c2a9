//! Reads the facts, all in one place.

use std::collections::BTreeMap;
use std::io;

use crate::arrival::{Supposed, arrival, suppose_primary};
use crate::backend::{Backend, DRBD_MAJOR, DeviceNumber, Guest};
use crate::deadline::Deadline;
use crate::drbd::{self, Absence, DiskState, Name, Replication, Resource, Settings};
use crate::facts::{Arrival, Facts, Found};
use crate::holders::Holder;
use crate::host::{Attached, Host, Note};
use crate::policy::Policy;
use crate::probe::Probe;
use crate::request::{Action, BackendPath};
use crate::sharing::{self, Relation, Use};
use crate::spec::Spec;
use crate::store::Together;

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
    #[error("xenstore: {0}; see whether xenstored runs")]
    Store(#[from] io::Error),
    /// DRBD cannot be asked.
    #[error("DRBD cannot be asked: {0}; see `drbdadm status`")]
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

impl<S: Together, R: Replication, H: Host> World<'_, S, R, H> {
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

    /// What a specification names.
    ///
    /// # Errors
    /// With a sentence, when it names no DRBD device.
    pub fn named(&self, params: &str) -> Result<Named, String> {
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
        self.look(action, path, asked, None, policy, deadline)
    }

    /// Reads the facts of an `add` that nobody has asked for yet. No mark is claimed for it.
    ///
    /// # Errors
    /// When xenstored or DRBD cannot be asked.
    pub fn observe_supposing(
        &self,
        path: &BackendPath,
        asked: Asked,
        supposed: Supposed<'_>,
        policy: &Policy,
        deadline: &Deadline,
    ) -> Result<Facts, ObserveError> {
        let supposed = Some(supposed);
        self.look(Action::Add, path, asked, supposed, policy, deadline)
    }

    fn look(
        &self,
        action: Action,
        path: &BackendPath,
        asked: Asked,
        supposed: Option<Supposed<'_>>,
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
            promoting: false,
            window_noted: false,
        };
        let named = match name {
            Ok(named) => named,
            Err(why) => {
                facts.found = Found::NoDevice(why);
                return Ok(facts);
            }
        };
        let read = if action == Action::Add {
            facts.arrival = match supposed {
                Some(supposed) => supposed.arrival(),
                None => arrival(&facts.guest, self.host.caller(), |uuid| {
                    self.host.is_marked(uuid, facts.guest.domid)
                }),
            };
            self.read(&mut facts, &named.name, deadline)?
        } else {
            self.replication.read(&named.name, deadline)?
        };
        let Some(mut resource) = read else {
            if action == Action::Add {
                facts.found = Found::Absent(self.replication.absence(&named.name, deadline));
            }
            return Ok(facts);
        };
        facts.promoted_by_us = self.host.is_noted(Note::Promotion, &resource.name);
        if action == Action::Remove && facts.promoted_by_us && resource.is_secondary() {
            let (promoting, now) = self.still_promoting(resource, deadline)?;
            let Some(now) = now else { return Ok(facts) };
            (facts.promoting, resource) = (promoting, now);
        }
        let mut volumes = resource.volumes.iter();
        facts.volume = match named.name {
            Name::Minor(minor) => volumes.find(|v| v.minor == minor).map(|v| v.volume),
            Name::Resource(_) => named.volume,
        };
        let minors: Vec<u32> = resource.minors().collect();
        facts.uses = sharing::uses(self.store, path, &facts.guest, &minors)?;
        if action == Action::Remove {
            facts.uses = self.without_orphans(facts.uses);
        }
        facts.holders = self.host.holders(&minors);
        if action == Action::Add && facts.holders.is_empty() {
            let shared = policy.is_shared(&facts.backend);
            facts.holders = self.hidden_holders(&facts, &resource, shared);
        }
        facts.window_noted = self.host.is_noted(Note::Window, &resource.name);
        if action == Action::Add {
            if let Some(Supposed::ReceivedFrom(source)) = supposed {
                suppose_primary(&mut resource, source);
            }
            self.look_closer(&mut facts, &resource, policy, deadline)?;
        }
        facts.found = Found::Up(resource);
        Ok(facts)
    }

    /// A domain that is gone has nothing any more once the kernel has let go, whatever folder a toolstack
    /// that was killed has left of it.
    pub(crate) fn without_orphans(&self, mut uses: Vec<Use>) -> Vec<Use> {
        if uses.iter().any(|u| u.relation == Relation::Gone) {
            let attached = self.host.attached();
            uses.retain(|user| {
                let served = |a: &Attached| {
                    let same = |n: DeviceNumber| n.minor == user.minor;
                    a.domid == user.guest.domid && a.number.is_none_or(same)
                };
                user.relation != Relation::Gone || attached.iter().any(served)
            });
        }
        uses
    }

    /// Holders that this host's own tables do not show: mounts in a container, beside guests that have
    /// other volumes or are gone; and where it is Primary and the volume is nobody's that is known, the
    /// processes that may write to it. Those that only read, as a backup, keep no guest from starting.
    fn hidden_holders(&self, facts: &Facts, resource: &Resource, shared: bool) -> Vec<Holder> {
        let minors: Vec<u32> = resource.minors().collect();
        let closed = |devices: &[(u32, u32)]| self.host.is_closed(&resource.name, devices);
        if resource.is_secondary() {
            // 9 lets a Secondary be read, and then promotes it under the reader (drbd: `drbd/drbd_main.c`,
            // `drbd_open`).
            return match resource.generation {
                drbd::Generation::V9 if !closed(&resource.devices()) => {
                    self.host.mounts_elsewhere(&minors)
                }
                _ => Vec::new(),
            };
        }
        let mounts = self.host.mounts_elsewhere(&minors);
        let uses = facts.uses.iter().filter(|u| u.relation != Relation::Gone);
        let known: Vec<u32> = uses.map(|u| u.minor).collect();
        let mut volumes = resource.volumes.iter();
        let wanted = volumes.find(|v| Some(v.volume) == facts.volume);
        // Beside a guest only the wanted one matters: what people do to a third is their own affair.
        let mut asked = match wanted {
            Some(volume) if !known.is_empty() => vec![volume.minor],
            _ => minors,
        };
        asked.retain(|minor| !known.contains(minor));
        let mut devices = resource.devices();
        devices.retain(|(_, minor)| asked.contains(minor));
        if !mounts.is_empty() || asked.is_empty() || shared || closed(&devices) {
            return mounts;
        }
        let writers = self.host.writers(&asked).into_iter();
        writers.map(Holder::from).collect()
    }

    /// The resource; for a guest that is being received with its settings, which are asked for anyway.
    fn read(
        &self,
        facts: &mut Facts,
        name: &Name,
        deadline: &Deadline,
    ) -> Result<Option<Resource>, drbd::Error> {
        if facts.arrival == Arrival::PlainStart {
            return self.replication.read(name, deadline);
        }
        let read = self.replication.read_with_settings(name, deadline)?;
        Ok(read.map(|(resource, settings)| {
            facts.settings = settings;
            resource
        }))
    }

    /// Whether a promotion that was given up still runs, of a resource that was read as Secondary; and
    /// the resource once more, since it may have come to its end between the two looks.
    ///
    /// # Errors
    /// When DRBD cannot be asked.
    pub(crate) fn still_promoting(
        &self,
        resource: Resource,
        deadline: &Deadline,
    ) -> Result<(bool, Option<Resource>), drbd::Error> {
        let minors: Vec<u32> = resource.minors().collect();
        if self.host.is_promoting(&resource.name, &minors) {
            return Ok((true, Some(resource)));
        }
        Ok((false, self.replication.read_again(&resource, deadline)?))
    }

    /// Host name of the one peer of 8.4, which DRBD calls `peer`, from the configuration; `None` where
    /// nothing needs a name. Only for words: `drbdadm` takes its time.
    pub fn peer_name(&self, resource: &Resource, deadline: &Deadline) -> Option<String> {
        let told = resource.generation != drbd::Generation::V84
            || resource.connections.iter().all(drbd::Connection::has_name);
        if told {
            return None;
        }
        self.replication.peer_name(resource, deadline)
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
            facts.settings = None;
            return Ok(());
        }
        let settings = match facts.settings.take() {
            Some(settings) => settings,
            None => self.replication.settings(resource, deadline)?,
        };
        for connection in asked {
            if let Some(probe) = self.probe(&settings, connection, policy, deadline) {
                facts.probes.insert(connection.peer_node_id, probe);
            }
        }
        facts.settings = Some(settings);
        Ok(())
    }

    /// Asks the peer. A connected one over the paths in use, all of which have to answer; another one
    /// over any. `None` where no address is known. Each path gets the time that the policy gives, or is
    /// not asked: less of it would be silence of our own making.
    pub(crate) fn probe(
        &self,
        settings: &Settings,
        connection: &drbd::Connection,
        policy: &Policy,
        deadline: &Deadline,
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
        let mut found = None;
        for path in paths {
            if deadline.left() < policy.probe {
                return Some(Probe::Failed("no time was left to ask".to_owned()));
            }
            let probe = self.host.probe(path, policy.probe);
            if matches!(probe, Probe::Accepted | Probe::Refused) != connected {
                return Some(probe);
            }
            // One that could not be asked is not made good by the silence of the next.
            if !matches!(found, Some(Probe::Failed(_))) {
                found = Some(probe);
            }
        }
        found
    }
}
