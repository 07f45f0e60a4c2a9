//! What a run says, and to whom: syslog, the journal, a terminal, whether they listen or not.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use simulated_drbd::Opener;

use crate::disk::Disk;
use crate::host::{HERE, Host, MINOR, WEB, both, pause};

/// Where the journal listens.
const JOURNAL: &str = "/run/systemd/journal/socket";

/// What a run says to syslog.
pub fn logged(host: &Host, action: &str, disk: &Disk<'_>) -> Vec<String> {
    let path = host.path("/dev/log");
    let _ = fs::remove_file(&path);
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    disk.command(action).output().unwrap();
    received(&socket)
}

/// What was sent to a socket that does not block.
fn received(socket: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 4096];
    let lines = std::iter::from_fn(|| {
        let length = socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    });
    lines.collect()
}

#[track_caller]
fn assert_logged(lines: &[String], priority: &str, words: &[&str]) {
    let about = [
        "XENBUS_PATH=backend/vbd/5/51714",
        "XEN_DOMID=5",
        "guest-5",
        "web-root",
        "xvda2",
    ];
    let wanted = [words, &about].concat();
    let found = lines.iter().any(|line| {
        line.starts_with(&format!("<{priority}>block-drbd["))
            && wanted.iter().all(|w| line.contains(w))
    });
    assert!(found, "no line <{priority}> with {wanted:?} in {lines:#?}");
}

/// Contract 20, 22, 28: priorities of daemon.info and daemon.err.
#[test]
fn every_end_of_a_run_is_logged() {
    both(|host| {
        host.configure("deadline = 10\npatience = 0\n");
        let disk = host.disk(5, WEB);
        let done = logged(host, "add", &disk);
        assert_logged(
            &done,
            "30",
            &[
                "add",
                "DRBD_RESOURCE=web-root",
                "XEN_DOMAIN=guest-5",
                "XEN_VDEV=xvda2",
            ],
        );
        disk.close();

        let other = host.disk(6, "/dev/drbd1");
        other.set("physical-device", "93:1");
        assert_logged(
            &logged(host, "remove", &disk),
            "30",
            &["stays Primary", "guest-6"],
        );
        other.vanish();

        host.world
            .hold_open(HERE, MINOR, Opener::writer("qemu", 77), None)
            .unwrap();
        let failed = logged(host, "remove", &disk);
        assert_logged(
            &failed,
            "27",
            &["remove failed", "held open", "`drbdadm secondary web-root`"],
        );
        host.world.release(HERE, MINOR).unwrap();
        assert_logged(&logged(host, "remove", &disk), "30", &["remove"]);
        disk.vanish();

        host.peer_promotes(WEB, MINOR);
        let disk = host.disk(5, WEB);
        assert_logged(
            &logged(host, "add", &disk),
            "27",
            &["add failed", "Primary on nodo2"],
        );
        for line in done.iter().chain(&failed) {
            assert!(!line.contains('\n') && line.len() < 3000, "{line}");
        }
    });
}

/// Contract 28: to the journal in its own form, where there is one.
#[test]
fn the_journal_gets_fields() {
    both(|host| {
        let path = host.path(JOURNAL);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let journal = UnixDatagram::bind(&path).unwrap();
        journal.set_nonblocking(true).unwrap();
        let syslog = UnixDatagram::bind(host.path("/dev/log")).unwrap();
        syslog.set_nonblocking(true).unwrap();
        host.peer_promotes(WEB, MINOR);
        let disk = host.disk(5, WEB);
        assert_eq!(disk.add().code, Some(3));
        let entries = received(&journal);
        let fields = [
            "PRIORITY=3",
            "SYSLOG_IDENTIFIER=block-drbd",
            "MESSAGE=add failed: guest guest-5 (domain 5), xvda2: web-root is Primary on nodo2",
            "XENBUS_PATH=backend/vbd/5/51714",
            "XEN_DOMAIN=guest-5",
            "DRBD_RESOURCE=web-root",
            "BLOCK_DRBD_CODE=BD-PEER-PRIMARY",
        ];
        let whole = entries.iter().any(|entry| {
            let has = |field: &&str| entry.lines().any(|line| line.starts_with(field));
            fields.iter().all(has)
        });
        assert!(whole, "no entry with {fields:?} in {entries:#?}");
        assert_eq!(received(&syslog), [""; 0], "said twice");
    });
}

/// A log that nobody reads must not stop a disk.
#[test]
fn a_full_log_does_not_stop_a_disk() {
    both(|host| {
        for log in ["/dev/log", JOURNAL] {
            let path = host.path(log);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let _unread = UnixDatagram::bind(&path).unwrap();
            let fill = UnixDatagram::unbound().unwrap();
            fill.set_nonblocking(true).unwrap();
            while fill.send_to(&[0; 1000], &path).is_ok() {}
            let disk = host.disk(5, WEB);
            disk.assert_attached(&disk.add(), MINOR);
            disk.close();
            disk.remove().assert_silent_success();
            disk.vanish();
        }
    });
}

/// Contract 3: nor a terminal that nobody reads, as behind an ssh that is stuck.
#[test]
fn a_full_pipe_does_not_stop_a_disk() {
    both(|host| {
        host.world.cut_link().unwrap();
        let (unread, full) = std::io::pipe().unwrap();
        let flags = |flags| fcntl(&full, FcntlArg::F_SETFL(flags)).unwrap();
        flags(OFlag::O_NONBLOCK);
        while (&full).write(&[b'x'; 4096]).is_ok() {}
        flags(OFlag::empty());
        let disk = host.disk(5, WEB);
        let mut command = disk.command("add");
        command.stderr(full.try_clone().unwrap());
        let mut child = command.spawn().unwrap();
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if began.elapsed() > Duration::from_secs(10) {
                child.kill().unwrap();
            }
            pause(10);
        }
        assert_eq!(child.wait().unwrap().code(), Some(0));
        disk.assert_published(MINOR);
        drop(unread);
    });
}
