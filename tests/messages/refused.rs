//! The disk is refused.

use std::net::TcpListener;

use simulated_drbd::host::Module;
use simulated_drbd::state::Connection;
use simulated_drbd::{Disk, Fault, Resource};

use crate::host::{HERE, Host, MINOR, PEER, WEB, XVDB};

/// A start of a guest; what it printed.
pub fn start(host: &Host, params: &str) -> String {
    host.disk(5, params).add().stderr
}

/// Lets events2 say something else, by a filter.
pub fn filter(host: &Host, filter: &str) {
    host.wrap_tool(&format!(
        "if [ \"$1\" = events2 ]; then tool \"$@\" | {filter}; else tool \"$@\"; fi"
    ));
}

pub fn spec(host: &Host) -> String {
    start(host, "/dev/sda1")
}

pub fn kind(host: &Host) -> String {
    let disk = host.disk(5, WEB);
    disk.set("type", "vbd3");
    disk.add().stderr
}

pub fn no_module(host: &Host) -> String {
    host.world.set_module(HERE, Module::Unloaded).unwrap();
    start(host, WEB)
}

pub fn not_configured(host: &Host) -> String {
    start(host, "nosuch")
}

pub fn not_up(host: &Host) -> String {
    host.resource(Resource::simple("cold", 7).down());
    start(host, "cold")
}

pub fn no_volume(host: &Host) -> String {
    start(host, "web-root/7")
}

pub fn which_volume(host: &Host) -> String {
    host.resource(Resource::of_volumes("pair", &[10, 11]));
    start(host, "pair")
}

pub fn suspended(host: &Host) -> String {
    let suspend = ["drbdsetup", "suspend-io", "1"];
    assert_eq!(host.world.run(HERE, &suspend).unwrap().code, 0);
    start(host, WEB)
}

pub fn failing_io(host: &Host) -> String {
    filter(host, "sed '/^exists resource/s/$/ force-io-failures:yes/'");
    start(host, WEB)
}

pub fn no_quorum(host: &Host) -> String {
    let edit = host.world.edit(WEB, |resource, _| {
        resource.quorum = "majority".into();
        resource.sides[0].devices[0].quorum = false;
        Ok(())
    });
    edit.unwrap();
    start(host, WEB)
}

pub fn stand_alone(host: &Host) -> String {
    host.world.cut_link().unwrap();
    let edit = host.world.edit(WEB, |resource, _| {
        resource.sides[0].connection = Connection::StandAlone;
        Ok(())
    });
    edit.unwrap();
    start(host, WEB)
}

pub fn disk(host: &Host) -> String {
    host.world
        .set_disk(HERE, MINOR, Disk::Inconsistent)
        .unwrap();
    start(host, WEB)
}

pub fn resync(host: &Host) -> String {
    host.world.start_resync(PEER, MINOR, 1000).unwrap();
    start(host, WEB)
}

pub fn held(host: &Host) -> String {
    host.file(
        "/proc/self/mountinfo",
        "36 1 147:1 / /srv rw - ext4 /dev/drbd1 rw\n",
    );
    start(host, WEB)
}

pub fn busy(host: &Host) -> String {
    host.disk(6, WEB).add().assert_silent_success();
    start(host, WEB)
}

pub fn attached_twice(host: &Host) -> String {
    host.disk_as(5, XVDB, WEB, "w")
        .add()
        .assert_silent_success();
    start(host, WEB)
}

pub fn peer_primary(host: &Host) -> String {
    host.peer_promotes(WEB, MINOR);
    start(host, WEB)
}

pub fn peer_alive(host: &Host) -> String {
    let _listener = TcpListener::bind(host.peer_address()).unwrap();
    host.world.cut_link().unwrap();
    start(host, WEB)
}

pub fn disconnected(host: &Host) -> String {
    host.configure("disconnected = \"refuse\"\n");
    host.world.cut_link().unwrap();
    start(host, WEB)
}

pub fn no_peer(host: &Host) -> String {
    host.configure("disconnected = \"refuse\"\n");
    filter(
        host,
        "grep -v -e ' connection ' -e ' peer-device ' -e ' path '",
    );
    start(host, WEB)
}

pub fn probe(host: &Host) -> String {
    host.resource_at(Resource::simple(WEB, MINOR).with_addresses("nowhere:1", "nowhere:2"));
    host.world.cut_link().unwrap();
    start(host, WEB)
}

pub fn worse(host: &Host) -> String {
    let stderr = String::new();
    let lie = Fault::Fail { code: 0, stderr };
    host.world.fault(HERE, "primary", lie, None).unwrap();
    start(host, WEB)
}
