//! One disk: the facts as `add` would read them, its decision, and what it means.

use std::io;

use super::mirror::seen_from;
use super::{Answer, Check, Finding, NOBODY, Place, Question, Severity, Subject};
use crate::backend::{Backend, Guest, STATE_INIT_WAIT};
use crate::decision::health::{self, peer};
use crate::decision::{Decision, decide};
use crate::domain_file::Disk;
use crate::drbd::{Name, Replication, Settings, Volume};
use crate::execute::no_node;
use crate::facts::{Facts, Found};
use crate::host::Host;
use crate::message::Coded;
use crate::observe::{Asked, ObserveError};
use crate::policy::Policy;
use crate::request::{Action, BackendPath};
use crate::sharing::{Relation, Use};
use crate::store::Together;
use crate::words::list;

impl<S: Together, R: Replication, H: Host> Check<'_, S, R, H> {
    /// Finds out about one disk.
    pub(super) fn subject(
        &mut self,
        subject: &Subject,
        guest: &Guest,
        answer: &mut Answer,
    ) -> io::Result<()> {
        let mut place = subject.place.clone();
        let (mut facts, policy) = match self.facts(subject, guest) {
            Ok(read) => read,
            Err(ObserveError::Store(error)) => return Err(error),
            Err(ObserveError::Drbd(error)) => {
                answer
                    .findings
                    .push(place.message(Severity::Error, &error.message()));
                return Ok(());
            }
        };
        let minor = minor(&facts);
        let found = answer.findings.len();
        if let Some(resource) = facts.resource() {
            place.resource = Some(resource.name.clone());
        }
        let receiving = matches!(self.question, Question::Receive { .. });
        if !receiving && !policy.shared {
            let device = match minor {
                Some(minor) => format!("minor {minor}"),
                None => subject.nodes.params.clone(),
            };
            answer.findings.extend(self.same_device(device, subject));
        }
        let has_it = facts
            .uses
            .iter()
            .any(|u| u.relation == Relation::ThisDomain && Some(u.minor) == minor);
        if answer.running.is_some() && !has_it {
            let words = "the guest that runs does not have this disk: a migration takes along what it has, not what the file says";
            answer.findings.push(place.warning(words));
        }
        if !has_it {
            self.decided(&mut facts, &policy, &place, &mut answer.findings);
        }
        let refused = |f: &Finding| f.severity == Severity::Error;
        if answer.findings[found..].iter().any(refused) {
            return Ok(());
        }
        answer.movable.push(subject.clone());
        let places = if self.question == Question::Start {
            self.migration(&mut facts, &policy, &place, &mut answer.findings)
        } else {
            Vec::new()
        };
        answer
            .findings
            .extend(summary(&place, &places, has_it, receiving));
        Ok(())
    }

    fn facts(&self, subject: &Subject, guest: &Guest) -> Result<(Facts, Policy), ObserveError> {
        let nodes = &subject.nodes;
        let backend = Backend {
            exists: true,
            state: Some(STATE_INIT_WAIT),
            online: true,
            params: Some(nodes.params.clone()),
            mode: subject.disk.mode().into(),
            kind: Some(nodes.kind.into()),
            vdev: subject.disk.vdev.clone(),
            physical_device: None,
        };
        // No backend is there, not even where the guest has one of that number.
        let path = BackendPath {
            base: "backend".into(),
            kind: "vbd".into(),
            frontend_id: NOBODY,
            device: subject.device,
        };
        let name = self.world.named(&nodes.params);
        let resource = match name.as_ref().map(|n| &n.name) {
            Ok(Name::Resource(name)) => Some(name.clone()),
            Ok(minor @ Name::Minor(_)) => {
                let resource = self.world.replication.read(minor, self.deadline)?;
                resource.map(|r| r.name)
            }
            Err(_) => None,
        };
        let policy = self.configuration.policy(resource.as_deref());
        let asked = Asked {
            backend,
            guest: guest.clone(),
            name,
        };
        let facts = self.world.observe_supposing(
            &path,
            asked,
            self.question.supposed(),
            &policy,
            self.deadline,
        )?;
        Ok((facts, policy))
    }

    /// The decision of `add`, in findings.
    fn decided(
        &self,
        facts: &mut Facts,
        policy: &Policy,
        place: &Place,
        findings: &mut Vec<Finding>,
    ) {
        let mut decision = decide(Action::Add, facts, policy);
        let silent = matches!(&decision, Decision::Proceed { warnings, .. } if warnings.is_empty());
        if !silent && self.name_peer(facts) {
            decision = decide(Action::Add, facts, policy);
        }
        match decision {
            Decision::Proceed { warnings, .. } => {
                let warned = warnings.iter().map(Coded::message);
                findings.extend(warned.map(|w| place.message(Severity::Warning, &w)));
                let Some(resource) = facts.resource() else {
                    return;
                };
                for minor in resource.minors() {
                    if let Err(why) = self.world.host.check_node(minor) {
                        let message = no_node(&resource.name, &why);
                        findings.push(place.message(Severity::Error, &message));
                    }
                }
            }
            Decision::Nothing(_) => {}
            Decision::Wait(refusal) | Decision::Refuse(refusal) => {
                findings.push(place.message(Severity::Error, &refusal.message()));
            }
            Decision::Fail(failure) => {
                findings.push(place.message(Severity::Error, &failure.message()));
            }
        }
    }

    /// What every peer would decide on the guest, told from here. Returns those that would take it in.
    fn migration(
        &self,
        facts: &mut Facts,
        policy: &Policy,
        place: &Place,
        findings: &mut Vec<Finding>,
    ) -> Vec<String> {
        self.name_peer(facts);
        let Some(resource) = facts.resource().cloned() else {
            return Vec::new();
        };
        if resource.connections.is_empty() {
            return Vec::new();
        }
        let settings = match &facts.settings {
            Some(settings) => settings.clone(),
            None => self
                .world
                .replication
                .settings(&resource, self.deadline)
                .unwrap_or_else(|_| Settings::default()),
        };
        let mut places = Vec::new();
        for connection in &resource.connections {
            let to = peer(connection);
            if !connection.is_connected() {
                let how = health::describe(connection);
                findings.push(place.warning(format!(
                    "a migration to {to} would be refused now: it is not connected ({how})"
                )));
                continue;
            }
            let probe = self
                .world
                .probe(&settings, connection, policy, self.deadline);
            let there = seen_from(facts, &resource, connection, &settings, probe);
            match decide(Action::Add, &there, policy) {
                Decision::Proceed { .. } | Decision::Nothing(_) => places.push(to),
                Decision::Wait(refusal) | Decision::Refuse(refusal) => {
                    let message = refusal.message().about(&format!("seen from {to}"));
                    findings.push(place.message(Severity::Warning, &message));
                }
                Decision::Fail(failure) => {
                    let message = failure.message().about(&format!("seen from {to}"));
                    findings.push(place.message(Severity::Warning, &message));
                }
            }
        }
        if !places.is_empty() && !policy.is_shared(&facts.backend) {
            findings.extend(facts.uses.iter().find_map(|user| stays_behind(place, user)));
        }
        places
    }

    /// On 8.4 the peer's name stands in the configuration only. Whether it is known now.
    fn name_peer(&self, facts: &mut Facts) -> bool {
        let Found::Up(resource) = &mut facts.found else {
            return false;
        };
        let Some(name) = self.world.peer_name(resource, self.deadline) else {
            return false;
        };
        resource.call_peers(&name);
        true
    }

    /// A DRBD device that the guest would get without this program.
    pub(super) fn unserved(&self, place: &Place, disk: &Disk) -> Finding {
        let target = disk.target.as_deref().unwrap_or_default();
        let named = self.world.named(target).ok();
        let read = named.and_then(|named| {
            let read = self.world.replication.read(&named.name, self.deadline);
            Some((named, read.ok()??))
        });
        let target = crate::words::short(target, 100);
        let name = match read {
            Some((_, resource)) if resource.volumes.len() == 1 => resource.name,
            Some((named, resource)) => {
                let meant = |v: &&Volume| named.name == Name::Minor(v.minor);
                let volume = resource.volumes.iter().find(meant).map(|v| v.volume);
                let volume = volume.or(named.volume).unwrap_or_default();
                format!("{}/{volume}", resource.name)
            }
            None => target.clone(),
        };
        let (vdev, mode) = (super::vdev(place), disk.mode());
        place.warning(format!(
            "{target} would be attached without block-drbd, so that nothing guards or promotes it: write 'drbd:{name},{vdev},{mode}'"
        ))
    }
}

/// The minor of the volume that is meant.
fn minor(facts: &Facts) -> Option<u32> {
    let resource = facts.resource()?;
    match (facts.volume, resource.volumes.as_slice()) {
        (Some(number), _) => resource.volume(number).map(|v| v.minor),
        (None, [only]) => Some(only.minor),
        (None, _) => None,
    }
}

/// Another guest that would keep the resource Primary here.
fn stays_behind(place: &Place, user: &Use) -> Option<Finding> {
    let stays = user.relation == Relation::Other && !user.is_ending();
    stays.then(|| {
        place.warning(format!(
            "a migration of one guest alone would leave it Primary on both hosts, since {} has it as {}, too: give each a resource of its own, or move both",
            user.guest, user.vdev
        ))
    })
}

/// What may be done, where nothing is in the way.
fn summary(place: &Place, to: &[String], has_it: bool, receiving: bool) -> Option<Finding> {
    let name = place.resource.as_deref().unwrap_or_default();
    let away = (!to.is_empty()).then(|| format!("can migrate to {}", list(to)));
    let words = match (has_it, away) {
        _ if receiving => format!("{name} can be taken over here"),
        (true, None) => return None,
        (true, Some(away)) => format!("{name} {away}"),
        (false, None) => format!("{name} can start here"),
        (false, Some(away)) => format!("{name} can start here and {away}"),
    };
    Some(place.note(words))
}
