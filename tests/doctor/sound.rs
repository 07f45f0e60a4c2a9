//! A host with which nothing is wrong.

use std::fs;
use std::os::unix::fs::symlink;

use simulated_drbd::Resource;

use crate::host::{Host, MINOR, PROGRAM, Ran, WEB, XVDA2, both};

const SCRIPT: &str = "/etc/xen/scripts/block-drbd";

impl Host {
    /// Installs everything as README says, on a host that runs systemd.
    pub fn install(&self) {
        self.file("/proc/xen/capabilities", "control_d\n");
        self.file("/sys/hypervisor/type", "xen\n");
        self.file("/sys/hypervisor/version/major", "4\n");
        self.file("/sys/hypervisor/version/minor", "17\n");
        self.file("/sys/module/drbd/parameters/disable_sendpage", "Y\n");
        self.file("/etc/xen/scripts/xen-hotplug-common.sh", "");
        let program = self.path("/usr/sbin/block-drbd");
        // A link would lead out of this host.
        fs::hard_link(PROGRAM, &program)
            .or_else(|_| fs::copy(PROGRAM, &program).map(drop))
            .unwrap();
        symlink("/usr/sbin/block-drbd", self.path(SCRIPT)).unwrap();
        fs::create_dir_all(self.path("/run/systemd/system")).unwrap();
        for unit in ["block-drbd-reap.service", "block-drbd-reap.path"] {
            self.file(&format!("/etc/systemd/system/{unit}"), "");
            let wanted = format!("/etc/systemd/system/multi-user.target.wants/{unit}");
            self.file(&wanted, "");
        }
        for (name, rule) in [
            (
                "59-block-drbd.rules",
                include_str!("../../udev-rules/59-block-drbd.rules"),
            ),
            (
                "90-block-drbd.rules",
                include_str!("../../udev-rules/90-block-drbd.rules"),
            ),
        ] {
            self.file(&format!("/usr/lib/udev/rules.d/{name}"), rule);
        }
        self.configure("patience = 1\ndisconnected = \"refuse\"\n");
    }

    /// Puts something else in the place of the script.
    pub fn replace_script(&self, text: &str) {
        fs::remove_file(self.path(SCRIPT)).unwrap();
        self.file(SCRIPT, text);
    }

    /// Runs it.
    pub fn doctor(&self, options: &[&str]) -> Ran {
        self.run(self.program(&[&["doctor"], options].concat()))
    }

    /// Asserts that nothing is wrong.
    #[track_caller]
    pub fn assert_well(&self) {
        let ran = self.doctor(&[]);
        ran.assert_says(0, &["all is well"]);
        assert!(ran.changed.is_empty(), "{ran:?}");
    }
}

#[test]
fn all_is_well() {
    both(|host| {
        host.install();
        host.assert_well();
        assert_eq!(host.doctor(&["--json"]).stdout, "[]\n");
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        disk.set("state", "4");
        host.attach(5, XVDA2, MINOR);
        host.assert_well();
        host.assert_changes(&["primary"]);
    });
}

/// Not even a lock.
#[test]
fn nothing_is_changed() {
    both(|host| {
        host.install();
        host.promote(WEB, MINOR);
        host.note_promotion();
        host.note_window();
        host.doctor(&[]);
        host.assert_changes(&[]);
        assert!(!host.path("/run/block-drbd/lock").exists());
        assert!(host.is_noted(WEB) && host.is_window_noted());
    });
}

/// Contract 32: each program once, however many resources there are.
#[test]
fn four_programs_tell_of_all_resources() {
    both(|host| {
        host.install();
        for minor in 10..20 {
            let name = format!("r{minor}");
            host.resource(Resource::simple(&name, minor));
            host.promote(&name, minor);
            host.file(&format!("/run/block-drbd/promoted/{name}"), "");
        }
        let ran = host.doctor(&[]);
        assert!(
            ran.stdout
                .contains("warning: r10, r11, r12, r13 and 6 more: left Primary"),
            "{ran:?}"
        );
        assert_eq!(ran.code, Some(5));
        let (tool, adm) = (host.tool(), "/usr/sbin/drbdadm");
        let expected = [
            format!("{adm} --version"),
            format!("{tool} events2 --now --statistics"),
            format!("{tool} show all --show-defaults"),
            format!("{adm} --dry-run --verbose dump"),
        ];
        assert_eq!(host.calls(), expected);
    });
}
