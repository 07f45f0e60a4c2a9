//! What is said of a start, and what the start then does: every row of the decision table that a guest's
//! start can come to.

use std::fs;
use std::net::TcpListener;

use simulated_drbd::host::Module;
use simulated_drbd::state::Connection;
use simulated_drbd::{Disk, Generation, Resource, Role};

use crate::host::{HERE, Host, MINOR, PEER, WEB, XVDA2, XVDB, both};
use crate::silence::Silence;

/// A start that is refused, with these words among others.
#[track_caller]
fn assert_refused(host: &Host, params: &str, words: &str) {
    let refusal = host.assert_start_foretold(params, "w");
    let refusal = refusal.unwrap_or_else(|| panic!("{params} was attached"));
    assert!(refusal.contains(words), "no {words:?} in {refusal}");
}

#[track_caller]
fn assert_attached(host: &Host, params: &str, mode: &str) {
    assert_eq!(host.assert_start_foretold(params, mode), None);
}

#[test]
fn a_healthy_resource_in_every_form() {
    both(|host| {
        host.resource(Resource::of_volumes("pair", &[10, 11]));
        for params in [
            WEB,
            "web-root/0",
            "pair/1",
            "/dev/drbd1",
            "/dev/drbd/by-res/pair/0",
        ] {
            assert_attached(host, params, "w");
        }
        assert_attached(host, WEB, "r");
    });
}

#[test]
fn what_names_no_resource_that_is_up() {
    both(|host| {
        host.resource(Resource::simple("cold", 7).down());
        host.resource(Resource::of_volumes("pair", &[10, 11]));
        for (params, words) in [
            ("nosuch", "not configured"),
            ("/dev/drbd77", "/dev/drbd77"),
            ("cold", "`drbdadm up cold`"),
            ("pair", "drbd:pair/0"),
            ("pair/7", "no volume 7"),
            ("-f", "names no DRBD device"),
            ("all", "a meaning of its own"),
            ("/dev/sda", "names no DRBD device"),
            ("/dev/drbd/by-disk/vg/none", "by-disk"),
            ("", "no resource is named"),
        ] {
            assert_refused(host, params, words);
        }
        for module in [Module::Unloaded, Module::Absent] {
            host.world.set_module(HERE, module).unwrap();
            assert_refused(host, WEB, "modprobe drbd");
        }
    });
}

#[test]
fn a_copy_or_a_state_that_is_not_good() {
    both(|host| {
        for (disk, connected) in [
            (Disk::Failed, true),
            (Disk::Inconsistent, true),
            (Disk::Outdated, false),
            (Disk::Diskless, true),
        ] {
            host.resource(Resource::simple(WEB, MINOR));
            if !connected {
                host.world.cut_link().unwrap();
            }
            host.world.set_disk(HERE, MINOR, disk).unwrap();
            assert_refused(host, WEB, &disk.to_string());
        }
        host.resource(Resource::simple(WEB, MINOR));
        let minor = MINOR.to_string();
        host.world
            .run(HERE, &["drbdsetup", "suspend-io", &minor])
            .unwrap();
        assert_refused(host, WEB, "suspended");
    });
}

#[test]
fn a_resync_in_either_direction_and_policy() {
    both(|host| {
        host.world.start_resync(PEER, MINOR, 1000).unwrap();
        assert_refused(host, WEB, "being resynced");
        host.configure("patience = 1\nresync = \"allow\"\n");
        assert_attached(host, WEB, "w");
    });
    both(|host| {
        host.world.start_resync(HERE, MINOR, 1000).unwrap();
        assert_attached(host, WEB, "w");
    });
}

/// Two guests read one resource: each can start, and neither should migrate alone.
#[test]
fn a_guest_that_would_keep_it_primary_here_is_named() {
    both(|host| {
        let reader = host.disk_as(6, XVDA2, WEB, "r");
        reader.assert_attached(&reader.add(), MINOR);
        let ran = host.run(host.program(&["check", "--disk", "drbd:web-root,xvda2,r"]));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let words = [
            "warning",
            "Primary on both hosts",
            "guest guest-6 (domain 6) has it as xvda2",
        ];
        for word in words {
            assert!(ran.stdout.contains(word), "no {word:?} in {}", ran.stdout);
        }
    });
}

#[test]
fn a_split_brain_is_foretold() {
    both(|host| {
        host.world
            .edit(WEB, |resource, _| {
                resource.sides[0].connection = Connection::StandAlone;
                Ok(())
            })
            .unwrap();
        assert_refused(host, WEB, "StandAlone");
    });
}

#[test]
fn lost_quorum_is_foretold() {
    both(|host| {
        if host.generation == Generation::V84 {
            return;
        }
        let edit = host.world.edit(WEB, |resource, _| {
            resource.quorum = "majority".into();
            resource.sides[0].devices[0].quorum = false;
            Ok(())
        });
        edit.unwrap();
        assert_refused(host, WEB, "no quorum");
    });
}

#[test]
fn what_this_host_does_with_the_device_itself() {
    both(|host| {
        host.file(
            "/proc/self/mountinfo",
            "36 1 147:1 / /mnt rw - ext4 /dev/drbd1 rw\n",
        );
        assert_refused(host, WEB, "mounted on /mnt");
        host.file(
            "/proc/self/mountinfo",
            "36 1 8:1 / / rw - ext4 /dev/sda1 rw\n",
        );
        host.file("/sys/block/drbd1/holders/dm-3/x", "");
        host.file("/sys/block/dm-3/dm/name", "vg-lv\n");
        assert_refused(host, WEB, "vg-lv");
    });
}

#[test]
fn a_peer_that_has_it_or_may_have_it() {
    both(|host| {
        host.peer_promotes(WEB, MINOR);
        assert_refused(host, WEB, "Primary on nodo2");
        host.resource(Resource::simple(WEB, MINOR).with_two_primaries());
        host.peer_promotes(WEB, MINOR);
        assert_refused(host, WEB, "Primary on nodo2");
        host.promote(WEB, MINOR);
        assert_refused(host, WEB, "Primary on nodo2");
        host.resource(Resource::simple(WEB, MINOR));
        let listener = TcpListener::bind(host.peer_address()).unwrap();
        host.world.cut_link().unwrap();
        assert_refused(host, WEB, "whose DRBD is up");
        drop(listener);
    });
}

#[test]
fn a_start_without_the_peer_under_every_policy() {
    both(|host| {
        host.world.cut_link().unwrap();
        for policy in ["", "disconnected = \"allow\"\n"] {
            host.configure(policy);
            assert_attached(host, WEB, "w");
        }
        host.configure("disconnected = \"refuse\"\n");
        assert_refused(host, WEB, "disconnected = \"refuse\"");
        host.configure("");
        let silence = Silence::at(&host.peer_address());
        host.world.crash(PEER).unwrap();
        host.world.notice_on(HERE).unwrap();
        assert_attached(host, WEB, "w");
        drop(silence);
    });
}

/// A guest that has the disk already; its backend is connected.
fn attached<'h>(host: &'h Host, mode: &str) -> crate::host::Disk<'h> {
    let disk = host.disk_as(6, XVDA2, WEB, mode);
    disk.add().assert_silent_success();
    disk.set("state", "4");
    disk
}

#[test]
fn other_guests_of_this_host() {
    both(|host| {
        for (first, second, may) in [
            ("w", "w", false),
            ("w", "r", false),
            ("r", "w", false),
            ("r", "r", true),
        ] {
            let owner = attached(host, first);
            let refusal = host.assert_start_foretold(WEB, second);
            assert_eq!(refusal.is_none(), may, "{first} {second}: {refusal:?}");
            owner.close();
            owner.remove().assert_silent_success();
            owner.vanish();
        }
        attached(host, "w");
        host.configure("[resource.web-root]\nshared = true\n");
        assert_attached(host, WEB, "w");
        assert_eq!(host.role(WEB), Role::Primary);
    });
}

#[test]
fn what_a_dead_domain_left() {
    both(|host| {
        attached(host, "w");
        host.xen.rm("/local/domain/6");
        assert_attached(host, WEB, "w");
    });
}

/// A device node that udev did not make: found by `add` only after the promotion.
#[test]
fn a_missing_device_node_is_foretold() {
    both(|host| {
        fs::remove_file(host.path("/dev/drbd1")).unwrap();
        let said = host.check_json(&[WEB]);
        assert_eq!(said.code, Some(3));
        let disk = host.disk(5, WEB);
        assert_eq!(disk.add().code, Some(1));
        let error = disk.get("hotplug-error").unwrap();
        let sentences = said.sentences("error");
        let sentence = sentences[0].as_str();
        assert!(error.contains(sentence), "{sentence:?} is not in {error:?}");
    });
}

/// `add` is refused by the file itself.
#[test]
fn a_broken_configuration_is_foretold() {
    both(|host| {
        host.configure("deadline = 30\ndisconected = \"warn\"\n");
        let said = host.check_json(&[WEB]);
        assert_eq!(said.code, Some(3));
        assert_eq!(said.findings[0]["file"], "/etc/xen/block-drbd.toml");
        assert_eq!(said.findings[0]["line"], 2);
        let disk = host.disk(5, WEB);
        assert_eq!(disk.add().code, Some(1));
        let error = disk.get("hotplug-error").unwrap();
        assert!(error.contains("line 2"), "{error}");
    });
}

/// libxl keeps it among the disks of the guest, and `xl migrate` sends it along.
#[test]
fn a_running_guest_has_a_disk_that_was_refused() {
    both(|host| {
        host.resource(Resource::simple("data", 2));
        let web = host.disk(5, WEB);
        web.add().assert_silent_success();
        host.peer_promotes("data", 2);
        let refused = host.disk_as(5, XVDB, "data", "w");
        assert_eq!(refused.add().code, Some(3));
        host.file(
            "/web.cfg",
            "name='guest-5'\ndisk=['drbd:web-root,xvda2,w']\n",
        );
        let file = host.path("/web.cfg");
        let file = file.to_str().unwrap();
        let words = "a migration would take it along all the same: `xl block-detach 5 xvdb`";
        let told = || {
            let findings = host.check_json(&[file]).findings;
            findings.iter().any(|f| {
                f["severity"] == "error" && f["sentence"].as_str().unwrap().contains(words)
            })
        };
        assert!(told());
        refused.vanish();
        assert!(!told());
    });
}
