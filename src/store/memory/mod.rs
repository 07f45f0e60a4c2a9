//! A store in memory, for tests: it answers, conflicts and refuses as C xenstored does.

mod span;
mod tree;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Instant;

pub use span::Span;
use tree::{Nodes, absolute};
use xenstore_rs::{Xs, XsTransaction};

use super::error::refused;
use super::path::check_path;
use super::wire::{self, Request};
use crate::store::{Timed, Together};

/// What can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`Xs::directory`]
    Directory,
    /// [`Xs::read`]
    Read,
    /// [`Xs::write`]
    Write,
    /// [`Xs::rm`]
    Rm,
    /// [`XsTransaction::transaction`]
    Begin,
    /// [`commit`](xenstore_rs::XsTransactionSpan::commit)
    Commit,
}

impl Operation {
    fn request(self) -> Request {
        match self {
            Self::Directory => Request::Directory,
            Self::Read => Request::Read,
            Self::Write => Request::Write,
            Self::Rm => Request::Rm,
            Self::Begin => Request::TransactionStart,
            Self::Commit => Request::TransactionEnd,
        }
    }
}

type Hook = Box<dyn FnOnce(&Memory)>;

struct Refusal {
    operation: Operation,
    prefix: String,
    name: String,
    times: u32,
}

#[derive(Default)]
struct State {
    nodes: Nodes,
    generation: u64,
    conflicts: u32,
    unanswered: u32,
    refusals: Vec<Refusal>,
    hooks: VecDeque<Hook>,
}

/// The store; clones share their nodes, as connections to one xenstored do.
#[derive(Clone, Default)]
pub struct Memory {
    state: Rc<RefCell<State>>,
}

impl Memory {
    /// A store with these nodes.
    ///
    /// # Errors
    /// As [`Xs::write`].
    pub fn with(nodes: &[(&str, &str)]) -> io::Result<Self> {
        let store = Self::default();
        nodes
            .iter()
            .try_for_each(|(path, value)| store.write(path, value))?;
        Ok(store)
    }

    /// All nodes with a value, in the order of their absolute paths.
    #[must_use]
    pub fn dump(&self) -> Vec<(String, String)> {
        let state = self.state.borrow();
        let valued = state
            .nodes
            .iter()
            .filter(|(_, node)| !node.value.is_empty());
        valued
            .map(|(path, node)| (path.clone(), node.value.to_string()))
            .collect()
    }

    /// Makes the next `count` commits fail with EAGAIN, as others' traffic does.
    pub fn conflict(&self, count: u32) {
        self.state.borrow_mut().conflicts = count;
    }

    /// Carries the next `count` commits out, and loses the answers.
    pub fn lose_answers(&self, count: u32) {
        self.state.borrow_mut().unanswered = count;
    }

    /// Makes `operation` at and below `path` (for `Begin` and `Commit`: `""`) fail with the
    /// protocol's error `name`, the next `times` times.
    pub fn refuse(&self, operation: Operation, path: &str, name: &str, times: u32) {
        let prefix = if path.is_empty() {
            String::new()
        } else {
            absolute(path)
        };
        let refusal = Refusal {
            operation,
            prefix,
            name: name.into(),
            times,
        };
        self.state.borrow_mut().refusals.push(refusal);
    }

    /// Runs `hook` just before the next commit that no earlier hook waits for: what another client
    /// does meanwhile.
    pub fn before_commit(&self, hook: impl FnOnce(&Self) + 'static) {
        self.state.borrow_mut().hooks.push_back(Box::new(hook));
    }

    /// Takes notice of an operation: refuses it if told to.
    fn attempt(&self, operation: Operation, path: &str) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        let absolute = absolute(path);
        let hit = state.refusals.iter_mut().find(|refusal| {
            let rest = absolute.strip_prefix(&refusal.prefix);
            let covered = refusal.prefix.is_empty()
                || rest.is_some_and(|r| r.is_empty() || r.starts_with('/'));
            refusal.operation == operation && refusal.times > 0 && covered
        });
        let Some(refusal) = hit else { return Ok(()) };
        refusal.times -= 1;
        Err(refused(&refusal.name, operation.request(), path))
    }
}

/// Every operation takes no time.
impl Timed for Memory {
    fn set_deadline(&self, _deadline: Instant) {}
}

impl Xs for Memory {
    fn directory(&self, path: &str) -> io::Result<Vec<Box<str>>> {
        check_path(path)?;
        self.attempt(Operation::Directory, path)?;
        let listing = tree::directory(&self.state.borrow().nodes, &absolute(path));
        listing.map_err(|_| refused("ENOENT", Request::Directory, path))
    }

    fn read(&self, path: &str) -> io::Result<Box<str>> {
        check_path(path)?;
        self.attempt(Operation::Read, path)?;
        let value = self
            .state
            .borrow()
            .nodes
            .get(&absolute(path))
            .map(|node| node.value.clone());
        value.ok_or_else(|| refused("ENOENT", Request::Read, path))
    }

    fn write(&self, path: &str, data: &str) -> io::Result<()> {
        check_write(path, data)?;
        self.attempt(Operation::Write, path)?;
        let state = &mut *self.state.borrow_mut();
        state.generation += 1;
        tree::write(
            &mut state.nodes,
            &absolute(path),
            data,
            state.generation,
            &mut |_| {},
        );
        Ok(())
    }

    fn rm(&self, path: &str) -> io::Result<()> {
        check_path(path)?;
        self.attempt(Operation::Rm, path)?;
        let state = &mut *self.state.borrow_mut();
        state.generation += 1;
        tree::rm(
            &mut state.nodes,
            &absolute(path),
            state.generation,
            &mut |_| {},
        );
        Ok(())
    }
}

/// What the wire would say.
fn check_write(path: &str, data: &str) -> io::Result<()> {
    check_path(path)?;
    wire::check_value(data)?;
    wire::encode(
        Request::Write,
        0,
        0,
        &[path.as_bytes(), b"\0", data.as_bytes()],
    )
    .map(drop)
}

impl Together for Memory {}

impl XsTransaction for Memory {
    type Span = Span;

    fn transaction(&self) -> io::Result<Span> {
        self.attempt(Operation::Begin, "")?;
        Ok(Span::new(self))
    }
}

#[cfg(test)]
mod tests;
