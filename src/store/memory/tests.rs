//! The store in memory conflicts and refuses as xenstored does.
#![allow(clippy::unwrap_used)]

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use xenstore_rs::{Xs, XsTransaction, XsTransactionSpan};

use super::{Memory, Operation};
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
