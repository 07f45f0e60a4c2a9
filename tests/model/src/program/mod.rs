//! The program itself, stopped at every question that it asks of the outside.
//!
//! What a run does is decided by what it is for and by the answers it gets. So a run that stands
//! still is the list of answers it had so far: to go on, the real [`block_drbd::hotplug::run`] is run
//! again from its beginning with those and one more, and stopped at the next question. Every such
//! beginning is computed once and remembered, so that a model checker can take a step of the
//! program millions of times.

mod outside;
mod replay;
mod words;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

pub use words::{Answer, Call, Echo, Folder, Kind, Link, Noted, Rules, Sync, Task, View};

/// A run of the program that stands still: which one, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(u32);

/// What is known of a run that stands still.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// What it is for.
    pub kind: Kind,
    /// What comes next.
    pub next: Next,
    /// It holds the lock of the resource.
    pub locked: bool,
    /// On its way here it published the device.
    pub published: bool,
    /// What happened in this run so far.
    pub past: Past,
}

/// What happened in a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past {
    /// The last reading that was answered before anything was changed.
    pub first: Option<View>,
    /// It was promoted.
    pub promoted: bool,
    /// A demotion was tried.
    pub demoted: bool,
    /// Counters were read.
    pub drained: bool,
    /// The deadline has passed.
    pub expired: bool,
    /// Pauses before another try.
    pub pauses: u8,
    /// Answers in all.
    pub answers: u8,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It asks.
    Ask(Call),
    /// It has ended.
    End(Ended),
}

/// How a run has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// With exit code 0.
    pub done: bool,
    /// It warned of a peer that is disconnected.
    pub warned: bool,
}

struct Node {
    info: Info,
    /// Where it comes from, and by which answer; a beginning has none.
    from: Option<(Place, Answer)>,
}

/// All beginnings of runs that were computed so far.
#[derive(Default)]
pub struct Program {
    nodes: RwLock<Vec<Node>>,
    roots: RwLock<HashMap<Kind, Place>>,
    edges: RwLock<HashMap<(Place, Answer), Place>>,
}

impl Program {
    /// A run that has just been started.
    pub fn start(&self, kind: Kind) -> Place {
        if let Some(place) = read(&self.roots).get(&kind) {
            return *place;
        }
        let info = replay::replay(kind, &[], Past::default());
        let mut roots = write(&self.roots);
        *roots.entry(kind).or_insert_with(|| self.add(info, None))
    }

    /// The same run, after an answer.
    pub fn after(&self, place: Place, answer: Answer) -> Place {
        if let Some(next) = read(&self.edges).get(&(place, answer)) {
            return *next;
        }
        let before = self.info(place);
        let mut log = self.log(place);
        log.push(answer);
        let past = past(&before, answer);
        let info = replay::replay(before.kind, &log, past);
        let mut edges = write(&self.edges);
        *edges
            .entry((place, answer))
            .or_insert_with(|| self.add(info, Some((place, answer))))
    }

    /// What is known of it.
    pub fn info(&self, place: Place) -> Info {
        read(&self.nodes)[place.0 as usize].info
    }

    /// How many beginnings were computed.
    pub fn len(&self) -> usize {
        read(&self.nodes).len()
    }

    /// None was.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(&self, info: Info, from: Option<(Place, Answer)>) -> Place {
        let mut nodes = write(&self.nodes);
        nodes.push(Node { info, from });
        Place(u32::try_from(nodes.len() - 1).unwrap_or(u32::MAX))
    }

    /// All answers that it had, in their order.
    fn log(&self, place: Place) -> Vec<Answer> {
        let nodes = read(&self.nodes);
        let mut log = Vec::new();
        let mut at = place;
        while let Some((before, answer)) = nodes[at.0 as usize].from {
            log.push(answer);
            at = before;
        }
        log.reverse();
        log
    }
}

/// What has happened, once that answer was given.
fn past(before: &Info, answer: Answer) -> Past {
    let mut past = before.past;
    past.answers += 1;
    past.expired |= answer == Answer::Expired;
    match (before.next, answer) {
        (Next::Ask(Call::Read), Answer::Read(view)) if !past.promoted && !past.demoted => {
            past.first = Some(view);
        }
        (Next::Ask(Call::Promote), Answer::Done) => past.promoted = true,
        (Next::Ask(Call::Demote), _) => past.demoted = true,
        (Next::Ask(Call::InFlight), _) => past.drained = true,
        (Next::Ask(Call::Pause), _) => past.pauses += 1,
        _ => {}
    }
    past
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
