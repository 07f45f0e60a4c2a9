//! The real `xl` and libxl run the program: what the person at the terminal sees, and that nothing
//! is left. Hypervisor, blkback and DRBD are simulated; blkback holds the device open as the kernel
//! does, so a demotion before it lets go is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

#[path = "support/xen.rs"]
mod xen;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use block_drbd::domain_file::Disk;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use simulated_drbd::{Generation, Resource, Role, World};
use xen::Kind;

/// Two hosts with DRBD between them; `xl` runs on nodo1.
struct Xl {
    directory: tempfile::TempDir,
    world: World,
    kind: Kind,
}

impl Xl {
    fn new(generation: Generation, kind: Kind) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("xl-")
            .tempdir_in("/tmp")
            .unwrap();
        let world = World::create(&directory.path().join("drbd"), generation).unwrap();
        let root = world.host("nodo1");
        fs::create_dir_all(root.join("dev")).unwrap();
        for (name, minor) in [("web-root", 1), ("web-swap", 2), ("data", 3)] {
            world.add_resource(Resource::simple(name, minor)).unwrap();
            let node = root.join(format!("dev/drbd{minor}"));
            mknod(
                &node,
                SFlag::S_IFBLK,
                Mode::S_IRUSR,
                makedev(147, minor.into()),
            )
            .unwrap();
        }
        let xl = Self {
            directory,
            world,
            kind,
        };
        xl.hook();
        xl
    }

    /// blkback counts as an opener.
    fn hook(&self) {
        let hook = self.directory.path().join("blkback.hook");
        let tool = fs::read_link(self.world.host("nodo1").join("usr/sbin/drbdadm")).unwrap();
        let script = format!(
            "#!/bin/sh\nminor=${{2#*:}}\ncase $1 in\n\
             open) exec '{tool}' --world '{world}' open nodo1 \"$minor\" writer blkback 1 ;;\n\
             close) exec '{tool}' --world '{world}' release nodo1 \"$minor\" ;;\nesac\n",
            tool = tool.display(),
            world = self.directory.path().join("drbd").display(),
        );
        fs::write(&hook, script).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What a scenario prints, everything by `xl` included.
    fn prints(&self, scenario: &str) -> String {
        let output = xen::with_xl(self.kind, self.directory.path(), scenario)
            .env("SCRIPT", env!("CARGO_BIN_EXE_block-drbd"))
            .env("BLOCK_DRBD_ROOT", self.world.host("nodo1"))
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).into_owned()
    }

    fn roles(&self) -> [Role; 3] {
        ["web-root", "web-swap", "data"].map(|resource| self.world.role("nodo1", resource).unwrap())
    }
}

#[track_caller]
fn expect(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in\n{text}");
    }
}

const SECONDARY: [Role; 3] = [Role::Secondary, Role::Secondary, Role::Secondary];

#[test]
fn a_disk_is_attached_and_detached_in_both_syntaxes() {
    for generation in [Generation::V84, Generation::V9] {
        for kind in xen::KINDS {
            let xl = Xl::new(generation, kind);
            let text = xl.prints(
                "mkdom 5 web
                xl block-attach 5 drbd:web-root,xvda2,w; echo short $?
                xl block-attach 5 vdev=xvdb,access=rw,script=block-drbd,target=web-swap; echo long $?
                for disk in xvda2 xvdb; do xenstore-read $(backend 5 $disk)/physical-device $(backend 5 $disk)/hotplug-status; done
                xl block-detach 5 xvda2; echo detached $?
                xl block-detach 5 xvdb; echo detached $?
                echo left: $(xenstore-ls -f /local/domain/0/backend 2>/dev/null)",
            );
            expect(
                &text,
                &[
                    "short 0",
                    "long 0",
                    "93:1\nconnected\n93:2\nconnected",
                    "detached 0",
                ],
            );
            assert!(text.contains("left:\n"), "{text}");
            assert_eq!(xl.roles(), SECONDARY, "{text}");
        }
    }
}

#[test]
fn the_reason_of_a_refusal_stands_in_xls_own_output() {
    let xl = Xl::new(Generation::V84, Kind::C);
    xl.world
        .run("nodo2", &["drbdsetup", "primary", "2"])
        .unwrap();
    let text = xl.prints(
        "mkdom 5 web; mkdom 6 shop
        xl block-attach 5 drbd:web-root,xvda2,w; echo first $?
        xl block-attach 6 drbd:web-root,xvda2,w; echo second $?
        xl block-attach 5 drbd:nope,xvdb,w; echo unknown $?
        xl block-attach 5 drbd:web-swap,xvdc,w; echo double $?",
    );
    expect(
        &text,
        &[
            "first 0",
            "script: guest shop (domain 6), xvda2: web-root is attached read-write to guest web (domain 5) as xvda2",
            "second 1",
            "script: guest web (domain 5), xvdb: resource nope is not configured on this host",
            "unknown 1",
            "script: guest web (domain 5), xvdc: web-swap is Primary on nodo2",
            "; before it migrates, run `xl block-detach 5 xvdc`: the disk would go along",
            "double 1",
        ],
    );
    assert_eq!(
        xl.roles(),
        [Role::Primary, Role::Secondary, Role::Secondary]
    );
}

#[test]
fn a_refused_disk_can_be_detached_and_the_other_guest_keeps_its_own() {
    for generation in [Generation::V84, Generation::V9] {
        let xl = Xl::new(generation, Kind::C);
        let text = xl.prints(
            "mkdom 5 web; mkdom 6 shop
            attach 5 xvda2 web-root
            attach 6 xvda2 web-root; echo refused $?
            detach 6 xvda2; echo detached $?
            xenstore-read $(backend 5 xvda2)/hotplug-status",
        );
        expect(&text, &["refused 1", "detached 0", "connected"]);
        assert_eq!(xl.roles()[0], Role::Primary, "{text}");
    }
}

#[test]
fn destroy_demotes_three_disks_at_once_although_blkback_closes_them_late() {
    for generation in [Generation::V84, Generation::V9] {
        let xl = Xl::new(generation, Kind::C);
        let text = xl.prints(
            "mkdom 5 web
            attach 5 xvda2 web-root; attach 5 xvdb web-swap; attach 5 xvdc data
            blkback release-delay=1.5
            xl destroy 5; echo destroyed $?",
        );
        expect(&text, &["destroyed 0"]);
        assert_eq!(xl.roles(), SECONDARY, "{text}");
    }
}

#[test]
fn after_a_migration_the_source_is_demoted_beside_its_primary_peer() {
    for generation in [Generation::V84, Generation::V9] {
        let xl = Xl::new(generation, Kind::C);
        xl.world
            .add_resource(Resource::simple("web-root", 1).with_two_primaries())
            .unwrap();
        let name = if generation == Generation::V84 {
            "1"
        } else {
            "web-root"
        };
        let tool = fs::read_link(xl.world.host("nodo1").join("usr/sbin/drbdadm")).unwrap();
        let text = xl.prints(&format!(
            "mkdom 5 web
            attach 5 xvda2 web-root; echo attached $?
            {tool} --world {world} run nodo2 drbdsetup primary {name}; echo promoted $?
            xl rename 5 web--migratedaway
            xl destroy 5; echo destroyed $?",
            tool = tool.display(),
            world = xl.directory.path().join("drbd").display(),
        ));
        expect(&text, &["attached 0", "promoted 0", "destroyed 0"]);
        assert_eq!(
            xl.world.role("nodo1", "web-root").unwrap(),
            Role::Secondary,
            "{text}"
        );
        assert_eq!(
            xl.world.role("nodo2", "web-root").unwrap(),
            Role::Primary,
            "{text}"
        );
    }
}

#[test]
fn a_guest_that_never_lets_go_keeps_its_disk_primary_until_it_does() {
    let xl = Xl::new(Generation::V84, Kind::C);
    let text = xl.prints(
        "mkdom 5 web
        attach 5 xvda2 web-root
        blkback never-close
        xl block-detach 5 xvda2; echo given up $?
        blkback
        xenstore-write $(backend 5 xvda2)/state 6
        xl block-detach 5 xvda2; echo detached $?",
    );
    expect(&text, &["given up 1"]);
    // blkback was told to close by hand, so it never closed the device: libxl did call `remove`,
    // which waited for that until its deadline.
    assert_eq!(xl.roles()[0], Role::Primary, "{text}");
    xl.world.release("nodo1", 1).unwrap();
    let text = xl.prints("mkdom 5 web; attach 5 xvda2 web-root; echo again $?; detach 5 xvda2");
    expect(&text, &["again 0"]);
    assert_eq!(xl.roles(), SECONDARY, "{text}");
}

/// Disks of guests, in every syntax that `xl` knows, and some that it refuses.
const DISKS: [&str; 34] = [
    "drbd:web-root,xvda2,w",
    "drbd:web-root,xvda2",
    " drbd:web-root, xvda2, r",
    "vdev=xvda2,access=rw,script=block-drbd,target=web-root",
    "vdev=xvda2,script=/etc/xen/scripts/block-drbd,target=web-root,",
    "web-root,raw,xvda2,w,script=block-drbd",
    "web-root,xvda2,w,script=block-drbd",
    "script=block-drbd,target=web-root,vdev=xvda2",
    "drbd:web-root,raw,xvda2,w",
    "drbd:web-root,xvda2,w!",
    "drbd:drbd:web-root,xvda2,w",
    "drbd:phy:web-root,xvda2,w",
    "DRBD:web-root,xvda2,w",
    "drbd:cdrom,xvda2,w",
    "drbd:,xvda2,w",
    "drbd:res:0,xvda2,w",
    "drbd:a=b,xvda2,w",
    "drbd:web-root ,xvda2,w",
    "tap:aio:/x,xvda,w",
    "file:/x,xvda,w",
    "foo:/x,xvda,w",
    "/x,,xvda",
    "/x,qcow2,xvda,r",
    "qcow2:/x,xvda",
    "/x,,hdc,cdrom",
    ",hdc:cdrom,r",
    "/x.iso,hdc:cdrom,r",
    "raw:/x.iso,hdc:cdrom,r",
    "vdev=hdc,access=r,devtype=cdrom",
    "/x,raw,xvda,w,extra",
    "/x,raw,xvda,vdev=xvdb",
    "backendtype=phy,vdev=xvdb,target=/x,y=z:w",
    "backend=nas,backendtype=qdisk,format=qcow,vdev=xvdb,target=/x",
    "foo",
];

/// xen: `tools/xl/check-xl-disk-parse` does the same with expected outputs.
#[test]
fn disks_are_read_as_the_real_xl_reads_them() {
    let xl = Xl::new(Generation::V84, Kind::C);
    let ask = |disk: &&str| format!("xl -N block-attach 0 '{disk}'; echo; echo ==");
    let scenario: Vec<String> = DISKS.iter().map(ask).collect();
    let text = xl.prints(&scenario.join("\n"));
    let answers: Vec<&str> = text.split("==\n").collect();
    assert_eq!(answers.len(), DISKS.len() + 1, "{text}");
    for (disk, answer) in DISKS.iter().zip(answers) {
        let read = Disk::parse(disk);
        let Some((_, object)) = answer.split_once("disk: ") else {
            assert!(read.is_err(), "{disk}: xl refuses it: {answer}");
            continue;
        };
        let xls: serde_json::Value = serde_json::from_str(object.trim()).unwrap();
        let read = read.unwrap_or_else(|e| panic!("{disk}: {e}; xl: {xls}"));
        let text = |key: &str| xls[key].as_str().map(ToOwned::to_owned);
        assert_eq!(read.target, text("pdev_path"), "{disk}");
        assert_eq!(Some(read.vdev), text("vdev"), "{disk}");
        assert_eq!(read.script, text("script"), "{disk}");
        assert_eq!(read.backend, text("backend_domname"), "{disk}");
        let word = |value: String| Some(value.to_lowercase());
        assert_eq!(word(format!("{:?}", read.format)), text("format"), "{disk}");
        let backend = read.backend_type.and_then(|b| word(format!("{b:?}")));
        assert_eq!(backend, text("backend"), "{disk}");
        assert_eq!(read.writable, xls["readwrite"] == 1, "{disk}");
        assert_eq!(read.cdrom, xls["is_cdrom"] == 1, "{disk}");
    }
}

#[test]
fn check_says_beforehand_what_xl_then_does() {
    for generation in [Generation::V84, Generation::V9] {
        let xl = Xl::new(generation, Kind::C);
        let configuration = xl.world.host("nodo1").join("etc/xen/block-drbd.toml");
        fs::create_dir_all(configuration.parent().unwrap()).unwrap();
        fs::write(&configuration, "patience = 1\n").unwrap();
        let name = match generation {
            Generation::V84 => "2",
            Generation::V9 => "web-swap",
        };
        xl.world
            .run("nodo2", &["drbdsetup", "primary", name])
            .unwrap();
        // web-root is another guest's, web-swap the other host's, data is free.
        let disks = [
            ("drbd:data,xvdb,w", true),
            ("drbd:/dev/drbd3,xvdb,r", true),
            ("vdev=xvdb,access=rw,script=block-drbd,target=data/0", true),
            ("drbd:web-root,xvdb,w", false),
            ("drbd:web-swap,xvdb,w", false),
            ("drbd:nosuch,xvdb,w", false),
            ("drbd:all,xvdb,w", false),
            ("drbd:data,xvdb,w!", false),
            ("drbd:data,vdb,w", false),
            ("data,xvdb,w,script=block-drbd", false),
            (
                "vdev=xvdb,format=qcow2,script=block-drbd,target=data",
                false,
            ),
        ];
        let ask = |disk: &str| {
            format!(
                "\"$SCRIPT\" check --disk '{disk}'; echo said $?
                xl block-attach 5 '{disk}'; echo did $?
                xl block-detach 5 xvdb >$DIR/detached; echo =="
            )
        };
        let scenario: Vec<String> = disks.iter().map(|(disk, _)| ask(disk)).collect();
        let text = xl.prints(&format!(
            "mkdom 5 web; mkdom 6 shop; attach 6 xvda web-root; echo ==\n{}",
            scenario.join("\n")
        ));
        let answers: Vec<&str> = text.split("==\n").skip(1).collect();
        assert_eq!(answers.len(), disks.len() + 1, "{text}");
        for ((disk, may), answer) in disks.iter().zip(answers) {
            let words = if *may {
                ["said 0", "did 0"]
            } else {
                ["said 3", "did 1"]
            };
            expect(answer, &words);
            let error = answer.lines().find_map(|l| l.split_once(": error: "));
            assert_eq!(error.is_none(), *may, "{disk}: {answer}");
            // What block-drbd refuses, xl prints in the same words, and what is to be done afterwards.
            if let Some((_, sentence)) = error.filter(|(_, s)| !s.starts_with("xl ")) {
                let (words, code) = sentence.rsplit_once(" [").unwrap();
                assert_eq!(answer.matches(words).count(), 2, "{answer}");
                assert_eq!(answer.matches(code).count(), 2, "{answer}");
                let after = answer.split("said 3").nth(1).unwrap();
                assert!(
                    after.contains("; before it migrates, run `xl block-detach 5 xvdb`"),
                    "{answer}"
                );
            }
        }
    }
}
