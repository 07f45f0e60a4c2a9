//! The disk is attached and something is unknown; something stays behind.

use simulated_drbd::{Opener, Role};

use crate::host::{HERE, Host, MINOR, PEER, WEB, XVDA2};
use crate::refused::{filter, start};

fn reap(host: &Host) -> String {
    host.run(host.program(&["reap"])).stdout
}

/// Notes that this program did so.
fn note(host: &Host, what: &str) {
    host.file(&format!("/run/block-drbd/{what}/web-root"), "");
}

/// Two primaries are allowed at run time.
fn open_window(host: &Host) {
    let id = host.world.resource(WEB).unwrap().node_ids[1].to_string();
    let allow = [
        "drbdsetup",
        "net-options",
        WEB,
        &id,
        "--allow-two-primaries=yes",
    ];
    assert_eq!(host.world.run(HERE, &allow).unwrap().code, 0);
}

pub fn started_disconnected(host: &Host) -> String {
    host.world.cut_link().unwrap();
    start(host, WEB)
}

pub fn started_alone(host: &Host) -> String {
    filter(
        host,
        "grep -v -e ' connection ' -e ' peer-device ' -e ' path '",
    );
    start(host, WEB)
}

pub fn started_resyncing(host: &Host) -> String {
    host.configure("resync = \"allow\"\n");
    host.world.start_resync(PEER, MINOR, 1000).unwrap();
    start(host, WEB)
}

pub fn stays_primary(host: &Host) -> String {
    host.configure("deadline = 4\n");
    let disk = host.disk(5, WEB);
    disk.add().assert_silent_success();
    let opener = Opener::writer("fsck", 77);
    host.world.hold_open(HERE, MINOR, opener, None).unwrap();
    disk.close();
    disk.remove().stderr
}

/// Two guests read one volume, and one of them has moved away.
pub fn primary_twice(host: &Host) -> String {
    open_window(host);
    let moved = host.disk_as(5, XVDA2, WEB, "r");
    host.disk_as(6, XVDA2, WEB, "r")
        .add()
        .assert_silent_success();
    moved.add().assert_silent_success();
    host.peer_promotes(WEB, MINOR);
    moved.close();
    moved.remove().stderr
}

pub fn open(host: &Host) -> String {
    let disk = host.disk(5, WEB);
    disk.add().assert_silent_success();
    disk.vanish();
    let opener = Opener::writer("fsck", 77);
    host.world.hold_open(HERE, MINOR, opener, None).unwrap();
    reap(host)
}

pub fn stray(host: &Host) -> String {
    let disk = host.disk(5, WEB);
    disk.add().assert_silent_success();
    let folder = format!("/sys/bus/xen-backend/devices/vbd-5-{XVDA2}");
    host.file(&format!("{folder}/physical_device"), "93:1\n");
    host.xen.rm("/local/domain/5");
    disk.vanish();
    reap(host)
}

pub fn foreign_primary(host: &Host) -> String {
    host.promote(WEB, MINOR);
    reap(host)
}

pub fn promoting(host: &Host) -> String {
    note(host, "promoted");
    host.file("/proc/77/cmdline", "drbdsetup\0primary\0web-root\0");
    reap(host)
}

pub fn no_role(host: &Host) -> String {
    note(host, "promoted");
    filter(host, "sed 's/role:Secondary/role:Unknown/'");
    reap(host)
}

pub fn window(host: &Host) -> String {
    open_window(host);
    note(host, "window");
    host.world.cut_link().unwrap();
    reap(host)
}

pub fn foreign_window(host: &Host) -> String {
    open_window(host);
    assert_eq!(host.role(WEB), Role::Secondary);
    reap(host)
}
