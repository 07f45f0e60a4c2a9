//! What is used, or not ours: it is not touched.

use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use simulated_drbd::{Fault, Role};

use crate::host::{HERE, MINOR, Ran, WEB, XVDA2, both, eventually, pause};
use crate::xen::{Kind, Xenstored};

/// Contract 20.
#[test]
fn a_guest_that_runs_keeps_its_disk() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        for state in ["2", "4", "5"] {
            disk.set("state", state);
            host.assert_reaps(&[]);
        }
        assert!(host.is_noted(WEB));
        host.assert_changes(&["primary"]);
    });
}

/// A frontend that closed comes back, as between the kernels of pvgrub: blkback keeps the device.
#[test]
fn a_disk_between_two_kernels_of_a_guest_is_kept() {
    both(|host| {
        let disk = host.disk_as(5, XVDA2, WEB, "r");
        disk.add().assert_silent_success();
        host.attach(5, XVDA2, MINOR);
        disk.set("state", "6");
        host.assert_reaps(&[]);
        host.assert_changes(&["primary"]);
        host.detach(5, XVDA2);
        host.assert_reaps(&["web-root: demoted"]);
    });
}

/// Contract 20: a device is a user's, whichever script published it, and if it is the host's own.
#[test]
fn others_keep_it_as_well() {
    both(|host| {
        host.promote(WEB, MINOR);
        host.note_promotion();
        let other = host.disk(0, "/dev/drbd1");
        other.set("physical-device", "93:1");
        host.assert_reaps(&[]);
        other.vanish();
        host.file("/sys/block/drbd1/holders/dm-3/dev", "253:3\n");
        host.assert_reaps(&[]);
        assert_eq!(host.role(WEB), Role::Primary);
        std::fs::remove_dir_all(host.path("/sys/block/drbd1/holders")).unwrap();
        host.assert_reaps(&["web-root: demoted"]);
    });
}

/// A process that has it open is named: on DRBD 9 a reader would not stop the demotion.
#[test]
fn a_process_keeps_it() {
    both(|host| {
        host.promote(WEB, MINOR);
        host.note_promotion();
        let openers = "/sys/kernel/debug/drbd/resources/web-root/volumes/0/openers";
        host.file(openers, "dd\t77\t1204\n");
        let line = "web-root: stays Primary here, although no guest uses it: dd (pid 77) has /dev/drbd1 open";
        host.reap(&[]).assert_says(1, &[line]);
        host.reap(&["--dry-run"]).assert_says(0, &[line]);
        host.assert_changes(&[]);
    });
}

/// Contract 18, 27: somebody's hand, or another program's.
#[test]
fn a_foreign_primary_is_explained_and_not_touched() {
    both(|host| {
        host.promote(WEB, MINOR);
        for _ in 0..2 {
            let ran = host.reap(&[]);
            ran.assert_says(0, &["web-root: Primary here, nobody here uses it"]);
            assert!(
                ran.stdout.contains("run `drbdadm secondary web-root`"),
                "{ran:?}"
            );
        }
        host.assert_changes(&[]);
        // A mere use of it is nobody's business.
        let disk = host.disk(5, "/dev/drbd1");
        disk.set("physical-device", "93:1");
        host.assert_reaps(&[]);
    });
}

/// Beside an `add` that promotes: its lock stands. Contract 26, 27: it may fail or be killed, and leave what
/// its note tells of, so the service has to come back.
#[test]
fn an_add_under_way_is_left_alone() {
    both(|host| {
        let delay = Fault::Delay(4500);
        host.world.fault(HERE, "primary", delay, Some(1)).unwrap();
        let disk = host.disk(5, WEB);
        let adding = disk.start("add");
        eventually("promoting", || host.changes().len() == 1);
        let line = "web-root: left to another run";
        host.reap(&[]).assert_says(4, &[line]);
        host.reap(&["--dry-run"]).assert_says(0, &[line]);
        Ran::wait(adding).assert_silent_success();
        disk.assert_published(MINOR);
        host.assert_reaps(&[]);
        host.assert_changes(&["primary"]);
    });
}

/// Contract 18: what this program did not promote, or open, is nothing to come back for.
#[test]
fn a_run_at_a_foreign_primary_is_left_alone() {
    both(|host| {
        host.promote(WEB, MINOR);
        let lock = host.path("/run/block-drbd/lock/web-root");
        host.file("/run/block-drbd/lock/web-root", "");
        let file = std::fs::File::open(lock).unwrap();
        let held = Flock::lock(file, FlockArg::LockExclusive).unwrap();
        let line = "web-root: left to another run";
        host.reap(&[]).assert_says(0, &[line]);
        host.note_window();
        host.reap(&[]).assert_says(4, &[line]);
        drop(held);
    });
}

/// Beside everything, again and again: an `add` never loses its disk, a `remove` always ends well.
#[test]
fn it_may_run_at_any_time() {
    both(|host| {
        for moment in 0..12 {
            let disk = host.disk(5, WEB);
            let adding = disk.start("add");
            pause(moment * 4);
            let reaped = host.reap(&[]);
            assert_eq!(reaped.code, Some(0), "{reaped:?}");
            Ran::wait(adding).assert_silent_success();
            disk.assert_published(MINOR);
            assert_eq!(host.role(WEB), Role::Primary, "after {moment}");
            disk.close();
            let removing = disk.start("remove");
            pause(moment * 2);
            let reaped = host.reap(&[]);
            assert_eq!(reaped.code, Some(0), "{reaped:?}");
            Ran::wait(removing).assert_silent_success();
            host.assert_left_alone();
            disk.vanish();
        }
    });
}

/// Who uses a resource stands in xenstore: without it nothing is touched.
#[test]
fn without_xenstored_nothing_is_touched() {
    both(|host| {
        host.promote(WEB, MINOR);
        host.note_promotion();
        let mut gone = Xenstored::start(Kind::C);
        gone.kill();
        let mut command = host.program(&["reap"]);
        command.env("XENSTORED_PATH", gone.socket());
        let ran = host.run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
        let words = [
            "reap failed: who uses a resource cannot be known",
            "cannot reach xenstored",
        ];
        for words in words {
            assert!(ran.stderr.contains(words), "{ran:?}");
        }
        assert!(host.is_noted(WEB));
        host.assert_changes(&[]);
    });
}

/// Contract 33: a demotion that hangs ends at the deadline, even if the kernel does not let it die.
#[test]
fn a_hung_demotion_is_given_up() {
    both(|host| {
        host.configure("deadline = 2\npatience = 1\n");
        host.promote(WEB, MINOR);
        host.note_promotion();
        host.world
            .fault(HERE, "secondary", Fault::Stuck(8000), Some(1))
            .unwrap();
        let ran = host.reap(&[]);
        ran.assert_says(4, &["web-root: stays Primary here: "]);
        assert!(ran.took < Duration::from_secs(6), "{:?}", ran.took);
        assert!(host.is_noted(WEB));
        host.assert_reaps(&["web-root: demoted"]);
    });
}
