//! `block-drbd explain` and the dry runs: the real program, a real xenstored, a simulated DRBD of both
//! generations. That a dry run says what `add` then does is shown in tests/hotplug/refusals.rs, too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

#[path = "support/disk.rs"]
#[allow(dead_code, reason = "tests/hotplug.rs uses the rest")]
mod disk;
#[path = "support/host.rs"]
#[allow(dead_code, reason = "tests/hotplug.rs uses the rest")]
mod host;
#[path = "support/ran.rs"]
#[allow(dead_code, reason = "tests/hotplug.rs uses the rest")]
mod ran;
#[path = "support/xen.rs"]
mod xen;

use std::fs;

use host::{HERE, Host, MINOR, Ran, WEB, both};
use simulated_drbd::{Generation, Role};

fn explain(host: &Host, arguments: &[&str]) -> Ran {
    host.run(host.program(&[&["explain"], arguments].concat()))
}

#[track_caller]
fn assert_says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for word in words {
        assert!(ran.stdout.contains(word), "no {word:?} in {}", ran.stdout);
    }
    assert!(ran.changed.is_empty(), "{:?}", ran.changed);
}

#[test]
fn a_disk_that_no_guest_has_is_explained_by_its_name() {
    both(|host| {
        let ran = explain(host, &[WEB]);
        assert_says(
            &ran,
            0,
            &[
                "add of drbd:web-root: some guest that starts, read-write",
                "web-root; volume 0 (/dev/drbd1) Secondary, UpToDate",
                "Connected, Secondary",
                "rule       a guest that starts gets a disk that nobody else has",
                "plan       note the promotion, promote",
                "Nothing was done.",
            ],
        );
        host.assert_untouched();
        // And so it is.
        let disk = host.disk(5, WEB);
        disk.assert_attached(&disk.add(), MINOR);
    });
}

#[test]
fn a_guests_disk_is_explained_by_its_path() {
    both(|host| {
        host.peer_promotes(WEB, MINOR);
        let disk = host.disk(5, WEB);
        let ran = explain(host, &[&disk.path]);
        assert_says(
            &ran,
            3,
            &[
                "guest guest-5 (domain 5) starts, as xvda2, read-write",
                "rule       what is Primary on a peer is in use there",
                "look again, for 1 s at the most",
                "refused    web-root is Primary on",
            ],
        );
        // Beside the guest that it migrates from, it would be taken in.
        let ran = explain(host, &[&disk.path, "--incoming"]);
        assert_says(
            &ran,
            0,
            &["is received from another host", "allow two primaries"],
        );
        host.assert_untouched();
    });
}

#[test]
fn a_dry_run_of_remove_names_who_keeps_the_device() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        let other = host.disk_as(6, 51712, WEB, "r");
        other.set("physical-device", "93:1");
        let mut command = host.program(&["remove", "--dry-run"]);
        command.env("XENBUS_PATH", &disk.path);
        let ran = host.run(command);
        assert_says(&ran, 0, &["lets go of it", "stays Primary", "guest-6"]);
        other.vanish();
        let mut command = host.program(&["remove", "--dry-run"]);
        command.env("XENBUS_PATH", &disk.path);
        assert_says(&host.run(command), 0, &["plan       demote"]);
        assert_eq!(host.role(WEB), Role::Primary);
    });
}

/// A mark of libvirt's hook counts for one domain, and is not used up by a question.
#[test]
fn nothing_is_claimed_or_locked() {
    let host = Host::new(Generation::V9);
    let disk = host.disk(5, WEB);
    explain(&host, &[&disk.path]);
    assert!(!host.path("/run/block-drbd").exists());
    host.assert_untouched();
}

#[test]
fn what_is_saved_is_explained_elsewhere_in_the_same_words() {
    both(|host| {
        host.world.cut_link().unwrap();
        let file = host.path("/case.json");
        let name = file.to_str().unwrap();
        let here = explain(host, &[WEB, "--save", name]);
        assert_eq!(here.code, Some(0), "{here:?}");
        assert!(!fs::read_to_string(&file).unwrap().contains("secret"));
        let elsewhere = Host::new(Generation::V84);
        elsewhere
            .world
            .set_module(HERE, simulated_drbd::host::Module::Absent)
            .unwrap();
        let there = explain(&elsewhere, &["--facts", name]);
        assert_eq!((there.code, &there.stdout), (here.code, &here.stdout));
        // What is there already is not lost.
        let again = explain(host, &[WEB, "--save", name]);
        assert_eq!(again.code, Some(1));
        assert!(again.stderr.contains("cannot make"), "{}", again.stderr);
    });
}

#[test]
fn json_has_facts_rule_and_decision() {
    both(|host| {
        let ran = explain(host, &[WEB, "--json"]);
        let answer: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let keys: Vec<_> = answer.as_object().unwrap().keys().collect();
        let expected = [
            "about", "action", "decision", "facts", "policy", "rule", "version",
        ];
        assert_eq!(keys, expected);
        assert!(answer["decision"]["proceed"]["plan"].is_array(), "{answer}");
    });
}

#[test]
fn files_that_nobody_saved_are_refused() {
    let host = Host::new(Generation::V9);
    for (text, words) in [
        ("", "is not what"),
        ("{}", "is not what"),
        ("[[[[[[", "is not what"),
        ("\0\u{1b}[2J", "is not what"),
    ] {
        host.file("/case.json", text);
        let file = host.path("/case.json");
        let ran = explain(&host, &["--facts", file.to_str().unwrap()]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    let ran = explain(&host, &["--facts", "/no/such/file"]);
    assert!(ran.stderr.contains("cannot open"), "{}", ran.stderr);
    for wrong in [
        &["add", "--save", "x"][..],
        &["explain"],
        &["add", "--json"],
    ] {
        assert_eq!(host.run(host.program(wrong)).code, Some(2), "{wrong:?}");
    }
}
