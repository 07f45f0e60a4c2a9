//! DRBD's tools fail, lie, hang and come too late.

use std::fs;
use std::process::Command;
use std::time::Duration;

use simulated_drbd::{Fault, Generation, Opener, Role};

use crate::host::{HERE, MINOR, WEB, both, eventually, pause};

fn refusal(number: i32) -> Fault {
    let stderr = format!(
        "1: State change failed: ({number}) Words of the kernel\nadditional info from kernel:\nmore of them\n"
    );
    Fault::Fail { code: 11, stderr }
}

/// Contract 30: tried again only where that may help, and never beyond the patience for it.
#[test]
fn a_refused_promotion_is_reported_with_drbds_own_reason() {
    both(|host| {
        let transient = [-1, -2, -10, -18, -19, -22, -25];
        for number in (-25..0).chain([-99]) {
            host.configure("patience = 0\n");
            host.world
                .fault(HERE, "primary", refusal(number), None)
                .unwrap();
            let disk = host.disk(5, WEB);
            let ran = disk.add();
            let reason = format!("({number}) Words of the kernel; more of them");
            disk.assert_refused(&ran, 1, "error", &["web-root", &reason]);
            host.assert_left_alone();
            host.world.clear_faults(HERE).unwrap();
            disk.vanish();
        }
        // Once more is enough for these, if it helps at all.
        host.configure("patience = 3\n");
        for number in transient.into_iter().chain([-21, -23]) {
            host.world
                .fault(HERE, "primary", refusal(number), Some(1))
                .unwrap();
            let disk = host.disk(5, WEB);
            disk.assert_attached(&disk.add(), MINOR);
            disk.close();
            disk.remove().assert_silent_success();
            disk.vanish();
            host.assert_left_alone();
        }
    });
}

/// Contract 30: whatever stands on stderr, it is one printable line in the end.
#[test]
fn strange_words_of_the_tools_are_made_fit_for_xenstore() {
    both(|host| {
        for stderr in [
            "",
            "\u{1b}[31mred\u{7}\n\n\n",
            &"x".repeat(5000),
            "1: Failure: (127) Device minor not allocated\n",
            "ä\nö\n",
        ] {
            let fault = Fault::Fail {
                code: 10,
                stderr: stderr.into(),
            };
            host.world.fault(HERE, "primary", fault, None).unwrap();
            let disk = host.disk(5, WEB);
            disk.assert_refused(&disk.add(), 1, "error", &["web-root"]);
            host.assert_left_alone();
            host.world.clear_faults(HERE).unwrap();
            disk.vanish();
        }
    });
}

/// Contract 21: only what is down or Secondary needs no demotion.
#[test]
fn a_state_that_cannot_be_read_is_not_taken_for_a_module_that_is_not_loaded() {
    both(|host| {
        host.configure("deadline = 2\n");
        let disk = host.disk(5, WEB);
        disk.assert_attached(&disk.add(), MINOR);
        disk.close();
        let file = host.path("/proc/drbd");
        let aside = host.path("/proc/aside");
        fs::rename(&file, &aside).unwrap();
        fs::create_dir(&file).unwrap();
        let ran = disk.remove();
        assert!(ran.code != Some(0), "{ran:?}");
        assert!(ran.stderr.contains("/proc/drbd cannot be read"), "{ran:?}");
        fs::remove_dir(&file).unwrap();
        fs::rename(&aside, &file).unwrap();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// Contract 5, 15: the own deadline is kept, and nothing is promoted later.
#[test]
fn a_promotion_that_hangs_is_given_up_in_time() {
    both(|host| {
        host.configure("deadline = 2\n");
        host.world
            .fault(HERE, "primary", Fault::Delay(2200), None)
            .unwrap();
        let disk = host.disk(5, WEB);
        let ran = disk.add();
        disk.assert_refused(&ran, 4, "error", &["web-root", "in time"]);
        assert!(ran.took < Duration::from_millis(2500), "{:?}", ran.took);
        host.assert_changes(&["primary"]);
        pause(1000);
        host.assert_roles(Role::Secondary, Role::Secondary);
        assert!(host.is_noted(WEB), "nobody saw its end");
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// Contract 26, 27: a promotion that the kernel completes after all is found by whoever comes next.
#[test]
fn a_promotion_that_comes_too_late_is_repaired_by_remove() {
    both(|host| {
        host.configure("deadline = 2\n");
        host.world
            .fault(HERE, "primary", Fault::ApplyLate(2300), Some(1))
            .unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 4, "error", &["web-root", "in time"]);
        eventually("promoted too late", || host.role(WEB) == Role::Primary);
        disk.close();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// The same: by the next `add`.
#[test]
fn a_promotion_that_comes_too_late_is_taken_over_by_add() {
    both(|host| {
        host.configure("deadline = 2\n");
        host.world
            .fault(HERE, "primary", Fault::ApplyLate(2300), Some(1))
            .unwrap();
        let disk = host.disk(5, WEB);
        assert_eq!(disk.add().code, Some(4));
        eventually("promoted too late", || host.role(WEB) == Role::Primary);
        disk.vanish();
        let again = host.disk(6, WEB);
        again.assert_attached(&again.add(), MINOR);
    });
}

/// Contract 34: asked and told so, and still not Primary.
#[test]
fn a_promotion_that_did_not_happen_is_not_believed() {
    both(|host| {
        let lie = Fault::Fail {
            code: 0,
            stderr: String::new(),
        };
        host.world.fault(HERE, "primary", lie, None).unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_refused(
            &disk.add(),
            3,
            "error",
            &["web-root", "did not stay Primary"],
        );
        host.assert_left_alone();
    });
}

/// Contract 31: what cannot be read is no healthy resource.
#[test]
fn a_reading_that_fails_promotes_nothing() {
    both(|host| {
        let fails = Fault::Fail {
            code: 20,
            stderr: "Could not connect to 'drbd' generic netlink family\n".into(),
        };
        host.world.fault(HERE, "events2", fails, None).unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 1, "error", &["generic netlink family"]);
        host.assert_untouched();
        host.world.clear_faults(HERE).unwrap();
        let silent = Fault::Fail {
            code: 0,
            stderr: String::new(),
        };
        host.world.fault(HERE, "events2", silent, None).unwrap();
        disk.assert_refused(
            &disk.add(),
            1,
            "error",
            &["events2", "nothing that can be understood"],
        );
        host.assert_untouched();
    });
}

/// Contract 31.
#[test]
fn garbage_for_a_reading_promotes_nothing() {
    both(|host| {
        for text in [
            "exists -",
            "exists resource\\nexists -",
            "exists resource name:web-root\\nexists -",
            "exists resource name:web-root role:Secondary suspended:no\\nexists device name:web-root volume:x minor:y\\nexists -",
            "exists resource name:web-root role:Secondary suspended:no\\nexists device name:web-root volume:0 minor:1\\nexists -",
            "\\377\\376\\000 exists -",
            "exists resource name:web-root-2 role:Secondary suspended:no\\nexists -",
        ] {
            let log = host.path("/called");
            host.tool_script(&format!(
                "#!/bin/sh\necho \"$*\" >>{}\nprintf '{text}\\n'\n",
                log.display()
            ));
            let disk = host.disk(5, WEB);
            let ran = disk.add();
            assert!(matches!(ran.code, Some(1 | 3)), "{text}: {ran:?}");
            disk.assert_refused(&ran, ran.code.unwrap(), "error", &[]);
            let called = std::fs::read_to_string(log).unwrap();
            assert!(!called.contains("primary"), "{text}: {called}");
            disk.vanish();
        }
    });
}

/// Contract 5.
#[test]
fn a_reading_that_hangs_is_given_up_in_time() {
    both(|host| {
        host.configure("deadline = 2\n");
        host.world
            .fault(HERE, "events2", Fault::Hang, None)
            .unwrap();
        let disk = host.disk(5, WEB);
        let ran = disk.add();
        disk.assert_refused(&ran, 4, "error", &["in time"]);
        assert!(ran.took < Duration::from_millis(2500), "{:?}", ran.took);
        host.assert_untouched();
    });
}

/// Contract 15: the second reading fails, so the promotion is undone.
#[test]
fn a_confirmation_that_fails_undoes_the_promotion() {
    both(|host| {
        let count = host.path("/count").display().to_string();
        let proc_drbd = host.path("/proc/drbd").display().to_string();
        // A flag of 8.4 that only events2 explains.
        host.wrap_tool(&format!(
            "if [ \"$1\" = primary ]; then\n\
             tool \"$@\"\n\
             code=$?\n\
             sed -i 's/C r-----/C r---d-/' {proc_drbd}\n\
             exit $code\n\
             fi\n\
             if [ \"$1\" = events2 ]; then\n\
             echo >>{count}\n\
             [ $(wc -l <{count}) = 2 ] && {{ echo broken >&2; exit 20; }}\n\
             fi\n\
             tool \"$@\""
        ));
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 1, "error", &["broken"]);
        host.assert_changes(&["primary", "secondary"]);
        host.assert_left_alone();
    });
}

/// Contract 15: a roll-back that fails says what is left, and how to end it.
#[test]
fn a_promotion_that_cannot_be_undone_is_reported() {
    both(|host| {
        host.configure("deadline = 2\n");
        std::fs::remove_file(host.path("/dev/drbd1")).unwrap();
        host.world
            .fault(HERE, "secondary", refusal(-12), None)
            .unwrap();
        let disk = host.disk(5, WEB);
        let ran = disk.add();
        disk.assert_refused(
            &ran,
            1,
            "error",
            &[
                "/dev/drbd1",
                "could not be demoted again",
                "`drbdadm secondary web-root`",
            ],
        );
        assert!(host.is_noted(WEB), "`reap` finds it by the note");
        host.world.clear_faults(HERE).unwrap();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// Contract 15: a roll-back that is held up goes on until it is done.
#[test]
fn a_roll_back_is_tried_again() {
    both(|host| {
        std::fs::remove_file(host.path("/dev/drbd1")).unwrap();
        host.world
            .fault(HERE, "secondary", refusal(-12), Some(3))
            .unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 1, "error", &["/dev/drbd1"]);
        host.assert_left_alone();
    });
}

/// Contract 15, 20: on DRBD 9 the kernel would take the device from a process that only reads.
#[test]
fn a_roll_back_waits_for_a_reader() {
    both(|host| {
        if host.generation == Generation::V84 {
            return;
        }
        host.configure("deadline = 2\n");
        std::fs::remove_file(host.path("/dev/drbd1")).unwrap();
        let reads = |milliseconds| {
            let opener = Opener::reader("dd", 77);
            host.world
                .hold_open(HERE, MINOR, opener, milliseconds)
                .unwrap();
        };
        reads(Some(700));
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 1, "error", &["/dev/drbd1"]);
        host.assert_left_alone();

        reads(None);
        let disk = host.disk(6, WEB);
        let words = ["could not be demoted again", "dd (pid 77)"];
        disk.assert_refused(&disk.add(), 1, "error", &words);
        assert_eq!(host.role(WEB), Role::Primary);
        assert!(host.is_noted(WEB), "`reap` finds it by the note");
    });
}

/// Contract 4: no child outlives its run.
#[test]
fn a_hanging_tool_dies_with_the_program() {
    both(|host| {
        host.world
            .fault(HERE, "primary", Fault::Hang, None)
            .unwrap();
        let disk = host.disk(5, WEB);
        let mut child = disk.start("add");
        eventually("promoting", || host.changes().len() == 1);
        child.kill().unwrap();
        child.wait().unwrap();
        let root = host.world.host(HERE).display().to_string();
        eventually("the tool is gone", || {
            let list = Command::new("pgrep").args(["-f", &root]).output().unwrap();
            list.stdout.is_empty()
        });
        host.assert_roles(Role::Secondary, Role::Secondary);
    });
}

/// Contract 15: a missing tool is named.
#[test]
fn missing_tools_are_named() {
    both(|host| {
        for path in [
            "/lib/drbd/drbdsetup-84",
            "/usr/sbin/drbdsetup",
            "/sbin/drbdsetup",
        ] {
            std::fs::remove_file(host.path(path)).unwrap();
        }
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 1, "error", &["cannot run", "drbdsetup"]);
    });
}
