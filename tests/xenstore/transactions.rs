//! Transactions and conflicts, with both daemons.

use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use block_drbd::store::{Store, in_transaction, read_optional, refusal};
use xenstore_rs::{Xs, XsTransaction, XsTransactionSpan};

use crate::xen::{KINDS, Kind, Xenstored};
use crate::{BACKEND, open, seconds};

#[test]
fn nothing_is_seen_before_the_commit_and_nothing_stays_without_it() {
    for kind in KINDS {
        let daemon = Xenstored::start(kind);
        let store = open(&daemon);
        let span = store.transaction().unwrap();
        span.write("/tx/a", "v").unwrap();
        assert_eq!(&*span.read("/tx/a").unwrap(), "v", "{kind:?}");
        assert_eq!(daemon.read("/tx/a"), None, "{kind:?}");
        assert_eq!(read_optional(&store, "/tx/a").unwrap(), None, "{kind:?}");
        drop(span);
        assert_eq!(daemon.read("/tx/a"), None, "{kind:?}");
        in_transaction(&store, seconds(20), |span| span.write("/tx/a", "w")).unwrap();
        assert_eq!(daemon.read("/tx/a").as_deref(), Some("w"), "{kind:?}");
        // oxenstored allows 10 open transactions: those dropped are none of them.
        for _ in 0..50 {
            drop(store.transaction().unwrap());
        }
    }
}

#[test]
fn interference_makes_a_commit_fail() {
    type Interference = fn(&Store);
    let interferences: [(&str, Interference); 3] = [
        ("changed", |other| {
            other.write(&format!("{BACKEND}/state"), "5").unwrap();
        }),
        ("removed", |other| other.rm(BACKEND).unwrap()),
        ("removed above", |other| {
            other.rm("/local/domain/0/backend").unwrap();
        }),
    ];
    for kind in [Kind::C, Kind::Ocaml] {
        let daemon = Xenstored::start(kind);
        let (store, other) = (open(&daemon), open(&daemon));
        for (name, interfere) in interferences {
            daemon.backend(5, 51714, "web-root", "w");
            let span = store.transaction().unwrap();
            span.read(&format!("{BACKEND}/state")).unwrap();
            span.write(&format!("{BACKEND}/physical-device"), "93:0")
                .unwrap();
            interfere(&other);
            let error = span.commit().unwrap_err();
            assert_eq!(
                (error.kind(), refusal(&error)),
                (ErrorKind::WouldBlock, Some("EAGAIN")),
                "{kind:?} {name}"
            );
        }
        let span = store.transaction().unwrap();
        span.write(&format!("{BACKEND}/physical-device"), "93:0")
            .unwrap();
        other.write("/elsewhere/a", "v").unwrap();
        span.commit().unwrap();
    }
}

#[test]
fn the_body_runs_again_after_a_conflict() {
    for kind in KINDS {
        let daemon = Xenstored::start(kind);
        let (store, other) = (open(&daemon), open(&daemon));
        other.write("/t/key", "0").unwrap();
        let mut attempts = 0;
        in_transaction(&store, seconds(20), |span| {
            attempts += 1;
            span.read("/t/key")?;
            if attempts < 4 {
                other.write("/t/key", &attempts.to_string())?;
            }
            span.write("/t/key", "mine")
        })
        .unwrap();
        assert!(attempts >= 4, "{kind:?}: {attempts}");
        assert_eq!(daemon.read("/t/key").as_deref(), Some("mine"), "{kind:?}");
    }
}

#[test]
fn a_conflict_without_end_ends_at_the_deadline() {
    for kind in [Kind::C, Kind::Ocaml] {
        let daemon = Xenstored::start(kind);
        let (store, other) = (open(&daemon), open(&daemon));
        other.write("/t/key", "0").unwrap();
        let begin = Instant::now();
        let error = in_transaction(&store, begin + Duration::from_millis(300), |span| {
            span.read("/t/key")?;
            other.write("/t/key", &format!("{:?}", begin.elapsed()))?;
            span.write("/t/key", "mine")
        })
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{kind:?} {error}");
        assert!(error.to_string().contains("EAGAIN"), "{error}");
        assert!(
            begin.elapsed() < Duration::from_secs(2),
            "{:?}",
            begin.elapsed()
        );
    }
}

#[test]
fn many_writers_lose_no_increment() {
    for kind in KINDS {
        let daemon = Xenstored::start(kind);
        daemon.write("/counter", "0");
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let socket = daemon.socket();
                thread::spawn(move || {
                    let store = Store::open_at(&socket, seconds(30)).unwrap();
                    for _ in 0..25 {
                        in_transaction(&store, seconds(30), |span| {
                            let count: u32 = span.read("/counter")?.parse().unwrap();
                            span.write("/counter", &(count + 1).to_string())
                        })
                        .unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        assert_eq!(daemon.read("/counter").as_deref(), Some("100"), "{kind:?}");
    }
}

#[test]
fn injected_conflicts_are_met_and_overcome() {
    let daemon = Xenstored::start(Kind::OcamlEagain);
    let store = open(&daemon);
    let mut attempts = 0;
    for number in 0..100 {
        in_transaction(&store, seconds(20), |span| {
            attempts += 1;
            span.write("/alone", &number.to_string())
        })
        .unwrap();
    }
    assert!(attempts > 100, "the daemon injected nothing");
    assert_eq!(daemon.read("/alone").as_deref(), Some("99"));
}
