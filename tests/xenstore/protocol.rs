//! Peers that break the protocol or stretch it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use block_drbd::store::{Store, Timed, Together};
use xenstore_rs::Xs;

use crate::seconds;

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
/// arrive at once and alone, and is answered with an event and its own number of bytes.
const DEVICE: &str = r"
import os, pty, select, struct, tty
master, slave = pty.openpty()
tty.setraw(slave)
print(os.ttyname(slave), flush=True)
while True:
    message = os.read(master, 65536)
    kind, request, _, length = struct.unpack('=IIII', message[:16])
    whole = len(message) == 16 + length and not select.select([master], [], [], 0.05)[0]
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
    let paths = ["/a", "/bc", "/def"].map(String::from);
    let lengths = ["19", "20", "21"].map(|length| Some(length.into()));
    assert_eq!(store.read_together(&paths).unwrap(), lengths);
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
    assert_eq!(&*store.read("/a").unwrap(), "\u{fffd}\u{fffd}");
    assert_eq!(&*store.read("/a").unwrap(), "v");
    // A deadline which had passed before anything was sent
    store.set_deadline(Instant::now());
    assert_eq!(store.read("/a").unwrap_err().kind(), ErrorKind::TimedOut);
    store.set_deadline(seconds(5));
    assert_eq!(&*store.read("/a").unwrap(), "\u{fffd}\u{fffd}");
    assert_eq!(&*store.read("/a").unwrap(), "v");
}
