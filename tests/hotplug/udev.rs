//! A guest that is received waits for its disk, and udev for the guest: `udev-rules/59-block-drbd.rules`, and
//! `tests/udev`, where the real udev meets the marks.

use simulated_drbd::{Fault, Generation, Resource, Role};

use crate::disk::Disk;
use crate::host::{HERE, Host, MINOR, WEB, both, eventually};
use crate::ran::Ran;

const NOBODY: [u32; 0] = [];

/// DRBD 9 has udev look at nothing when it promotes.
fn of_84(host: &Host, minors: &[u32]) -> Vec<u32> {
    match host.generation {
        Generation::V84 => minors.to_vec(),
        Generation::V9 => Vec::new(),
    }
}

/// A guest that arrives with both volumes of one resource.
fn arriving_with<'h>(host: &'h Host, minors: &[u32]) -> Disk<'h> {
    host.resource(Resource::of_volumes("pair", minors).with_two_primaries());
    match host.generation {
        Generation::V84 => minors.iter().for_each(|m| host.peer_promotes("pair", *m)),
        Generation::V9 => host.peer_promotes("pair", minors[0]),
    }
    host.xen.guest(7, "web--incoming");
    host.disk(7, "pair/0")
}

#[test]
fn udev_waits_from_before_the_promotion_until_the_guest_has_gone() {
    both(|host| {
        host.world
            .fault(HERE, "primary", Fault::Delay(500), None)
            .unwrap();
        let disk = host.arriving_disk(7);
        let child = disk.receiving().spawn().unwrap();
        let promoting = |call: &String| call.contains(" primary ");
        eventually("promoting", || host.calls().iter().any(promoting));
        assert_eq!(host.udev_waits_for(), of_84(host, &[MINOR]));
        disk.assert_attached(&Ran::wait(child), MINOR);
        assert_eq!(host.udev_waits_for(), of_84(host, &[MINOR]));
        disk.close();
        disk.remove().assert_silent_success();
        assert_eq!(host.udev_waits_for(), NOBODY);
    });
}

#[test]
fn it_waits_with_every_volume_of_the_resource() {
    both(|host| {
        let disk = arriving_with(host, &[10, 11]);
        disk.assert_attached(&disk.receive(), 10);
        assert_eq!(host.udev_waits_for(), of_84(host, &[10, 11]));
    });
}

/// Each that waits takes one of its workers.
#[test]
fn it_does_not_wait_with_many() {
    both(|host| {
        let disk = arriving_with(host, &[10, 11, 12, 13, 14]);
        disk.assert_attached(&disk.receive(), 10);
        assert_eq!(host.udev_waits_for(), NOBODY);
    });
}

#[test]
fn it_waits_for_no_guest_that_starts() {
    both(|host| {
        let disk = host.disk(7, WEB);
        disk.assert_attached(&disk.add(), MINOR);
        assert_eq!(host.udev_waits_for(), NOBODY);
    });
}

/// What is Primary already is not promoted, and no event comes of it.
#[test]
fn it_waits_for_no_disk_that_is_primary_already() {
    both(|host| {
        host.resource(Resource::simple(WEB, MINOR).with_two_primaries());
        host.promote(WEB, MINOR);
        let disk = host.arriving_disk(7);
        disk.assert_attached(&disk.receive(), MINOR);
        assert_eq!(host.udev_waits_for(), NOBODY);
    });
}

/// It is a matter of speed, and no reason to refuse a guest.
#[test]
fn a_guest_is_received_where_udev_cannot_be_told() {
    both(|host| {
        host.file("/run/block-drbd/received", "no folder");
        let disk = host.arriving_disk(7);
        disk.assert_attached(&disk.receive(), MINOR);
        host.assert_roles(Role::Primary, Role::Primary);
    });
}
