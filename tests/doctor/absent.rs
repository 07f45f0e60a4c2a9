//! Hosts without DRBD, without Xen, and where one of them does not answer.

use simulated_drbd::Fault;
use simulated_drbd::host::Module;

use crate::host::{HERE, Host, MINOR, Ran, WEB, both};
use crate::xen::{Kind, Xenstored};

/// Runs it where no xenstored is.
fn without_xenstored(host: &Host) -> Ran {
    let mut command = host.program(&["doctor"]);
    command.env("XENSTORED_PATH", host.path("/nowhere"));
    host.run(command)
}

fn remove(host: &Host, paths: &[&str]) {
    for path in paths {
        let path = host.path(path);
        let _ = std::fs::remove_dir_all(&path);
        let _ = std::fs::remove_file(&path);
    }
}

#[test]
fn the_module_is_not_loaded() {
    both(|host| {
        host.install();
        host.world.set_module(HERE, Module::Unloaded).unwrap();
        let ran = host.doctor(&[]);
        assert_eq!(ran.code, Some(5), "{ran:?}");
        assert!(
            ran.stdout
                .starts_with("error: DRBD: the module is not loaded"),
            "{ran:?}"
        );
        assert!(ran.stdout.contains("modprobe drbd\n"), "{ran:?}");
        assert!(!host.path("/proc/drbd").exists(), "it was loaded");
    });
}

#[test]
fn no_drbd_at_all() {
    both(|host| {
        host.install();
        host.world.set_module(HERE, Module::Absent).unwrap();
        remove(
            host,
            &[
                "/usr/sbin/drbdadm",
                "/usr/sbin/drbdsetup",
                "/sbin",
                "/lib/drbd",
            ],
        );
        let ran = host.doctor(&[]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(5), ""), "{ran:?}");
        assert!(
            ran.stdout
                .starts_with("error: DRBD: neither the module nor"),
            "{ran:?}"
        );
        assert!(ran.stdout.ends_with("\n\n1 error\n"), "{ran:?}");
    });
}

#[test]
fn no_xen_at_all() {
    both(|host| {
        host.promote(WEB, MINOR);
        host.configure("disconnected = \"refuse\"\n");
        let ran = without_xenstored(host);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(5), ""), "{ran:?}");
        assert!(
            ran.stdout
                .starts_with("error: Xen: this host does not run on Xen"),
            "{ran:?}"
        );
        // Whether a guest has it is unknown, so it is no leftover.
        assert!(!ran.stdout.contains("Primary"), "{ran:?}");
    });
}

#[test]
fn neither() {
    both(|host| {
        host.world.set_module(HERE, Module::Absent).unwrap();
        remove(
            host,
            &[
                "/usr/sbin/drbdadm",
                "/usr/sbin/drbdsetup",
                "/sbin",
                "/lib/drbd",
                "/etc",
            ],
        );
        let ran = without_xenstored(host);
        assert!(ran.stdout.ends_with("\n\n2 errors\n"), "{ran:?}");
    });
}

/// Exit code 1: who uses what is not known.
#[test]
fn xenstored_is_dead() {
    both(|host| {
        host.install();
        host.promote(WEB, MINOR);
        host.note_promotion();
        let mut gone = Xenstored::start(Kind::C);
        gone.kill();
        let mut command = host.program(&["doctor"]);
        command.env("XENSTORED_PATH", gone.socket());
        let ran = host.run(command);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""), "{ran:?}");
        assert!(
            ran.stdout.starts_with("error: xenstored: cannot reach"),
            "{ran:?}"
        );
        assert!(
            ran.stdout.contains("systemctl start xenstored.service"),
            "{ran:?}"
        );
        assert!(!ran.stdout.contains("left Primary"), "{ran:?}");
    });
}

/// The same where DRBD does not answer; everything else is told all the same.
#[test]
fn drbd_hangs() {
    both(|host| {
        host.install();
        host.replace_script("#!/bin/bash\n");
        host.world
            .fault(HERE, "events2", Fault::Hang, None)
            .unwrap();
        let ran = host.doctor(&[]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""), "{ran:?}");
        for words in [
            "error: DRBD: it cannot be asked",
            "it is a shell script",
            "2 errors",
        ] {
            assert!(ran.stdout.contains(words), "no {words:?}: {ran:?}");
        }
    });
}

/// drbdadm does not take the configuration.
#[test]
fn the_configuration_of_drbd_is_broken() {
    both(|host| {
        host.install();
        let fault = Fault::Fail {
            code: 10,
            stderr: "/etc/drbd.d/x.res:3: Parse error: 'an option keyword' expected\n".into(),
        };
        host.world.fault(HERE, "dump", fault, None).unwrap();
        let ran = host.doctor(&[]);
        assert_eq!(ran.code, Some(5), "{ran:?}");
        assert!(
            ran.stdout
                .starts_with("error: drbd.conf: drbdadm does not take"),
            "{ran:?}"
        );
        assert!(ran.stdout.contains("x.res:3: Parse error"), "{ran:?}");
    });
}
