//! A store in memory, for tests: it answers, conflicts and refuses as C xenstored does.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::rc::Rc;

use xenstore_rs::{Xs, XsTransaction, XsTransactionSpan};

use super::error::refused;
use super::wire::{self, Request};

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
    /// [`XsTransactionSpan::commit`]
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

/// A value, and when it or the list of its children last changed (xenstored's "generation count").
#[derive(Clone, Debug, Default)]
struct Node {
    value: Box<str>,
    generation: u64,
}

type Nodes = BTreeMap<String, Node>;
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

    /// Makes `operation` at and below `path` (for `Begin` and `Commit`: `""`) fail with the protocol's error `name`,
    /// the next `times` times.
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

    /// Runs `hook` just before the next commit that no earlier hook waits for: what another client does meanwhile.
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

/// Where a path leads, without a `/` at its end: both daemons resolve a relative one below the client's domain.
fn absolute(path: &str) -> String {
    match path.strip_prefix('/') {
        Some("") => String::new(),
        Some(_) => path.into(),
        None => format!("/local/domain/0/{path}"),
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The four operations over one set of nodes, a live one or a transaction's.
///
/// `touch` learns every node whose generation the result depends on.
mod tree {
    use super::{ErrorKind, Node, Nodes, io, parent};

    pub fn directory(nodes: &Nodes, path: &str) -> io::Result<Vec<Box<str>>> {
        if !path.is_empty() && !nodes.contains_key(path) {
            return Err(ErrorKind::NotFound.into());
        }
        let below = format!("{path}/");
        let names = nodes
            .range(below.clone()..)
            .map_while(|(found, _)| found.strip_prefix(below.as_str()));
        Ok(names
            .filter(|name| !name.contains('/'))
            .map(Into::into)
            .collect())
    }

    pub fn write(
        nodes: &mut Nodes,
        path: &str,
        data: &str,
        generation: u64,
        touch: &mut dyn FnMut(&str),
    ) {
        touch(path);
        let mut missing = path;
        while !missing.is_empty() && !nodes.contains_key(missing) {
            nodes.insert(
                missing.into(),
                Node {
                    value: "".into(),
                    generation,
                },
            );
            missing = parent(missing);
            touch(missing);
        }
        for changed in [missing, path] {
            if let Some(node) = nodes.get_mut(changed) {
                node.generation = generation;
            }
        }
        if let Some(node) = nodes.get_mut(path) {
            node.value = data.into();
        }
    }

    pub fn rm(nodes: &mut Nodes, path: &str, generation: u64, touch: &mut dyn FnMut(&str)) {
        touch(path);
        if nodes.remove(path).is_none() {
            return;
        }
        let below = format!("{path}/");
        nodes.retain(|found, _| !found.starts_with(&below));
        touch(parent(path));
        if let Some(node) = nodes.get_mut(parent(path)) {
            node.generation = generation;
        }
    }
}

impl Xs for Memory {
    fn directory(&self, path: &str) -> io::Result<Vec<Box<str>>> {
        wire::check_path(path)?;
        self.attempt(Operation::Directory, path)?;
        let listing = tree::directory(&self.state.borrow().nodes, &absolute(path));
        listing.map_err(|_| refused("ENOENT", Request::Directory, path))
    }

    fn read(&self, path: &str) -> io::Result<Box<str>> {
        wire::check_path(path)?;
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
        wire::check_path(path)?;
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
    wire::check_path(path)?;
    wire::check_value(data)?;
    wire::encode(
        Request::Write,
        0,
        0,
        &[path.as_bytes(), b"\0", data.as_bytes()],
    )
    .map(drop)
}

impl XsTransaction for Memory {
    type Span = Span;

    fn transaction(&self) -> io::Result<Span> {
        self.attempt(Operation::Begin, "")?;
        let nodes = self.state.borrow().nodes.clone();
        let own = RefCell::new(Own {
            before: nodes.clone(),
            nodes,
            seen: Vec::new(),
            changes: Vec::new(),
        });
        Ok(Span {
            store: self.clone(),
            own,
        })
    }
}

/// A transaction over a [`Memory`].
pub struct Span {
    store: Memory,
    own: RefCell<Own>,
}

struct Own {
    before: Nodes,
    nodes: Nodes,
    seen: Vec<String>,
    changes: Vec<(String, Option<Box<str>>)>,
}

impl Xs for Span {
    fn directory(&self, path: &str) -> io::Result<Vec<Box<str>>> {
        wire::check_path(path)?;
        self.store.attempt(Operation::Directory, path)?;
        let own = &mut *self.own.borrow_mut();
        own.seen.push(absolute(path));
        tree::directory(&own.nodes, &absolute(path))
            .map_err(|_| refused("ENOENT", Request::Directory, path))
    }

    fn read(&self, path: &str) -> io::Result<Box<str>> {
        wire::check_path(path)?;
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
        wire::check_path(path)?;
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
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::store::{in_transaction, read_optional, read_visible, refusal};

    const BACKEND: &str = "backend/vbd/5/51714";

    fn store() -> Memory {
        Memory::with(&[("backend/vbd/5/51714/state", "2"), ("/tool/xenstored", "")]).unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn relative_and_absolute_paths_meet() {
        let store = store();
        assert_eq!(
            &*store
                .read("/local/domain/0/backend/vbd/5/51714/state")
                .unwrap(),
            "2"
        );
        assert_eq!(
            store.directory("/").unwrap(),
            ["local".into(), "tool".into()]
        );
        assert_eq!(store.directory("backend/vbd").unwrap(), ["5".into()]);
        store.rm("backend/vbd/5").unwrap();
        store.rm("nowhere/at/all").unwrap();
        assert!(store.directory("backend/vbd").unwrap().is_empty());
        assert!(store.dump().is_empty());
    }

    #[test]
    fn only_a_commit_is_seen_and_a_dropped_span_leaves_nothing() {
        let store = store();
        let span = store.transaction().unwrap();
        span.write("a/b", "1").unwrap();
        assert_eq!(&*span.read("a/b").unwrap(), "1");
        assert_eq!(read_optional(&store, "a/b").unwrap(), None);
        drop(span);
        assert_eq!(read_optional(&store, "a/b").unwrap(), None);
        let span = store.transaction().unwrap();
        span.write("a/b", "1").unwrap();
        span.commit().unwrap();
        assert_eq!(&*store.read("a/b").unwrap(), "1");
    }

    #[test]
    fn interference_conflicts_as_in_c_xenstored() {
        type Change = fn(&Memory);
        let cases: [(Change, bool); 5] = [
            (|s| s.write("elsewhere/a", "v").unwrap(), false),
            (|s| s.write(&format!("{BACKEND}/state"), "5").unwrap(), true),
            (|s| s.rm(BACKEND).unwrap(), true),
            (
                |s| s.write(&format!("{BACKEND}/feature-x"), "1").unwrap(),
                true,
            ),
            (|s| s.write("gone/state", "1").unwrap(), true),
        ];
        for (number, (change, conflicts)) in cases.into_iter().enumerate() {
            let store = store();
            store.before_commit(change);
            let span = store.transaction().unwrap();
            span.read(&format!("{BACKEND}/state")).unwrap();
            span.read("gone/state").unwrap_err();
            span.write(&format!("{BACKEND}/physical-device"), "93:0")
                .unwrap();
            let committed = span.commit();
            assert_eq!(
                committed.is_err(),
                conflicts,
                "case {number}: {committed:?}"
            );
        }
    }

    #[test]
    fn conflicts_are_tried_again_until_the_deadline() {
        let store = store();
        store.conflict(3);
        let mut attempts = 0;
        let result = in_transaction(&store, soon(), |span| {
            attempts += 1;
            span.write("a", "1").map(|()| "done")
        });
        assert_eq!((result.unwrap(), attempts), ("done", 4));

        store.conflict(u32::MAX);
        let deadline = Instant::now() + Duration::from_millis(50);
        let error = in_transaction(&store, deadline, |span| span.write("a", "2")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains("EAGAIN"), "{error}");
        assert_eq!(&*store.read("a").unwrap(), "1");
    }

    #[test]
    fn a_body_which_fails_commits_nothing() {
        let store = store();
        let error = in_transaction(&store, soon(), |span| -> io::Result<()> {
            span.write("a", "1")?;
            Err(io::Error::other("no"))
        });
        assert_eq!(error.unwrap_err().to_string(), "no");
        assert_eq!(read_optional(&store, "a").unwrap(), None);
    }

    #[test]
    fn refusals_hit_what_they_name_and_wear_off() {
        let store = store();
        store.refuse(Operation::Read, "backend/vbd/5", "EACCES", 2);
        let path = format!("{BACKEND}/state");
        assert_eq!(refusal(&store.read(&path).unwrap_err()), Some("EACCES"));
        assert_eq!(read_visible(&store, &path).unwrap(), None);
        assert_eq!(read_visible(&store, &path).unwrap().as_deref(), Some("2"));
        store.refuse(Operation::Commit, "", "ENOSPC", 1);
        let error = in_transaction(&store, soon(), |span| span.write("a", "1")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert!(store.write("a\0b", "").is_err() && store.write("a", &"x".repeat(4090)).is_err());
    }
}
