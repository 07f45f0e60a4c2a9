//! Runs that are killed or asked to stop.

use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use simulated_drbd::{Fault, Opener, Role};

use crate::host::{HERE, Host, MINOR, Ran, WEB, both, eventually, pause};

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

/// Kills it, whether it runs still or not.
fn stop(host: &Host, child: &mut Child) {
    let _ = child.kill();
    child.wait().unwrap();
    // A simulated tool may have died between its state and /proc/drbd; the kernel does not.
    host.world.refresh().unwrap();
}

/// Contract 19, 26: whatever moment it was.
#[test]
fn what_a_killed_add_leaves_is_repaired_by_remove() {
    both(|host| {
        for moment in 0..24 {
            let disk = host.disk(5, WEB);
            let mut child = disk.start("add");
            pause(moment * 2);
            stop(host, &mut child);
            disk.close();
            disk.remove().assert_silent_success();
            assert_eq!(host.role(WEB), Role::Secondary, "killed after {moment}");
            assert!(!host.is_noted(WEB), "killed after {moment}");
            disk.vanish();
        }
    });
}

/// Contract 10, 26.
#[test]
fn what_a_killed_add_leaves_is_repaired_by_add() {
    both(|host| {
        for moment in 0..24 {
            let disk = host.disk(5, WEB);
            let mut child = disk.start("add");
            pause(moment * 2);
            stop(host, &mut child);
            let again = disk.add();
            assert_eq!(again.code, Some(0), "killed after {moment}: {again:?}");
            disk.assert_published(MINOR);
            assert_eq!(host.role(WEB), Role::Primary);
            disk.close();
            disk.remove().assert_silent_success();
            // Not the file of Xen's lock: whoever takes the lock next removes it.
            assert_eq!(host.role(WEB), Role::Secondary, "killed after {moment}");
            assert!(!host.is_noted(WEB), "killed after {moment}");
            disk.vanish();
        }
    });
}

/// Contract 26.
#[test]
fn what_a_killed_remove_leaves_is_repaired_by_remove() {
    both(|host| {
        for moment in 0..16 {
            let disk = host.disk(5, WEB);
            disk.add().assert_silent_success();
            disk.close();
            let mut child = disk.start("remove");
            pause(moment * 2);
            stop(host, &mut child);
            disk.remove().assert_silent_success();
            host.assert_left_alone();
            disk.vanish();
        }
    });
}

/// Contract 15, 26: `xl` was interrupted.
#[test]
fn a_signal_during_add_rolls_back() {
    both(|host| {
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
            let calls = host.changes().len();
            host.world
                .fault(HERE, "primary", Fault::Delay(5000), Some(1))
                .unwrap();
            let disk = host.disk(5, WEB);
            let child = disk.start("add");
            eventually("promoting", || host.changes().len() > calls);
            send(&child, signal);
            let ran = Ran::wait(child);
            assert_eq!(ran.code, Some(1), "{signal}: {ran:?}");
            let error = disk.get("hotplug-error").unwrap();
            assert!(error.contains("signal"), "{error}");
            assert_eq!(disk.get("physical-device"), None);
            assert!(host.is_noted(WEB), "nobody saw the promotion's end");
            disk.remove().assert_silent_success();
            host.assert_left_alone();
            disk.vanish();
        }
    });
}

/// Contract 15: while it waits for the peer.
#[test]
fn a_signal_ends_the_waiting_of_add() {
    both(|host| {
        host.configure("patience = 20\n");
        host.peer_promotes(WEB, MINOR);
        let disk = host.disk(5, WEB);
        let child = disk.start("add");
        eventually("looked", || !host.calls().is_empty());
        send(&child, Signal::SIGTERM);
        let ran = Ran::wait(child);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(disk.get("hotplug-error").unwrap().contains("signal"));
        host.assert_untouched();
    });
}

/// Contract 19: nobody calls `remove` a second time.
#[test]
fn a_signal_does_not_stop_remove() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        disk.close();
        let opener = Opener::writer("qemu", 77);
        host.world
            .hold_open(HERE, MINOR, opener, Some(700))
            .unwrap();
        let child = disk.start("remove");
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
            pause(100);
            send(&child, signal);
        }
        Ran::wait(child).assert_silent_success();
        host.assert_left_alone();
    });
}

/// Contract 4, 26: a second signal does not stop the roll-back.
#[test]
fn a_roll_back_is_not_interrupted() {
    both(|host| {
        host.world
            .fault(HERE, "primary", Fault::ApplyLate(0), None)
            .unwrap();
        host.world
            .fault(HERE, "secondary", Fault::Delay(500), None)
            .unwrap();
        std::fs::remove_file(host.path("/dev/drbd1")).unwrap();
        let disk = host.disk(5, WEB);
        let child = disk.start("add");
        eventually("rolling back", || host.changes().len() == 2);
        send(&child, Signal::SIGTERM);
        pause(50);
        send(&child, Signal::SIGTERM);
        let ran = Ran::wait(child);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        host.assert_left_alone();
    });
}

/// Contract 26: a killed promotion that the kernel may still complete stays ours.
#[test]
fn remove_keeps_the_note_of_a_promotion_that_still_runs() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.close();
        host.file("/run/block-drbd/promoted/web-root", "");
        host.file("/proc/77/cmdline", "drbdsetup\0primary\0web-root\0");
        disk.remove().assert_silent_success();
        assert!(host.is_noted(WEB));
        // It comes to its end.
        std::fs::remove_dir_all(host.path("/proc/77")).unwrap();
        host.promote(WEB, MINOR);
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}
