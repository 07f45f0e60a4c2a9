//! The decision table's rows on the peer: it has the resource, or nobody knows whether it has.

use std::net::TcpListener;
use std::time::Duration;

use simulated_drbd::state::Connection;
use simulated_drbd::{Disk, Fault, Generation, Resource, Role};

use crate::host::{HERE, Host, MINOR, PEER, Ran, WEB, both, eventually, pause};
use crate::silence::Silence;

/// Design: plain start, a peer is Primary: even where two primaries are configured.
#[test]
fn a_double_start_is_refused_and_names_the_peer() {
    both(|host| {
        for resource in [
            Resource::simple(WEB, MINOR),
            Resource::simple(WEB, MINOR).with_two_primaries(),
        ] {
            host.resource(resource);
            host.peer_promotes(WEB, MINOR);
            let disk = host.disk(5, WEB);
            let ran = disk.add();
            let words = ["web-root is Primary on nodo2", "stop it there"];
            disk.assert_refused(&ran, 3, "error", &words);
            assert!(
                ran.took > Duration::from_millis(900),
                "not waited: {:?}",
                ran.took
            );
            host.assert_untouched();
            host.assert_roles(Role::Secondary, Role::Primary);
        }
    });
}

/// Design: wait up to 5 s for a demotion under way.
#[test]
fn a_peer_that_is_just_demoting_is_waited_for() {
    both(|host| {
        host.configure("patience = 5\n");
        host.peer_promotes(WEB, MINOR);
        let disk = host.disk(5, WEB);
        let child = disk.start("add");
        pause(500);
        host.peer_demotes(WEB, MINOR);
        Ran::wait(child).assert_silent_success();
        disk.assert_published(MINOR);
        host.assert_roles(Role::Primary, Role::Secondary);
        host.assert_changes(&["primary"]);
    });
}

/// Design: an unused Primary here does not make a Primary peer harmless.
#[test]
fn a_guest_is_not_started_into_a_resource_that_is_primary_on_both_hosts() {
    both(|host| {
        host.resource(Resource::simple(WEB, MINOR).with_two_primaries());
        host.peer_promotes(WEB, MINOR);
        host.promote(WEB, MINOR);
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 3, "error", &["nodo2"]);
        host.assert_roles(Role::Primary, Role::Primary);
    });
}

/// Design: disconnected, but the probe is accepted; contract 37: not a byte is sent.
#[test]
fn a_disconnected_peer_whose_drbd_waits_may_run_the_guest() {
    both(|host| {
        let listener = TcpListener::bind(host.peer_address()).unwrap();
        listener.set_nonblocking(true).unwrap();
        host.world.cut_link().unwrap();
        let disk = host.disk(5, WEB);
        let ran = disk.add();
        let address = host.peer_address();
        let words = [
            "not connected to nodo2",
            &address,
            "`drbdadm connect web-root`",
        ];
        disk.assert_refused(&ran, 3, "error", &words);
        assert!(
            ran.took > Duration::from_millis(900),
            "not waited: {:?}",
            ran.took
        );
        host.assert_untouched();
        let (mut asked, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut asked, &mut bytes).unwrap();
        assert_eq!(bytes, b"");
    });
}

/// The same row: a connection under way is waited for.
#[test]
fn a_connection_that_comes_back_lets_the_guest_start() {
    both(|host| {
        host.configure("patience = 5\n");
        let listener = TcpListener::bind(host.peer_address()).unwrap();
        host.world.cut_link().unwrap();
        let disk = host.disk(5, WEB);
        let child = disk.start("add");
        listener.accept().unwrap();
        host.world.restore_link().unwrap();
        Ran::wait(child).assert_silent_success();
        disk.assert_published(MINOR);
        host.assert_roles(Role::Primary, Role::Secondary);
    });
}

/// Surprise 5: `Connected` with an unknown peer is a connection under way.
#[test]
fn a_peer_that_is_just_reconnecting_is_waited_for() {
    both(|host| {
        host.world
            .edit(WEB, |resource, _| {
                let side = &mut resource.sides[0];
                side.connection = Connection::Connected;
                side.devices[0].replication = simulated_drbd::Replication::Off;
                side.devices[0].peer_role = Role::Unknown;
                side.devices[0].peer_disk = Disk::DUnknown;
                Ok(())
            })
            .unwrap();
        let disk = host.disk(5, WEB);
        let ran = disk.add();
        disk.assert_refused(&ran, 3, "error", &["not connected to nodo2"]);
        assert!(
            ran.took > Duration::from_millis(900),
            "not waited: {:?}",
            ran.took
        );
        host.assert_untouched();
    });
}

/// A disconnected start under a policy; what the person reads.
fn start_alone(host: &Host, policy: &str) -> Ran {
    host.configure(policy);
    let disk = host.disk(5, WEB);
    let ran = disk.add();
    if ran.code == Some(0) {
        disk.assert_published(MINOR);
        assert_eq!(host.role(WEB), Role::Primary);
        disk.close();
        disk.remove().assert_silent_success();
        host.assert_left_alone();
    }
    disk.vanish();
    ran
}

/// Design `disconnected`: failover must work; the warning tells a live host from a dead one.
#[test]
fn a_start_without_the_peer_is_warned_of() {
    both(|host| {
        host.world.cut_link().unwrap();
        let ran = start_alone(host, "");
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for word in [
            "guest-5",
            "xvda2",
            "web-root starts without",
            "the host is alive",
            "make sure",
        ] {
            assert!(ran.stderr.contains(word), "no {word:?} in {}", ran.stderr);
        }
    });
}

/// The same row: the host is dead.
#[test]
fn a_start_without_a_dead_peer_is_warned_of() {
    both(|host| {
        let silence = Silence::at(&host.peer_address());
        host.world.crash(PEER).unwrap();
        host.world.notice_on(HERE).unwrap();
        let ran = start_alone(host, "");
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(
            ran.stderr.contains("the host does not answer"),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stderr.lines().count(), 1, "one line: {}", ran.stderr);
        assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
        drop(silence);
    });
}

/// Contract 5, 37: no question is put for which no time is left.
#[test]
fn a_silent_peer_does_not_break_the_deadline() {
    both(|host| {
        host.configure("deadline = 2\npatience = 1\nprobe-milliseconds = 5000\n");
        let silence = Silence::at(&host.peer_address());
        host.world.crash(PEER).unwrap();
        host.world.notice_on(HERE).unwrap();
        let disk = host.disk(5, WEB);
        let ran = disk.add();
        disk.assert_refused(&ran, 3, "error", &["nodo2", "no time was left to ask"]);
        assert!(ran.took < Duration::from_millis(2600), "{:?}", ran.took);
        drop(silence);
    });
}

/// The same row: the own network is gone.
#[test]
fn a_start_without_a_network_is_warned_of() {
    both(|host| {
        host.resource_at(Resource::simple(WEB, MINOR));
        host.world.cut_link().unwrap();
        let ran = start_alone(host, "");
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(
            ran.stderr.contains("the host does not answer"),
            "{}",
            ran.stderr
        );
    });
}

/// Design `disconnected = "allow"`.
#[test]
fn a_start_without_the_peer_may_be_allowed() {
    both(|host| {
        host.world.cut_link().unwrap();
        start_alone(host, "disconnected = \"allow\"\n").assert_silent_success();
    });
}

/// Design `disconnected = "refuse"`, and a section of a resource goes before it.
#[test]
fn a_start_without_the_peer_may_be_refused() {
    both(|host| {
        host.world.cut_link().unwrap();
        host.configure("disconnected = \"refuse\"\n");
        let disk = host.disk(5, WEB);
        let words = [
            "not connected to nodo2",
            "the host is alive",
            "disconnected = \"refuse\"",
        ];
        disk.assert_refused(&disk.add(), 3, "error", &words);
        host.assert_untouched();
        disk.vanish();
        let own = "disconnected = \"refuse\"\n[resource.web-root]\ndisconnected = \"allow\"\n";
        start_alone(host, own).assert_silent_success();
    });
}

/// Design: fencing settles the question, so that there is nothing to warn of.
#[test]
fn fencing_silences_the_warning() {
    both(|host| {
        let fencing = ("fencing", "resource-and-stonith");
        match host.generation {
            Generation::V84 => {
                let option = format!("--{}={}", fencing.0, fencing.1);
                let words = ["drbdsetup", "disk-options", "1", &option];
                assert_eq!(host.world.run(HERE, &words).unwrap().code, 0);
            }
            Generation::V9 => {
                host.resource(Resource::simple(WEB, MINOR).with_option(fencing.0, fencing.1));
            }
        }
        host.world.cut_link().unwrap();
        let peer_outdated = host.world.edit(WEB, |resource, _| {
            resource.sides[0].devices[0].disk = Disk::UpToDate;
            resource.sides[0].devices[0].peer_disk = Disk::Outdated;
            Ok(())
        });
        peer_outdated.unwrap();
        start_alone(host, "").assert_silent_success();
    });
}

/// Surprise 1: a promotion that finds the link dead is undone; the second look decides anew.
#[test]
fn a_link_that_is_lost_at_the_promotion_undoes_it_before_anything_else() {
    both(|host| {
        host.configure("patience = 2\ndisconnected = \"refuse\"\n");
        host.world.cut_link_unnoticed().unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 3, "error", &["nodo2", "not connected"]);
        host.assert_changes(&["primary", "secondary"]);
        host.assert_left_alone();
    });
}

/// The same: a failover, which the default policy lets through on the second look.
#[test]
fn a_start_just_after_the_peer_crashed_succeeds_with_a_warning() {
    both(|host| {
        host.configure("patience = 3\n");
        let silence = Silence::at(&host.peer_address());
        host.world.crash(PEER).unwrap();
        let disk = host.disk(5, WEB);
        let ran = disk.add();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        disk.assert_published(MINOR);
        assert!(ran.stderr.contains("does not answer"), "{}", ran.stderr);
        host.assert_changes(&["primary", "secondary", "primary"]);
        drop(silence);
    });
}

/// The peer was promoted between the look and the promotion.
#[test]
fn a_peer_that_is_promoted_meanwhile_wins() {
    both(|host| {
        host.resource(Resource::simple(WEB, MINOR).with_two_primaries());
        host.world
            .fault(HERE, "primary", Fault::Delay(400), None)
            .unwrap();
        let disk = host.disk(5, WEB);
        let child = disk.start("add");
        eventually("promoting", || host.changes().len() == 1);
        host.peer_promotes(WEB, MINOR);
        assert_eq!(Ran::wait(child).code, Some(3));
        assert_eq!(disk.get("physical-device"), None);
        let error = disk.get("hotplug-error").unwrap();
        assert!(error.contains("nodo2"), "{error}");
        host.assert_roles(Role::Secondary, Role::Primary);
        host.assert_left_alone();
    });
}

/// Design `resync`: a copy that is being filled.
#[test]
fn a_resyncing_copy_is_refused_unless_allowed() {
    both(|host| {
        host.world.start_resync(PEER, MINOR, 1000).unwrap();
        let disk = host.disk(5, WEB);
        let words = ["being resynced from nodo2", "resync = \"allow\""];
        disk.assert_refused(&disk.add(), 3, "error", &words);
        host.assert_untouched();
        host.configure("resync = \"allow\"\n");
        let ran = disk.add();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        disk.assert_published(MINOR);
        for word in ["web-root", "nodo2", "depends on that host"] {
            assert!(ran.stderr.contains(word), "no {word:?} in {}", ran.stderr);
        }
    });
}

/// The source of a resync is as good as any.
#[test]
fn the_source_of_a_resync_starts_without_ado() {
    both(|host| {
        host.world.start_resync(HERE, MINOR, 1000).unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_attached(&disk.add(), MINOR);
    });
}
