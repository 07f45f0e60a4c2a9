//! Several runs at once, and the locks between them.

use std::fs::{self, File};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use simulated_drbd::{Fault, Generation, Resource, Role};

use crate::host::{HERE, Host, MINOR, Ran, WEB, XVDB, both, eventually};
use crate::xen::Kind;

/// The bug of the old script: `add` found the resource Primary, and `remove` demoted it after.
#[test]
fn an_add_during_a_removal_ends_attached() {
    both(|host| {
        let old = host.disk(5, WEB);
        old.add().assert_silent_success();
        old.close();
        host.world
            .fault(HERE, "secondary", Fault::Delay(500), None)
            .unwrap();
        let removal = old.start("remove");
        eventually("demoting", || host.changes().len() == 2);
        let new = host.disk(6, WEB);
        let adding = new.start("add");
        Ran::wait(removal).assert_silent_success();
        // libxl deletes the folder then.
        old.vanish();
        Ran::wait(adding).assert_silent_success();
        new.assert_published(MINOR);
        host.assert_roles(Role::Primary, Role::Secondary);
        host.assert_changes(&["primary", "secondary", "primary"]);
    });
}

/// The other way round: `remove` comes while `add` promotes, and its folder is there still.
#[test]
fn a_removal_during_an_add_leaves_it_attached() {
    both(|host| {
        let old = host.disk(5, WEB);
        old.close();
        host.world
            .fault(HERE, "primary", Fault::Delay(400), None)
            .unwrap();
        let new = host.disk(6, WEB);
        let adding = new.start("add");
        eventually("promoting", || host.changes().len() == 1);
        old.remove().assert_silent_success();
        Ran::wait(adding).assert_silent_success();
        new.assert_published(MINOR);
        host.assert_changes(&["primary"]);
        host.assert_roles(Role::Primary, Role::Secondary);
    });
}

/// Contract 14: one is attached, the other refused, however each names the device.
#[test]
fn two_guests_at_once_get_the_disk_once() {
    both(|host| {
        for _ in 0..6 {
            let disks = [host.disk(5, WEB), host.disk(6, "/dev/drbd1")];
            let children = disks.each_ref().map(|disk| disk.start("add"));
            let codes = children.map(|child| Ran::wait(child).code);
            assert!(
                codes == [Some(0), Some(3)] || codes == [Some(3), Some(0)],
                "{codes:?}"
            );
            let winner = usize::from(codes[1] == Some(0));
            disks[winner].assert_published(MINOR);
            let loser = &disks[1 - winner];
            assert_eq!(loser.get("physical-device"), None);
            assert_eq!(loser.get("hotplug-status").as_deref(), Some("busy"));
            assert_eq!(host.role(WEB), Role::Primary);
            for disk in &disks {
                disk.close();
            }
            for disk in &disks {
                disk.remove().assert_silent_success();
                disk.vanish();
            }
            host.assert_left_alone();
        }
    });
}

fn attach_eight(host: &Host) {
    let disks: Vec<_> = (0..8)
        .map(|number| {
            let name = format!("disk-{number}");
            host.resource(Resource::simple(&name, 20 + number));
            (host.disk_as(5, XVDB + number * 16, &name, "w"), 20 + number)
        })
        .collect();
    for action in ["add", "remove"] {
        let children: Vec<_> = disks.iter().map(|(disk, _)| disk.start(action)).collect();
        for (child, (disk, minor)) in children.into_iter().zip(&disks) {
            Ran::wait(child).assert_silent_success();
            disk.assert_published(*minor);
            disk.close();
        }
    }
    for (_, minor) in &disks {
        let name = format!("disk-{}", minor - 20);
        assert_eq!(host.role(&name), Role::Secondary);
        assert!(!host.is_noted(&name));
    }
    assert!(!host.path("/var/run/xen-hotplug/block").exists());
}

/// Issue: eight disks in one guest at once.
#[test]
fn eight_disks_at_once_are_all_attached_and_all_removed() {
    both(attach_eight);
}

/// Contract 6: oxenstored, which fails commits with EAGAIN.
#[test]
fn a_store_that_fails_commits_is_asked_again() {
    attach_eight(&Host::with_store(Generation::V9, Kind::OcamlEagain));
}

/// Xen's lock, as another block script holds it.
fn hold_block_lock(host: &Host) -> Flock<File> {
    host.file("/var/run/xen-hotplug/block", "");
    let file = File::open(host.path("/var/run/xen-hotplug/block")).unwrap();
    Flock::lock(file, FlockArg::LockExclusive).unwrap()
}

/// Contract 14: waited for.
#[test]
fn a_block_script_that_holds_xens_lock_is_waited_for() {
    both(|host| {
        let lock = hold_block_lock(host);
        let disk = host.disk(5, WEB);
        let child = disk.start("add");
        eventually("promoted", || host.role(WEB) == Role::Primary);
        crate::host::pause(200);
        assert_eq!(disk.get("physical-device"), None);
        // As locking.sh does: the file goes before the lock.
        fs::remove_file(host.path("/var/run/xen-hotplug/block")).unwrap();
        drop(lock);
        Ran::wait(child).assert_silent_success();
        disk.assert_published(MINOR);
        assert!(!host.path("/var/run/xen-hotplug/block").exists());
    });
}

/// Contract 5, 15: but not for ever; and the promotion is undone.
#[test]
fn a_block_script_that_keeps_xens_lock_fails_the_add() {
    both(|host| {
        host.configure("deadline = 2\n");
        let lock = hold_block_lock(host);
        let disk = host.disk(5, WEB);
        let ran = disk.add();
        disk.assert_refused(
            &ran,
            4,
            "error",
            &["web-root", "another block script", "in time"],
        );
        assert!(ran.took < Duration::from_millis(2500), "{:?}", ran.took);
        host.assert_changes(&["primary", "secondary"]);
        assert_eq!(host.role(WEB), Role::Secondary);
        assert!(!host.is_noted(WEB));
        drop(lock);
    });
}

/// Contract 15, 20: time is up, and still whoever came meanwhile is looked for.
#[test]
fn a_roll_back_at_the_deadline_spares_a_user_that_has_appeared() {
    both(|host| {
        host.configure("deadline = 4\n");
        let lock = hold_block_lock(host);
        let disk = host.disk(5, WEB);
        let adding = disk.start("add");
        eventually("promoted", || host.role(WEB) == Role::Primary);
        let other = host.disk(6, "/dev/drbd1");
        other.set("physical-device", "93:1");
        assert_eq!(Ran::wait(adding).code, Some(4));
        host.assert_changes(&["primary"]);
        assert!(host.is_noted(WEB), "the note goes with the demotion");
        drop(lock);
    });
}

/// Contract 25: no tool of DRBD runs under Xen's lock, so `remove` has no need of it.
#[test]
fn a_removal_does_not_wait_for_xens_lock() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        disk.close();
        let _lock = hold_block_lock(host);
        let ran = disk.remove();
        ran.assert_silent_success();
        assert!(ran.took < Duration::from_secs(1), "{:?}", ran.took);
        assert_eq!(host.role(WEB), Role::Secondary);
    });
}

/// Contract 25, from within the tool.
#[test]
fn no_tool_runs_under_xens_lock() {
    both(|host| {
        let lock = host.path("/var/run/xen-hotplug/block");
        let seen = host.path("/seen");
        let (file, list) = (lock.display(), seen.display());
        host.wrap_tool(&format!(
            "[ -e {file} ] && echo \"$*\" >>{list}\ntool \"$@\""
        ));
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        disk.close();
        disk.remove().assert_silent_success();
        assert!(!seen.exists(), "{:?}", fs::read_to_string(seen));
    });
}

/// Contract 14: another guest published the device between the decision and the publication.
#[test]
fn a_device_that_is_published_meanwhile_is_not_published_twice() {
    both(|host| {
        host.world
            .fault(HERE, "primary", Fault::Delay(400), None)
            .unwrap();
        let disk = host.disk(5, WEB);
        let adding = disk.start("add");
        eventually("promoting", || host.changes().len() == 1);
        let other = host.disk(6, "/dev/drbd1");
        other.set("physical-device", "93:1");
        let ran = Ran::wait(adding);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert_eq!(disk.get("physical-device"), None);
        assert_eq!(disk.get("hotplug-status").as_deref(), Some("busy"));
        assert!(disk.get("hotplug-error").unwrap().contains("guest-6"));
        // Contract 15: not undone, since the other one uses it by now.
        host.assert_changes(&["primary"]);
    });
}
