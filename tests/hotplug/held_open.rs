//! `remove` while somebody has the device open.

use std::process::Child;
use std::time::Duration;

use simulated_drbd::{Generation, Opener, Resource, Role};

use crate::detach::closed;
use crate::disk::Disk;
use crate::host::{HERE, Host, MINOR, Ran, WEB, both, eventually, pause};
use crate::logs::logged;

/// `remove` that has found the device open, and waits.
fn start_waiting(host: &Host, disk: &Disk<'_>) -> Child {
    let calls = host.calls().len();
    let child = disk.start("remove");
    eventually("looked again", || host.calls().len() >= calls + 2);
    child
}

/// Contract 21: blkback reports Closed before it closes the device.
#[test]
fn a_device_that_is_held_open_for_a_while_is_demoted_after() {
    both(|host| {
        let disk = closed(host);
        let opener = Opener::writer("qemu-system-i38", 77);
        host.world
            .hold_open(HERE, MINOR, opener, Some(700))
            .unwrap();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
        let tries = host.changes().len() - 1;
        match host.generation {
            Generation::V84 => assert!((2..20).contains(&tries), "tried {tries} times"),
            // It tells who has it open, so that nothing is tried in vain.
            Generation::V9 => assert_eq!(tries, 1),
        }
    });
}

/// Contract 20: on DRBD 9 the kernel would take the device from a process that only reads.
#[test]
fn a_reader_keeps_it_as_well() {
    both(|host| {
        let disk = closed(host);
        let opener = Opener::reader("dd", 77);
        host.world
            .hold_open(HERE, MINOR, opener, Some(700))
            .unwrap();
        let child = disk.start("remove");
        pause(400);
        assert_eq!(host.role(WEB), Role::Primary);
        Ran::wait(child).assert_silent_success();
        host.assert_left_alone();
        disk.vanish();

        host.configure("deadline = 2\n");
        let disk = closed(host);
        let opener = Opener::reader("dd", 77);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        let ran = disk.remove();
        assert!(matches!(ran.code, Some(1 | 4)), "{ran:?}");
        assert_eq!(host.role(WEB), Role::Primary);
        assert!(host.is_noted(WEB), "`reap` finds it by the note");
    });
}

/// Contract 22: who holds it, and what to do; nobody is killed, nothing is forced.
#[test]
fn a_device_that_is_held_open_for_ever_is_reported() {
    both(|host| {
        host.configure("deadline = 3\n");
        let disk = closed(host);
        let opener = Opener::writer("qemu-system-i38", 77);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        let ran = disk.remove();
        assert!(matches!(ran.code, Some(1 | 4)), "{ran:?}");
        assert!(ran.took < Duration::from_millis(3500), "{:?}", ran.took);
        let error = disk.get("hotplug-error").unwrap();
        for text in [&error, &ran.stderr] {
            for word in [
                "guest-5",
                "web-root",
                "held open",
                "stays Primary",
                "`drbdadm secondary web-root`",
            ] {
                assert!(text.contains(word), "no {word:?} in {text}");
            }
        }
        let word = match host.generation {
            Generation::V84 => "(-12)",
            Generation::V9 => "qemu-system-i38 (pid 77)",
        };
        assert!(error.contains(word), "no {word} in {error}");
        assert_eq!(disk.get("hotplug-status").as_deref(), Some("error"));
        assert!(host.is_noted(WEB), "`reap` finds it by the note");
        let forced = host.changes().iter().any(|call| call.contains("force"));
        assert!(!forced, "{:?}", host.changes());
        host.world.release(HERE, MINOR).unwrap();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// Contract 22: the directory may be gone by then.
#[test]
fn a_failed_removal_of_a_vanished_backend_writes_nothing() {
    both(|host| {
        host.configure("deadline = 2\n");
        let disk = closed(host);
        let opener = Opener::writer("qemu-system-i38", 77);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        let child = start_waiting(host, &disk);
        disk.vanish();
        let ran = Ran::wait(child);
        assert!(matches!(ran.code, Some(1 | 4)), "{ran:?}");
        assert!(
            ran.stderr.contains("`drbdadm secondary web-root`"),
            "{}",
            ran.stderr
        );
        assert!(!disk.exists() && disk.get("hotplug-error").is_none());
    });
}

/// Contract 19, 21: what was begun is ended.
#[test]
fn a_backend_that_vanishes_while_its_device_is_held_open_is_demoted_all_the_same() {
    both(|host| {
        let disk = closed(host);
        let opener = Opener::writer("qemu-system-i38", 77);
        host.world
            .hold_open(HERE, MINOR, opener, Some(800))
            .unwrap();
        let child = start_waiting(host, &disk);
        disk.vanish();
        Ran::wait(child).assert_silent_success();
        host.assert_left_alone();
        assert!(!disk.exists());
    });
}

/// Contract 24: both sides stay Primary, so it is said as loudly as can be.
#[test]
fn a_failed_demotion_at_the_source_of_a_migration_is_reported() {
    both(|host| {
        host.configure("deadline = 2\n");
        host.resource(Resource::simple(WEB, MINOR).with_two_primaries());
        host.xen.guest(5, "web");
        let disk = closed(host);
        host.peer_promotes(WEB, MINOR);
        host.xen.write("/local/domain/5/name", "web--migratedaway");
        host.world
            .hold_open(HERE, MINOR, Opener::writer("qemu", 77), None)
            .unwrap();
        let ran = disk.remove();
        assert!(matches!(ran.code, Some(1 | 4)), "{ran:?}");
        for word in ["web--migratedaway", "stays Primary"] {
            assert!(ran.stderr.contains(word), "no {word:?} in {}", ran.stderr);
        }
        host.assert_roles(Role::Primary, Role::Primary);
    });
}

/// Contract 20: a mount that this process does not see. It is looked for once DRBD has refused, or where 9
/// would take the device: what it has is not waited for.
#[test]
fn a_mount_in_a_container_keeps_it() {
    both(|host| {
        let disk = closed(host);
        let container = host.container("147:1", "/dev/drbd1");
        let opener = Opener::writer("mount", 78);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        let lines = logged(host, "remove", &disk);
        let words = [
            "<30>",
            "stays Primary, still used here",
            "/dev/drbd1 is mounted on /srv in the mount namespace of postgres (pid 77)",
        ];
        let told = |line: &String| words.iter().all(|word| line.contains(word));
        assert!(lines.iter().any(told), "{lines:#?}");
        let ran = disk.remove();
        ran.assert_silent_success();
        assert!(ran.took < Duration::from_secs(2), "{:?}", ran.took);
        assert_eq!(disk.get("hotplug-error"), None);
        assert_eq!(host.role(WEB), Role::Primary);
        assert!(host.is_noted(WEB), "`reap` finds it by the note");
        match host.generation {
            // Twice each: the first refusal is usual.
            Generation::V84 => host.assert_changes(&[&["primary"][..], &["secondary"; 4]].concat()),
            Generation::V9 => host.assert_changes(&["primary"]),
        }
        std::fs::remove_dir_all(container).unwrap();
        host.world.release(HERE, MINOR).unwrap();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// The same where the kernel's list of openers cannot be had (DRBD 9; 8.4 refuses by itself).
#[test]
fn a_mount_in_a_container_that_no_list_shows_keeps_it() {
    both(|host| {
        if host.generation == Generation::V84 {
            return;
        }
        let disk = closed(host);
        let container = host.container("147:1", "/dev/drbd1");
        disk.remove().assert_silent_success();
        host.assert_changes(&["primary"]);
        std::fs::remove_dir_all(container).unwrap();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// Contract 20: a mount of another device is nothing to this one, which is waited for.
#[test]
fn a_container_that_mounts_something_else_does_not_keep_it() {
    both(|host| {
        let disk = closed(host);
        host.container("147:2", "/dev/drbd2");
        let opener = Opener::writer("qemu-system-i38", 78);
        host.world
            .hold_open(HERE, MINOR, opener, Some(700))
            .unwrap();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// Contract 24: the same at the source of a migration is as loud as any demotion that fails there.
#[test]
fn a_mount_in_a_container_at_the_source_of_a_migration_is_reported() {
    both(|host| {
        host.resource(Resource::simple(WEB, MINOR).with_two_primaries());
        host.xen.guest(5, "web");
        let disk = closed(host);
        host.peer_promotes(WEB, MINOR);
        host.xen.write("/local/domain/5/name", "web--migratedaway");
        host.container("147:1", "/dev/drbd1");
        let opener = Opener::writer("mount", 77);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        let ran = disk.remove();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for word in [
            "BD-PRIMARY-TWICE",
            "/srv in the mount namespace of postgres",
        ] {
            assert!(ran.stderr.contains(word), "no {word:?} in {}", ran.stderr);
        }
        host.assert_roles(Role::Primary, Role::Primary);
    });
}
