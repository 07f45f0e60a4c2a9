//! A transaction over a store in memory.

use std::cell::RefCell;
use std::io;

use xenstore_rs::{Xs, XsTransactionSpan};

use super::tree::{self, Nodes, absolute};
use super::{Memory, Operation, check_write};
use crate::store::error::refused;
use crate::store::path::check_path;
use crate::store::wire::Request;

/// A transaction over a [`Memory`].
pub struct Span {
    store: Memory,
    own: RefCell<Own>,
}

/// What the transaction has done so far.
struct Own {
    /// As it was at the beginning
    before: Nodes,
    /// As it is within
    nodes: Nodes,
    /// Paths on whose generation the result depends
    seen: Vec<String>,
    /// What was written, or (`None`) removed
    changes: Vec<(String, Option<Box<str>>)>,
}

impl Span {
    pub(super) fn new(store: &Memory) -> Self {
        let nodes = store.state.borrow().nodes.clone();
        let own = Own {
            before: nodes.clone(),
            nodes,
            seen: Vec::new(),
            changes: Vec::new(),
        };
        Self {
            store: store.clone(),
            own: RefCell::new(own),
        }
    }
}

impl Xs for Span {
    fn directory(&self, path: &str) -> io::Result<Vec<Box<str>>> {
        check_path(path)?;
        self.store.attempt(Operation::Directory, path)?;
        let own = &mut *self.own.borrow_mut();
        own.seen.push(absolute(path));
        tree::directory(&own.nodes, &absolute(path))
            .map_err(|_| refused("ENOENT", Request::Directory, path))
    }

    fn read(&self, path: &str) -> io::Result<Box<str>> {
        check_path(path)?;
        self.store.attempt(Operation::Read, path)?;
        let own = &mut *self.own.borrow_mut();
        own.seen.push(absolute(path));
        let node = own.nodes.get(&absolute(path));
        node.map(|node| node.value.clone())
            .ok_or_else(|| refused("ENOENT", Request::Read, path))
    }

    fn write(&self, path: &str, data: &str) -> io::Result<()> {
        check_write(path, data)?;
        self.store.attempt(Operation::Write, path)?;
        let own = &mut *self.own.borrow_mut();
        let seen = &mut own.seen;
        tree::write(&mut own.nodes, &absolute(path), data, 0, &mut |touched| {
            seen.push(touched.into());
        });
        own.changes.push((absolute(path), Some(data.into())));
        Ok(())
    }

    fn rm(&self, path: &str) -> io::Result<()> {
        check_path(path)?;
        self.store.attempt(Operation::Rm, path)?;
        let own = &mut *self.own.borrow_mut();
        let seen = &mut own.seen;
        tree::rm(&mut own.nodes, &absolute(path), 0, &mut |touched| {
            seen.push(touched.into());
        });
        own.changes.push((absolute(path), None));
        Ok(())
    }
}

impl XsTransactionSpan for Span {
    fn commit(self) -> io::Result<()> {
        let hook = self.store.state.borrow_mut().hooks.pop_front();
        if let Some(hook) = hook {
            hook(&self.store);
        }
        self.store.attempt(Operation::Commit, "")?;
        let own = self.own.into_inner();
        let state = &mut *self.store.state.borrow_mut();
        let generation = |nodes: &Nodes, path: &String| nodes.get(path).map(|node| node.generation);
        let changed = own
            .seen
            .iter()
            .any(|path| generation(&own.before, path) != generation(&state.nodes, path));
        if changed || state.conflicts > 0 {
            state.conflicts = state.conflicts.saturating_sub(1);
            return Err(refused("EAGAIN", Request::TransactionEnd, ""));
        }
        for (path, value) in own.changes {
            state.generation += 1;
            match value {
                Some(value) => tree::write(
                    &mut state.nodes,
                    &path,
                    &value,
                    state.generation,
                    &mut |_| {},
                ),
                None => tree::rm(&mut state.nodes, &path, state.generation, &mut |_| {}),
            }
        }
        if state.unanswered > 0 {
            state.unanswered -= 1;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}
