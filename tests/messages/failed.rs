//! Something went wrong.

use std::fs::{self, File};
use std::process::Command;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use simulated_drbd::Fault;

use crate::host::{HERE, Host, MINOR, PROGRAM, Ran, WEB, pause};
use crate::refused::start;

/// A tool that ends so.
fn fails(host: &Host, command: &str, code: i32, stderr: &str) {
    let stderr = stderr.to_owned();
    let fault = Fault::Fail { code, stderr };
    host.world.fault(HERE, command, fault, None).unwrap();
}

/// A start of a guest whose backend has another value in a node.
fn start_with(host: &Host, node: &str, value: &str) -> String {
    let disk = host.disk(5, WEB);
    disk.set(node, value);
    disk.add().stderr
}

pub fn vanished(host: &Host) -> String {
    let disk = host.disk(5, WEB);
    disk.vanish();
    disk.add().stderr
}

pub fn given_up(host: &Host) -> String {
    start_with(host, "state", "5")
}

pub fn other_device(host: &Host) -> String {
    start_with(host, "physical-device", "93:63")
}

pub fn lost_role(host: &Host) -> String {
    start_with(host, "physical-device", "93:1")
}

pub fn configuration(host: &Host) -> String {
    host.configure("patience = \"long\"\n");
    start(host, WEB)
}

pub fn xenstore(host: &Host) -> String {
    let mut command = host.disk(5, WEB).command("add");
    command.env("XENSTORED_PATH", host.path("/nosuch"));
    host.run(command).stderr
}

pub fn tool(host: &Host) -> String {
    for path in ["/usr/sbin/drbdsetup", "/sbin/drbdsetup"] {
        let _ = fs::remove_file(host.path(path));
    }
    start(host, WEB)
}

pub fn version(host: &Host) -> String {
    host.file("/proc/drbd", "version: 0.7\n");
    start(host, WEB)
}

pub fn answer(host: &Host) -> String {
    fails(host, "events2", 0, "");
    start(host, WEB)
}

pub fn reading(host: &Host) -> String {
    fails(host, "events2", 20, "Could not connect\n");
    start(host, WEB)
}

pub fn promote(host: &Host) -> String {
    fails(
        host,
        "primary",
        11,
        "1: State change failed: (-7) Refusing\n",
    );
    start(host, WEB)
}

pub fn node(host: &Host) -> String {
    fs::remove_file(host.path("/dev/drbd1")).unwrap();
    start(host, WEB)
}

/// Another name at every look.
pub fn renamed(host: &Host) -> String {
    let count = host.path("/count").display().to_string();
    host.wrap_tool(&format!(
        "echo >>{count}\n\
         if [ $(($(wc -l <{count}) % 2)) = 1 ]; then tool \"$@\" | sed s/web-root/web-boot/; else tool \"$@\"; fi"
    ));
    start(host, "/dev/drbd1")
}

pub fn host(host: &Host) -> String {
    host.file("/run/block-drbd/lock", "");
    start(host, WEB)
}

pub fn signal(host: &Host) -> String {
    host.configure("patience = 20\n");
    host.peer_promotes(WEB, MINOR);
    let disk = host.disk(5, WEB);
    let child = disk.start("add");
    // Once the second look is over it is waiting.
    crate::host::eventually("waiting", || host.calls().len() > 2);
    pause(100);
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    Ran::wait(child).stderr
}

pub fn timeout(host: &Host) -> String {
    host.configure("deadline = 4\n");
    host.world
        .fault(HERE, "primary", Fault::Hang, None)
        .unwrap();
    start(host, WEB)
}

pub fn locked(host: &Host) -> String {
    host.configure("deadline = 2\n");
    host.file("/run/block-drbd/lock/web-root", "");
    let file = File::open(host.path("/run/block-drbd/lock/web-root")).unwrap();
    let _held = Flock::lock(file, FlockArg::LockExclusive).unwrap();
    start(host, WEB)
}

pub fn xenbus_path(host: &Host) -> String {
    host.run(host.program(&["add"])).stderr
}

pub fn usage(host: &Host) -> String {
    host.run(host.program(&["nonsense"])).stderr
}

/// The program alone, as where a package was split.
pub fn operator(host: &Host) -> String {
    let alone = host.path("/alone");
    fs::copy(PROGRAM, &alone).unwrap();
    let mut command = Command::new(alone);
    command.arg("status");
    host.run(command).stderr
}
