//! What `reap` says, to people and to programs.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use serde_json::json;
use simulated_drbd::{Resource, Role};

use crate::host::{Host, MINOR, WEB, both};

/// README "Clear away what was left".
#[test]
fn nothing_to_say_is_an_empty_array() {
    both(|host| {
        assert_eq!(host.reap_json(&[]), json!([]));
        host.assert_reaps(&[]);
    });
}

/// The same: one object a resource, in order of their names, always the same keys.
#[test]
fn the_array_has_the_documented_shape() {
    both(|host| {
        host.resource(Resource::simple("data", 2));
        host.resource(Resource::simple("swap", 3));
        host.promote("data", 2);
        let disk = host.disk(5, "swap");
        disk.add().assert_silent_success();
        host.promote(WEB, MINOR);
        host.note_promotion();
        let expected = |web: &str| {
            let data = "Primary here, nobody here uses it and this program did not promote it: if nothing else needs it, run `drbdadm secondary data`";
            json!([
                {"resource": "data", "state": "left", "steps": [], "why": data, "codes": ["BD-FOREIGN-PRIMARY"]},
                {"resource": "swap", "state": "in-use", "steps": [], "why": "used here: guest guest-5 (domain 5) as xvda2", "codes": []},
                {"resource": "web-root", "state": web, "steps": ["demote", "forget"], "why": null, "codes": []},
            ])
        };
        assert_eq!(host.reap_json(&["--dry-run"]), expected("planned"));
        assert_eq!(host.reap_json(&[]), expected("done"));
    });
}

/// Everything of a host that a dry run could change.
fn state(host: &Host) -> (Role, (bool, bool), bool, bool, usize) {
    let commands = host.calls();
    let changing = ["primary", "secondary", "net-options"];
    let changes = commands
        .iter()
        .filter(|c| changing.iter().any(|w| c.contains(&format!(" {w} "))));
    let noted = (host.is_noted(WEB), host.is_window_noted());
    (
        host.role(WEB),
        host.two_primaries(),
        noted.0,
        noted.1,
        changes.count(),
    )
}

#[test]
fn a_dry_run_changes_nothing() {
    both(|host| {
        host.promote(WEB, MINOR);
        host.note_promotion();
        host.note_window();
        host.open_window(crate::host::HERE);
        let before = state(host);
        let ran = host.reap(&["--dry-run"]);
        let would = "web-root: would demote, no longer allow two primaries and drop the note of the promotion";
        ran.assert_says(0, &[would]);
        assert_eq!(state(host), before);
        host.peer_promotes(WEB, MINOR);
        host.assert_reaps(&[
            "web-root: demoted, two primaries are no longer allowed, its note dropped",
        ]);
    });
}

/// Names in xenstore are guests' and toolstacks'.
#[test]
fn foreign_words_cannot_reach_the_terminal_as_they_are() {
    both(|host| {
        host.xen.guest(5, "evil");
        host.xen
            .write_bytes("/local/domain/5/name", b"\x1b[2Jevil\n");
        let disk = host.disk(5, WEB);
        disk.add();
        host.xen.write_bytes(&disk.node("dev"), b"xv\x1b]0;da");
        host.note_window();
        host.open_window(crate::host::HERE);
        host.peer_promotes(WEB, MINOR);
        let ran = host.reap(&[]);
        assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
        let bad = |c: char| c.is_control() && c != '\n';
        assert!(!ran.stdout.contains(bad), "{ran:?}");
        let why = host.reap_json(&[])[0]["why"].as_str().unwrap().to_owned();
        assert!(
            why.contains("evil") && !why.contains(char::is_control),
            "{why:?}"
        );
    });
}

/// A mistake in the configuration does not keep what was promoted under a good one.
#[test]
fn a_broken_configuration_does_not_stop_it() {
    both(|host| {
        host.promote(WEB, MINOR);
        host.note_promotion();
        host.configure("deadline = \n");
        host.assert_reaps(&["web-root: demoted, its note dropped"]);
    });
}

/// Contract 32: one look at all, whatever their number.
#[test]
fn healthy_resources_cost_nothing() {
    both(|host| {
        for minor in 10..20 {
            host.resource(Resource::simple(&format!("r{minor}"), minor));
        }
        host.assert_reaps(&[]);
        let tool = host.tool();
        assert_eq!(
            host.calls(),
            [
                format!("{tool} events2 --now --statistics"),
                format!("{tool} show all --show-defaults")
            ]
        );
    });
}

/// A pipe that is closed, as by `head`.
#[test]
fn a_closed_output_does_not_stop_it() {
    both(|host| {
        host.promote(WEB, MINOR);
        host.note_promotion();
        let mut command = host.program(&["reap"]);
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        command.stdout(OwnedFd::from(writer));
        let ran = host.run(command);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(host.role(WEB), Role::Secondary);
    });
}
