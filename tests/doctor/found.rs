//! What it finds on a host with which something is wrong.

use simulated_drbd::{Fault, Resource};

use crate::host::{HERE, Host, MINOR, PROGRAM, WEB, XVDA2, both};

impl Host {
    /// Asserts the exit code, and that there is a finding of that severity with these words in it, and
    /// that none is worse.
    #[track_caller]
    fn assert_finds(&self, code: i32, severity: &str, words: &[&str]) {
        let ran = self.doctor(&[]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""), "{ran:?}");
        let first = ran.stdout.split("\n\n").next().unwrap_or_default();
        assert!(first.starts_with(&format!("{severity}: ")), "{ran:?}");
        for words in words {
            assert!(first.contains(words), "no {words:?} in {first}");
        }
    }
}

#[test]
fn drbd_utils_own_script() {
    both(|host| {
        host.install();
        host.replace_script("#!/bin/bash\nexit 0\n");
        let program = std::fs::canonicalize(PROGRAM).unwrap();
        let linked = format!("ln -sf {} /etc/xen/scripts/block-drbd", program.display());
        host.assert_finds(5, "error", &["it is a shell script", &linked]);
        host.replace_script("nothing");
        host.assert_finds(5, "error", &["it is not this program"]);
    });
}

#[test]
fn leftovers() {
    both(|host| {
        host.install();
        host.promote(WEB, MINOR);
        host.assert_finds(
            5,
            "warning",
            &["did not promote it", "drbdadm secondary web-root"],
        );
        host.note_promotion();
        host.assert_finds(5, "warning", &["left Primary here", "block-drbd reap"]);
        let openers = "/sys/kernel/debug/drbd/resources/web-root/volumes/0/openers";
        host.file(openers, "multipathd\t77\t1204\n");
        host.assert_finds(
            5,
            "warning",
            &["held open: multipathd (pid 77)", "block-drbd reap"],
        );
        std::fs::remove_file(host.path(openers)).unwrap();
        host.reap(&[]).assert_says(0, &["web-root: demoted"]);
        host.assert_well();
        host.open_window(HERE);
        host.assert_finds(
            5,
            "warning",
            &["at run time only", "drbdadm adjust web-root"],
        );
        host.note_window();
        host.assert_finds(5, "warning", &["since a live migration", "block-drbd reap"]);
        host.reap(&[]);
        host.note_promotion();
        host.assert_finds(0, "note", &["a note says"]);
    });
}

#[test]
fn what_is_under_way_is_no_leftover() {
    both(|host| {
        host.install();
        // Who holds a lock is told by the kernel.
        std::os::unix::fs::symlink("/proc/locks", host.path("/proc/locks")).unwrap();
        let delay = Fault::Delay(2500);
        host.world.fault(HERE, "primary", delay, Some(1)).unwrap();
        let adding = host.disk(5, WEB).start("add");
        crate::host::eventually("promoting", || host.changes().len() == 1);
        let ran = host.doctor(&[]);
        assert!(!ran.stdout.contains("web-root"), "{ran:?}");
        crate::host::Ran::wait(adding).assert_silent_success();
    });
}

#[test]
fn settings() {
    both(|host| {
        host.install();
        host.resource(Resource::simple(WEB, MINOR).with_two_primaries());
        host.assert_finds(
            5,
            "warning",
            &[
                "allow-two-primaries is configured",
                "drbdadm adjust web-root",
            ],
        );
        host.configure("disconnected = \"refuse\"\ndual-primary = \"static\"\n");
        host.assert_well();
        host.resource(Resource::simple(WEB, MINOR).with_option("protocol", "A"));
        let ran = host.doctor(&[]);
        assert!(ran.stdout.contains("its protocol is A"), "{ran:?}");
        host.resource(Resource::simple(WEB, MINOR));
        host.configure("");
        host.assert_finds(0, "note", &["neither fencing nor quorum"]);
    });
}

#[test]
fn resources_that_are_down_or_cut() {
    both(|host| {
        host.install();
        host.resource(Resource::simple("data", 2).down());
        host.assert_finds(5, "warning", &["data: configured", "drbdadm up data"]);
        host.world.run(HERE, &["drbdadm", "up", "data"]).unwrap();
        host.world.cut_link().unwrap();
        let ran = host.doctor(&[]);
        assert!(ran.stdout.contains("not connected to"), "{ran:?}");
    });
}

#[test]
fn mistakes_in_the_configuration() {
    both(|host| {
        host.install();
        host.configure("deadline = \n");
        host.assert_finds(5, "error", &["/etc/xen/block-drbd.toml: line 1"]);
        host.configure("disconnected = \"refuse\"\n[resource.wbe-root]\nshared = true\n");
        host.assert_finds(
            5,
            "warning",
            &["[resource.wbe-root]", "drbdadm sh-resources"],
        );
    });
}

#[test]
fn what_holds_devices() {
    both(|host| {
        host.install();
        host.file("/usr/sbin/lvm", "");
        host.assert_finds(5, "warning", &["lvm.conf", "global_filter"]);
        host.file(
            "/etc/lvm/lvm.conf",
            "devices {\n\tglobal_filter = [ \"r|^/dev/drbd|\" ]\n}\n",
        );
        host.assert_well();
        host.file("/proc/77/comm", "multipathd\n");
        host.assert_finds(
            5,
            "warning",
            &["multipathd", "systemctl reload multipathd.service"],
        );
        // What is built in is told by the program only.
        let program = host.path("/usr/sbin/multipath");
        let built_in = "blacklist {\n\tdevnode \"!^(sd[a-z]|dasd[a-z]|nvme[0-9])\"\n}";
        host.file(
            "/usr/sbin/multipath",
            &format!("#!/bin/sh\n[ \"$*\" = -t ] && cat <<'E'\n{built_in}\nE\n"),
        );
        std::fs::set_permissions(
            &program,
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        host.assert_well();
        std::fs::remove_file(&program).unwrap();
        let conf = "blacklist {\n        devnode \"^drbd[0-9]+\"\n}\n";
        host.file("/etc/multipath/conf.d/drbd.conf", conf);
        host.assert_well();
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        host.attach(5, XVDA2, MINOR);
        host.file("/sys/block/drbd1/holders/dm-3/dev", "253:3\n");
        host.file("/sys/block/dm-3/dm/name", "vg-lv\n");
        host.assert_finds(
            5,
            "warning",
            &[
                "held here by dm-3 (vg-lv)",
                "guest-5",
                "dmsetup remove vg-lv",
            ],
        );
    });
}

#[test]
fn sendpage_is_for_8_4_alone() {
    both(|host| {
        host.install();
        host.file("/sys/module/drbd/parameters/disable_sendpage", "N\n");
        match host.generation {
            simulated_drbd::Generation::V84 => {
                host.assert_finds(
                    5,
                    "warning",
                    &["disable_sendpage", "options drbd disable_sendpage=1"],
                );
            }
            simulated_drbd::Generation::V9 => host.assert_well(),
        }
    });
}

#[test]
fn what_does_not_run_by_itself() {
    both(|host| {
        host.install();
        let wanted = "/etc/systemd/system/multi-user.target.wants/block-drbd-reap.path";
        std::fs::remove_file(host.path(wanted)).unwrap();
        host.assert_finds(
            5,
            "warning",
            &["systemctl enable --now block-drbd-reap.path"],
        );
        host.file(wanted, "");
        for (name, what) in [
            ("90-block-drbd.rules", "has vanished"),
            ("59-block-drbd.rules", "looking into guests' disks"),
        ] {
            let mask = format!("/etc/udev/rules.d/{name}");
            host.file(&mask, "");
            host.assert_finds(5, "warning", &["udev: no rule", what]);
            std::fs::remove_file(host.path(&mask)).unwrap();
        }
        host.assert_well();
    });
}

#[test]
fn libvirts_hook_and_marks() {
    both(|host| {
        host.install();
        host.file("/usr/sbin/libvirtd", "");
        host.file(
            "/usr/lib/libvirt/connection-driver/libvirt_driver_libxl.so",
            "",
        );
        host.assert_finds(
            0,
            "note",
            &[
                "libvirt is here",
                "install -D -m 755 /usr/libexec/block-drbd/libvirt-libxl-hook",
            ],
        );
        std::fs::remove_file(host.path("/usr/sbin/libvirtd")).unwrap();
        host.file("/run/block-drbd/incoming/5f3d1a6e", "1\n");
        host.assert_finds(
            0,
            "note",
            &["it has expired", "rm /run/block-drbd/incoming/5f3d1a6e"],
        );
    });
}
