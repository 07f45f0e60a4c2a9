//! What was left behind and is cleared away.

use simulated_drbd::host::Module;
use simulated_drbd::{Generation, Opener, Resource, Role};

use crate::host::{HERE, MINOR, WEB, XVDA2, both, pause};

/// Contract 26: whatever moment `add` was killed at, and libxl never called again.
#[test]
fn what_a_killed_add_leaves_is_cleared_away() {
    both(|host| {
        for moment in 0..20 {
            let disk = host.disk(5, WEB);
            let mut child = disk.start("add");
            pause(moment * 3);
            let _ = child.kill();
            child.wait().unwrap();
            host.world.refresh().unwrap();
            disk.vanish();
            let ran = host.reap(&[]);
            assert_eq!(ran.code, Some(0), "killed after {moment}: {ran:?}");
            assert_eq!(host.role(WEB), Role::Secondary, "killed after {moment}");
            assert!(!host.is_noted(WEB), "killed after {moment}");
            host.assert_reaps(&[]);
        }
    });
}

/// Contract 27: libxl gave up, and blkback let go later.
#[test]
fn a_disk_whose_backend_vanished_is_demoted_once_the_kernel_lets_go() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        host.attach(5, XVDA2, MINOR);
        host.domain_ends(5);
        disk.vanish();
        host.assert_reaps(&[
            "web-root: stays Primary here: the guest is gone, and the kernel's vbd-5-51714 still stands",
        ]);
        assert_eq!(host.role(WEB), Role::Primary);
        host.detach(5, XVDA2);
        // It came by a migration, and no event has taken that away.
        host.file(&format!("/run/block-drbd/received/{MINOR}"), "");
        host.assert_reaps(&["web-root: demoted, its note dropped"]);
        host.assert_left_alone();
        host.assert_reaps(&[]);
        host.assert_changes(&["primary", "secondary"]);
    });
}

/// blkback's last I/O does not end: its device has left the bus, and nothing tells what it leads to.
#[test]
fn a_disk_that_the_kernel_is_still_closing_is_told_of_beforehand() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        let closing = host.path(&format!("/sys/devices/vbd-5-{XVDA2}"));
        std::fs::create_dir_all(&closing).unwrap();
        host.reap(&["--dry-run"]).assert_says(0, &[]);
        host.domain_ends(5);
        // As long as its folder stands, that tells what it leads to.
        let ran = host.reap(&["--dry-run"]);
        ran.assert_says(0, &["web-root: stays Primary here: the guest is gone"]);
        disk.vanish();
        let line = "web-root: would demote and drop the note of the promotion; \
                    the kernel is still closing vbd-5-51714";
        host.reap(&["--dry-run"]).assert_says(0, &[line]);
        std::fs::remove_dir(&closing).unwrap();
        let ran = host.reap(&["--dry-run"]);
        ran.assert_says(0, &["web-root: would demote"]);
        assert!(!ran.stdout.contains("closing"), "{ran:?}");
        host.assert_changes(&["primary"]);
    });
}

/// The domain is gone, and its folder stands for ever.
#[test]
fn an_orphaned_folder_holds_nothing() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        disk.set("state", "4");
        host.attach(5, XVDA2, MINOR);
        host.domain_ends(5);
        host.assert_reaps(&["web-root: stays Primary here: the guest is gone"]);
        host.detach(5, XVDA2);
        host.assert_reaps(&["web-root: demoted, its note dropped"]);
        host.assert_left_alone();
        assert!(disk.exists(), "it is libxl's");
    });
}

/// Contract 21: blkback closes the device after its own has vanished.
#[test]
fn a_device_that_is_being_closed_is_waited_for() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        disk.vanish();
        let opener = Opener::writer("kworker", 77);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pause(400);
                host.world.release(HERE, MINOR).unwrap();
            });
            host.assert_reaps(&["web-root: demoted, its note dropped"]);
        });
        host.assert_left_alone();
    });
}

/// Contract 22: one that stays open is a failure, so that it is tried again.
#[test]
fn a_device_that_stays_open_is_told_of() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        disk.vanish();
        let opener = Opener::writer("kworker", 77);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        let ran = host.reap(&[]);
        ran.assert_says(1, &["web-root: stays Primary here"]);
        // 9 tells who it is; 8.4 knows of no kernel thread.
        let who = match host.generation {
            Generation::V84 => "blkback",
            Generation::V9 => "kworker (pid 77) has /dev/drbd1 open",
        };
        for words in [who, "`drbdadm secondary web-root`"] {
            assert!(ran.stdout.contains(words), "{ran:?}");
        }
        assert!(host.is_noted(WEB));
        host.world.release(HERE, MINOR).unwrap();
        host.assert_reaps(&["web-root: demoted, its note dropped"]);
    });
}

/// A note of a promotion that never came, or is no more.
#[test]
fn a_note_without_a_primary_is_dropped() {
    both(|host| {
        host.note_promotion();
        host.assert_reaps(&["web-root: its note dropped"]);
        host.assert_untouched();
    });
}

/// A killed promotion that the kernel may still complete stays ours.
#[test]
fn a_note_stays_while_a_promotion_still_runs() {
    both(|host| {
        host.note_promotion();
        host.file("/proc/77/cmdline", "drbdsetup\0primary\0web-root\0");
        // A failure, so that it is looked at again: nothing tells of its end.
        let line = "web-root: an earlier promotion was given up and still runs";
        host.reap(&[]).assert_says(1, &[line]);
        host.reap(&["--dry-run"]).assert_says(0, &[line]);
        assert!(host.is_noted(WEB));
        std::fs::remove_dir_all(host.path("/proc/77")).unwrap();
        host.assert_reaps(&["web-root: its note dropped"]);
    });
}

/// Down, or not even a module: nothing is Primary.
#[test]
fn notes_of_what_is_not_up_are_dropped() {
    both(|host| {
        host.resource(Resource::simple(WEB, MINOR).down());
        host.note_promotion();
        host.note_window();
        host.assert_reaps(&["web-root: its note dropped"]);
        assert!(!host.is_noted(WEB) && !host.is_window_noted());
        for module in [Module::Unloaded, Module::Absent] {
            host.world.set_module(HERE, module).unwrap();
            host.note_promotion();
            host.assert_reaps(&["web-root: its note dropped"]);
            host.assert_reaps(&[]);
        }
    });
}

/// Contract 29: on 8.4 a promotion may stop between two volumes.
#[test]
fn every_volume_is_demoted() {
    both(|host| {
        host.resource(Resource::of_volumes(WEB, &[1, 2]));
        host.promote(WEB, MINOR);
        host.note_promotion();
        host.assert_reaps(&["web-root: demoted, its note dropped"]);
        host.assert_left_alone();
    });
}

/// Several resources, one of them healthy in use: each for itself.
#[test]
fn one_resource_does_not_stop_another() {
    both(|host| {
        host.resource(Resource::simple("web-swap", 2));
        let root = host.disk(5, WEB);
        root.add().assert_silent_success();
        let swap = host.disk_as(5, crate::host::XVDB, "web-swap", "w");
        swap.add().assert_silent_success();
        root.vanish();
        let opener = Opener::writer("kworker", 77);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        let data = Resource::simple("data", 3);
        host.resource(data);
        host.promote("data", 3);
        host.file("/run/block-drbd/promoted/data", "");
        let ran = host.reap(&[]);
        ran.assert_says(1, &["data: demoted", "web-root: stays Primary here"]);
        assert_eq!(host.role("web-swap"), Role::Primary);
    });
}
