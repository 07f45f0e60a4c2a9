//! A case and its answer, for a person.

use std::fmt;

use super::{Answer, Case};
use crate::check::NOBODY;
use crate::decision::Decision;
use crate::drbd::{Absence, Connection, Resource, Settings};
use crate::facts::{Arrival, Facts, Found};
use crate::message::Coded;
use crate::outcome::Outcome;
use crate::probe::Probe;
use crate::request::Action;
use crate::words::{list, printable, short};

/// Width of the words that begin a line.
const HEAD: usize = 10;

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let case = self.case;
        writeln!(f, "{} of {}: {}", case.action, case.about, who(case))?;
        let mut line = |head: &str, text: &str| {
            let text = printable(text);
            writeln!(f, "  {head:<HEAD$} {text}")
        };
        for (head, text) in facts(case) {
            line(&head, &text)?;
        }
        line("rule", &self.rule)?;
        match &self.decision {
            Decision::Proceed { plan, warnings } => {
                line("plan", &plan.to_string())?;
                for warning in warnings {
                    line("warning", &warning.message().to_string())?;
                }
            }
            Decision::Nothing(reason) => {
                let words = Outcome::Nothing(reason.clone()).to_string();
                line("plan", &format!("nothing: {words}"))?;
            }
            Decision::Wait(refusal) => {
                let most = case.policy.patience.as_secs_f32();
                line("plan", &format!("look again, for {most} s at the most"))?;
                line("refused", &refusal.message().to_string())?;
            }
            Decision::Refuse(refusal) => line("refused", &refusal.message().to_string())?,
            Decision::Fail(failure) => line("failed", &failure.message().to_string())?,
        }
        write!(f, "  Nothing was done.")
    }
}

fn who(case: &Case) -> String {
    let Facts { guest, backend, .. } = &case.facts;
    let how = match (case.action, case.facts.arrival) {
        (Action::Remove, _) => "lets go of it",
        (Action::Add, Arrival::PlainStart) => "starts",
        (Action::Add, Arrival::IncomingMigration) => "is received from another host",
    };
    if guest.domid == NOBODY {
        return format!("some guest that {how}, read-write");
    }
    let vdev = short(&backend.vdev, 40);
    format!("{guest} {how}, as {vdev}, {}", backend.access())
}

fn facts(case: &Case) -> Vec<(String, String)> {
    let facts = &case.facts;
    let mut lines = vec![("backend".to_owned(), backend(case))];
    let mut line = |head: &str, text: String| lines.push((head.to_owned(), text));
    match &facts.found {
        Found::Up(resource) => {
            line("resource", here(resource));
            for connection in &resource.connections {
                line("peer", there(connection));
            }
            if let Some(settings) = facts
                .settings
                .as_ref()
                .filter(|s| !s.connections.is_empty())
            {
                line("settings", in_force(settings, resource));
            }
            for (node, probe) in &facts.probes {
                let at = |c: &&Connection| c.peer_node_id == *node;
                let peer = resource.connections.iter().find(at);
                let peer = peer.map_or("peer", |c| c.peer.as_str());
                line("probe", format!("{peer}: {}", answered(probe)));
            }
            let users = facts
                .uses
                .iter()
                .map(|u| format!("{} as {}, {}", u.guest, short(&u.vdev, 40), u.access));
            let users: Vec<String> = users
                .chain(facts.holders.iter().map(ToString::to_string))
                .collect();
            line(
                "used by",
                if users.is_empty() {
                    "nobody else here".into()
                } else {
                    list(&users)
                },
            );
            let yes = |noted: bool| if noted { "yes" } else { "no" };
            line(
                "notes",
                format!(
                    "promoted by this program: {}; two primaries allowed by it: {}",
                    yes(facts.promoted_by_us),
                    yes(facts.window_noted)
                ),
            );
        }
        Found::Absent(Absence::NoModule) => line("resource", "DRBD's module is not loaded".into()),
        Found::Absent(Absence::NotUp) => line("resource", "not up here".into()),
        Found::Absent(Absence::NotConfigured(_)) => {
            line("resource", "not configured here".into());
        }
        Found::NoDevice(why) => line("resource", format!("none: {why}")),
    }
    line("policy", policy(case));
    lines
}

fn backend(case: &Case) -> String {
    let backend = &case.facts.backend;
    if !backend.exists {
        return "gone".to_owned();
    }
    let state = backend.state.map_or("unknown".into(), |s| s.to_string());
    let online = if backend.online {
        "online"
    } else {
        "not online"
    };
    let params = short(backend.params.as_deref().unwrap_or("not written"), 100);
    let device = match &backend.physical_device {
        Some(device) => format!("device {} published", short(device, 40)),
        None => "no device published".to_owned(),
    };
    format!("{params}, state {state}, {online}, {device}")
}

fn here(resource: &Resource) -> String {
    let volumes = resource.volumes.iter().map(|v| {
        format!(
            "volume {} (/dev/drbd{}) {}, {}",
            v.volume, v.minor, v.role, v.disk
        )
    });
    let mut parts: Vec<String> = std::iter::once(resource.name.clone())
        .chain(volumes)
        .collect();
    if !resource.suspended.is_empty() {
        parts.push(format!("I/O suspended by {}", list(&resource.suspended)));
    }
    parts.join("; ")
}

fn there(connection: &Connection) -> String {
    let name = match connection.peer.as_str() {
        "" => "peer",
        name => name,
    };
    let devices = connection
        .peer_devices
        .iter()
        .map(|d| format!("volume {} {}, {}", d.volume, d.replication, d.disk));
    let head = format!("{name}: {}, {}", connection.state, connection.role);
    let parts: Vec<String> = std::iter::once(head).chain(devices).collect();
    parts.join("; ")
}

fn in_force(settings: &Settings, resource: &Resource) -> String {
    let each = settings.connections.iter().map(|own| {
        let at = |c: &&Connection| c.peer_node_id == own.peer_node_id;
        let peer = resource.connections.iter().find(at);
        let two = match own.two_primaries {
            Some(true) => "allowed",
            Some(false) => "not allowed",
            None => "unknown",
        };
        format!(
            "{}: protocol {}, two primaries {two}",
            peer.map_or("peer", |c| c.peer.as_str()),
            own.protocol.as_deref().unwrap_or("unknown")
        )
    });
    each.collect::<Vec<_>>().join("; ")
}

fn answered(probe: &Probe) -> String {
    match probe {
        Probe::Accepted => "alive, and its DRBD waits for a connection".into(),
        Probe::Refused => "alive, and nobody listens".into(),
        Probe::Unanswered => "no answer".into(),
        Probe::NotApplicable => "cannot be asked".into(),
        Probe::Failed(why) => format!("asking failed: {why}"),
    }
}

fn policy(case: &Case) -> String {
    let policy = &case.policy;
    // The words of the configuration file are those that serde knows.
    let word = |value: Result<serde_json::Value, _>| {
        value.map_or_else(|_: serde_json::Error| "?".to_owned(), |v| v.to_string())
    };
    format!(
        "dual-primary = {}, disconnected = {}, resync = {}, shared = {}",
        word(serde_json::to_value(policy.dual_primary)),
        word(serde_json::to_value(policy.disconnected)),
        word(serde_json::to_value(policy.resync)),
        policy.shared
    )
}
