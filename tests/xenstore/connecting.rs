//! Where the daemon is, and how long it may take.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::{Duration, Instant};

use block_drbd::store::Store;
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
use xenstore_rs::{Xs, XsTransaction};

use crate::xen::{Kind, Xenstored};
use crate::{open, seconds};

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
    let output = Command::new(crate::xen::scripts().join("start-xenstored"))
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
        let output = crate::xen::with_xl(kind, directory.path(), scenario)
            .env("SCRIPT", crate::xen::scripts().join("trace-script"))
            .env("XEN_SELFTEST", crate::xen::scripts().join("selftest.sh"))
            .output()
            .unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{kind:?}: {said}");
    }
}
