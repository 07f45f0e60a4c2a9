//! The decision table's rows on guests of the same host.

use simulated_drbd::{Resource, Role};

use crate::host::{Host, MINOR, WEB, XVDA2, XVDB, both, pause};

const SHARED: &str = "patience = 1\n[resource.web-root]\nshared = true\n";

/// A guest that has the disk already; its backend is connected.
fn attached<'h>(host: &'h Host, domid: u32, mode: &str) -> crate::host::Disk<'h> {
    let disk = host.disk_as(domid, XVDA2, WEB, mode);
    disk.add().assert_silent_success();
    disk.set("state", "4");
    disk
}

/// Contract 14, 17: the first guest is not touched.
#[test]
fn a_second_guest_is_refused_if_either_writes() {
    both(|host| {
        for (first, second) in [("w", "w"), ("w", "r"), ("r", "w")] {
            let owner = attached(host, 5, first);
            let disk = host.disk_as(6, XVDA2, WEB, second);
            let access = |mode| {
                if mode == "w" {
                    "read-write"
                } else {
                    "read-only"
                }
            };
            let words = [
                "guest guest-6 (domain 6), xvda2",
                "attached",
                access(first),
                "to guest guest-5 (domain 5) as xvda2",
                access(second),
                "shut that guest down",
            ];
            disk.assert_refused(&disk.add(), 3, "busy", &words);
            owner.assert_published(MINOR);
            host.assert_changes(&["primary"]);
            host.assert_roles(Role::Primary, Role::Secondary);
            owner.close();
            owner.remove().assert_silent_success();
            owner.vanish();
            disk.vanish();
            std::fs::remove_file(host.path("/simulated-drbd.calls")).unwrap();
        }
    });
}

/// Contract 14: the device counts, compared as a number, whichever script published it.
#[test]
fn a_device_that_another_script_published_counts() {
    both(|host| {
        let other = host.disk(5, "/dev/drbd1");
        other.set("physical-device", "93:01");
        host.promote(WEB, MINOR);
        let disk = host.disk(6, WEB);
        disk.assert_refused(&disk.add(), 3, "busy", &["guest-5"]);
        other.set("physical-device", "7:1");
        disk.assert_attached(&disk.add(), MINOR);
    });
}

/// Design: two guests may read.
#[test]
fn two_guests_may_read_one_resource() {
    both(|host| {
        let first = attached(host, 5, "r");
        let second = host.disk_as(6, XVDA2, WEB, "r");
        second.assert_attached(&second.add(), MINOR);
        host.assert_changes(&["primary"]);
        first.close();
        first.remove().assert_silent_success();
        host.assert_roles(Role::Primary, Role::Secondary);
        first.vanish();
        second.close();
        second.remove().assert_silent_success();
        host.assert_left_alone();
    });
}

/// Contract 8, design `shared`: by configuration, or by `!`.
#[test]
fn a_shared_resource_may_be_written_by_two_guests() {
    both(|host| {
        host.configure(SHARED);
        attached(host, 5, "w");
        for (domid, params) in [(6, WEB), (9, "/dev/drbd1")] {
            let second = host.disk(domid, params);
            second.assert_attached(&second.add(), MINOR);
        }
        host.configure("");
        let third = host.disk_as(7, XVDA2, WEB, "w!");
        third.assert_attached(&third.add(), MINOR);
        host.assert_changes(&["primary"]);
        let fourth = host.disk(8, WEB);
        fourth.assert_refused(&fourth.add(), 3, "busy", &["guest-5"]);
    });
}

/// Design `shared`: beside a Primary peer only where two primaries are sound.
#[test]
fn a_shared_resource_may_be_primary_on_both_hosts_where_that_is_sound() {
    both(|host| {
        host.configure(SHARED);
        host.peer_promotes(WEB, MINOR);
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 3, "error", &["two primaries are not allowed"]);
        host.assert_untouched();
        host.resource(Resource::simple(WEB, MINOR).with_two_primaries());
        host.peer_promotes(WEB, MINOR);
        disk.assert_attached(&disk.add(), MINOR);
        host.assert_roles(Role::Primary, Role::Primary);
    });
}

/// Contract 14: a migration to the same host.
#[test]
fn the_same_guest_under_a_new_domain_id_is_attached() {
    both(|host| {
        let old = attached(host, 5, "w");
        let vm = host.xen.read("/local/domain/5/vm").unwrap();
        host.xen.guest(6, "guest-5--incoming");
        host.xen.write("/local/domain/6/vm", &vm);
        let new = host.disk(6, WEB);
        new.assert_attached(&new.receive(), MINOR);
        host.assert_changes(&["primary"]);
        old.close();
        old.remove().assert_silent_success();
        host.assert_roles(Role::Primary, Role::Secondary);
    });
}

/// Contract 17: a copied configuration with its `uuid=`, or a saved guest that goes on and is restored.
#[test]
fn two_domains_of_one_uuid_are_not_started_on_one_disk() {
    both(|host| {
        host.configure("patience = 1\n");
        let old = attached(host, 5, "w");
        let vm = host.xen.read("/local/domain/5/vm").unwrap();
        host.xen.guest(6, "web-again");
        host.xen.write("/local/domain/6/vm", &vm);
        let new = host.disk(6, WEB);
        let words = ["guest guest-5 (domain 5)", "xvda2", "read-write"];
        new.assert_refused(&new.add(), 3, "busy", &words);
        // The same while the first lets go of it, and afterwards no more.
        old.close();
        new.assert_refused(&new.add(), 3, "busy", &words);
        host.xen.rm("/local/domain/0/backend/vbd/5");
        new.assert_attached(&new.add(), MINOR);
    });
}

/// Contract 17: what `xl migrate-receive` left here when it was killed, and the guest runs on at its source.
#[test]
fn the_same_guest_is_not_started_beside_its_source() {
    both(|host| {
        host.configure("patience = 1\n");
        host.resource(Resource::simple(WEB, MINOR).with_two_primaries());
        attached(host, 5, "w");
        host.xen.write("/local/domain/5/name", "web--incoming");
        host.peer_promotes(WEB, MINOR);
        let vm = host.xen.read("/local/domain/5/vm").unwrap();
        host.xen.guest(6, "web");
        host.xen.write("/local/domain/6/vm", &vm);
        let disk = host.disk(6, WEB);
        let words = ["guest web--incoming (domain 5)"];
        disk.assert_refused(&disk.add(), 3, "busy", &words);
        host.assert_changes(&["primary"]);
        host.assert_roles(Role::Primary, Role::Primary);
        // Nor once that domain is no longer in xenstore.
        host.xen.rm("/local/domain/5");
        let words = ["web-root is Primary on nodo2", "the guest runs there"];
        disk.assert_refused(&disk.add(), 3, "error", &words);
        host.assert_changes(&["primary"]);
        // Nor when the link to the source is lost.
        host.configure("patience = 1\ndisconnected = \"refuse\"\n");
        host.world.cut_link().unwrap();
        disk.assert_refused(&disk.add(), 3, "error", &["not connected to nodo2"]);
        host.assert_changes(&["primary"]);
    });
}

/// A stub domain of the guest, which gets the disk, too.
fn served(host: &Host, guest: u32, stub: u32) {
    let name = host.xen.read(&format!("/local/domain/{guest}/name"));
    host.xen.guest(stub, &format!("{}-dm", name.unwrap()));
    let target = format!("/local/domain/{stub}/target");
    host.xen.write(&target, &guest.to_string());
    let disk = host.disk(stub, WEB);
    disk.assert_attached(&disk.add(), MINOR);
}

/// Contract 14: a stub domain serves its guest.
#[test]
fn a_stub_domain_shares_the_disk_of_its_guest() {
    both(|host| {
        attached(host, 5, "w");
        served(host, 5, 6);
        let other = host.disk(7, WEB);
        other.assert_refused(&other.add(), 3, "busy", &["guest-5"]);
        host.assert_changes(&["primary"]);
    });
}

/// Contract 14: that of a guest which migrates to its own host finds the guest, and another stub domain of it.
#[test]
fn the_stub_domains_of_both_ends_share_the_disk() {
    both(|host| {
        attached(host, 5, "w");
        served(host, 5, 6);
        let vm = host.xen.read("/local/domain/5/vm").unwrap();
        host.xen.guest(7, "guest-5--incoming");
        host.xen.write("/local/domain/7/vm", &vm);
        let received = host.disk(7, WEB);
        received.assert_attached(&received.receive(), MINOR);
        served(host, 7, 8);
        host.assert_changes(&["primary"]);
    });
}

/// Contract 14: two domains of which nothing is known are two guests.
#[test]
fn guests_without_a_vm_node_are_strangers() {
    both(|host| {
        attached(host, 5, "w");
        host.xen.rm("/local/domain/5/vm");
        let disk = host.disk(6, WEB);
        host.xen.rm("/local/domain/6/vm");
        disk.assert_refused(&disk.add(), 3, "busy", &["guest-5"]);
    });
}

/// Contract 17.
#[test]
fn one_domain_may_not_have_the_disk_twice() {
    both(|host| {
        attached(host, 5, "w");
        let twice = host.disk_as(5, XVDB, WEB, "w");
        twice.assert_refused(
            &twice.add(),
            3,
            "busy",
            &["attached to this guest already, as xvda2"],
        );
        twice.remove().assert_silent_success();
        host.assert_roles(Role::Primary, Role::Secondary);
        host.assert_changes(&["primary"]);
    });
}

/// Design: whoever lets go of the disk is waited for.
#[test]
fn a_guest_that_is_just_letting_go_is_waited_for() {
    both(|host| {
        let old = attached(host, 5, "w");
        old.set("state", "5");
        let disk = host.disk(6, WEB);
        let child = disk.start("add");
        pause(300);
        old.close();
        old.remove().assert_silent_success();
        old.vanish();
        crate::host::Ran::wait(child).assert_silent_success();
        disk.assert_published(MINOR);
        host.assert_roles(Role::Primary, Role::Secondary);
    });
}

/// Contract 19: the backend of a domain that died is no user.
#[test]
fn what_a_dead_domain_left_does_not_stop_a_start() {
    both(|host| {
        attached(host, 5, "w");
        host.xen.rm("/local/domain/5");
        let disk = host.disk(6, WEB);
        disk.assert_attached(&disk.add(), MINOR);
    });
}
