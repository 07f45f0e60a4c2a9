//! Guests that libvirt receives: its hook marks them, and the mark counts once. The hook runs as libvirt
//! runs it (libvirt: docs/hooks.html, "Script arguments"), with a domain's XML as libvirt formats it.

#[path = "libvirt/hook.rs"]
mod hook;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use simulated_drbd::{Resource, Role};

use crate::disk::Disk;
use crate::host::{Host, MINOR, Ran, WEB, XVDB, both};
use crate::logs::logged;

const UUID: &str = "5f3d1a6e-90b7-4c52-8e1d-0a2b3c4d5e6f";
const FOLDER: &str = "/run/block-drbd/incoming";

/// A guest's XML. Everything that is called uuid but the one is somebody else's.
const XML: &str = r#"<domain type='xen' xmlns:xen='http://libvirt.org/schemas/domain/xen/1.0'>
  <!-- <uuid>00000000-0000-0000-0000-000000000001</uuid> -->
  <name>web</name>
  <metadata>
    <app:instance xmlns:app="http://example.org/app" note="a>b ' /">
      <app:uuid>00000000-0000-0000-0000-000000000002</app:uuid>
      <uuid>00000000-0000-0000-0000-000000000003</uuid>
      <none/>
      <![CDATA[</app:instance></metadata><uuid>00000000-0000-0000-0000-000000000004</uuid>]]>
    </app:instance>
  </metadata>
  <uuid>5f3d1a6e-90b7-4c52-8e1d-0a2b3c4d5e6f</uuid>
  <description>the web's "shop" &lt;uuid></description>
  <memory unit='KiB'>524288</memory>
  <sysinfo type='smbios'>
    <system>
      <entry name='uuid'>00000000-0000-0000-0000-000000000005</entry>
    </system>
  </sysinfo>
  <os>
    <type arch='x86_64' machine='xenpvh'>xenpvh</type>
    <kernel>/boot/vmlinuz</kernel>
  </os>
  <devices>
    <disk type='block' device='disk'>
      <driver name='phy' type='raw'/>
      <source dev='drbd:web-root'/>
      <target dev='xvda2' bus='xen'/>
    </disk>
  </devices>
</domain>
"#;

/// libvirt runs the hook, which must neither change the XML nor stop the operation.
#[track_caller]
fn hook(host: &Host, operation: [&str; 2], xml: &[u8]) -> Ran {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("hotplug/libvirt-libxl-hook");
    let mut command = Command::new(path);
    command.arg("web").args(operation).arg("-");
    command
        .env_clear()
        .env("BLOCK_DRBD_ROOT", host.path("/"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // libvirt, too, passes over a hook that does not read it all.
    let _ = child.stdin.take().unwrap().write_all(xml);
    let ran = Ran::wait(child);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    ran
}

/// What libvirt calls for an incoming migration, up to where the disks are attached.
#[track_caller]
fn migrate(host: &Host) {
    for operation in [
        ["migrate", "begin"],
        ["prepare", "begin"],
        ["start", "begin"],
    ] {
        assert_eq!(hook(host, operation, XML.as_bytes()).stderr, "");
    }
}

/// Leaves a mark with that text, as the hook does.
fn mark(host: &Host, text: &str) {
    host.file(&format!("{FOLDER}/{UUID}"), text);
}

/// So many seconds from now, in a mark.
fn expiry(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{}\n", now.as_secs().checked_add_signed(seconds).unwrap())
}

/// The marks that stand.
fn marks(host: &Host) -> BTreeSet<String> {
    let entries = fs::read_dir(host.path(FOLDER)).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[track_caller]
fn assert_marks(host: &Host, expected: &[&str]) {
    let expected = expected.iter().map(|tail| format!("{UUID}{tail}"));
    assert_eq!(marks(host), expected.collect());
}

/// A disk of a guest that libvirt names at once as it is to be called; the peer runs it.
fn disk(host: &Host, domid: u32) -> Disk<'_> {
    // A start waits for the peer's demotion, in vain here.
    host.configure("patience = 0\n");
    host.resource(Resource::simple(WEB, MINOR).with_two_primaries());
    host.peer_promotes(WEB, MINOR);
    domain(host, domid);
    host.disk(domid, WEB)
}

/// Another disk of such a guest.
fn swap_disk(host: &Host, domid: u32) -> Disk<'_> {
    host.resource(Resource::simple("web-swap", 2).with_two_primaries());
    host.peer_promotes("web-swap", 2);
    host.disk_as(domid, XVDB, "web-swap", "w")
}

/// A domain with the marked uuid.
fn domain(host: &Host, domid: u32) {
    host.xen.guest(domid, "web");
    let vm = format!("/vm/{UUID}");
    host.xen.write(&format!("/local/domain/{domid}/vm"), &vm);
}

/// The guest is one that starts here while it runs on the peer: a double start.
#[track_caller]
fn assert_taken_for_a_start(disk: &Disk<'_>, ran: &Ran) {
    disk.assert_refused(ran, 3, "error", &["web-root is Primary on nodo2"]);
    disk.host.assert_untouched();
}

/// Design: Who may attach, libvirt; contract 12, 37.
#[test]
fn a_guest_that_libvirt_receives_is_taken_in_beside_its_source() {
    both(|host| {
        let disk = disk(host, 7);
        migrate(host);
        disk.assert_attached(&disk.add(), MINOR);
        host.assert_roles(Role::Primary, Role::Primary);
        host.assert_changes(&["primary"]);
        assert_marks(host, &[".7"]);
        hook(host, ["started", "begin"], XML.as_bytes());
        assert_marks(host, &[]);
    });
}

/// Without the hook nothing tells it.
#[test]
fn a_guest_that_nobody_marked_starts_here() {
    both(|host| {
        let disk = disk(host, 7);
        assert_taken_for_a_start(&disk, &disk.add());
        assert!(!host.path(FOLDER).exists(), "made for nothing");
    });
}

/// libxl attaches the disks of a guest at the same time.
#[test]
fn every_disk_of_the_guest_is_received() {
    both(|host| {
        let first = disk(host, 7);
        let second = swap_disk(host, 7);
        migrate(host);
        let adding = [&first, &second].map(|disk| disk.start("add"));
        for ran in adding.map(Ran::wait) {
            ran.assert_silent_success();
        }
        first.assert_published(MINOR);
        second.assert_published(2);
        assert_marks(host, &[".7"]);
    });
}

/// The mark is used up, for another domain with the same uuid.
#[test]
fn a_mark_counts_for_one_domain() {
    both(|host| {
        let received = disk(host, 7);
        migrate(host);
        received.assert_attached(&received.add(), MINOR);
        domain(host, 8);
        let other = swap_disk(host, 8);
        let words = ["web-swap is Primary on nodo2"];
        other.assert_refused(&other.add(), 3, "error", &words);
        assert_eq!(host.role("web-swap"), Role::Secondary);
    });
}

/// Nor does the same domain id have it again.
#[test]
fn remove_drops_the_claim() {
    both(|host| {
        let disk = disk(host, 7);
        migrate(host);
        disk.assert_attached(&disk.add(), MINOR);
        disk.close();
        disk.remove().assert_silent_success();
        assert_marks(host, &[]);
        disk.vanish();
        let again = host.disk(7, WEB);
        again.assert_refused(&again.add(), 3, "error", &["web-root is Primary on nodo2"]);
    });
}

/// A mark says how the guest comes, and nothing about the copies: the table's row holds.
#[test]
fn a_marked_guest_needs_all_that_a_migration_needs() {
    both(|host| {
        let disk = disk(host, 7);
        let assert_refused = |words: &[&str]| {
            migrate(host);
            disk.assert_refused(&disk.add(), 3, "error", words);
            let error = disk.get("hotplug-error").unwrap();
            assert!(
                error.contains("; the guest goes on at its source ["),
                "{error}"
            );
            host.assert_untouched();
        };
        host.configure("dual-primary = \"static\"\n");
        host.resource(Resource::simple(WEB, MINOR));
        host.peer_promotes(WEB, MINOR);
        assert_refused(&["two primaries are not allowed with nodo2"]);
        host.resource(Resource::simple(WEB, MINOR).with_two_primaries());
        assert_refused(&["no peer is connected and Primary"]);
        host.peer_promotes(WEB, MINOR);
        host.world.cut_link().unwrap();
        assert_refused(&["no peer is connected and Primary", "stale"]);
    });
}

/// A guest of `xl` has its own signs, and does not use up a mark.
#[test]
fn xl_knows_of_no_mark() {
    both(|host| {
        let disk = disk(host, 7);
        migrate(host);
        for words in ["create", "restore", "migrate-receive", "devd"] {
            let mut command = host.below_xl(words, &["add"]);
            command.env("XENBUS_PATH", &disk.path);
            assert_taken_for_a_start(&disk, &host.run(command));
        }
        assert_marks(host, &[""]);
    });
}

/// Does something to the mark that stands.
type Spoil = fn(&Path);

/// A mark that cannot be trusted is no mark: it is removed, and the log says why.
#[test]
fn a_stale_or_strange_mark_is_refused_and_removed() {
    let spoilt: [(&str, Spoil, &str); 9] = [
        ("0", |_| {}, "it has expired"),
        ("-1", |_| {}, "it has expired"),
        ("86500", |_| {}, "it expires in more than a day"),
        (
            "60",
            |mark| fs::write(mark, "soon\n").unwrap(),
            "hold a time",
        ),
        ("60", |mark| fs::write(mark, [0xff; 64]).unwrap(), "UTF-8"),
        (
            "60",
            |mark| {
                let real = mark.with_file_name("real");
                fs::rename(mark, &real).unwrap();
                symlink(&real, mark).unwrap();
            },
            "symbolic links",
        ),
        (
            "60",
            |mark| {
                fs::remove_file(mark).unwrap();
                mkfifo(mark, Mode::S_IRUSR).unwrap();
            },
            "not a file that root alone can write",
        ),
        (
            "60",
            |mark| chown(mark, Some(1), None).unwrap(),
            "root alone",
        ),
        (
            "60",
            |mark| fs::set_permissions(mark, Permissions::from_mode(0o666)).unwrap(),
            "root alone",
        ),
    ];
    both(|host| {
        for (seconds, spoil, why) in spoilt {
            let disk = disk(host, 7);
            mark(host, &expiry(seconds.parse().unwrap()));
            spoil(&host.path(&format!("{FOLDER}/{UUID}")));
            let lines = logged(host, "add", &disk);
            let words = [
                "<28>block-drbd[",
                "the mark of an incoming migration",
                UUID,
                "does not count and is removed",
                why,
                "XEN_DOMID=7",
            ];
            let says = |line: &String| words.iter().all(|word| line.contains(word));
            assert!(lines.iter().any(says), "{why}: {lines:#?}");
            let error = disk.get("hotplug-error").unwrap_or_default();
            assert!(error.contains("web-root is Primary on nodo2"), "{error}");
            host.assert_untouched();
            assert!(marks(host).iter().all(|name| name == "real"), "{why}");
            let _ = fs::remove_file(host.path(&format!("{FOLDER}/real")));
            disk.vanish();
        }
    });
}

/// Whoever can write into the folder could rename a mark.
#[test]
fn a_folder_that_others_can_write_holds_no_marks() {
    both(|host| {
        let disk = disk(host, 7);
        migrate(host);
        fs::set_permissions(host.path(FOLDER), Permissions::from_mode(0o777)).unwrap();
        assert_taken_for_a_start(&disk, &disk.add());
        let lines = logged(host, "add", &disk);
        let says = |line: &String| line.contains("not a folder that root alone can write");
        assert!(lines.iter().any(says), "{lines:#?}");
    });
}
