//! Bad input: a clear error each, nothing promoted, nothing published, nothing left.

use std::os::unix::fs::symlink;

use simulated_drbd::{Generation, Role};

use crate::disk::Disk;
use crate::host::{Host, MINOR, Ran, WEB, both};

/// Specifications that name no DRBD device, or would be something else to somebody.
const HOSTILE: &[&str] = &[
    "",
    "drbd:",
    "drbd:drbd:x",
    "drbd:drbd:web-root",
    "-f",
    "--force",
    "-",
    "--",
    "-h",
    "--help",
    "all",
    "drbd:all",
    ".",
    "..",
    "../x",
    "a/../b",
    "../../etc/passwd",
    "minor-1",
    "minor-5",
    "web-root\0x",
    "\0",
    "web\0root",
    "web\nroot",
    "web-root\n",
    "web\troot",
    "web\r",
    "web-root ",
    " web-root",
    "web root",
    "web-root 2",
    "web-root,1",
    "\u{1b}[31mred",
    "\u{7f}",
    "$(reboot)",
    "`id`",
    "${IFS}",
    "a;b",
    "a|b",
    "a&b",
    "a>b",
    "'x'",
    "\"x\"",
    "a\\b",
    "*",
    "web-*",
    "?",
    "[a]",
    "{a,b}",
    "~",
    "~root",
    "#x",
    "!x",
    "%s%s%n",
    "a=b",
    "a:b",
    "a,b",
    "a@b",
    "web-root/",
    "web-root/x",
    "web-root/-1",
    "web-root/1/2",
    "web-root/99999",
    "web-root/+1",
    "web-root/0x0",
    "web-root/ 0",
    "web-root//0",
    "/web-root",
    "/",
    "//",
    "/dev/null",
    "/dev/sda",
    "/dev/drbd",
    "/dev/drbd/",
    "/dev/drbd1x",
    "/dev/drbd-1",
    "/dev/drbd+1",
    "/dev/drbd 1",
    "/dev/drbd0x1",
    "/dev/drbd99999999999",
    "/dev/drbd1048576",
    "/dev/drbd_data",
    "/dev/../dev/drbd1",
    "/dev//drbd1",
    "dev/drbd1",
    "/dev/drbd/by-res/",
    "/dev/drbd/by-res/../../sda",
    "/dev/drbd/by-res/--force",
    "/dev/drbd/by-res/all",
    "/dev/drbd/by-disk/",
    "/dev/drbd/by-disk/../../sda",
    "/dev/drbd/by-disk//x",
    "/dev/drbd/by-disk/nosuch",
    "/dev/drbd/by-disk/plain",
    "/dev/drbd/by-disk/null",
    "/dev/drbd/by-disk/loop",
    "/dev/mapper/x",
    "/etc/passwd",
    "file:/etc/passwd",
    "ä",
    "ＷＥＢ",
    "web-root\u{200b}",
    "\u{202e}toor-bew",
];

/// Those, and some too long to write down.
fn hostile() -> Vec<String> {
    let mut all: Vec<String> = HOSTILE.iter().copied().map(String::from).collect();
    all.extend([
        "x".repeat(128),
        "x".repeat(300),
        "x".repeat(3900),
        "../".repeat(1000),
        format!("/dev/drbd/by-disk/{}", "x".repeat(3000)),
        format!("/dev/drbd/by-disk/{}", "x/".repeat(400)),
    ]);
    all
}

/// Runs it without a look at the whole store.
fn quick(disk: &Disk<'_>, action: &str) -> Ran {
    Ran::of(disk.command(action).output().unwrap())
}

#[track_caller]
fn assert_clear_error(disk: &Disk<'_>, what: &str) {
    let ran = quick(disk, "add");
    assert!(matches!(ran.code, Some(1 | 3)), "{what:?}: {ran:?}");
    let error = disk.get("hotplug-error").unwrap_or_default();
    assert!(
        error.starts_with("guest guest-5 (domain 5), xvda2: "),
        "{what:?}: {error:?}"
    );
    assert!((50..=1000).contains(&error.len()), "{what:?}: {error:?}");
    assert!(!error.contains(char::is_control), "{what:?}: {error:?}");
    assert_eq!(
        disk.get("hotplug-status").as_deref(),
        Some("error"),
        "{what:?}"
    );
    assert_eq!(disk.get("physical-device"), None, "{what:?}");
    assert_eq!(ran.stderr, "", "{what:?}");
}

/// Contract 7, 15, 19.
#[test]
fn hostile_specifications_are_refused() {
    both(|host| {
        let folder = host.path("/dev/drbd/by-disk");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("plain"), "").unwrap();
        symlink("/dev/null", folder.join("null")).unwrap();
        symlink("loop", folder.join("loop")).unwrap();
        let disk = host.disk(5, WEB);
        for params in hostile() {
            disk.set("params", &params);
            assert_clear_error(&disk, &params);
            quick(&disk, "remove").assert_silent_success();
            host.xen.rm(&disk.node("hotplug-error"));
            host.xen.rm(&disk.node("hotplug-status"));
        }
        assert_eq!(host.changes(), [""; 0]);
        assert!(
            host.calls().len() <= 2,
            "DRBD was asked: {:?}",
            host.calls()
        );
        host.assert_left_alone();
    });
}

/// Contract 7: bytes that are no text.
#[test]
fn a_specification_that_is_not_utf_8_is_refused() {
    both(|host| {
        let disk = host.disk(5, WEB);
        host.xen
            .write_bytes(&disk.node("params"), b"web-\xff\xferoot");
        let ran = quick(&disk, "add");
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert_eq!(disk.get("physical-device"), None);
        let said = disk.get("hotplug-error").unwrap_or_default();
        assert!(said.contains("not UTF-8"), "{said}");
        host.assert_untouched();
    });
}

/// Contracts 15 and 19: a name in Latin-1, be it of this guest or of another one.
#[test]
fn a_guest_whose_name_is_not_utf_8_gets_its_disk_and_lets_it_go() {
    both(|host| {
        let disk = host.disk(5, WEB);
        host.xen.write_bytes("/local/domain/5/name", b"caf\xe9");
        disk.assert_attached(&disk.add(), MINOR);
        let second = host.disk(6, WEB);
        second.assert_refused(&second.add(), 3, "busy", &["guest caf", "(domain 5)"]);
        disk.close();
        disk.remove().assert_silent_success();
        host.assert_roles(Role::Secondary, Role::Secondary);
    });
}

/// Contract 15: a guest's name is other people's text.
#[test]
fn hostile_names_of_guests_do_not_reach_the_terminal() {
    both(|host| {
        for name in [
            "",
            "\u{1b}]0;x\u{7}",
            "a\nb",
            &"n".repeat(3000),
            "%s%n",
            "x--incoming",
        ] {
            host.xen.guest(5, "web");
            host.xen
                .write_bytes("/local/domain/5/name", name.as_bytes());
            let disk = host.disk(5, "nosuch");
            let ran = quick(&disk, "add");
            assert_eq!(ran.code, Some(3), "{ran:?}");
            let error = disk.get("hotplug-error").unwrap();
            assert!(
                error.len() <= 1000 && !error.contains(char::is_control),
                "{error:?}"
            );
            assert!(error.contains("nosuch"), "the reason is cut off: {error}");
        }
        host.assert_untouched();
    });
}

/// Contract 15, 19: nodes that are not what they should be.
#[test]
fn strange_nodes_are_no_reason_to_attach_or_to_crash() {
    both(|host| {
        for (node, value) in [
            ("state", ""),
            ("state", "-2"),
            ("state", "99999999999999999999"),
            ("state", "2 "),
            ("online", ""),
            ("online", "yes"),
            ("physical-device", ""),
            ("physical-device", ":"),
            ("physical-device", "93:1:1"),
            ("physical-device", "-1:-1"),
            ("physical-device", "\u{e9}:1"),
            ("type", ""),
            ("type", "vbd\0"),
        ] {
            let disk = host.disk(5, WEB);
            disk.set(node, value);
            let ran = quick(&disk, "add");
            assert!(matches!(ran.code, Some(1 | 3)), "{node}={value:?}: {ran:?}");
            quick(&disk, "remove").assert_silent_success();
            disk.vanish();
        }
        host.assert_untouched();
    });
}

/// Issue: the file is named, with line and key; and `remove` works all the same.
#[test]
fn a_broken_configuration_refuses_add_and_not_remove() {
    both(|host| {
        for (text, line, word) in [
            ("disconected = \"warn\"\n", 1, "disconected"),
            ("patience = 1\n\ndeadline = \"soon\"\n", 3, "deadline"),
            ("deadline = 1\n", 1, "deadline"),
            ("deadline = 4000\n", 1, "deadline"),
            ("patience = -1\n", 1, "patience"),
            ("[resource.web-root]\nshared = maybe\n", 2, "shared"),
            ("[resource.web-root]\nshard = true\n", 2, "shard"),
            ("[resource.\"--force\"]\nshared = true\n", 1, "--force"),
            ("disconnected = \"never\"\n", 1, "disconnected"),
            ("dual-primary = \"always\"\n", 1, "dual-primary"),
            ("patience = 1\npatience = 2\n", 2, "patience"),
            ("\0\u{1b}[31m", 1, "line 1"),
            ("[resource\n", 1, "[resource"),
        ] {
            let disk = host.disk(5, WEB);
            disk.add().assert_silent_success();
            disk.close();
            host.configure(text);
            disk.remove().assert_silent_success();
            host.assert_left_alone();
            disk.vanish();
            let disk = host.disk(6, WEB);
            let place = format!("/etc/xen/block-drbd.toml, line {line}");
            disk.assert_refused(&disk.add(), 1, "error", &[&place, word]);
            host.assert_left_alone();
            disk.vanish();
            host.configure("");
        }
        std::fs::write(host.path("/etc/xen/block-drbd.toml"), b"\xff\xfe").unwrap();
        let disk = host.disk(6, WEB);
        disk.assert_refused(
            &disk.add(),
            1,
            "error",
            &["/etc/xen/block-drbd.toml", "UTF-8"],
        );
    });
}

/// Design: a missing file means that all defaults hold.
#[test]
fn a_missing_configuration_means_the_defaults() {
    both(|host| {
        std::fs::remove_file(host.path("/etc/xen/block-drbd.toml")).unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_attached(&disk.add(), MINOR);
    });
}

/// Contract 1: exit 2, and nothing is touched.
#[test]
fn other_arguments_are_a_usage_error() {
    let host = Host::new(Generation::V9);
    let disk = host.disk(5, WEB);
    for arguments in [
        &[][..],
        &[""],
        &["online"],
        &["ADD"],
        &["add", "remove"],
        &["add", "--force"],
        &["-f", "add"],
        &["add", "x"],
        &["--root", "/"],
    ] {
        let mut command = host.program(arguments);
        command.env("XENBUS_PATH", &disk.path);
        let ran = host.run(command);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.changed.is_empty(), "{:?}", ran.changed);
        assert_eq!(ran.stdout, "");
        assert!(
            ran.stderr.starts_with("error: ") || ran.stderr.contains("Usage: "),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(host.calls(), [""; 0]);
}

/// Contract 2: exit 2, and nothing is touched.
#[test]
fn a_missing_or_strange_xenbus_path_is_a_usage_error() {
    let host = Host::new(Generation::V9);
    let strange = [
        "",
        "/",
        "backend",
        "backend/vbd/5",
        "backend/vbd/5/51714/",
        "backend/vbd/x/51714",
        "backend/vbd/-1/1",
        "backend/../5/1",
        "device/vbd/5/51714",
        "/local/domain/x/backend/vbd/5/1",
        "backend/vbd/5/51714\n",
        "backend/vbd/99999999999/1",
        "--help",
        "backend/vbd/5/51714 ",
        "\u{1b}[31m",
    ];
    for action in ["add", "remove"] {
        for path in strange.iter().map(Some).chain([None]) {
            let mut command = host.program(&[action]);
            if let Some(path) = path {
                command.env("XENBUS_PATH", path);
            }
            let ran = Ran::of(command.output().unwrap());
            assert_eq!(ran.code, Some(2), "{path:?}: {ran:?}");
            assert!(ran.stderr.contains("XENBUS_PATH"), "{}", ran.stderr);
            assert_eq!(ran.stderr.lines().count(), 1, "{:?}", ran.stderr);
            assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
        }
    }
    assert_eq!(host.calls(), [""; 0]);
    assert_eq!(host.role(WEB), Role::Secondary);
}
