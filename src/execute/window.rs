//! The window of a live migration: two primaries, allowed at run time for as long as it takes.
//!
//! Opened and closed only while Established, since one side would change alone otherwise, and the two
//! would never connect again until their settings agree (drbd: `drbd/drbd_receiver.c`, `receive_protocol`).

use xenstore_rs::{XsTransaction, XsTransactionSpan};

use super::{StepError, Subject};
use crate::deadline::Deadline;
use crate::decision::health;
use crate::decision::peers::check_link;
use crate::drbd::{self, ConnectionSettings, Name, Replication, Settings};
use crate::host::{Host, Note};
use crate::message::{Code, Message};
use crate::observe::World;
use crate::policy::Policy;
use crate::refusal::{DESTINATION, SOURCE, parted};
use crate::store::Timed;

/// A window that could not be closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "two primaries stay allowed on {resource} ({why}): `block-drbd reap` closes that once it is connected; if it does not connect, first run `drbdadm adjust {resource}` on both hosts"
)]
pub struct Open {
    /// The resource.
    pub resource: String,
    /// What is in the way.
    pub why: String,
}

impl Open {
    /// What to do after a `remove`, by the name that xl gave the guest. Both hosts of a migration
    /// speak to the one terminal where `xl migrate` was typed: "this host" would mean another one there.
    #[must_use]
    pub fn advice(&self, guest: Option<&str>) -> String {
        let name = guest.unwrap_or_default();
        let (so, lost, kept) = if name.ends_with("--migratedaway") {
            ("the guest runs at the destination now", SOURCE, DESTINATION)
        } else if name.ends_with("--incoming") {
            ("the guest goes on at its source", DESTINATION, SOURCE)
        } else {
            ("if the guest runs on the peer now", "this host", "the peer")
        };
        format!("{self}; {so}: {}", parted(&self.resource, lost, kept))
    }
}

/// How a window was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It was closed.
    Now,
    /// There was none, or the configuration keeps it open.
    Already,
}

impl<S, R, H> World<'_, S, R, H>
where
    S: XsTransaction + Timed,
    S::Span: XsTransactionSpan,
    R: Replication,
    H: Host,
{
    pub(super) fn open_window(
        &self,
        subject: &Subject<'_>,
        peer: u32,
        deadline: &Deadline,
    ) -> Result<(), StepError> {
        let resource = subject.resource;
        let settings = subject.facts.settings.as_ref();
        let Some(connection) = settings.and_then(|s| s.connection(peer)) else {
            let what = format!("the settings of {} are not known", resource.name);
            return Err(StepError::Other(Message::new(Code::Settings, what)));
        };
        self.note(Note::Window, &resource.name)?;
        Ok(self
            .replication
            .allow_two_primaries(resource, connection, true, deadline)?)
    }

    /// Closes the window on the connection that was `opened`; without one, on every connection where
    /// the configuration does not keep it open.
    ///
    /// # Errors
    /// When it stays open. It is then noted, for a later run to close it.
    pub fn close_window(
        &self,
        resource: &str,
        opened: Option<u32>,
        policy: &Policy,
        deadline: &Deadline,
    ) -> Result<Closed, Open> {
        let closed = self.try_to_close(resource, opened, policy, deadline);
        match &closed {
            Ok(_) => self.forget(Note::Window, resource),
            Err(_) => {
                if let Err(error) = self.note(Note::Window, resource) {
                    log::warn!("{error}");
                }
            }
        }
        closed
    }

    fn try_to_close(
        &self,
        resource: &str,
        opened: Option<u32>,
        policy: &Policy,
        deadline: &Deadline,
    ) -> Result<Closed, Open> {
        let left = |why: String| Open {
            resource: resource.to_owned(),
            why,
        };
        let failed = |error: drbd::Error| left(error.to_string());
        let name = Name::Resource(resource.to_owned());
        // What is down has no settings in force.
        let Some(now) = self.replication.read(&name, deadline).map_err(failed)? else {
            return Ok(Closed::Already);
        };
        let settings = self.replication.settings(&now, deadline).map_err(failed)?;
        let open: Vec<&ConnectionSettings> = settings
            .connections
            .iter()
            .filter(|c| c.two_primaries == Some(true))
            .filter(|c| opened.is_none_or(|peer| c.peer_node_id == peer))
            .collect();
        let configured = || self.replication.configured_two_primaries(&now, deadline);
        let kept = match opened {
            None if !open.is_empty() => {
                configured().ok_or_else(|| left("its configuration cannot be read".to_owned()))?
            }
            _ => false,
        };
        if open.is_empty() || kept {
            return Ok(Closed::Already);
        }
        // One that cannot be closed keeps no other open.
        let mut closed = Ok(());
        for own in open {
            let one = self.close_one(&now, own, &settings, policy, deadline);
            closed = closed.and(one);
        }
        closed.map_err(left)?;
        log::info!("{resource}: two primaries are no longer allowed");
        Ok(Closed::Now)
    }

    /// On one connection of a resource that was read some time ago.
    ///
    /// # Errors
    /// What is in the way.
    fn close_one(
        &self,
        resource: &drbd::Resource,
        own: &ConnectionSettings,
        settings: &Settings,
        policy: &Policy,
        deadline: &Deadline,
    ) -> Result<(), String> {
        let failed = |error: drbd::Error| error.to_string();
        // drbdadm has taken its time, and the link may have been lost meanwhile.
        let now = self.replication.read_again(resource, deadline);
        let Some(now) = now.map_err(failed)? else {
            return Ok(());
        };
        let connection = health::may_close_window(&now, own.peer_node_id, !now.is_secondary())?;
        // A link that is cut and not yet noticed is Established, too.
        let probe = self.probe(settings, connection, policy, deadline);
        check_link(&now, connection, Some(settings), probe.as_ref())
            .map_err(|why| why.to_string())?;
        let closed = self
            .replication
            .allow_two_primaries(&now, own, false, deadline);
        closed.map_err(failed)
    }
}
