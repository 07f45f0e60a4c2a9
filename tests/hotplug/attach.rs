//! `add` where nothing stands in the way, and what it does when called out of turn.

use std::fs;
use std::os::unix::fs::symlink;

use simulated_drbd::{Fault, Generation, Resource, Role};

use crate::host::{HERE, MINOR, Ran, WEB, XVDB, both, eventually, pause};

/// Contract 12, 13, 16, 17; at most four child programs, none but drbdsetup.
#[test]
fn a_healthy_resource_is_promoted_and_published() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.assert_attached(&disk.add(), MINOR);
        host.assert_roles(Role::Primary, Role::Secondary);
        assert!(host.is_noted(WEB));
        let tool = host.tool();
        let read = format!("{tool} events2 --now --statistics web-root");
        let promote = host.command("primary", WEB, MINOR);
        let mut expected = vec![read.clone(), promote];
        // What is healthy stands in /proc/drbd.
        if host.generation == Generation::V9 {
            expected.push(read);
        }
        assert_eq!(host.calls(), expected);
    });
}

/// Contract 19, 23: `remove` takes all of it back.
#[test]
fn remove_demotes_what_add_promoted() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add();
        disk.close();
        let ran = disk.remove();
        ran.assert_silent_success();
        disk.assert_changed_at_most(&ran, &[]);
        host.assert_changes(&["primary", "secondary"]);
        host.assert_left_alone();
    });
}

/// Contract 7.
#[test]
fn every_documented_form_of_the_specification_names_the_device() {
    both(|host| {
        host.resource(Resource::of_volumes("pair", &[10, 11]));
        let link = host.path("/dev/drbd/by-disk/vg/web");
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink("../../../drbd1", &link).unwrap();
        for (domid, (params, minor)) in (5..).zip([
            ("web-root", 1),
            ("drbd:web-root", 1),
            ("web-root/0", 1),
            ("/dev/drbd1", 1),
            ("/dev/drbd/by-res/web-root", 1),
            ("/dev/drbd/by-res/web-root/0", 1),
            ("drbd:/dev/drbd/by-disk/vg/web", 1),
            ("pair/1", 11),
            ("/dev/drbd/by-res/pair/0", 10),
            ("/dev/drbd11", 11),
        ]) {
            let disk = host.disk(domid, params);
            disk.assert_attached(&disk.add(), minor);
            disk.vanish();
            disk.host.world.clear_faults(HERE).unwrap();
            let again = host.disk(domid, params);
            again.remove().assert_silent_success();
            host.assert_left_alone();
            assert_eq!(host.role("pair"), Role::Secondary, "{params}");
        }
    });
}

/// Contract 2: relative and absolute paths are the same backend.
#[test]
fn xenbus_path_may_be_absolute() {
    both(|host| {
        let disk = host.disk(5, WEB);
        let mut command = disk.command("add");
        command.env("XENBUS_PATH", disk.node("").trim_end_matches('/'));
        disk.assert_attached(&host.run(command), MINOR);
    });
}

/// Contract 1: what follows in the form KEY=VALUE is passed over.
#[test]
fn further_key_value_arguments_are_ignored() {
    both(|host| {
        let disk = host.disk(5, WEB);
        let mut command = host.program(&["add", "a=b", "type_if=vbd"]);
        command.env("XENBUS_PATH", &disk.path);
        disk.assert_attached(&host.run(command), MINOR);
    });
}

/// Contract 29, 36: on 8.4 the role of each volume is its own.
#[test]
fn both_volumes_of_a_resource_go_to_one_guest() {
    both(|host| {
        host.resource(Resource::of_volumes("pair", &[10, 11]));
        let first = host.disk(5, "pair/0");
        let second = host.disk_as(5, XVDB, "pair/1", "w");
        first.assert_attached(&first.add(), 10);
        second.assert_attached(&second.add(), 11);
        let expected = match host.generation {
            Generation::V84 => vec![
                "/lib/drbd/drbdsetup-84 primary 10",
                "/lib/drbd/drbdsetup-84 primary 11",
            ],
            Generation::V9 => vec!["/usr/sbin/drbdsetup primary pair"],
        };
        assert_eq!(host.changes(), expected);
    });
}

/// Contract 29: a promotion that stops half way is rolled back.
#[test]
fn a_resource_whose_second_volume_cannot_be_promoted_stays_secondary() {
    both(|host| {
        host.resource(Resource::of_volumes("pair", &[10, 11]));
        let refusal = Fault::Fail {
            code: 11,
            stderr:
                "11: State change failed: (-7) Refusing to be Primary while peer is not outdated\n"
                    .into(),
        };
        let call = host.command("primary", "pair", 11);
        let words = call.split_once(' ').unwrap().1;
        host.world.fault(HERE, words, refusal, None).unwrap();
        let disk = host.disk(5, "pair/0");
        disk.assert_refused(
            &disk.add(),
            1,
            "error",
            &["pair", "(-7)", "Refusing to be Primary"],
        );
        let resource = host.world.resource("pair").unwrap();
        assert!(
            resource.sides[0]
                .devices
                .iter()
                .all(|d| d.role == Role::Secondary)
        );
        assert!(!host.is_noted("pair"));
    });
}

/// Contract 8: pygrub and blktap's words.
#[test]
fn a_backend_of_another_kind_is_refused() {
    both(|host| {
        for (kind, params) in [
            ("vbd3", WEB),
            ("phy", "aio:web-root"),
            ("phy", "vhd:web-root"),
        ] {
            let disk = host.disk(5, params);
            disk.set("type", kind);
            disk.assert_refused(&disk.add(), 3, "error", &["type", "raw disk"]);
        }
        host.assert_untouched();
    });
}

/// Contract 9, design "pygrub": attached to this host itself, and demoted again.
#[test]
fn pygrub_looks_into_the_disk_from_this_host() {
    both(|host| {
        host.xen.write("/local/domain/0/name", "Domain-0");
        let disk = host.disk(0, WEB);
        disk.assert_attached(&disk.add(), MINOR);
        host.assert_roles(Role::Primary, Role::Secondary);
        disk.close();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// Contract 10.
#[test]
fn a_second_add_finds_everything_done() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add();
        disk.set("state", "4");
        let again = disk.add();
        again.assert_silent_success();
        disk.assert_changed_at_most(&again, &[]);
        disk.assert_published(MINOR);
        host.assert_changes(&["primary"]);
    });
}

/// Contract 10.
#[test]
fn a_second_add_after_the_role_was_lost_says_so() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.set("physical-device", "93:1");
        let ran = disk.add();
        assert_eq!(ran.code, Some(1));
        let error = disk.get("hotplug-error").unwrap();
        assert!(
            error.contains("web-root") && error.contains("Secondary"),
            "{error}"
        );
        host.assert_untouched();
    });
}

/// Contract 10.
#[test]
fn a_backend_that_has_another_device_is_refused() {
    both(|host| {
        for published in ["93:2", "7:0", "nonsense"] {
            let disk = host.disk(5, WEB);
            disk.set("physical-device", published);
            let ran = disk.add();
            assert_eq!(ran.code, Some(1));
            let error = disk.get("hotplug-error").unwrap();
            for word in [published, "93:1", "web-root", "detach"] {
                assert!(error.contains(word), "no {word} in {error}");
            }
            assert_eq!(disk.get("physical-device").as_deref(), Some(published));
            disk.vanish();
        }
        host.assert_untouched();
    });
}

/// Contract 11.
#[test]
fn a_backend_that_the_toolstack_has_given_up_is_not_served() {
    both(|host| {
        for (node, value) in [
            ("state", "1"),
            ("state", "5"),
            ("state", "6"),
            ("state", "x"),
            ("online", "0"),
        ] {
            let disk = host.disk(5, WEB);
            disk.set(node, value);
            disk.assert_refused(&disk.add(), 1, "error", &["state", "attach it again"]);
            disk.vanish();
        }
        host.assert_untouched();
    });
}

/// Contract 11, 15: nothing is created that nobody would delete again.
#[test]
fn a_backend_that_is_gone_already_is_not_made_anew() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.vanish();
        let ran = disk.add();
        assert_eq!(ran.code, Some(1));
        assert!(ran.changed.is_empty(), "{:?}", ran.changed);
        assert!(ran.stderr.contains("removed"), "said nowhere: {ran:?}");
        host.assert_untouched();
    });
}

/// Contract 13, 15: the promotion is undone, and nothing is created that nobody would delete again.
#[test]
fn a_backend_that_vanishes_during_the_promotion_is_not_made_anew() {
    both(|host| {
        host.world
            .fault(HERE, "primary", Fault::Delay(400), None)
            .unwrap();
        let disk = host.disk(5, WEB);
        let child = disk.start("add");
        eventually("promoting", || host.changes().len() == 1);
        disk.vanish();
        let ran = Ran::wait(child);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("removed"), "said nowhere: {ran:?}");
        assert!(!disk.exists() && disk.get("hotplug-error").is_none());
        host.assert_changes(&["primary", "secondary"]);
        host.assert_left_alone();
    });
}

/// Contract 13: `state` is read again in the transaction that publishes.
#[test]
fn a_backend_that_is_given_up_during_the_promotion_is_not_published() {
    both(|host| {
        host.world
            .fault(HERE, "primary", Fault::Delay(400), None)
            .unwrap();
        let disk = host.disk(5, WEB);
        let child = disk.start("add");
        eventually("promoting", || host.changes().len() == 1);
        disk.set("online", "0");
        pause(10);
        let ran = Ran::wait(child);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert_eq!(disk.get("physical-device"), None);
        host.assert_changes(&["primary", "secondary"]);
        host.assert_left_alone();
    });
}

/// Contract 13: what an earlier attempt left is cleared.
#[test]
fn the_error_of_an_earlier_attempt_is_gone_after_success() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.set("hotplug-error", "an old story");
        disk.set("hotplug-status", "busy");
        disk.assert_attached(&disk.add(), MINOR);
    });
}

/// Contract 27: whoever left it Primary, nobody here uses it.
#[test]
fn a_resource_that_is_primary_already_and_unused_is_taken() {
    both(|host| {
        host.promote(WEB, MINOR);
        let disk = host.disk(5, WEB);
        disk.assert_attached(&disk.add(), MINOR);
        host.assert_roles(Role::Primary, Role::Secondary);
        disk.close();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// Contract 12: a device node that is missing or another device's is found before it is published.
#[test]
fn a_missing_device_node_is_refused_and_the_promotion_undone() {
    both(|host| {
        let node = host.path("/dev/drbd1");
        fs::remove_file(&node).unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 1, "error", &["/dev/drbd1"]);
        host.assert_left_alone();
        fs::write(&node, "a plain file").unwrap();
        disk.assert_refused(
            &disk.add(),
            1,
            "error",
            &["/dev/drbd1", "not a DRBD device"],
        );
        host.assert_left_alone();
    });
}

/// Contract 15: only a promotion that was made here is undone.
#[test]
fn a_resource_that_was_primary_before_a_failed_add_stays_so() {
    both(|host| {
        host.promote(WEB, MINOR);
        fs::remove_file(host.path("/dev/drbd1")).unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 1, "error", &["/dev/drbd1"]);
        host.assert_roles(Role::Primary, Role::Secondary);
        assert!(!host.is_noted(WEB));
    });
}
