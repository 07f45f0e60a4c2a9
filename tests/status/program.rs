//! The program itself, once.

use std::fs::File;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use simulated_drbd::{Fault, Resource};
use xenstore_rs::Xs;

use crate::host::{HERE, Host, MINOR, Ran, WEB, XVDA2, XVDB, both, eventually};
use crate::xen::{Kind, Xenstored};

impl Host {
    /// Runs it with those arguments.
    pub fn status(&self, arguments: &[&str]) -> Ran {
        self.run(self.program(&[&["status"], arguments].concat()))
    }

    fn status_json(&self, code: i32) -> Value {
        let ran = self.status(&["--json"]);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    }
}

#[test]
fn it_shows_a_guest_with_its_disk_and_changes_nothing() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        disk.set("state", "4");
        host.attach(5, XVDA2, MINOR);
        let ran = host.status(&[]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
        assert!(ran.changed.is_empty(), "{ran:?}");
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert_eq!(lines.len(), 2, "{ran:?}");
        assert!(
            lines[1].starts_with("  web-root  drbd1   Primary  UpToDate  "),
            "{ran:?}"
        );
        assert!(
            lines[1].ends_with("  Connected   guest-5 (5) xvda2 w"),
            "{ran:?}"
        );
        host.assert_changes(&["primary"]);
    });
}

/// At the destination of a migration whose source stays Primary for another guest.
#[test]
fn two_primaries_are_no_migration_any_more_when_they_last() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        disk.set("state", "4");
        host.attach(5, XVDA2, MINOR);
        host.open_window(HERE);
        host.note_window();
        host.peer_promotes(WEB, MINOR);
        assert_eq!(host.status_json(0)["volumes"][0]["migrating"], true);
        let note = File::open(host.path("/run/block-drbd/window/web-root")).unwrap();
        let before = |minutes: u64| SystemTime::now() - Duration::from_secs(60 * minutes);
        note.set_modified(before(4)).unwrap();
        host.status_json(0);
        note.set_modified(before(6)).unwrap();
        assert_eq!(host.status_json(5)["marks"][0]["kind"], "two-primaries");
    });
}

/// Contract 32: two commands of DRBD, however many resources there are.
#[test]
fn it_runs_two_commands_of_drbd() {
    both(|host| {
        for minor in 10..20 {
            host.resource(Resource::simple(&format!("r{minor}"), minor));
        }
        assert_eq!(host.status_json(0)["volumes"].as_array().unwrap().len(), 11);
        let tool = host.tool();
        let expected = ["events2 --now --statistics", "show all --show-defaults"];
        assert_eq!(host.calls(), expected.map(|c| format!("{tool} {c}")));
    });
}

#[test]
fn a_disagreement_sets_the_exit_code() {
    both(|host| {
        host.promote(WEB, MINOR);
        let ran = host.status(&[]);
        assert_eq!(ran.code, Some(5), "{ran:?}");
        assert!(ran.stdout.contains("\n! web-root  drbd1 "), "{ran:?}");
        assert!(
            ran.stdout
                .contains("\n! web-root: Primary here, no guest here has it"),
            "{ran:?}"
        );
        // blkback's device of a guest that is gone.
        host.attach(9, XVDB, MINOR);
        let status = host.status_json(5);
        assert_eq!(status["marks"][0]["kind"], "stray");
        assert_eq!(status["volumes"][0]["guests"][0]["state"], "stray");
    });
}

#[test]
fn a_window_left_open_is_found_by_what_is_configured() {
    both(|host| {
        host.open_window(HERE);
        let status = host.status_json(5);
        assert_eq!(status["marks"][0]["kind"], "open-window");
        assert_eq!(status["volumes"][0]["window"], "open");
        let dumps = host.calls();
        let dumps = dumps.iter().filter(|c| c.contains("dump"));
        assert_eq!(dumps.count(), 1);
        host.note_window();
        assert_eq!(host.status_json(5)["volumes"][0]["window"], "open");
    });
}

#[test]
fn a_migration_is_told_at_its_destination() {
    both(|host| {
        let disk = host.arriving_disk(7);
        disk.receive().assert_silent_success();
        let status = host.status_json(0);
        let row = &status["volumes"][0];
        assert_eq!(
            (&row["migrating"], &row["guests"][0]["moves"]),
            (&true.into(), &"in".into())
        );
    });
}

#[test]
fn a_failed_attachment_is_told_with_its_reason() {
    both(|host| {
        host.peer_promotes(WEB, MINOR);
        let disk = host.disk(5, WEB);
        assert_eq!(disk.add().code, Some(3));
        let status = host.status_json(5);
        assert_eq!(status["marks"][0]["kind"], "not-attached");
        let says = status["marks"][0]["says"].as_str().unwrap();
        assert!(says.contains("is Primary on "), "{says}");
        assert_eq!(status["volumes"][0]["guests"][0]["state"], "not-attached");
    });
}

/// qemu serves disks of its own, as with `backendtype=qdisk`.
#[test]
fn a_disk_that_qemu_serves_counts() {
    both(|host| {
        host.promote(WEB, MINOR);
        host.xen.guest(6, "mail");
        let node = |name: &str| format!("/local/domain/0/backend/qdisk/6/51712/{name}");
        for (name, value) in [
            ("params", "aio:/dev/drbd1"),
            ("state", "4"),
            ("dev", "xvda"),
            ("mode", "w"),
        ] {
            host.store().write(&node(name), value).unwrap();
        }
        let status = host.status_json(0);
        assert_eq!(status["volumes"][0]["guests"][0]["name"], "mail");
    });
}

/// An `add` promotes before it publishes: that is no Primary without a guest.
#[test]
fn nothing_is_marked_while_an_add_is_at_it() {
    both(|host| {
        std::os::unix::fs::symlink("/proc/locks", host.path("/proc/locks")).unwrap();
        let delay = Fault::Delay(6000);
        host.world.fault(HERE, "primary", delay, Some(1)).unwrap();
        let disk = host.disk(5, WEB);
        // What another hand promoted is not settled either.
        host.resource(Resource::simple("data", 2));
        host.promote("data", 2);
        let adding = disk.start("add");
        eventually("promoting", || host.changes().len() == 1);
        let status = host.status_json(5);
        assert_eq!(status["marks"].as_array().unwrap().len(), 1);
        let rows: Vec<_> = status["volumes"].as_array().unwrap().iter().collect();
        assert_eq!(
            (&rows[0]["busy"], &rows[1]["busy"]),
            (&false.into(), &true.into())
        );
        Ran::wait(adding).assert_silent_success();
        assert_eq!(host.status_json(5)["volumes"][1]["busy"], false);
    });
}

#[test]
fn a_hung_drbdsetup_is_not_waited_for_for_ever() {
    both(|host| {
        host.world
            .fault(HERE, "events2", Fault::Hang, Some(1))
            .unwrap();
        let ran = host.status(&[]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(4), ""), "{ran:?}");
        assert!(ran.stderr.contains("did not finish in time"), "{ran:?}");
    });
}

#[test]
fn only_what_is_asked_for_is_shown() {
    both(|host| {
        host.resource(Resource::simple("data", 2));
        let ran = host.status(&["data"]);
        assert_eq!(ran.code, Some(0));
        assert!(
            ran.stdout.contains("data") && !ran.stdout.contains(WEB),
            "{ran:?}"
        );
    });
}

#[test]
fn a_resource_that_does_not_exist_is_a_clear_error() {
    both(|host| {
        host.resource(Resource::simple("off", 3).down());
        for (name, words) in [
            ("nope", "resource nope is not configured on this host"),
            (
                "off",
                "resource off is not up on this host: run `drbdadm up off`",
            ),
            ("a b", "resource a b is not configured on this host"),
        ] {
            let ran = host.status(&[name, WEB]);
            assert_eq!(ran.code, Some(1), "{ran:?}");
            assert!(ran.stderr.contains(words), "{ran:?}");
            assert!(ran.stdout.contains(WEB), "the others are shown: {ran:?}");
        }
    });
}

#[test]
fn a_host_without_drbd_says_so_and_loads_nothing() {
    both(|host| {
        std::fs::remove_file(host.path("/proc/drbd")).unwrap();
        let ran = host.status(&[]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(
            ran.stdout,
            "  DRBD's kernel module is not loaded on this host\n"
        );
        assert_eq!(host.calls(), [""; 0]);
        let ran = host.status(&[WEB]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("module is not loaded"), "{ran:?}");
    });
}

#[test]
fn a_host_without_xen_says_so() {
    both(|host| {
        host.promote(WEB, MINOR);
        let mut command = host.program(&["status"]);
        command.env("XENSTORED_PATH", host.path("/nowhere"));
        let ran = host.run(command);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(
            ran.stdout.contains("\n  no xenstored on this host"),
            "{ran:?}"
        );
    });
}

/// A daemon that is gone is not a host without Xen: nobody knows what agrees.
#[test]
fn a_xenstored_that_is_gone_is_a_failure_and_drbd_is_shown() {
    both(|host| {
        let mut gone = Xenstored::start(Kind::C);
        gone.kill();
        let mut command = host.program(&["status"]);
        command.env("XENSTORED_PATH", gone.socket());
        let ran = host.run(command);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stdout.contains("web-root  drbd1"), "{ran:?}");
        assert!(
            ran.stdout
                .contains("guests are not known: cannot reach xenstored"),
            "{ran:?}"
        );
    });
}

#[test]
fn drbd_that_cannot_be_asked_is_a_failure() {
    both(|host| {
        let fault = Fault::Fail {
            code: 20,
            stderr: "no netlink\n".into(),
        };
        host.world.fault(HERE, "events2", fault, None).unwrap();
        let ran = host.status(&[]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
        assert!(
            ran.stderr
                .contains("status failed: DRBD cannot be asked: no netlink [BD-READING]"),
            "{ran:?}"
        );
    });
}
