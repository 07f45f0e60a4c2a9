//! Reading, writing and listing nodes, with both daemons.

use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use block_drbd::store::{Store, Together, in_transaction, read_optional, refusal};
use xenstore_rs::{Xs, XsTransaction};

use crate::xen::{KINDS, Kind, Xenstored};
use crate::{BACKEND, open, seconds};

#[test]
fn nodes_come_and_go() {
    for kind in KINDS {
        let daemon = Xenstored::start(kind);
        let store = open(&daemon);
        daemon.write("/a/b", "hello");
        assert_eq!(&*store.read("/a/b").unwrap(), "hello", "{kind:?}");
        store.write("/a/c/d", "").unwrap();
        assert_eq!(&*store.read("/a/c/d").unwrap(), "", "{kind:?}");
        assert_eq!(daemon.read("/a/c/d").as_deref(), Some(""), "{kind:?}");
        let mut names = store.directory("/a").unwrap();
        names.sort();
        assert_eq!(names, ["b".into(), "c".into()], "{kind:?}");
        assert!(store.directory("/a/b").unwrap().is_empty(), "{kind:?}");
        store.write("/a/b", "umlaut \u{fc} and\nnewline").unwrap();
        assert_eq!(
            &*store.read("/a/b").unwrap(),
            "umlaut \u{fc} and\nnewline",
            "{kind:?}"
        );
        store.rm("/a").unwrap();
        assert!(daemon.ls("/a").is_empty(), "{kind:?}");
    }
}

#[test]
fn what_is_missing() {
    for kind in KINDS {
        let daemon = Xenstored::start(kind);
        let store = open(&daemon);
        let error = store.read("/nope").unwrap_err();
        assert_eq!(
            (error.kind(), refusal(&error)),
            (ErrorKind::NotFound, Some("ENOENT"))
        );
        assert_eq!(error.to_string(), "xenstored refused to read /nope: ENOENT");
        assert_eq!(read_optional(&store, "/nope").unwrap(), None);
        assert_eq!(
            store.directory("/nope").unwrap_err().kind(),
            ErrorKind::NotFound
        );
        store.rm("/nope").unwrap();
        store.rm("/nope/nor/this").unwrap();
        assert_eq!(store.rm("/").unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn several_nodes_are_read_together() {
    for kind in KINDS {
        let daemon = Xenstored::start(kind);
        let store = open(&daemon);
        let paths: Vec<String> = (0..100).map(|n| format!("/many/{n}")).collect();
        for path in paths.iter().step_by(3) {
            daemon.write(path, path);
        }
        let values = store.read_together(&paths).unwrap();
        assert_eq!(values.len(), 100, "{kind:?}");
        for (n, (path, value)) in paths.iter().zip(values).enumerate() {
            let expected = (n % 3 == 0).then_some(path.as_str());
            assert_eq!(value.as_deref(), expected, "{kind:?}");
        }
        let parents = ["/many", "/none"].map(str::to_owned);
        let listed = store.list_together(&parents).unwrap();
        assert_eq!(listed.iter().map(Vec::len).collect::<Vec<_>>(), [34, 0]);
        let bad = ["/a".to_owned(), "/a b".to_owned()];
        let error = store.read_together(&bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(store.read_together(&[]).unwrap(), []);
        assert_eq!(&*store.read("/many/0").unwrap(), "/many/0", "usable");
    }
}

#[test]
fn relative_paths_are_those_of_the_own_domain() {
    for kind in KINDS {
        let daemon = Xenstored::start(kind);
        let store = open(&daemon);
        let path = daemon.backend(5, 51714, "drbd:web-root", "w");
        assert_eq!(path, "backend/vbd/5/51714");
        assert_eq!(
            &*store.read(&format!("{path}/params")).unwrap(),
            "drbd:web-root",
            "{kind:?}"
        );
        assert_eq!(
            &*store.read(&format!("{path}/dev")).unwrap(),
            "xvda2",
            "{kind:?}"
        );
        assert_eq!(
            &*store.read("/local/domain/5/name").unwrap(),
            "guest-5",
            "{kind:?}"
        );
        store
            .write(&format!("{path}/hotplug-status"), "connected")
            .unwrap();
        assert_eq!(
            daemon.read(&format!("{BACKEND}/hotplug-status")).as_deref(),
            Some("connected"),
            "{kind:?}"
        );
    }
}

#[test]
fn a_nul_never_reaches_the_daemon() {
    for kind in KINDS {
        let daemon = Xenstored::start(kind);
        let store = open(&daemon);
        for path in ["/q\0zzz", "/q z", "/caf\u{e9}", "/q//z", "/q/", ""] {
            assert_eq!(
                store.write(path, "v").unwrap_err().kind(),
                ErrorKind::InvalidInput
            );
            assert_eq!(
                store.read(path).unwrap_err().kind(),
                ErrorKind::InvalidInput
            );
            assert_eq!(
                store.directory(path).unwrap_err().kind(),
                ErrorKind::InvalidInput
            );
            assert_eq!(store.rm(path).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(
            store.write("/q", "a\0b").unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        assert_eq!(daemon.read("/q"), None, "{kind:?}");
        store.write("/q", "still usable").unwrap();
    }
}

#[test]
fn sizes() {
    for kind in KINDS {
        let daemon = Xenstored::start(kind);
        let store = open(&daemon);
        // oxenstored's default quota
        let value = "v".repeat(2048);
        store.write("/a/big", &value).unwrap();
        assert_eq!(&*store.read("/a/big").unwrap(), value, "{kind:?}");
        // 16 bytes of header, 7 of the path and its NUL
        let value = "v".repeat(4096 - 16 - 7);
        let written = store.write("/a/big", &value);
        if kind == Kind::C {
            written.unwrap();
            assert_eq!(&*store.read("/a/big").unwrap(), value);
        } else {
            let error = written.unwrap_err();
            assert_eq!(
                (error.kind(), refusal(&error)),
                (ErrorKind::ArgumentListTooLong, Some("E2BIG"))
            );
        }
        let error = store.write("/a/big", &(value + "v")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{kind:?}");
        store.write("/a/big", "still usable").unwrap();
    }
}

#[test]
fn directories_longer_than_a_message() {
    for kind in KINDS {
        let daemon = Xenstored::start(kind);
        let store = open(&daemon);
        let expected: Vec<String> = (0..450)
            .map(|number| format!("entry-with-a-long-name-{number:04}"))
            .collect();
        in_transaction(&store, seconds(20), |span| {
            expected
                .iter()
                .try_for_each(|name| span.write(&format!("/many/{name}"), ""))
        })
        .unwrap();
        let mut names = store.directory("/many").unwrap();
        names.sort();
        assert!(
            names
                .iter()
                .map(|name| &**name)
                .eq(expected.iter().map(String::as_str)),
            "{kind:?}"
        );
        let span = store.transaction().unwrap();
        assert_eq!(span.directory("/many").unwrap().len(), 450, "{kind:?}");
    }
}

#[test]
fn a_directory_which_changes_while_it_is_listed() {
    let daemon = Xenstored::start(Kind::C);
    let store = open(&daemon);
    for number in 0..300 {
        store
            .write(&format!("/many/steady-with-a-long-name-{number:04}"), "")
            .unwrap();
    }
    let socket = daemon.socket();
    let (stop, stopped) = std::sync::mpsc::channel();
    let writer = thread::spawn(move || {
        let store = Store::open_at(&socket, seconds(20)).unwrap();
        while stopped.recv_timeout(Duration::from_millis(3)).is_err() {
            store.write("/many/here-and-gone", "").unwrap();
            store.rm("/many/here-and-gone").unwrap();
        }
    });
    for _ in 0..50 {
        let names = store.directory("/many").unwrap();
        assert_eq!(
            names
                .iter()
                .filter(|name| name.starts_with("steady"))
                .count(),
            300
        );
    }
    stop.send(()).unwrap();
    writer.join().unwrap();
}
