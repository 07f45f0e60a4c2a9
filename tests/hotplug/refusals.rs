//! The decision table's first rows: a resource that nobody may attach, whoever asks.

use std::fs;
use std::os::unix::fs::symlink;

use simulated_drbd::host::Module;
use simulated_drbd::state::Connection;
use simulated_drbd::{Disk, Generation, Opener, Resource, Role};
use xenstore_rs::Xs;

use crate::host::{HERE, Host, MINOR, PEER, Ran, WEB, XVDB, both, eventually, pause};

/// A start of a guest that is refused before anything is changed.
#[track_caller]
fn assert_start_refused(host: &Host, params: &str, status: &str, words: &[&str]) {
    let disk = host.disk(5, params);
    let mut command = host.program(&["add", "--dry-run"]);
    command.env("XENBUS_PATH", &disk.path);
    let foretold = host.run(command);
    assert_eq!(foretold.code, Some(3), "{foretold:?}");
    let ran = disk.add();
    let error = disk.get("hotplug-error").unwrap_or_default();
    let sentence = error.split_once(": ").map_or("", |(_, s)| s);
    assert!(
        foretold.stdout.contains(sentence),
        "{sentence:?} was not foretold by {}",
        foretold.stdout
    );
    disk.assert_refused(&ran, 3, status, words);
    assert_eq!(host.changes(), [""; 0]);
    assert!(!host.path("/run/block-drbd/promoted").exists());
}

/// Contract 15, 17.
#[test]
fn a_resource_that_is_not_configured_is_named() {
    both(|host| {
        let words = ["nosuch", "not configured", "check the name"];
        assert_start_refused(host, "nosuch", "error", &words);
        assert_start_refused(host, "/dev/drbd77", "error", &["/dev/drbd77"]);
    });
}

/// Contract 15, 17.
#[test]
fn a_resource_that_is_down_comes_with_the_command_that_brings_it_up() {
    both(|host| {
        host.resource(Resource::simple("cold", 7).down());
        let words = ["cold", "not up", "`drbdadm up cold`"];
        assert_start_refused(host, "cold", "error", &words);
        host.resource(Resource::of_volumes("pair", &[10, 11]).down());
        assert_start_refused(host, "pair/1", "error", &["`drbdadm up pair`"]);
    });
}

/// Contract 15, 17: and asking does not load the module.
#[test]
fn a_missing_module_is_refused_with_the_command_that_loads_it() {
    both(|host| {
        for module in [Module::Unloaded, Module::Absent] {
            host.world.set_module(HERE, module).unwrap();
            let words = ["kernel module", "modprobe drbd"];
            assert_start_refused(host, WEB, "error", &words);
            assert!(!host.path("/proc/drbd").exists(), "the module was loaded");
            assert_eq!(host.calls(), [""; 0]);
        }
    });
}

/// Contract 17.
#[test]
fn a_volume_must_exist_and_be_clear() {
    both(|host| {
        host.resource(Resource::of_volumes("pair", &[10, 11]));
        assert_start_refused(host, "pair", "error", &["pair", "0 and 1", "drbd:pair/0"]);
        assert_start_refused(host, "pair/7", "error", &["no volume 7", "0 and 1"]);
        assert_start_refused(host, "web-root/1", "error", &["no volume 1"]);
    });
}

/// Contract 17, 34: suspended I/O would hang the guest.
#[test]
fn suspended_io_is_refused() {
    both(|host| {
        let minor = MINOR.to_string();
        let suspend = ["drbdsetup", "suspend-io", minor.as_str()];
        assert_eq!(host.world.run(HERE, &suspend).unwrap().code, 0);
        let words = [
            "web-root",
            "suspended",
            "user",
            "`drbdadm resume-io web-root`",
        ];
        assert_start_refused(host, WEB, "error", &words);
    });
}

/// Contract 17, 18: the way out of a split brain is a person's choice.
#[test]
fn a_split_brain_is_refused_and_not_resolved() {
    both(|host| {
        host.promote(WEB, MINOR);
        host.world.cut_link().unwrap();
        host.peer_promotes(WEB, MINOR);
        host.world.write(HERE, MINOR, 4, true).unwrap();
        host.world.write(PEER, MINOR, 4, true).unwrap();
        let demote = host.command("secondary", WEB, MINOR);
        let words: Vec<&str> = demote.split(' ').skip(1).collect();
        let demote = [&["drbdsetup"], words.as_slice()].concat();
        assert_eq!(host.world.run(HERE, &demote).unwrap().code, 0);
        host.world.restore_link().unwrap();
        let side = &host.world.resource(WEB).unwrap().sides[0];
        assert_eq!(side.connection, Connection::StandAlone);
        let words = [
            "StandAlone",
            "nodo2",
            "`drbdadm disconnect web-root; drbdadm secondary web-root; drbdadm connect --discard-my-data web-root`",
        ];
        assert_start_refused(host, WEB, "error", &words);
        host.assert_roles(Role::Secondary, Role::Primary);
    });
}

/// Contract 34: a copy that is not good is not used.
#[test]
fn a_bad_disk_is_refused() {
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
            let name = disk.to_string();
            assert_start_refused(host, WEB, "error", &["web-root", "volume 0", &name]);
        }
    });
}

/// Contract 31: a word that nobody knows never counts as healthy.
#[test]
fn unknown_words_of_drbd_are_not_healthy() {
    both(|host| {
        let script = "#!/bin/sh\n\
            echo 'exists resource name:web-root role:Secondary suspended:no x:y flags'\n\
            echo 'exists connection name:web-root peer-node-id:0 conn-name:nodo2 connection:Connected role:Secondary'\n\
            echo 'exists device name:web-root volume:0 minor:1 disk:Splendid'\n\
            echo 'exists peer-device name:web-root peer-node-id:0 conn-name:nodo2 volume:0 replication:Established peer-disk:UpToDate'\n\
            echo 'exists something name:web-root new:thing'\n\
            echo 'exists -'\n";
        host.tool_script(script);
        let words = ["web-root", "Splendid"];
        assert_start_refused(host, WEB, "error", &words);
    });
}

/// Contract 17, 20: named, whatever holds it on this host itself.
#[test]
fn a_device_that_this_host_uses_itself_is_refused() {
    both(|host| {
        let mounts = "22 1 0:21 / /proc rw - proc proc rw\n36 1 147:1 / /mnt/my\\040disk rw - ext4 /dev/drbd1 rw\n";
        host.file("/proc/self/mountinfo", mounts);
        let words = ["web-root", "/dev/drbd1 is mounted on /mnt/my disk"];
        assert_start_refused(host, WEB, "busy", &words);
        host.file(
            "/proc/self/mountinfo",
            "36 1 8:1 / / rw - ext4 /dev/sda1 rw\n",
        );

        let swaps = "Filename Type Size Used Priority\n/dev/drbd1 partition 1 0 -2\n";
        host.file("/proc/swaps", swaps);
        assert_start_refused(host, WEB, "busy", &["web-root", "/dev/drbd1 is swap space"]);
        fs::remove_file(host.path("/proc/swaps")).unwrap();

        host.file("/sys/block/drbd1/holders/dm-3/x", "");
        host.file("/sys/block/dm-3/dm/name", "vg-lv\n");
        assert_start_refused(host, WEB, "busy", &["/dev/drbd1 is held by dm-3 (vg-lv)"]);
    });
}

/// Nothing but this file tells of it: a partition of it may be mounted.
#[test]
fn a_loop_device_keeps_a_guest_from_starting() {
    both(|host| {
        host.promote(WEB, MINOR);
        let opener = Opener::writer("losetup", 4711);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        host.file("/sys/block/loop7/loop/backing_file", "/dev/drbd1\n");
        assert_start_refused(host, WEB, "busy", &["/dev/drbd1 is held by loop7"]);
        // What it has promoted by hand is not this program's to demote.
        host.disk(5, WEB).remove().assert_silent_success();
        assert_eq!(host.role(WEB), Role::Primary);
        host.file("/sys/block/loop7/loop/backing_file", "/srv/drbd1\n");
        fs::create_dir_all(host.path("/sys/block/loop8")).unwrap();
        let disk = host.disk(6, WEB);
        disk.assert_attached(&disk.add(), MINOR);
    });
}

/// Contract 21: it may go by itself, as a backup's.
#[test]
fn a_loop_device_beside_a_guest_is_waited_for_when_the_guest_goes() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.assert_attached(&disk.add(), MINOR);
        let opener = Opener::writer("losetup", 4711);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        host.file("/sys/block/loop7/loop/backing_file", "/dev/drbd1\n");
        disk.close();
        let removal = disk.start("remove");
        pause(300);
        assert_eq!(host.role(WEB), Role::Primary);
        host.world.release(HERE, MINOR).unwrap();
        eventually("demoted", || host.role(WEB) == Role::Secondary);
        assert!(removal.wait_with_output().unwrap().status.success());
    });
}

/// Contract 17: what another volume's device is used for counts, too, since the role is the resource's.
#[test]
fn a_mount_of_another_volume_of_the_resource_is_refused() {
    both(|host| {
        host.resource(Resource::of_volumes("pair", &[10, 11]));
        host.file(
            "/proc/self/mountinfo",
            "36 1 147:11 / /srv rw - ext4 /dev/drbd11 rw\n",
        );
        assert_start_refused(host, "pair/0", "busy", &["/dev/drbd11 is mounted on /srv"]);
    });
}

/// Design: in this domain, if not in sight of this process.
#[test]
fn a_mount_in_a_container_is_refused() {
    both(|host| {
        host.promote(WEB, MINOR);
        let container = host.container("147:1", "/dev/drbd1");
        host.file(
            "/proc/76/mountinfo",
            "36 1 147:1 / /own rw - ext4 /dev/drbd1 rw\n",
        );
        let words = "/dev/drbd1 is mounted on /srv in the mount namespace of postgres (pid 77)";
        assert_start_refused(host, WEB, "busy", &[words]);
        fs::remove_dir_all(container).unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_attached(&disk.add(), MINOR);
    });
}

/// On 9 a Secondary can be mounted to read, and DRBD would promote it under that.
#[test]
fn a_mount_in_a_container_of_a_secondary_is_refused() {
    both(|host| {
        if host.generation == Generation::V84 {
            return;
        }
        let container = host.container("147:1", "/dev/drbd1");
        let opener = Opener::reader("mount", 77);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        let words = ["/srv in the mount namespace of postgres (pid 77)"];
        assert_start_refused(host, WEB, "busy", &words);
        fs::remove_dir_all(container).unwrap();
        host.world.release(HERE, MINOR).unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_attached(&disk.add(), MINOR);
    });
}

/// Somebody has promoted it by hand, and looks at it or mends it: `e2fsck`, say.
#[test]
fn a_process_that_has_it_open_is_waited_for_and_then_named() {
    both(|host| {
        host.configure("patience = 1\n");
        host.promote(WEB, MINOR);
        let process = host.path("/proc/77");
        fs::create_dir_all(process.join("fd")).unwrap();
        symlink(host.path("/dev/drbd1"), process.join("fd/3")).unwrap();
        host.file("/proc/77/comm", "e2fsck\n");
        host.file("/proc/77/fdinfo/3", "pos:\t0\nflags:\t0100002\n");
        let opener = Opener::writer("e2fsck", 77);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        let words = ["web-root", "/dev/drbd1 is open in e2fsck (pid 77)"];
        assert_start_refused(host, WEB, "busy", &words);
        host.configure("");
        let disk = host.disk(6, WEB);
        let child = disk.start("add");
        pause(300);
        fs::remove_dir_all(process).unwrap();
        host.world.release(HERE, MINOR).unwrap();
        disk.assert_attached(&Ran::wait(child), MINOR);
    });
}

/// The same beside a guest that has another volume, for which all of them are Primary.
#[test]
fn a_process_that_has_another_volume_open_to_write_is_seen_beside_a_guest() {
    both(|host| {
        host.configure("patience = 1\n");
        host.resource(Resource::of_volumes("three", &[10, 11, 12]));
        let first = host.disk(5, "three/0");
        first.assert_attached(&first.add(), 10);
        for (pid, minor) in [(77, 11), (78, 12)] {
            let fd = host.path(&format!("/proc/{pid}/fd"));
            fs::create_dir_all(&fd).unwrap();
            symlink(host.path(&format!("/dev/drbd{minor}")), fd.join("3")).unwrap();
            host.file(&format!("/proc/{pid}/comm"), "mkfs.ext4\n");
            host.file(
                &format!("/proc/{pid}/fdinfo/3"),
                "pos:\t0\nflags:\t0100002\n",
            );
            let opener = Opener::writer("mkfs.ext4", pid);
            host.world.hold_open(HERE, minor, opener, None).unwrap();
        }
        let second = host.disk_as(5, XVDB, "three/1", "w");
        let words = ["three", "/dev/drbd11 is open in mkfs.ext4 (pid 77)"];
        second.assert_refused(&second.add(), 3, "busy", &words);
        first.assert_published(10);
        // Who makes the third one ready is in nobody's way.
        fs::remove_dir_all(host.path("/proc/77")).unwrap();
        host.world.release(HERE, 11).unwrap();
        second.assert_attached(&second.add(), 11);
    });
}

/// A backup that reads keeps a guest from nothing, as at its reboot.
#[test]
fn a_process_that_only_reads_is_in_nobodys_way() {
    both(|host| {
        host.promote(WEB, MINOR);
        let process = host.path("/proc/77");
        fs::create_dir_all(process.join("fd")).unwrap();
        symlink(host.path("/dev/drbd1"), process.join("fd/3")).unwrap();
        host.file("/proc/77/fdinfo/3", "pos:\t0\nflags:\t0100000\n");
        let opener = Opener::reader("dd", 77);
        host.world.hold_open(HERE, MINOR, opener, None).unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_attached(&disk.add(), MINOR);
    });
}

/// The same under a name that only the container has, beside the guest's own other volume.
#[test]
fn a_mount_in_a_container_of_another_volume_is_refused() {
    both(|host| {
        host.resource(Resource::of_volumes("pair", &[10, 11]));
        let first = host.disk(5, "pair/0");
        first.assert_attached(&first.add(), 10);
        let container = host.container("147:11", "/dev/data");
        let second = host.disk_as(5, XVDB, "pair/1", "w");
        let words = ["/dev/drbd11 is mounted on /srv", "postgres (pid 77)"];
        second.assert_refused(&second.add(), 3, "busy", &words);
        first.assert_published(10);
        fs::remove_dir_all(container).unwrap();
        second.assert_attached(&second.add(), 11);
    });
}

/// The same where libxl gave up a guest's removal, and its folder stands.
#[test]
fn a_mount_in_a_container_of_what_a_guest_left_is_refused() {
    both(|host| {
        let gone = host.disk(4, WEB);
        gone.assert_attached(&gone.add(), MINOR);
        host.store().rm("/local/domain/4").unwrap();
        host.container("147:1", "/dev/drbd1");
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 3, "busy", &["/srv", "postgres (pid 77)"]);
    });
}

/// Contract 17: quorum is waited for, and then refused.
#[test]
fn a_resource_without_quorum_is_refused() {
    both(|host| {
        if host.generation == Generation::V84 {
            return;
        }
        let lose = |lost: bool| {
            let edit = host.world.edit(WEB, |resource, _| {
                resource.quorum = "majority".into();
                resource.sides[0].devices[0].quorum = !lost;
                Ok(())
            });
            edit.unwrap();
        };
        lose(true);
        assert_start_refused(host, WEB, "error", &["web-root", "no quorum"]);
        lose(false);
        let disk = host.disk(6, WEB);
        disk.assert_attached(&disk.add(), MINOR);
    });
}
