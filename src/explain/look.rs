//! Reads the facts of a case, and changes nothing: no lock, no mark claimed, no waiting.

use std::fmt;

use super::Case;
use crate::arrival::Supposed;
use crate::backend::{Backend, Guest, STATE_INIT_WAIT};
use crate::check::NOBODY;
use crate::deadline::Deadline;
use crate::drbd::{Name, Replication};
use crate::facts::Found;
use crate::host::Host;
use crate::observe::{Asked, ObserveError, World};
use crate::policy::Configuration;
use crate::request::{Action, BackendPath};
use crate::store::Together;

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A guest's disk that stands in xenstore.
    Backend(BackendPath),
    /// A disk that no guest has: what stands behind `drbd:`, read-write.
    Disk(String),
}

impl Subject {
    /// A backend's path, or else a disk.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match BackendPath::parse(Some(text)) {
            Ok(path) => Self::Backend(path),
            Err(_) => Self::Disk(text.strip_prefix("drbd:").unwrap_or(text).to_owned()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backend(path) => path.fmt(f),
            Self::Disk(params) => write!(f, "drbd:{}", crate::words::short(params, 100)),
        }
    }
}

/// Reads. `incoming`: as if the guest were received from another host; one that is called
/// `NAME--incoming` is.
///
/// # Errors
/// When xenstored or DRBD cannot be asked.
pub fn look<S: Together, R: Replication, H: Host>(
    world: &World<'_, S, R, H>,
    action: Action,
    subject: &Subject,
    incoming: bool,
    configuration: &Configuration,
    deadline: &Deadline,
) -> Result<Case, ObserveError> {
    let (path, asked) = match subject {
        Subject::Backend(path) => (path.clone(), world.asked(action, path)?),
        Subject::Disk(params) => supposed(world, params),
    };
    let resource = match asked.name.as_ref().map(|n| &n.name) {
        Ok(Name::Resource(name)) => Some(name.clone()),
        Ok(minor @ Name::Minor(_)) => world.replication.read(minor, deadline)?.map(|r| r.name),
        Err(_) => None,
    };
    let policy = configuration.policy(resource.as_deref());
    let arrives = incoming || asked.guest.is_named_incoming();
    let mut facts = match action {
        Action::Remove => world.observe(action, &path, asked, &policy, deadline)?,
        Action::Add => {
            let how = if arrives {
                Supposed::Received
            } else {
                Supposed::Start
            };
            world.observe_supposing(&path, asked, how, &policy, deadline)?
        }
    };
    if let Found::Up(resource) = &mut facts.found {
        if let Some(name) = world.peer_name(resource, deadline) {
            resource.call_peers(&name);
        }
    }
    Ok(Case {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        action,
        about: subject.to_string(),
        facts,
        policy,
    })
}

/// The nodes that libxl would write for a disk of a guest that does not exist.
fn supposed<S: Together, R: Replication, H: Host>(
    world: &World<'_, S, R, H>,
    params: &str,
) -> (BackendPath, Asked) {
    let path = BackendPath {
        base: "backend".to_owned(),
        kind: "vbd".to_owned(),
        frontend_id: NOBODY,
        device: 51712,
    };
    let asked = Asked {
        backend: Backend {
            exists: true,
            state: Some(STATE_INIT_WAIT),
            online: true,
            params: Some(params.to_owned()),
            mode: "w".to_owned(),
            kind: Some("phy".to_owned()),
            vdev: "xvda".to_owned(),
            physical_device: None,
        },
        guest: Guest {
            domid: NOBODY,
            ..Guest::default()
        },
        name: world.named(params),
    };
    (path, asked)
}
