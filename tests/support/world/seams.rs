//! The program's two seams to DRBD and to this host, answered by the simulation.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use block_drbd::deadline::{Deadline, Expired};
use block_drbd::drbd::{
    Absence, ConnectionSettings, Error, Generation, InFlight, Name, Path, Replication, Resource,
    Role, Settings,
};
use block_drbd::holders::Holder;
use block_drbd::host::{Attached, Caller, Host, LockError, Note, Opener};
use block_drbd::probe::Probe;

use super::{Call, DAY, Outside, Pace, RESOURCE, set_role};

impl Replication for Outside {
    fn read(&self, _: &Name, _: &Deadline) -> Result<Option<Resource>, Error> {
        self.command(Call::Read, |state| state.resource.clone())
    }

    fn generation(&self) -> Result<Option<Generation>, Error> {
        Ok(Some(Generation::V9))
    }

    fn all(&self, _: &Deadline) -> Result<Vec<Resource>, Error> {
        self.command(Call::Read, |state| state.resource.iter().cloned().collect())
    }

    fn all_settings(&self, _: &Deadline) -> Result<Vec<(String, Settings)>, Error> {
        self.command(Call::Settings, |state| {
            vec![(RESOURCE.to_owned(), state.settings.clone())]
        })
    }

    fn settings(&self, _: &Resource, _: &Deadline) -> Result<Settings, Error> {
        self.command(Call::Settings, |state| state.settings.clone())
    }

    fn promote(&self, _: &Resource, _: &Deadline) -> Result<(), Error> {
        self.command(Call::Promote, |state| set_role(state, &Role::Primary))
    }

    fn demote(&self, _: &Resource, _: &Deadline) -> Result<(), Error> {
        self.command(Call::Demote, |state| set_role(state, &Role::Secondary))
    }

    fn allow_two_primaries(
        &self,
        _: &Resource,
        connection: &ConnectionSettings,
        allow: bool,
        _: &Deadline,
    ) -> Result<(), Error> {
        let call = if allow {
            Call::OpenWindow
        } else {
            Call::CloseWindow
        };
        self.command(call, |state| {
            for own in &mut state.settings.connections {
                if own.peer_node_id == connection.peer_node_id {
                    own.two_primaries = Some(allow);
                }
            }
        })
    }

    fn configured_two_primaries(&self, _: &Resource, _: &Deadline) -> Option<bool> {
        self.enter(Call::Configured)
            .is_none()
            .then(|| self.state.borrow().configured)
    }

    fn all_configured_two_primaries(&self, _: &Deadline) -> Option<BTreeMap<String, bool>> {
        let configured = self.state.borrow().configured;
        Some(BTreeMap::from([(RESOURCE.to_owned(), configured)]))
    }

    fn in_flight(&self, _: &Resource, _: &Deadline) -> Result<InFlight, Error> {
        self.command(Call::InFlight, |state| {
            let writing = state.writes > 0;
            state.writes = state.writes.saturating_sub(1);
            state.received += u64::from(writing);
            InFlight {
                received: vec![state.received],
                idle: true,
                resource: None,
            }
        })
    }

    fn absence(&self, _: &Name, _: &Deadline) -> Absence {
        Absence::NotUp
    }

    fn peer_name(&self, _: &Resource, _: &Deadline) -> Option<String> {
        self.enter(Call::PeerName).is_none().then(|| "nodo2".into())
    }
}

impl Host for Outside {
    type Lock = Lock;

    fn lock_resource(&self, name: &str, _: &Deadline) -> Result<Lock, LockError> {
        self.lock(Call::LockResource, name)
    }

    fn lock_block(&self, _: &Deadline) -> Result<Lock, LockError> {
        self.lock(Call::LockBlock, "another block script")
    }

    fn minor_of(&self, path: &str) -> Result<u32, String> {
        Err(format!("{path}: no such file"))
    }

    fn check_node(&self, _: u32) -> Result<(), String> {
        match self.enter(Call::CheckNode) {
            None => Ok(()),
            Some(_) => Err("/dev/drbd1: no such file".into()),
        }
    }

    fn holders(&self, _: &[u32]) -> Vec<Holder> {
        self.state.borrow().holders.clone()
    }

    fn mounts_elsewhere(&self, _: &[u32]) -> Vec<Holder> {
        Vec::new()
    }

    fn openers(&self, _: &str, _: &[(u32, u32)]) -> Vec<Opener> {
        Vec::new()
    }

    fn writers(&self, _: &[u32]) -> Vec<Opener> {
        Vec::new()
    }

    fn is_closed(&self, _: &str, _: &[(u32, u32)]) -> bool {
        false
    }

    fn attached(&self) -> Vec<Attached> {
        Vec::new()
    }

    fn is_promoting(&self, _: &str, _: &[u32]) -> bool {
        false
    }

    fn probe(&self, _: &Path, _: Duration) -> Probe {
        match self.enter(Call::Probe) {
            None => self
                .state
                .borrow()
                .probe
                .clone()
                .unwrap_or(Probe::Unanswered),
            Some(_) => Probe::Unanswered,
        }
    }

    fn caller(&self) -> Caller {
        self.state.borrow().caller.unwrap_or(Caller::Other)
    }

    fn is_marked(&self, _: &str, _: u32) -> bool {
        false
    }

    fn is_received(&self, _: &str, _: u32) -> bool {
        false
    }

    fn unmark(&self, _: u32) {}

    fn note(&self, note: Note, _: &str) -> io::Result<()> {
        self.file(Call::Note, |state| state.notes.insert(note))
    }

    fn forget(&self, note: Note, _: &str) -> io::Result<()> {
        self.file(Call::Forget, |state| state.notes.remove(&note))
    }

    fn is_noted(&self, note: Note, _: &str) -> bool {
        self.state.borrow().notes.contains(&note)
    }

    fn noted(&self, note: Note) -> Vec<String> {
        let stands = self.state.borrow().notes.contains(&note);
        stands.then(|| RESOURCE.to_owned()).into_iter().collect()
    }

    fn locked(&self) -> Vec<String> {
        Vec::new()
    }

    fn now(&self) -> Instant {
        let state = self.state.borrow();
        match state.pace {
            Pace::Real => Instant::now(),
            Pace::Virtual => state.began + state.clock,
        }
    }

    fn pause(&self, time: Duration, deadline: &Deadline) -> Result<(), Expired> {
        let fault = self.enter(Call::Pause);
        let mut state = self.state.borrow_mut();
        state.clock += time;
        if state.pace == Pace::Real {
            return deadline.sleep(time);
        }
        if fault.is_some() || state.clock > DAY {
            return Err(Expired::Deadline);
        }
        Ok(())
    }
}

/// A lock that is held.
pub struct Lock {
    pub(super) outside: Outside,
    pub(super) call: Call,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut state = self.outside.state.borrow_mut();
        match self.call {
            Call::LockBlock => state.block_locked = false,
            _ => state.resource_locked = false,
        }
    }
}
