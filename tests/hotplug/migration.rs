//! The decision table's rows on a guest that is received from the peer, where it is suspended.

use std::time::Duration;

use simulated_drbd::{Disk as State, Fault, Generation, Resource, Role};

use crate::disk::Disk;
use crate::host::{HERE, Host, MINOR, PEER, WEB, both, eventually};
use crate::silence::Silence;

/// A resource that may be Primary on both hosts.
fn dual() -> Resource {
    Resource::simple(WEB, MINOR).with_two_primaries()
}

/// An arriving guest whose disk is refused before anything is changed: it goes on at the source.
#[track_caller]
fn assert_not_taken_in(host: &Host, disk: &Disk<'_>, words: &[&str]) {
    let ran = disk.receive();
    let all = [&["web--incoming", "web-root cannot be taken over"], words].concat();
    disk.assert_refused(&ran, 3, "error", &all);
    let error = disk.get("hotplug-error").unwrap();
    assert!(
        error.contains("; the guest goes on at its source ["),
        "{error}"
    );
    host.assert_untouched();
}

/// Design: incoming migration; contract 12, 37.
#[test]
fn a_migrating_guest_is_taken_in_beside_its_source() {
    both(|host| {
        host.resource(dual());
        let disk = host.arriving_disk(7);
        disk.assert_attached(&disk.receive(), MINOR);
        host.assert_roles(Role::Primary, Role::Primary);
        host.assert_changes(&["primary"]);
        match host.generation {
            // All else stands in /proc/drbd.
            Generation::V84 => {
                let calls = host.calls();
                let [show, primary] = calls.as_slice() else {
                    panic!("{calls:?}")
                };
                assert!(show.contains("show web-root"), "{show}");
                assert!(primary.contains("primary 1"), "{primary}");
            }
            // The last quiet reading is the confirmation, too.
            Generation::V9 => assert!(host.calls().len() <= 8, "{:?}", host.calls()),
        }
    });
}

/// Contract 24: the source lets go, while the destination is Primary.
#[test]
fn the_source_demotes_beside_the_destination() {
    both(|host| {
        host.resource(dual());
        host.xen.guest(5, "web");
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        host.peer_promotes(WEB, MINOR);
        host.xen.write("/local/domain/5/name", "web--migratedaway");
        disk.close();
        disk.remove().assert_silent_success();
        host.assert_roles(Role::Secondary, Role::Primary);
    });
}

/// Design: the name alone proves nothing.
#[test]
fn a_guest_that_is_only_called_incoming_is_a_plain_start() {
    both(|host| {
        host.resource(dual());
        let disk = host.arriving_disk(7);
        disk.assert_refused(&disk.add(), 3, "error", &["web-root is Primary on nodo2"]);
        for words in ["create", "restore migrate-receive"] {
            let mut command = host.below_xl(words, &["add"]);
            command.env("XENBUS_PATH", &disk.path);
            let ran = host.run(command);
            disk.assert_refused(&ran, 3, "error", &["web-root is Primary on nodo2"]);
        }
        host.assert_untouched();
    });
}

/// Design: nor does the caller, who also reboots the guest later.
#[test]
fn a_guest_that_is_rebooted_by_the_receiving_xl_is_a_plain_start() {
    both(|host| {
        host.resource(dual());
        host.peer_promotes(WEB, MINOR);
        host.xen.guest(8, "web");
        let disk = host.disk(8, WEB);
        disk.assert_refused(
            &disk.receive(),
            3,
            "error",
            &["web-root is Primary on nodo2"],
        );
        host.assert_untouched();
    });
}

/// Design: the peer's replication address does not answer the probe; contract 37, surprise 1.
#[test]
fn a_link_that_is_cut_unnoticed_refuses_the_migration_before_the_promotion() {
    both(|host| {
        host.resource(dual());
        let silence = Silence::at(&host.peer_address());
        let disk = host.arriving_disk(7);
        host.world.cut_link_unnoticed().unwrap();
        let address = host.peer_address();
        let words = ["nodo2", &address, "the replication link is cut"];
        assert_not_taken_in(host, &disk, &words);
        drop(silence);
    });
}

/// Design: the second reading is worse: the guest is waiting at its source, so no second try.
#[test]
fn a_link_that_is_lost_at_the_promotion_undoes_it() {
    both(|host| {
        host.resource(dual());
        let disk = host.arriving_disk(7);
        // The probe is answered all the same, as by another host with that address.
        host.world.cut_link_unnoticed().unwrap();
        let words = ["web-root was promoted and demoted again", "lost"];
        disk.assert_refused(&disk.receive(), 3, "error", &words);
        host.assert_changes(&["primary", "secondary"]);
        host.assert_left_alone();
    });
}

/// Design: a disconnected copy here is stale by definition.
#[test]
fn a_migration_without_a_link_is_refused() {
    both(|host| {
        host.resource(dual());
        let disk = host.arriving_disk(7);
        host.world.cut_link().unwrap();
        assert_not_taken_in(host, &disk, &["no peer is connected and Primary", "stale"]);
    });
}

/// Design: a source that is Secondary is no source.
#[test]
fn a_migration_from_nobody_is_refused() {
    both(|host| {
        host.resource(dual());
        let disk = host.arriving_disk(7);
        host.peer_demotes(WEB, MINOR);
        assert_not_taken_in(
            host,
            &disk,
            &["no peer is connected and Primary", "Secondary"],
        );
    });
}

/// Design "The window": protocol C is required.
#[test]
fn a_migration_over_protocol_a_is_refused() {
    both(|host| {
        host.resource(dual().with_option("protocol", "A"));
        let disk = host.arriving_disk(7);
        assert_not_taken_in(host, &disk, &["protocol A", "protocol C"]);
    });
}

/// Design `dual-primary = "static"`: two primaries are as configured.
#[test]
fn a_migration_without_two_primaries_is_refused_with_the_setting_to_make() {
    both(|host| {
        host.configure("dual-primary = \"static\"\n");
        let disk = host.arriving_disk(7);
        let words = [
            "two primaries are not allowed with nodo2",
            "allow-two-primaries yes",
        ];
        assert_not_taken_in(host, &disk, &words);
    });
}

/// Design `dual-primary = "never"`.
#[test]
fn a_migration_may_be_forbidden() {
    both(|host| {
        host.resource(dual());
        let disk = host.arriving_disk(7);
        host.configure("dual-primary = \"never\"\n");
        assert_not_taken_in(host, &disk, &["dual-primary = \"never\""]);
        host.configure("[resource.web-root]\ndual-primary = \"never\"\n");
        assert_not_taken_in(host, &disk, &["dual-primary = \"never\""]);
        host.configure(
            "dual-primary = \"never\"\n[resource.web-root]\ndual-primary = \"static\"\n",
        );
        disk.assert_attached(&disk.receive(), MINOR);
    });
}

/// Design: usable on every volume, and so is the source's copy.
#[test]
fn a_migration_onto_or_from_a_bad_copy_is_refused() {
    both(|host| {
        for (bad, words) in [
            (HERE, "is Inconsistent here"),
            (PEER, "on nodo2 is Inconsistent"),
        ] {
            host.resource(dual());
            let disk = host.arriving_disk(7);
            host.world
                .set_disk(bad, MINOR, State::Inconsistent)
                .unwrap();
            assert_not_taken_in(host, &disk, &[words]);
            disk.vanish();
        }
    });
}

/// Design: usable is also the intentional client of a peer that is `UpToDate` (DRBD 9).
#[test]
fn a_guest_is_received_by_a_host_that_has_no_disk_on_purpose() {
    let host = Host::new(Generation::V9);
    host.resource(dual());
    host.world.make_client(HERE, MINOR).unwrap();
    let disk = host.arriving_disk(7);
    disk.assert_attached(&disk.receive(), MINOR);
    host.assert_roles(Role::Primary, Role::Primary);
}

/// The same, with a source that is not good: the host has nothing of its own to fall back to.
#[test]
fn a_host_without_a_disk_does_not_receive_from_a_bad_copy() {
    let host = Host::new(Generation::V9);
    host.resource(dual());
    host.world.make_client(HERE, MINOR).unwrap();
    let disk = host.arriving_disk(7);
    host.world
        .set_disk(PEER, MINOR, State::Inconsistent)
        .unwrap();
    assert_not_taken_in(&host, &disk, &["Diskless here"]);
}

/// A disk that was lost is no client: its host would serve a guest over the link for ever.
#[test]
fn a_host_that_has_lost_its_disk_does_not_receive_a_guest() {
    both(|host| {
        host.resource(dual());
        let disk = host.arriving_disk(7);
        host.world.set_disk(HERE, MINOR, State::Diskless).unwrap();
        assert_not_taken_in(host, &disk, &["is Diskless here"]);
    });
}

/// Design: Established, not just Connected.
#[test]
fn a_migration_during_a_resync_is_refused() {
    both(|host| {
        host.resource(dual());
        let disk = host.arriving_disk(7);
        host.world.start_resync(HERE, MINOR, 1000).unwrap();
        assert_not_taken_in(host, &disk, &["nodo2", "SyncSource", "not Established"]);
    });
}

/// Contract 24 from the other side: the same guest on this host is a Primary of its own.
#[test]
fn a_migration_to_the_same_host_joins_the_guest() {
    both(|host| {
        let source = host.disk(5, WEB);
        source.add().assert_silent_success();
        let vm = host.xen.read("/local/domain/5/vm").unwrap();
        host.xen.guest(6, "guest-5--incoming");
        host.xen.write("/local/domain/6/vm", &vm);
        let disk = host.disk(6, WEB);
        disk.assert_attached(&disk.receive(), MINOR);
        host.assert_changes(&["primary"]);
    });
}

/// Design: wait until the source's writes have stopped arriving; surprise 10.
#[test]
fn a_guest_is_not_resumed_while_writes_of_its_source_arrive() {
    both(|host| {
        host.resource(dual());
        let disk = host.arriving_disk(7);
        host.world
            .in_flight(PEER, MINOR, 100_000, 4, Some(700))
            .unwrap();
        let refresh = Refresh::of(host);
        let ran = disk.receive();
        refresh.end();
        disk.assert_attached(&ran, MINOR);
        assert!(
            ran.took > Duration::from_millis(300),
            "too early: {:?}",
            ran.took
        );
    });
}

/// The same: bounded.
#[test]
fn writes_that_do_not_stop_refuse_the_migration() {
    both(|host| {
        host.resource(dual());
        host.configure("drain = 1\n");
        let disk = host.arriving_disk(7);
        host.world.in_flight(PEER, MINOR, 100_000, 4, None).unwrap();
        let refresh = Refresh::of(host);
        let ran = disk.receive();
        refresh.end();
        disk.assert_refused(&ran, 3, "error", &["still arriving after 1 s"]);
        host.assert_changes(&["primary", "secondary"]);
        host.assert_left_alone();
    });
}

/// Contract 15: a failed promotion of an arriving guest is reported at once.
#[test]
fn the_source_is_not_kept_waiting_when_drbd_refuses() {
    both(|host| {
        host.resource(dual());
        let disk = host.arriving_disk(7);
        let refusal = Fault::Fail {
            code: 11,
            stderr:
                "1: State change failed: (-7) Refusing to be Primary while peer is not outdated\n"
                    .into(),
        };
        host.world.fault(HERE, "primary", refusal, None).unwrap();
        let ran = disk.receive();
        disk.assert_refused(&ran, 1, "error", &["(-7)", "web-root"]);
        assert!(ran.took < Duration::from_millis(900), "{:?}", ran.took);
        host.assert_left_alone();
    });
}

/// What stops what [`Refresh::of`] began.
type Stop = std::sync::mpsc::Sender<()>;

/// Keeps the counters in /proc/drbd going, as a kernel does.
pub struct Refresh {
    stop: Stop,
    thread: std::thread::JoinHandle<()>,
}

impl Refresh {
    pub fn of(host: &Host) -> Self {
        let world = host.world.clone();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            use std::sync::mpsc::RecvTimeoutError::Timeout;
            while stopped.recv_timeout(Duration::from_millis(5)) == Err(Timeout) {
                world.refresh().unwrap();
            }
        });
        Self { stop, thread }
    }

    pub fn end(self) {
        drop(self.stop);
        self.thread.join().unwrap();
    }
}

/// Contract 16: what the deadline of a promotion leaves nobody with.
#[test]
fn a_source_that_is_lost_while_the_promotion_hangs_is_not_joined() {
    both(|host| {
        host.resource(dual());
        let disk = host.arriving_disk(7);
        host.world
            .fault(HERE, "primary", Fault::Delay(300), None)
            .unwrap();
        let mut command = host.below_xl("migrate-receive", &["add"]);
        command.env("XENBUS_PATH", &disk.path);
        let child = command.spawn().unwrap();
        eventually("promoting", || host.changes().len() == 1);
        host.world.crash(PEER).unwrap();
        host.world.notice_on(HERE).unwrap();
        let ran = crate::host::Ran::wait(child);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert_eq!(disk.get("physical-device"), None);
        host.assert_changes(&["primary", "secondary"]);
        host.assert_left_alone();
    });
}
