//! `check --migrate HOST`: nodo2, where the guest runs or would run, asks nodo1.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use simulated_drbd::Resource;

use super::foretold::{Said, said};
use crate::host::{Host, MINOR, PEER, PROGRAM, Ran, WEB, both};
use crate::xen::{Kind, Xenstored};

/// nodo2, with the guest's file.
struct Source<'h> {
    host: &'h Host,
    xen: Xenstored,
    root: PathBuf,
}

impl<'h> Source<'h> {
    fn of(host: &'h Host) -> Self {
        let root = host.world.host(PEER);
        fs::create_dir_all(root.join("dev")).unwrap();
        let number = makedev(147, u64::from(MINOR));
        mknod(
            &root.join("dev/drbd1"),
            SFlag::S_IFBLK,
            Mode::S_IRUSR,
            number,
        )
        .unwrap();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("proc/sys/kernel/hostname", "nodo2\n");
        write(
            "web.cfg",
            "name = 'web'\n\ndisk = [ 'drbd:web-root,xvda2,w' ]\n",
        );
        let folder = Path::new(PROGRAM).parent().unwrap().display();
        let there = host.path("/");
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = nodo1 ] || exit 255\nshift\n\
             export BLOCK_DRBD_ROOT='{}' XENSTORED_PATH='{}' PATH=\"{folder}:$PATH\"\nexec sh -c \"$*\"\n",
            there.display(),
            host.xen.socket().display(),
        );
        write("ssh", &script);
        fs::set_permissions(root.join("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
        let xen = Xenstored::start(Kind::C);
        Self { host, xen, root }
    }

    /// The guest runs there.
    fn runs(&self) {
        self.host.peer_promotes(WEB, MINOR);
        self.xen.guest(3, "web");
        let path = self.xen.backend(3, crate::host::XVDA2, WEB, "w");
        let folder = format!("/local/domain/0/{path}");
        self.xen.write_all(&[
            (&format!("{folder}/physical-device"), "93:1"),
            (&format!("{folder}/state"), "4"),
        ]);
    }

    fn ask(&self, arguments: &[&str]) -> Ran {
        let ssh = self.root.join("ssh");
        let mut command = Command::new(PROGRAM);
        command
            .arg("check")
            .arg(self.root.join("web.cfg"))
            .args(["--migrate", "nodo1", "-s"])
            .arg(ssh)
            .args(arguments)
            .env("BLOCK_DRBD_ROOT", &self.root)
            .env("XENSTORED_PATH", self.xen.socket())
            .stdin(Stdio::null());
        self.host.unchanged(command)
    }

    fn ask_json(&self) -> Said {
        said(&self.ask(&["--json"]))
    }
}

#[test]
fn a_guest_that_runs_is_asked_about_and_then_taken_in() {
    both(|host| {
        let source = Source::of(host);
        source.runs();
        let said = source.ask_json();
        assert_eq!(said.code, Some(0), "{said:?}");
        let notes = said.sentences("note");
        assert!(
            notes[0].contains("guest web (domain 3) runs here"),
            "{notes:?}"
        );
        assert_eq!(notes[1], "web-root can be taken over here");
        let last = said.findings.last().unwrap();
        assert_eq!((&last["host"], &last["line"]), (&"nodo1".into(), &3.into()));
        let disk = host.disk(7, WEB);
        host.xen.guest(7, "web--incoming");
        disk.assert_attached(&disk.receive(), MINOR);
    });
}

#[test]
fn what_the_other_side_would_refuse_is_told_before_the_guest_is_paused() {
    both(|host| {
        let source = Source::of(host);
        source.runs();
        host.configure("dual-primary = \"never\"\n");
        let ran = source.ask(&[]);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        let file = source.root.join("web.cfg");
        let line = ran.stdout.lines().last().unwrap();
        let expected = format!(
            "{}:3: error: nodo1: web-root cannot be taken over from a running guest: dual-primary = \"never\" is set here: set \"window\" to allow live migrations; the guest goes on at its source [BD-NEVER]",
            file.display()
        );
        assert_eq!(line, expected);
        host.xen.guest(7, "web--incoming");
        let disk = host.disk(7, WEB);
        assert_eq!(disk.receive().code, Some(3));
    });
}

#[test]
fn a_use_that_only_the_other_side_knows_is_told() {
    both(|host| {
        let source = Source::of(host);
        source.runs();
        host.file(
            "/proc/self/mountinfo",
            "36 1 147:1 / /mnt rw - ext4 /dev/drbd1 rw\n",
        );
        let said = source.ask_json();
        assert_eq!(said.code, Some(3), "{said:?}");
        assert!(
            said.sentences("error")[0].contains("mounted on /mnt"),
            "{said:?}"
        );
    });
}

/// Asked before the guest is started: the source is Secondary still.
#[test]
fn a_guest_that_does_not_run_yet_is_supposed_to() {
    both(|host| {
        let source = Source::of(host);
        let said = source.ask_json();
        assert_eq!(said.code, Some(0), "{said:?}");
        let notes = said.sentences("note");
        assert_eq!(
            notes,
            ["web-root can start here", "web-root can be taken over here"]
        );
        host.resource(Resource::simple(WEB, MINOR).with_option("protocol", "A"));
        let said = source.ask_json();
        assert!(
            said.sentences("error")[0].contains("protocol A"),
            "{said:?}"
        );
    });
}

#[test]
fn a_host_that_cannot_be_asked_is_an_error() {
    both(|host| {
        let source = Source::of(host);
        source.runs();
        fs::write(source.root.join("ssh"), "#!/bin/sh\nexit 255\n").unwrap();
        let said = source.ask_json();
        assert_eq!(said.code, Some(3), "{said:?}");
        assert!(
            said.sentences("error")[0].contains("status 255"),
            "{said:?}"
        );
    });
}
