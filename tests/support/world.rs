//! The whole outside in one process: a store in memory, DRBD on two hosts, and this host with a
//! clock of its own. Any call can be made to fail, or something else to happen at it.

#[path = "world/call.rs"]
mod call;
#[path = "world/healthy.rs"]
mod healthy;
#[path = "world/seams.rs"]
mod seams;

pub use call::{Call, Fault, Made, Strike};
use seams::Lock;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use block_drbd::deadline::{Deadline, Expired};
use block_drbd::drbd::{
    CommandError, ConnectionState, Error, ReplicationState, Resource, Role, Settings,
};
use block_drbd::holders::Holder;
use block_drbd::host::{Caller, LockError, Note};
use block_drbd::hotplug::{Ended, Time, run};
use block_drbd::observe::World;
use block_drbd::policy::Configuration;
use block_drbd::probe::Probe;
use block_drbd::process::RunError;
use block_drbd::request::{Action, BackendPath};
use block_drbd::store::memory::Memory;

/// The backend that every run is about.
pub const BACKEND: &str = "backend/vbd/7/51714";
/// The only resource.
pub const RESOURCE: &str = "web-root";

/// Whether pauses take time.
#[derive(PartialEq)]
enum Pace {
    Virtual,
    Real,
}

struct State {
    resource: Option<Resource>,
    settings: Settings,
    notes: BTreeSet<Note>,
    /// The configuration allows two primaries.
    configured: bool,
    probe: Option<Probe>,
    caller: Option<Caller>,
    holders: Vec<Holder>,
    resource_locked: bool,
    block_locked: bool,
    made: Vec<Made>,
    counts: BTreeMap<Call, u32>,
    strikes: Vec<Strike>,
    /// Readings of the counters for which the peer's writes go on arriving.
    writes: u32,
    received: u64,
    clock: Duration,
    began: Instant,
    pace: Pace,
}

impl State {
    fn new() -> Self {
        Self {
            resource: Some(healthy::resource()),
            settings: healthy::settings(),
            notes: BTreeSet::new(),
            configured: true,
            probe: None,
            caller: None,
            holders: Vec::new(),
            resource_locked: false,
            block_locked: false,
            made: Vec::new(),
            counts: BTreeMap::new(),
            strikes: Vec::new(),
            writes: 0,
            received: 0,
            clock: Duration::ZERO,
            began: Instant::now(),
            pace: Pace::Virtual,
        }
    }
}

/// Everything outside of the program.
#[derive(Clone)]
pub struct Outside {
    pub store: Memory,
    state: Rc<RefCell<State>>,
}

/// More virtual time than any run may take.
const DAY: Duration = Duration::from_secs(25);

impl Outside {
    /// A guest's disk that is about to be attached: Secondary on both hosts, connected.
    pub fn new() -> Self {
        let own = [
            ("state", "2"),
            ("online", "1"),
            ("params", RESOURCE),
            ("mode", "w"),
            ("type", "phy"),
            ("dev", "xvda2"),
        ];
        let store = Memory::default();
        let outside = Self {
            store,
            state: Rc::new(RefCell::new(State::new())),
        };
        outside.guest(7, "web", "/vm/web");
        for (name, value) in own {
            outside.write(&format!("{BACKEND}/{name}"), value);
        }
        outside
    }

    pub fn guest(&self, domid: u32, name: &str, vm: &str) {
        self.write(&format!("/local/domain/{domid}/name"), name);
        self.write(&format!("/local/domain/{domid}/vm"), vm);
    }

    /// Another backend that uses the volume.
    pub fn published(&self, domid: u32, name: &str, vm: &str) {
        self.guest(domid, name, vm);
        for (node, value) in [
            ("state", "4"),
            ("mode", "w"),
            ("dev", "xvdb"),
            ("physical-device", "93:1"),
        ] {
            self.write(&format!("backend/vbd/{domid}/51714/{node}"), value);
        }
    }

    pub fn write(&self, path: &str, value: &str) {
        use xenstore_rs::Xs;
        self.store.write(path, value).unwrap();
    }

    /// The node of the backend, if it is there.
    pub fn node(&self, name: &str) -> Option<String> {
        use xenstore_rs::Xs;
        let value = self.store.read(&format!("{BACKEND}/{name}")).ok()?;
        Some(value.into())
    }

    /// Changes what DRBD will say.
    pub fn change(&self, change: impl FnOnce(&mut Resource)) {
        if let Some(resource) = &mut self.state.borrow_mut().resource {
            change(resource);
        }
    }

    /// A third node, ahead of the peer, which is away; two primaries were allowed with it, too.
    pub fn third_node_is_away(&self) {
        let state = &mut *self.state.borrow_mut();
        if let Some(resource) = &mut state.resource {
            let mut third = resource.connections[0].clone();
            third.peer_node_id = 9;
            third.peer = "nodo3".into();
            third.state = ConnectionState::Connecting;
            third.role = Role::Unknown;
            third.peer_devices[0].replication = ReplicationState::Off;
            resource.connections.insert(0, third);
        }
        let mut third = state.settings.connections[0].clone();
        third.peer_node_id = 9;
        state.settings.connections.insert(0, third);
    }

    /// A second path to the peer, behind the first.
    pub fn second_path(&self) {
        let mut state = self.state.borrow_mut();
        let paths = &mut state.settings.connections[0].paths;
        paths.extend_from_within(..);
    }

    /// What each path answers that nothing else was said of.
    pub fn set_probe(&self, probe: Probe) {
        self.state.borrow_mut().probe = Some(probe);
    }

    pub fn set_role(&self, role: &Role) {
        set_role(&mut self.state.borrow_mut(), role);
    }

    /// Somebody runs `drbdadm down`.
    pub fn take_down(&self) {
        self.state.borrow_mut().resource = None;
    }

    pub fn set_noted(&self) {
        self.state.borrow_mut().notes.insert(Note::Promotion);
    }

    /// Makes this the destination of a live migration, whose source writes for so many readings.
    pub fn receive(&self, writes: u32) {
        self.guest(7, "web--incoming", "/vm/web");
        self.change(|r| r.connections[0].role = Role::Primary);
        let mut state = self.state.borrow_mut();
        state.caller = Some(Caller::MigrateReceive);
        state.probe = Some(Probe::Refused);
        state.writes = writes;
    }

    /// Lets pauses take the time that they ask for.
    pub fn in_real_time(&self) {
        self.state.borrow_mut().pace = Pace::Real;
    }

    pub fn strike(&self, strike: Strike) {
        self.state.borrow_mut().strikes.push(strike);
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        self.state.borrow_mut().strikes.clear();
    }

    pub fn is_primary(&self) -> bool {
        let state = self.state.borrow();
        state.resource.as_ref().is_some_and(Resource::is_primary)
    }

    pub fn is_noted(&self) -> bool {
        self.state.borrow().notes.contains(&Note::Promotion)
    }

    /// Two primaries are not configured; they may be allowed at run time.
    pub fn windowed(&self, open: bool) {
        let mut state = self.state.borrow_mut();
        state.configured = false;
        state.probe = Some(Probe::Refused);
        state.settings.connections[0].two_primaries = Some(open);
    }

    pub fn set_window_noted(&self) {
        self.state.borrow_mut().notes.insert(Note::Window);
    }

    /// Two primaries are allowed at run time, and that is noted.
    pub fn window(&self) -> (bool, bool) {
        let state = self.state.borrow();
        let peer = state.settings.connections.last();
        let open = peer.is_some_and(|c| c.two_primaries == Some(true));
        (open, state.notes.contains(&Note::Window))
    }

    pub fn is_locked(&self) -> bool {
        let state = self.state.borrow();
        state.resource_locked || state.block_locked
    }

    pub fn made(&self) -> Vec<Made> {
        self.state.borrow().made.clone()
    }

    pub fn count(&self, call: Call) -> u32 {
        self.state.borrow().counts.get(&call).copied().unwrap_or(0)
    }

    /// Runs the program.
    pub fn run(&self, action: Action, configuration: &str) -> Ended {
        let world = World {
            store: &self.store,
            replication: self,
            host: self,
        };
        let path = BackendPath::parse(Some(BACKEND)).unwrap();
        let configuration = Configuration::parse(configuration).unwrap();
        let time = Time::of(action, &Deadline::within(Duration::from_secs(30)));
        run(&world, action, &path, &configuration, &time)
    }

    /// Takes notice of a call, and finds out what becomes of it.
    fn enter(&self, call: Call) -> Option<Fault> {
        let mut state = self.state.borrow_mut();
        let count = state.counts.entry(call).or_default();
        *count += 1;
        let nth = *count;
        let resource_locked = state.resource_locked;
        state.made.push(Made {
            call,
            nth,
            resource_locked,
        });
        let late = state.block_locked && call.is_drbd();
        assert!(!late, "contract 25: {call:?} under Xen's lock");
        let changes = matches!(
            call,
            Call::Promote
                | Call::Demote
                | Call::OpenWindow
                | Call::CloseWindow
                | Call::Note
                | Call::Forget
        );
        assert!(
            !changes || resource_locked,
            "{call:?} without the resource's lock"
        );
        assert!(state.made.len() < 5000, "no end");
        let mut strikes = state.strikes.iter();
        let hit = |s: &&Strike| s.call == call && (s.nth == nth || (s.always && s.nth < nth));
        let fault = strikes.find(hit)?.fault;
        drop(state);
        if let Fault::Before(happens) = fault {
            happens(self);
            return None;
        }
        Some(fault)
    }

    /// A command of DRBD that does `work`.
    fn command<T>(&self, call: Call, work: impl FnOnce(&mut State) -> T) -> Result<T, Error> {
        let fault = self.enter(call);
        let refused = |number: i32| {
            let text = format!("{RESOURCE}: State change failed: ({number}) words of DRBD");
            Error::from(CommandError::new(format!("{call:?}"), Some(11), &text))
        };
        let expired = || {
            Error::from(RunError::Expired {
                program: "drbdsetup".into(),
                expired: Expired::Deadline,
            })
        };
        let broken = || Error::Answer("drbdsetup".into());
        match fault {
            Some(Fault::Refused(number)) => return Err(refused(number)),
            Some(Fault::Expired) => return Err(expired()),
            Some(Fault::Broken) => return Err(broken()),
            _ => {}
        }
        let done = work(&mut self.state.borrow_mut());
        match fault {
            Some(Fault::DoneAndRefused(number)) => Err(refused(number)),
            Some(Fault::DoneAndExpired) => Err(expired()),
            Some(Fault::After(happens)) => {
                happens(self);
                Ok(done)
            }
            _ => Ok(done),
        }
    }

    fn file(&self, call: Call, work: impl FnOnce(&mut State) -> bool) -> io::Result<()> {
        match self.enter(call) {
            None => {
                work(&mut self.state.borrow_mut());
                Ok(())
            }
            Some(_) => Err(io::Error::other("no space left on device")),
        }
    }

    fn lock(&self, call: Call, what: &str) -> Result<Lock, LockError> {
        let what = what.to_owned();
        match self.enter(call) {
            None => {}
            Some(Fault::Expired) => {
                let expired = Expired::Deadline;
                return Err(LockError::Expired { what, expired });
            }
            Some(_) => {
                let source = io::Error::other("read-only file system");
                return Err(LockError::Io { what, source });
            }
        }
        let mut state = self.state.borrow_mut();
        let held = match call {
            Call::LockBlock => &mut state.block_locked,
            _ => &mut state.resource_locked,
        };
        assert!(!*held, "{call:?} twice");
        *held = true;
        Ok(Lock {
            outside: self.clone(),
            call,
        })
    }
}

fn set_role(state: &mut State, role: &Role) {
    if let Some(resource) = &mut state.resource {
        resource.role = role.clone();
        for volume in &mut resource.volumes {
            volume.role = role.clone();
        }
    }
}
