//! The program's three seams, answered from a list; the first question beyond it stops the run.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::{Duration, Instant};

use block_drbd::backend::DeviceNumber;
use block_drbd::deadline::{Deadline, Expired};
use block_drbd::drbd::{
    Absence, CommandError, ConnectionSettings, Error, Generation, InFlight, Name, Path,
    Replication, Resource, Settings,
};
use block_drbd::holders::Holder;
use block_drbd::host::{Attached, Caller, Host, LockError, Note, Opener};
use block_drbd::probe::Probe;
use block_drbd::process::RunError;
use block_drbd::store::memory::{Memory, Span};
use block_drbd::store::{Timed, Together};
use xenstore_rs::{Xs, XsTransaction};

use super::replay::{self, BACKENDS};
use super::words::{Answer, Call, Echo, Kind};

/// What a run that asks something new is unwound with.
pub struct Stopped;

/// Where a run was stopped.
#[derive(Clone, Copy)]
pub struct Stop {
    pub call: Call,
    pub locked: bool,
    pub published: bool,
}

/// The outside of one run.
pub struct Outside<'l> {
    pub kind: Kind,
    log: &'l [Answer],
    given: Cell<usize>,
    /// xenstore as it was when the program last turned to it.
    store: RefCell<Memory>,
    /// The program has been talking to xenstore since the last other call.
    talking: Cell<bool>,
    /// The device was published before the run talked to xenstore.
    published: Cell<bool>,
    locked: Rc<Cell<bool>>,
    pauses: Cell<u32>,
    began: Instant,
    pub stop: Cell<Option<Stop>>,
}

impl<'l> Outside<'l> {
    pub fn new(kind: Kind, log: &'l [Answer]) -> Self {
        Self {
            kind,
            log,
            given: Cell::new(0),
            store: RefCell::default(),
            talking: Cell::new(false),
            published: Cell::new(false),
            locked: Rc::default(),
            pauses: Cell::new(0),
            began: Instant::now(),
            stop: Cell::new(None),
        }
    }

    /// The device was published by what followed the last answer.
    pub fn has_published(&self) -> bool {
        let path = format!("{}/physical-device", BACKENDS[usize::from(self.kind.slot)]);
        let is = self.talking.get() && self.store.borrow().read(&path).is_ok();
        is && !self.published.get() && self.given.get() == self.log.len()
    }

    fn ask(&self, call: Call) -> Answer {
        let at = self.given.get();
        let Some(answer) = self.log.get(at) else {
            self.stop.set(Some(Stop {
                call,
                locked: self.locked.get(),
                published: self.has_published(),
            }));
            resume_unwind(Box::new(Stopped));
        };
        self.given.set(at + 1);
        self.talking.set(call == Call::Store);
        *answer
    }

    /// The store for an operation on it.
    fn talk(&self) -> Memory {
        if !self.talking.get() {
            if let Answer::Store(folders) = self.ask(Call::Store) {
                self.published
                    .set(folders[usize::from(self.kind.slot)].published);
                *self.store.borrow_mut() = replay::store(self.kind, folders);
            }
        }
        self.store.borrow().clone()
    }

    /// A command of DRBD that answers no question.
    fn command(&self, call: Call) -> Result<(), Error> {
        match self.ask(call) {
            Answer::Expired => Err(expired()),
            Answer::Refused(number) => {
                let text = format!("State change failed: ({number}) words of DRBD");
                Err(CommandError::new(format!("{call:?}"), Some(11), &text).into())
            }
            _ => Ok(()),
        }
    }

    fn settings_in_force(&self) -> Result<Settings, Error> {
        match self.ask(Call::Settings) {
            Answer::Settings(two) => Ok(replay::settings(self.kind, two)),
            _ => Err(expired()),
        }
    }

    fn is(&self, call: Call) -> bool {
        self.ask(call) == Answer::Is(true)
    }
}

/// A lock that is held: of the resource, or of all block scripts.
pub struct Lock(Option<Rc<Cell<bool>>>);

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(locked) = &self.0 {
            locked.set(false);
        }
    }
}

fn expired() -> Error {
    let program = "drbdsetup".into();
    let expired = Expired::Deadline;
    RunError::Expired { program, expired }.into()
}

impl Timed for Outside<'_> {
    fn set_deadline(&self, _: Instant) {}
}

impl Xs for Outside<'_> {
    fn directory(&self, path: &str) -> io::Result<Vec<Box<str>>> {
        self.talk().directory(path)
    }

    fn read(&self, path: &str) -> io::Result<Box<str>> {
        Xs::read(&self.talk(), path)
    }

    fn write(&self, path: &str, data: &str) -> io::Result<()> {
        self.talk().write(path, data)
    }

    fn rm(&self, path: &str) -> io::Result<()> {
        self.talk().rm(path)
    }
}

impl Together for Outside<'_> {}

impl XsTransaction for Outside<'_> {
    type Span = Span;

    fn transaction(&self) -> io::Result<Span> {
        self.talk().transaction()
    }
}

impl Replication for Outside<'_> {
    fn read(&self, _: &Name, _: &Deadline) -> Result<Option<Resource>, Error> {
        match self.ask(Call::Read) {
            Answer::Read(view) => Ok(Some(replay::resource(self.kind, view))),
            _ => Err(expired()),
        }
    }

    /// On 8.4 the settings come first (`drbd::tools`).
    fn read_with_settings(
        &self,
        name: &Name,
        deadline: &Deadline,
    ) -> Result<Option<(Resource, Option<Settings>)>, Error> {
        let settings = if self.kind.nine {
            None
        } else {
            Some(self.settings_in_force()?)
        };
        Ok(Replication::read(self, name, deadline)?.map(|r| (r, settings)))
    }

    fn generation(&self) -> Result<Option<Generation>, Error> {
        Ok(None)
    }

    fn all(&self, _: &Deadline) -> Result<Vec<Resource>, Error> {
        Ok(Vec::new())
    }

    fn all_settings(&self, _: &Deadline) -> Result<Vec<(String, Settings)>, Error> {
        Ok(Vec::new())
    }

    fn settings(&self, _: &Resource, _: &Deadline) -> Result<Settings, Error> {
        self.settings_in_force()
    }

    fn promote(&self, _: &Resource, _: &Deadline) -> Result<(), Error> {
        self.command(Call::Promote)
    }

    fn demote(&self, _: &Resource, _: &Deadline) -> Result<(), Error> {
        self.command(Call::Demote)
    }

    fn is_secondary(&self, _: &Resource, _: &Deadline) -> Result<bool, Error> {
        Ok(self.is(Call::IsSecondary))
    }

    fn allow_two_primaries(
        &self,
        _: &Resource,
        _: &ConnectionSettings,
        allow: bool,
        _: &Deadline,
    ) -> Result<(), Error> {
        self.command(Call::Allow(allow))
    }

    fn configured_two_primaries(&self, _: &Resource, _: &Deadline) -> Option<bool> {
        Some(self.kind.configured)
    }

    fn all_configured_two_primaries(&self, _: &Deadline) -> Option<BTreeMap<String, bool>> {
        None
    }

    fn in_flight(&self, _: &Resource, _: &Deadline) -> Result<InFlight, Error> {
        match self.ask(Call::InFlight) {
            Answer::Arrived(amount) => Ok(InFlight {
                received: vec![u64::from(amount)],
                idle: true,
                resource: None,
            }),
            _ => Err(expired()),
        }
    }

    fn absence(&self, _: &Name, _: &Deadline) -> Absence {
        Absence::NotUp
    }

    fn peer_name(&self, _: &Resource, _: &Deadline) -> Option<String> {
        None
    }
}

impl Host for Outside<'_> {
    type Lock = Lock;

    fn lock_resource(&self, name: &str, _: &Deadline) -> Result<Lock, LockError> {
        if self.ask(Call::Lock) == Answer::Expired {
            return Err(LockError::Expired {
                what: name.to_owned(),
                expired: Expired::Deadline,
            });
        }
        self.locked.set(true);
        Ok(Lock(Some(Rc::clone(&self.locked))))
    }

    /// Held between two calls only, so nobody else can be seen to have it.
    fn lock_block(&self, _: &Deadline) -> Result<Lock, LockError> {
        Ok(Lock(None))
    }

    fn minor_of(&self, path: &str) -> Result<u32, String> {
        Err(path.to_owned())
    }

    fn check_node(&self, _: u32) -> Result<(), String> {
        Ok(())
    }

    fn holders(&self, _: &[u32]) -> Vec<Holder> {
        let mount = Holder::Mount {
            minor: replay::MINOR,
            on: "/mnt".into(),
        };
        self.is(Call::Holders)
            .then_some(mount)
            .into_iter()
            .collect()
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
        let Answer::Attached(all) = self.ask(Call::Attached) else {
            return Vec::new();
        };
        let attached = all.into_iter().zip([7, 8, 9]).filter(|(is, _)| *is);
        let disks = attached.map(|(_, domid)| Attached {
            domid,
            device: 51714,
            number: Some(DeviceNumber::drbd(replay::MINOR)),
            closing: false,
        });
        disks.collect()
    }

    fn is_promoting(&self, _: &str, _: &[u32]) -> bool {
        self.is(Call::IsPromoting)
    }

    fn probe(&self, _: &Path, _: Duration) -> Probe {
        match self.ask(Call::Probe) {
            Answer::Probe(Echo::Accepted) => Probe::Accepted,
            Answer::Probe(Echo::Refused) => Probe::Refused,
            _ => Probe::Unanswered,
        }
    }

    fn caller(&self) -> Caller {
        if self.kind.incoming {
            Caller::MigrateReceive
        } else {
            Caller::Other
        }
    }

    /// libvirt's: here guests move by `xl migrate`.
    fn is_marked(&self, _: &str, _: u32) -> bool {
        false
    }

    fn is_received(&self, _: &str, _: u32) -> bool {
        false
    }

    fn unmark(&self, _: u32) {}

    fn locked(&self) -> Vec<String> {
        Vec::new()
    }

    fn note(&self, note: Note, _: &str) -> io::Result<()> {
        self.ask(Call::Note(note.into()));
        Ok(())
    }

    fn forget(&self, note: Note, _: &str) -> io::Result<()> {
        self.ask(Call::Forget(note.into()));
        Ok(())
    }

    fn is_noted(&self, note: Note, _: &str) -> bool {
        self.is(Call::IsNoted(note.into()))
    }

    fn noted(&self, note: Note) -> Vec<String> {
        let stands = self.is_noted(note, replay::RESOURCE);
        stands
            .then(|| replay::RESOURCE.to_owned())
            .into_iter()
            .collect()
    }

    /// A pause before another try takes all the patience there is: a second look, and no third.
    fn now(&self) -> Instant {
        self.began + Duration::from_secs(5) * self.pauses.get()
    }

    fn pause(&self, time: Duration, _: &Deadline) -> Result<(), Expired> {
        let call = if time < Duration::from_millis(30) {
            Call::Nap
        } else {
            Call::Pause
        };
        let answer = self.ask(call);
        if call == Call::Pause {
            self.pauses.set(self.pauses.get() + 1);
        }
        match answer {
            Answer::Expired => Err(Expired::Deadline),
            _ => Ok(()),
        }
    }
}
