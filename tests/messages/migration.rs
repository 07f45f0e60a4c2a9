//! Two primaries are refused.

use std::net::TcpListener;

use simulated_drbd::{Disk, Resource};

use crate::host::{HERE, Host, MINOR, PEER, WEB};
use crate::refused::{filter, start};
use crate::silence::Silence;

/// A guest is received; what was printed.
fn receive(host: &Host, before: impl Fn()) -> String {
    let disk = host.arriving_disk(7);
    before();
    disk.receive().stderr
}

pub fn never(host: &Host) -> String {
    host.configure("dual-primary = \"never\"\n");
    receive(host, || {})
}

pub fn no_source(host: &Host) -> String {
    receive(host, || host.world.cut_link().unwrap())
}

pub fn two_sources(host: &Host) -> String {
    let add = "exists connection name:web-root peer-node-id:7 conn-name:nodo3 connection:Connected role:Primary";
    filter(host, &format!("sed 's/^exists -$/{add}\\n&/'"));
    receive(host, || {})
}

pub fn not_established(host: &Host) -> String {
    receive(host, || host.world.start_resync(HERE, MINOR, 1000).unwrap())
}

pub fn peer_disk(host: &Host) -> String {
    receive(host, || {
        host.world
            .set_disk(PEER, MINOR, Disk::Inconsistent)
            .unwrap();
    })
}

pub fn protocol(host: &Host) -> String {
    host.resource(Resource::simple(WEB, MINOR).with_option("protocol", "A"));
    receive(host, || {})
}

pub fn as_configured(host: &Host) -> String {
    host.configure("dual-primary = \"static\"\n");
    receive(host, || {})
}

pub fn two_primaries(host: &Host) -> String {
    host.configure("[resource.web-root]\nshared = true\n");
    host.peer_promotes(WEB, MINOR);
    start(host, WEB)
}

pub fn settings(host: &Host) -> String {
    host.wrap_tool(
        "if [ \"$1\" = show ]; then tool \"$@\" | grep -v protocol; else tool \"$@\"; fi",
    );
    receive(host, || {})
}

pub fn link_cut(host: &Host) -> String {
    let _silence = Silence::at(&host.peer_address());
    receive(host, || host.world.cut_link_unnoticed().unwrap())
}

pub fn link_lost(host: &Host) -> String {
    let _listener = TcpListener::bind(host.peer_address()).unwrap();
    receive(host, || {})
}

pub fn writes(host: &Host) -> String {
    host.configure("drain = 1\n");
    receive(host, || {
        host.world.in_flight(PEER, MINOR, 100_000, 4, None).unwrap();
    })
}
