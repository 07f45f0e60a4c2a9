//! The transport, against both real daemons and against peers which break the protocol.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

#[path = "support/xen.rs"]
mod xen;

use std::ffi::OsString;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use block_drbd::store::{Store, Timed, Together, in_transaction, read_optional, refusal};
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
use xen::{KINDS, Kind, Xenstored};
use xenstore_rs::{Xs, XsTransaction, XsTransactionSpan};

const BACKEND: &str = "/local/domain/0/backend/vbd/5/51714";

fn seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

fn open(daemon: &Xenstored) -> Store {
    Store::open_at(&daemon.socket(), seconds(20)).unwrap()
}

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

#[test]
fn a_daemon_which_vanishes() {
    let mut daemon = Xenstored::start(Kind::C);
    let store = open(&daemon);
    store.write("/a", "v").unwrap();
    let span = store.transaction().unwrap();
    daemon.kill();
    let error = store.read("/a").unwrap_err();
    assert_ne!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(
        store.read("/a").unwrap_err().kind(),
        ErrorKind::NotConnected
    );
    drop(span);
    let refused = Store::open_at(&daemon.socket(), seconds(5)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

/// What a broken xenstored does with a connection; the first argument is the request's id.
type Script = fn(u32, &mut UnixStream);

fn reply(kind: u32, request: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    let header = [kind, request, 0, length].map(u32::to_ne_bytes).concat();
    [&header, body].concat()
}

/// A store whose xenstored runs `script` for each request.
fn peer(directory: &Path, script: Script) -> Store {
    let socket = directory.join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut header = [0; 16];
        while stream.read_exact(&mut header).is_ok() {
            let word = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().unwrap());
            let mut body = vec![0; usize::try_from(word(12)).unwrap()];
            stream.read_exact(&mut body).unwrap();
            script(word(4), &mut stream);
        }
    });
    Store::open_at(&socket, Instant::now() + Duration::from_millis(400)).unwrap()
}

/// A peer that answers only once all was asked, and the last of it with a refusal.
#[test]
fn nothing_is_waited_for_before_all_is_asked() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let store = peer(directory.path(), |id, stream| {
        if id == 3 {
            let answers = [
                reply(2, 1, b"one"),
                reply(2, 2, b"two"),
                reply(16, 3, b"EACCES\0"),
            ];
            stream.write_all(&answers.concat()).unwrap();
        }
    });
    let paths = ["/1", "/2", "/3"].map(str::to_owned);
    let values = store.read_together(&paths).unwrap();
    assert_eq!(values, [Some("one".into()), Some("two".into()), None]);
}

#[test]
fn peers_which_break_the_protocol_are_given_up() {
    let cases: [(&str, Script, ErrorKind, &str); 9] = [
        (
            "the id of another request",
            |id, s| s.write_all(&reply(2, id + 77, b"v")).unwrap(),
            ErrorKind::InvalidData,
            "the reply to another request",
        ),
        (
            "an error for another request",
            |id, s| s.write_all(&reply(16, id + 1, b"ENOENT\0")).unwrap(),
            ErrorKind::InvalidData,
            "the reply to another request",
        ),
        (
            "another type",
            |id, s| s.write_all(&reply(11, id, b"OK\0")).unwrap(),
            ErrorKind::InvalidData,
            "a reply of another type",
        ),
        (
            "four gigabytes announced",
            |id, s| {
                s.write_all(&[2, id, 0, u32::MAX].map(u32::to_ne_bytes).concat())
                    .unwrap();
            },
            ErrorKind::InvalidData,
            "a reply of 4294967295 bytes",
        ),
        (
            "an end within the header",
            |_, s| {
                s.write_all(b"1234567").unwrap();
                s.shutdown(std::net::Shutdown::Both).unwrap();
            },
            ErrorKind::ConnectionAborted,
            "closed the connection",
        ),
        (
            "an end within the payload",
            |id, s| {
                let whole = reply(2, id, b"a longer value");
                s.write_all(&whole[..20]).unwrap();
                s.shutdown(std::net::Shutdown::Both).unwrap();
            },
            ErrorKind::ConnectionAborted,
            "closed the connection",
        ),
        (
            "half a reply, then silence",
            |id, s| s.write_all(&reply(2, id, b"a longer value")[..20]).unwrap(),
            ErrorKind::TimedOut,
            "did not answer in time",
        ),
        (
            "silence",
            |_, _| {},
            ErrorKind::TimedOut,
            "did not answer in time",
        ),
        (
            "events without end",
            |_, s| while s.write_all(&reply(15, 0, b"/a\0token\0")).is_ok() {},
            ErrorKind::TimedOut,
            "did not answer in time",
        ),
    ];
    for (name, script, kind, text) in cases {
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        let store = peer(directory.path(), script);
        let begin = Instant::now();
        let error = store.read("/a").unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.to_string().contains(text), "{name}: {error}");
        assert!(
            begin.elapsed() < Duration::from_secs(2),
            "{name}: {:?}",
            begin.elapsed()
        );
        // Until it is given more time, and with that a connection of its own.
        assert_eq!(
            store.read("/a").unwrap_err().kind(),
            ErrorKind::NotConnected,
            "{name}"
        );
    }
}

#[test]
fn odd_but_legal_replies() {
    let cases: [(&str, Script, &str); 4] = [
        (
            "events before the reply",
            |id, s| {
                s.write_all(&reply(15, 0, b"/a\0token\0")).unwrap();
                s.write_all(&[reply(15, 0, b"/b\0token\0"), reply(2, id, b"v")].concat())
                    .unwrap();
            },
            "v",
        ),
        (
            "byte by byte",
            |id, s| {
                reply(2, id, b"slow")
                    .chunks(1)
                    .for_each(|byte| s.write_all(byte).unwrap());
            },
            "slow",
        ),
        (
            "a NUL at the end",
            |id, s| s.write_all(&reply(2, id, b"v\0")).unwrap(),
            "v",
        ),
        (
            "nothing",
            |id, s| s.write_all(&reply(2, id, b"")).unwrap(),
            "",
        ),
    ];
    for (name, script, expected) in cases {
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        let store = peer(directory.path(), script);
        for _ in 0..3 {
            assert_eq!(&*store.read("/a").unwrap(), expected, "{name}");
        }
    }
}

/// A character device in the place of /dev/xen/xenbus: a terminal, behind which each request has to
/// arrive at once and is answered with an event and its own number of bytes.
const DEVICE: &str = r"
import os, pty, struct, tty
master, slave = pty.openpty()
tty.setraw(slave)
print(os.ttyname(slave), flush=True)
while True:
    message = os.read(master, 65536)
    kind, request, _, length = struct.unpack('=IIII', message[:16])
    whole = len(message) == 16 + length
    body = str(len(message)).encode() if whole else b'EIO\0'
    event = struct.pack('=IIII', 15, 0, 0, 9) + b'/a\0token\0'
    os.write(master, event + struct.pack('=IIII', kind if whole else 16, request, 0, len(body)) + body)
";

#[test]
fn a_device_in_the_place_of_a_socket() {
    let mut python = Command::new("python3")
        .args(["-c", DEVICE])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut path = String::new();
    BufReader::new(python.stdout.take().unwrap())
        .read_line(&mut path)
        .unwrap();
    let store = Store::open_at(Path::new(path.trim_end()), seconds(10)).unwrap();
    assert_eq!(&*store.read("/a").unwrap(), "19");
    store.write("/a", "value").unwrap();
    assert_eq!(&*store.read("backend/vbd/5/51714/state").unwrap(), "42");
    store.set_deadline(Instant::now() + Duration::from_millis(200));
    python.kill().unwrap();
    python.wait().unwrap();
    assert!(store.read("/a").is_err());
    assert_eq!(
        store.read("/a").unwrap_err().kind(),
        ErrorKind::NotConnected
    );
}

#[test]
fn what_leaves_the_connection_usable() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let store = peer(directory.path(), |id, stream| {
        let body: &[u8] = if id % 2 == 1 { b"\xff\xfe" } else { b"v" };
        stream.write_all(&reply(2, id, body)).unwrap();
    });
    assert_eq!(store.read("/a").unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(&*store.read("/a").unwrap(), "v");
    // A deadline which had passed before anything was sent
    store.set_deadline(Instant::now());
    assert_eq!(store.read("/a").unwrap_err().kind(), ErrorKind::TimedOut);
    store.set_deadline(seconds(5));
    assert_eq!(store.read("/a").unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(&*store.read("/a").unwrap(), "v");
}

#[test]
fn the_deadline_bounds_connecting_to_a_daemon_which_accepts_no_one() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let path = directory.path().join("socket");
    let listener = socket::socket(
        AddressFamily::Unix,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .unwrap();
    socket::bind(listener.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
    socket::listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let mut waiting = Vec::new();
    for _ in 0..10 {
        let begin = Instant::now();
        match Store::open_at(&path, begin + Duration::from_millis(200)) {
            Ok(store) => waiting.push(store),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                assert!(begin.elapsed() < Duration::from_secs(2));
                return;
            }
        }
    }
    panic!("the queue of connections has no end");
}

#[test]
fn a_variable_leaves_no_other_place() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let missing = directory.path().join("socket");
    for (variable, value) in [
        ("XENSTORED_PATH", missing.as_path()),
        ("XENSTORED_RUNDIR", directory.path()),
    ] {
        let environment = |name: &str| (name == variable).then(|| OsString::from(value));
        let error = Store::open_with(environment, seconds(5)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(
            error.to_string(),
            format!(
                "cannot reach xenstored: {} (named by {variable}): No such file or directory (os error 2)",
                missing.display()
            )
        );
    }
    fs::write(&missing, "no socket").unwrap();
    let environment = |name: &str| (name == "XENSTORED_PATH").then(|| missing.clone().into());
    let error = Store::open_with(environment, seconds(5)).unwrap_err();
    assert!(
        error.to_string().contains("named by XENSTORED_PATH"),
        "{error}"
    );
}

#[test]
fn the_variables_lead_to_the_daemon() {
    let daemon = Xenstored::start(Kind::C);
    daemon.write("/a", "v");
    let socket = daemon.socket();
    for (variable, value) in [
        ("XENSTORED_PATH", socket.as_path()),
        ("XENSTORED_RUNDIR", socket.parent().unwrap()),
    ] {
        let environment = |name: &str| (name == variable).then(|| OsString::from(value));
        let store = Store::open_with(environment, seconds(5)).unwrap();
        assert_eq!(&*store.read("/a").unwrap(), "v");
    }
}

#[test]
fn a_missing_daemon_names_its_package() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let output = Command::new(xen::scripts().join("start-xenstored"))
        .arg(directory.path())
        .env("XEN_BIN", directory.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("install the package xen-utils-4.17"),
        "{said}"
    );
}

#[test]
fn the_pretended_host_behaves() {
    for kind in [Kind::C, Kind::OcamlEagain] {
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        let scenario = ". \"$XEN_SELFTEST\"";
        let output = xen::with_xl(kind, directory.path(), scenario)
            .env("SCRIPT", xen::scripts().join("trace-script"))
            .env("XEN_SELFTEST", xen::scripts().join("selftest.sh"))
            .output()
            .unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{kind:?}: {said}");
    }
}
