//! The window: two primaries, allowed at run time for the moment of a migration (design "The window").

use std::os::unix::process::CommandExt;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use simulated_drbd::{Fault, Generation, Resource, Role};

use super::migration::Refresh;
use crate::disk::Disk;
use crate::host::{HERE, Host, MINOR, PEER, Ran, WEB, both, eventually, pause};
use crate::silence::Silence;

const OPEN: (bool, bool) = (true, true);
const CLOSED: (bool, bool) = (false, false);

/// A guest that this host receives, in a window.
fn received(host: &Host) -> Disk<'_> {
    let disk = host.arriving_disk(7);
    disk.assert_attached(&disk.receive(), MINOR);
    assert_eq!(host.two_primaries(), OPEN);
    disk
}

/// A guest that has just moved from here to the peer, which opened a window for it.
fn sent(host: &Host) -> Disk<'_> {
    host.xen.guest(5, "web");
    let disk = host.disk(5, WEB);
    disk.add().assert_silent_success();
    let resource = host.world.resource(WEB).unwrap();
    assert!(!resource.sides[0].allows_two_primaries(), "closed before");
    open_on_the_peer(host);
    host.peer_promotes(WEB, MINOR);
    host.xen.write("/local/domain/5/name", "web--migratedaway");
    disk.close();
    disk
}

fn open_on_the_peer(host: &Host) {
    let resource = host.world.resource(WEB).unwrap();
    let addresses = &resource.addresses;
    let words = match host.generation {
        Generation::V84 => vec![
            format!("ipv4:{}", addresses[1]),
            format!("ipv4:{}", addresses[0]),
        ],
        Generation::V9 => vec![WEB.into(), resource.node_ids[0].to_string()],
    };
    let mut command = vec!["drbdsetup", "net-options"];
    command.extend(words.iter().map(String::as_str));
    command.push("--allow-two-primaries=yes");
    let output = host.world.run(PEER, &command).unwrap();
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(host.two_primaries(), OPEN);
}

/// Contract 35; on the one connection, ahead of the promotion.
#[test]
fn the_destination_opens_the_window_and_promotes() {
    both(|host| {
        received(host);
        host.assert_roles(Role::Primary, Role::Primary);
        let primary = host.command("primary", WEB, MINOR);
        assert_eq!(host.changes(), [host.net_options("yes"), primary]);
        assert!(host.is_window_noted());
    });
}

/// A plain start never opens one, nor asks for the settings.
#[test]
fn a_plain_start_and_its_end_have_no_window() {
    both(|host| {
        let disk = host.disk(7, WEB);
        disk.assert_attached(&disk.add(), MINOR);
        disk.close();
        disk.remove().assert_silent_success();
        host.assert_changes(&["primary", "secondary"]);
        let asked = |call: &String| call.contains(" show ") || call.contains("drbdadm");
        assert!(!host.calls().iter().any(asked), "{:?}", host.calls());
    });
}

/// Contract 35: whoever demotes afterwards closes it, on both hosts.
#[test]
fn the_source_closes_the_window_once_it_has_demoted() {
    both(|host| {
        let disk = sent(host);
        disk.remove().assert_silent_success();
        host.assert_roles(Role::Secondary, Role::Primary);
        assert_eq!(host.two_primaries(), CLOSED);
        let last = host.changes().split_off(1);
        let secondary = host.command("secondary", WEB, MINOR);
        assert_eq!(last, [secondary, host.net_options("no")]);
        host.assert_left_alone();
    });
}

/// Contract 35: what the configuration keeps open is not touched.
#[test]
fn what_is_configured_stays_open() {
    both(|host| {
        let web = Resource::simple(WEB, MINOR).with_two_primaries();
        host.resource(web);
        host.xen.guest(5, "web");
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        host.peer_promotes(WEB, MINOR);
        disk.close();
        disk.remove().assert_silent_success();
        host.assert_changes(&["primary", "secondary"]);
        assert_eq!(host.two_primaries(), OPEN);
        host.assert_left_alone();
    });
}

/// Contract 35: what somebody else opened is nothing to a host that leaves it to the configuration.
#[test]
fn under_static_and_never_no_window_is_closed() {
    both(|host| {
        for policy in ["static", "never"] {
            host.configure(&format!("dual-primary = \"{policy}\"\n"));
            let disk = sent(host);
            disk.remove().assert_silent_success();
            assert_eq!(host.two_primaries(), OPEN, "{policy}");
            host.assert_left_alone();
            disk.vanish();
            host.peer_demotes(WEB, MINOR);
            host.world
                .edit(WEB, |r, _| {
                    for side in &mut r.sides {
                        side.net.remove("allow-two-primaries");
                    }
                    Ok(())
                })
                .unwrap();
        }
    });
}

/// Contract 35: while disconnected one side would change alone, and the two never meet again.
#[test]
fn without_a_link_the_window_stays_and_the_person_is_told() {
    both(|host| {
        let disk = sent(host);
        host.world.cut_link().unwrap();
        let ran = disk.remove();
        assert_eq!(ran.code, Some(0), "the guest has moved: {ran:?}");
        for words in [
            "two primaries stay allowed on web-root",
            "`block-drbd reap`",
            "first run `drbdadm adjust web-root` on both hosts",
            "the guest runs at the destination now",
            "`drbdadm disconnect web-root; drbdadm connect --discard-my-data web-root` on the source",
            "`drbdadm connect web-root` on the destination",
        ] {
            assert!(ran.stderr.contains(words), "no {words} in {}", ran.stderr);
        }
        assert_eq!(host.role(WEB), Role::Secondary);
        assert_eq!(host.two_primaries(), OPEN);
        assert!(host.is_window_noted() && !host.is_noted(WEB));
    });
}

/// Contract 34, 35: the reading before is as old as `drbdadm` took.
#[test]
fn a_link_that_is_lost_while_drbdadm_runs_leaves_the_window() {
    both(|host| {
        let disk = sent(host);
        host.world
            .fault(HERE, "dump", Fault::Delay(800), None)
            .unwrap();
        let child = disk.start("remove");
        let asked = || host.calls().iter().any(|call| call.contains(" dump "));
        eventually("asked drbdadm", asked);
        host.world.cut_link().unwrap();
        let ran = Ran::wait(child);
        assert_eq!(ran.code, Some(0), "the guest has moved: {ran:?}");
        let words = "two primaries stay allowed on web-root";
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
        assert_eq!(host.role(WEB), Role::Secondary);
        assert_eq!(host.two_primaries(), OPEN);
        assert!(host.is_window_noted() && !host.is_noted(WEB));
    });
}

/// Contract 35: a link that is cut and not yet noticed is Established, too.
#[test]
fn a_cut_that_nobody_has_noticed_leaves_the_window() {
    both(|host| {
        let disk = sent(host);
        let silence = Silence::at(&host.peer_address());
        host.world.cut_link_unnoticed().unwrap();
        let ran = disk.remove();
        assert_eq!(ran.code, Some(0), "the guest has moved: {ran:?}");
        for words in [
            "two primaries stay allowed on web-root",
            "the replication link is cut, and DRBD has not noticed yet",
        ] {
            assert!(ran.stderr.contains(words), "no {words} in {}", ran.stderr);
        }
        assert_eq!(host.role(WEB), Role::Secondary);
        assert_eq!(host.two_primaries(), OPEN);
        assert!(host.is_window_noted() && !host.is_noted(WEB));
        drop(silence);
    });
}

/// Design: every failure closes what was opened and demotes what was promoted.
#[test]
fn a_migration_that_fails_in_the_window_closes_it() {
    both(|host| {
        host.configure("drain = 1\n");
        let disk = host.arriving_disk(7);
        host.world.in_flight(PEER, MINOR, 100_000, 4, None).unwrap();
        let ran = {
            let refresh = Refresh::of(host);
            let ran = disk.receive();
            refresh.end();
            ran
        };
        disk.assert_refused(&ran, 3, "error", &["still arriving after 1 s"]);
        host.assert_roles(Role::Secondary, Role::Primary);
        assert_eq!(host.two_primaries(), CLOSED);
        host.assert_left_alone();
    });
}

/// The same when DRBD does not promote.
#[test]
fn a_refused_promotion_closes_the_window() {
    both(|host| {
        let disk = host.arriving_disk(7);
        let refusal = Fault::Fail {
            code: 11,
            stderr: "1: State change failed: (-10) State change was refused by peer node\n".into(),
        };
        host.world.fault(HERE, "primary", refusal, None).unwrap();
        let ran = disk.receive();
        disk.assert_refused(&ran, 1, "error", &["(-10)", "web-root"]);
        assert_eq!(host.two_primaries(), CLOSED);
        host.assert_left_alone();
    });
}

/// Design: a link that is lost between the opening and the promotion; surprise 1 and 3.
#[test]
fn a_link_that_is_lost_in_the_window_leaves_it_and_says_so() {
    both(|host| {
        let disk = host.arriving_disk(7);
        host.world.cut_link_unnoticed().unwrap();
        let ran = disk.receive();
        let words = [
            "was promoted and demoted again: the connection to nodo2 was lost",
            "the guest goes on at its source",
            "`drbdadm disconnect web-root; drbdadm connect --discard-my-data web-root` on the destination",
            "`drbdadm connect web-root` on the source",
            "two primaries stay allowed on web-root",
            "first run `drbdadm adjust web-root` on both hosts",
        ];
        disk.assert_refused(&ran, 1, "error", &words);
        assert_eq!(host.role(WEB), Role::Secondary);
        assert!(host.is_window_noted(), "for a later run to close");
    });
}

/// The migration succeeded, and the guest goes home or ends: nothing is left of the window.
#[test]
fn the_destinations_own_remove_closes_a_window_that_the_source_left() {
    both(|host| {
        let disk = received(host);
        host.peer_demotes(WEB, MINOR);
        disk.close();
        disk.remove().assert_silent_success();
        assert_eq!(host.two_primaries(), CLOSED);
        host.assert_left_alone();
    });
}

/// Contract 26, 19: whatever moment it was.
#[test]
fn what_a_killed_destination_leaves_is_closed_by_its_remove() {
    both(|host| {
        for moment in 0..24 {
            let disk = host.arriving_disk(7);
            let mut command = disk.receiving();
            let child = command.process_group(0).spawn().unwrap();
            pause(moment * 3);
            let group = Pid::from_raw(i32::try_from(child.id()).unwrap());
            let _ = killpg(group, Signal::SIGKILL);
            // To the end of its output, so that the program is gone, not only the shell above it.
            child.wait_with_output().unwrap();
            host.world.refresh().unwrap();
            disk.close();
            disk.remove().assert_silent_success();
            assert_eq!(host.two_primaries(), CLOSED, "killed after {moment}");
            host.assert_roles(Role::Secondary, Role::Primary);
            assert!(!host.is_window_noted(), "killed after {moment}");
            disk.vanish();
        }
    });
}

/// The same at the source.
#[test]
fn what_a_killed_source_leaves_is_closed_by_its_remove() {
    both(|host| {
        for moment in 0..24 {
            let disk = sent(host);
            let mut child = disk.start("remove");
            pause(moment * 3);
            let _ = child.kill();
            child.wait().unwrap();
            host.world.refresh().unwrap();
            disk.remove().assert_silent_success();
            assert_eq!(host.two_primaries(), CLOSED, "killed after {moment}");
            host.assert_roles(Role::Secondary, Role::Primary);
            host.assert_left_alone();
            disk.vanish();
            host.peer_demotes(WEB, MINOR);
        }
    });
}
