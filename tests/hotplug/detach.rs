//! `remove`: whatever it finds, nothing stays Primary that nobody here uses.

use std::fs;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use simulated_drbd::host::Module;
use simulated_drbd::{Fault, Resource, Role};

use crate::disk::Disk;
use crate::host::{HERE, Host, MINOR, Ran, WEB, XVDA2, XVDB, both};
use crate::logs::logged;

/// A disk that was attached and is closed by now.
pub fn closed(host: &Host) -> Disk<'_> {
    let disk = host.disk(5, WEB);
    disk.add().assert_silent_success();
    disk.close();
    disk
}

/// Contract 19: in any state, whatever is missing.
#[test]
fn missing_nodes_do_not_stop_a_removal() {
    both(|host| {
        for gone in [
            &["state"][..],
            &["physical-device", "physical-device-path"],
            &[
                "hotplug-status",
                "frontend",
                "frontend-id",
                "mode",
                "dev",
                "type",
                "online",
            ],
            &["params"],
            &["state", "physical-device", "hotplug-status"],
        ] {
            let disk = closed(host);
            for node in gone {
                host.xen.rm(&disk.node(node));
            }
            let ran = disk.remove();
            ran.assert_silent_success();
            disk.assert_changed_at_most(&ran, &[]);
            host.assert_left_alone();
            disk.vanish();
        }
    });
}

/// Contract 19.
#[test]
fn the_state_of_the_backend_does_not_matter() {
    both(|host| {
        for (state, status) in [
            ("1", "connected"),
            ("2", "error"),
            ("4", "busy"),
            ("5", ""),
            ("nonsense", "x"),
        ] {
            let disk = closed(host);
            disk.set("state", state);
            disk.set("hotplug-status", status);
            disk.remove().assert_silent_success();
            host.assert_left_alone();
            disk.vanish();
        }
    });
}

/// Contract 19, 23.
#[test]
fn a_backend_that_is_gone_is_nothing_to_remove() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.vanish();
        let ran = disk.remove();
        ran.assert_silent_success();
        assert!(ran.changed.is_empty(), "{:?}", ran.changed);
        host.assert_untouched();
    });
}

/// Contract 19: after an `add` that never ran; contract 21: down or unknown is success.
#[test]
fn what_is_not_primary_here_is_removed_already() {
    both(|host| {
        host.resource(Resource::simple("cold", 7).down());
        for params in [
            WEB,
            "cold",
            "nosuch",
            "/dev/drbd99",
            "../x",
            "",
            "--force",
            "all",
        ] {
            let disk = host.disk(5, params);
            let ran = disk.remove();
            ran.assert_silent_success();
            assert!(ran.changed.is_empty(), "{:?}", ran.changed);
        }
        host.world.set_module(HERE, Module::Unloaded).unwrap();
        host.disk(5, WEB).remove().assert_silent_success();
        assert_eq!(host.changes(), [""; 0]);
        assert!(!host.path("/proc/drbd").exists());
    });
}

/// Contract 19, 23.
#[test]
fn a_second_removal_finds_nothing_to_do() {
    both(|host| {
        let disk = closed(host);
        disk.remove().assert_silent_success();
        disk.remove().assert_silent_success();
        host.assert_changes(&["primary", "secondary"]);
    });
}

/// Contract 19.
#[test]
fn four_removals_at_once_are_one() {
    both(|host| {
        let disk = closed(host);
        host.world
            .fault(HERE, "secondary", Fault::Delay(200), None)
            .unwrap();
        let children: Vec<_> = (0..4).map(|_| disk.start("remove")).collect();
        for child in children {
            Ran::wait(child).assert_silent_success();
        }
        host.assert_changes(&["primary", "secondary"]);
        host.assert_left_alone();
    });
}

/// Contract 30: every other refusal is tried again only where that may help.
#[test]
fn a_final_refusal_is_reported_at_once() {
    both(|host| {
        let disk = closed(host);
        let refusal = Fault::Fail {
            code: 20,
            stderr: "1: State change failed: (-99) A new reason\n".into(),
        };
        host.world.fault(HERE, "secondary", refusal, None).unwrap();
        let ran = disk.remove();
        assert_eq!(ran.code, Some(1));
        assert!(ran.took < Duration::from_secs(2), "{:?}", ran.took);
        host.assert_changes(&["primary", "secondary"]);
        assert!(ran.stderr.contains("(-99) A new reason"), "{}", ran.stderr);
    });
}

/// Design: success is judged by the role, not by the exit code.
#[test]
fn a_demotion_that_says_it_failed_but_happened_is_success() {
    both(|host| {
        let disk = closed(host);
        let failure = "1: State change failed: (-99) A new reason";
        host.wrap_tool(&format!(
            "tool \"$@\"\ncode=$?\n\
             [ \"$1\" = secondary ] && {{ echo '{failure}' >&2; exit 11; }}\n\
             exit $code"
        ));
        disk.remove().assert_silent_success();
        host.assert_changes(&["primary", "secondary"]);
        host.assert_left_alone();
    });
}

/// Contract 20, 24: exit 0 and nothing demoted.
#[test]
fn a_resource_that_another_backend_uses_stays_primary() {
    both(|host| {
        let old = host.disk_as(5, XVDA2, WEB, "r");
        old.add().assert_silent_success();
        let other = host.disk_as(6, XVDA2, WEB, "r");
        other.add().assert_silent_success();
        other.set("state", "4");
        old.close();
        old.remove().assert_silent_success();
        host.assert_roles(Role::Primary, Role::Secondary);
        host.assert_changes(&["primary"]);
        assert!(host.is_noted(WEB));
    });
}

/// Contract 20.
#[test]
fn a_resource_that_this_host_uses_itself_stays_primary() {
    both(|host| {
        let disk = closed(host);
        host.file(
            "/proc/self/mountinfo",
            "36 1 147:1 / /mnt rw - ext4 /dev/drbd1 rw\n",
        );
        disk.remove().assert_silent_success();
        host.assert_roles(Role::Primary, Role::Secondary);
        fs::write(host.path("/proc/self/mountinfo"), "").unwrap();
        host.file("/sys/block/drbd1/holders/dm-3/x", "");
        disk.remove().assert_silent_success();
        host.assert_changes(&["primary"]);
    });
}

/// Contract 20: a failed `add` of another guest is followed by its `remove`.
#[test]
fn the_removal_after_a_failed_add_leaves_the_owner_alone() {
    both(|host| {
        let owner = host.disk(5, WEB);
        owner.add().assert_silent_success();
        owner.set("state", "4");
        let other = host.disk(6, WEB);
        assert_eq!(other.add().code, Some(3));
        other.close();
        other.remove().assert_silent_success();
        owner.assert_published(MINOR);
        host.assert_roles(Role::Primary, Role::Secondary);
        host.assert_changes(&["primary"]);
    });
}

/// Contract 20: the last of a resource's volumes demotes it.
#[test]
fn two_volumes_of_one_guest_are_removed_at_once() {
    both(|host| {
        host.resource(Resource::of_volumes("pair", &[10, 11]));
        let disks = [host.disk(5, "pair/0"), host.disk_as(5, XVDB, "pair/1", "w")];
        for disk in &disks {
            disk.add().assert_silent_success();
            disk.set("state", "4");
        }
        disks[0].close();
        disks[0].remove().assert_silent_success();
        assert_eq!(
            host.role("pair"),
            Role::Primary,
            "the other volume is in use"
        );
        disks[1].close();
        let children: Vec<_> = disks.iter().map(|disk| disk.start("remove")).collect();
        for child in children {
            Ran::wait(child).assert_silent_success();
        }
        assert_eq!(host.role("pair"), Role::Secondary);
        assert!(!host.is_noted("pair"));
    });
}

/// Contract 20: `xl destroy` was killed, the folder stands, and the kernel has let go long ago.
#[test]
fn what_a_toolstack_left_of_a_domain_that_is_gone_does_not_keep_it_primary() {
    both(|host| {
        let gone = host.disk(4, WEB);
        gone.assert_attached(&gone.add(), MINOR);
        gone.set("state", "4");
        host.xen.rm("/local/domain/4");
        let disk = host.disk(5, WEB);
        disk.assert_attached(&disk.add(), MINOR);
        disk.close();
        // Of this one the kernel still has it, so its last writes may be under way.
        let served = "/sys/bus/xen-backend/devices/vbd-4-51714/physical_device";
        host.file(served, "93:1\n");
        disk.remove().assert_silent_success();
        assert_eq!(host.role(WEB), Role::Primary);
        fs::remove_dir_all(host.path("/sys/bus/xen-backend/devices/vbd-4-51714")).unwrap();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// Contract 33: a demotion that hangs, and that the kernel does not let die either.
#[test]
fn a_demotion_that_hangs_does_not_outlast_the_deadline() {
    both(|host| {
        host.configure("deadline = 2\n");
        let disk = closed(host);
        host.world
            .fault(HERE, "secondary", Fault::Stuck(6000), None)
            .unwrap();
        let ran = disk.remove();
        assert_eq!(ran.code, Some(4), "{ran:?}");
        assert!(ran.took < Duration::from_millis(2800), "{:?}", ran.took);
        assert!(
            ran.stderr.contains("`drbdadm secondary web-root`"),
            "{}",
            ran.stderr
        );
        host.world.clear_faults(HERE).unwrap();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// A tool that cannot reach the kernel.
fn unreachable(code: i32) -> Fault {
    let stderr = "Could not connect to 'drbd' generic netlink family\n".into();
    Fault::Fail { code, stderr }
}

/// Contract 21, 30: nobody calls `remove` a second time, so a look that failed is repeated.
#[test]
fn a_look_that_fails_for_a_while_is_repeated() {
    both(|host| {
        for code in [20, 129] {
            let disk = closed(host);
            let fault = unreachable(code);
            host.world.fault(HERE, "events2", fault, Some(3)).unwrap();
            disk.remove().assert_silent_success();
            host.assert_left_alone();
            disk.vanish();
        }
        host.assert_changes(&["primary", "secondary", "primary", "secondary"]);
    });
}

/// The same of a demotion, where the tool failed and DRBD did not refuse.
#[test]
fn a_tool_that_fails_for_a_while_is_run_again() {
    both(|host| {
        let disk = closed(host);
        host.world
            .fault(HERE, "secondary", unreachable(20), Some(3))
            .unwrap();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// Contract 22, 28: what is known without DRBD's answer is said, and in the fields of the log.
#[test]
fn a_look_that_fails_for_ever_is_reported() {
    both(|host| {
        host.configure("deadline = 2\n");
        let disk = closed(host);
        host.world
            .fault(HERE, "events2", unreachable(20), None)
            .unwrap();
        let ran = disk.remove();
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let waited = Duration::from_secs(1)..Duration::from_millis(2800);
        assert!(waited.contains(&ran.took), "{:?}", ran.took);
        let words = [
            "guest guest-5 (domain 5), xvda2: DRBD cannot be asked",
            "generic netlink family",
            "web-root may still be Primary here",
            "`drbdadm secondary web-root`",
        ];
        let error = disk.get("hotplug-error").unwrap();
        for text in [&error, &ran.stderr] {
            for word in words {
                assert!(text.contains(word), "no {word:?} in {text}");
            }
        }
        assert_eq!(host.role(WEB), Role::Primary);
        assert!(host.is_noted(WEB), "`reap` finds it by the note");
        let lines = logged(host, "remove", &disk);
        let about = ["<27>", "DRBD_RESOURCE=web-root", "XEN_DOMAIN=guest-5"];
        let told = |line: &String| about.iter().all(|word| line.contains(word));
        assert!(lines.iter().any(told), "{lines:#?}");
        disk.set("params", "/dev/drbd1");
        let ran = disk.remove();
        let words = "/dev/drbd1 may still be Primary here";
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    });
}

/// Contract 22, 28: the same where another run keeps the lock to the end.
#[test]
fn a_lock_that_is_not_had_is_reported() {
    both(|host| {
        host.configure("deadline = 2\n");
        let disk = closed(host);
        let file = fs::File::open(host.path("/run/block-drbd/lock/web-root")).unwrap();
        let _held = Flock::lock(file, FlockArg::LockExclusive).unwrap();
        let lines = logged(host, "remove", &disk);
        let about = [
            "<27>",
            "another run for web-root",
            "guest guest-5 (domain 5), xvda2",
            "`drbdadm secondary web-root`",
            "DRBD_RESOURCE=web-root",
            "XEN_DOMAIN=guest-5",
        ];
        let told = |line: &String| about.iter().all(|word| line.contains(word));
        assert!(lines.iter().any(told), "{lines:#?}");
        assert_eq!(disk.remove().code, Some(4));
    });
}
