//! What the destination says of a guest that would be received, and what its `add` then does.

use simulated_drbd::{Disk as State, Resource};

use super::foretold::assert_agree;
use crate::host::{Disk, HERE, Host, MINOR, PEER, WEB, both};
use crate::silence::Silence;

const ASK: [&str; 3] = [
    "--incoming",
    "--disk",
    "vdev=xvda2,access=w,script=block-drbd,target=web-root",
];

fn dual() -> Resource {
    Resource::simple(WEB, MINOR).with_two_primaries()
}

/// Asks, receives, and compares; gives the disk back. Returns the refusal.
#[track_caller]
fn foretold(host: &Host, disk: &Disk<'_>) -> Option<String> {
    let said = host.check_json(&ASK);
    let ran = disk.receive();
    assert_agree(&said, disk, &ran, "guest web--incoming (domain 7), xvda2: ")
}

#[track_caller]
fn assert_refused(host: &Host, words: &str) {
    let disk = host.arriving_disk(7);
    let refusal = foretold(host, &disk).expect("it was taken in");
    assert!(refusal.contains(words), "no {words:?} in {refusal}");
    disk.vanish();
}

#[test]
fn a_healthy_migration_with_and_without_a_window() {
    both(|host| {
        for resource in [dual(), Resource::simple(WEB, MINOR)] {
            host.resource(resource);
            let disk = host.arriving_disk(7);
            assert_eq!(foretold(host, &disk), None);
            host.peer_demotes(WEB, MINOR);
            disk.close();
            disk.remove();
            disk.vanish();
        }
    });
}

#[test]
fn settings_that_forbid_a_migration() {
    both(|host| {
        host.resource(dual().with_option("protocol", "A"));
        assert_refused(host, "protocol A");
        host.resource(Resource::simple(WEB, MINOR));
        host.configure("dual-primary = \"static\"\n");
        assert_refused(host, "dual-primary = \"static\"");
        host.configure("dual-primary = \"never\"\n");
        assert_refused(host, "dual-primary = \"never\"");
    });
}

#[test]
fn copies_and_links_that_are_not_good() {
    both(|host| {
        for bad in [HERE, PEER] {
            host.resource(dual());
            let disk = host.arriving_disk(7);
            host.world
                .set_disk(bad, MINOR, State::Inconsistent)
                .unwrap();
            let refusal = foretold(host, &disk);
            assert!(refusal.unwrap().contains("Inconsistent"));
            disk.vanish();
        }
        host.resource(dual());
        let disk = host.arriving_disk(7);
        host.world.start_resync(HERE, MINOR, 1000).unwrap();
        assert!(foretold(host, &disk).unwrap().contains("not Established"));
        disk.vanish();
        host.resource(dual());
        let disk = host.arriving_disk(7);
        host.peer_demotes(WEB, MINOR);
        assert!(foretold(host, &disk).unwrap().contains("Secondary"));
        disk.vanish();
        host.resource(dual());
        let disk = host.arriving_disk(7);
        host.world.cut_link().unwrap();
        assert!(foretold(host, &disk).unwrap().contains("stale"));
    });
}

#[test]
fn a_link_that_is_cut_unnoticed_is_noticed_beforehand() {
    both(|host| {
        host.resource(dual());
        let silence = Silence::at(&host.peer_address());
        let disk = host.arriving_disk(7);
        host.world.cut_link_unnoticed().unwrap();
        assert!(
            foretold(host, &disk)
                .unwrap()
                .contains("the replication link is cut")
        );
        drop(silence);
    });
}

/// The guest is here already, under another number: a migration to its own host.
#[test]
fn a_migration_to_the_same_host_is_told_by_the_uuid() {
    both(|host| {
        let source = host.disk(5, WEB);
        source.add().assert_silent_success();
        let vm = host.xen.read("/local/domain/5/vm").unwrap();
        let uuid = vm.strip_prefix("/vm/").unwrap();
        let said = host.check_json(&[&ASK[..], &["--uuid", uuid]].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        let said = host.check_json(&ASK);
        assert!(said.sentences("error")[0].contains("guest-5"), "{said:?}");
        host.xen.guest(6, "guest-5--incoming");
        host.xen.write("/local/domain/6/vm", &vm);
        let disk = host.disk(6, WEB);
        disk.assert_attached(&disk.receive(), MINOR);
    });
}

/// libvirt's mark counts for one domain: a question must not use it up.
#[test]
fn a_mark_of_libvirts_is_not_claimed_by_asking() {
    both(|host| {
        let uuid = "00000000-0000-0000-0000-000000010007";
        host.file(&format!("/run/block-drbd/incoming/{uuid}"), "");
        host.resource(dual());
        host.peer_promotes(WEB, MINOR);
        let said = host.check_json(&[&ASK[..], &["--uuid", uuid]].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        let mark = host.path(&format!("/run/block-drbd/incoming/{uuid}"));
        assert!(mark.exists());
    });
}
