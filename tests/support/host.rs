//! A host of one test alone: a root with a simulated DRBD, a peer behind it, a real xenstored.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use block_drbd::store::Store;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use simulated_drbd::{Generation, Resource, Role, World};

use crate::xen::{Kind, Xenstored};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_block-drbd");
/// The host on which it runs, and the other one.
pub const HERE: &str = "nodo1";
pub const PEER: &str = "nodo2";
/// The resource that every host has, and its minor.
pub const WEB: &str = "web-root";
pub const MINOR: u32 = 1;
/// The device number that most disks have: `xvda2`.
pub const XVDA2: u32 = 51714;
pub const XVDB: u32 = 51728;

/// Runs a scenario on DRBD 8.4 and on 9.
pub fn both(scenario: impl Fn(&Host) + Sync) {
    let scenario = &scenario;
    thread::scope(|scope| {
        for generation in [Generation::V84, Generation::V9] {
            thread::Builder::new()
                .name(format!(
                    "{} on DRBD {generation:?}",
                    thread::current().name().unwrap_or_default()
                ))
                .spawn_scoped(scope, move || scenario(&Host::new(generation)))
                .unwrap();
        }
    });
}

/// Waits until it is so.
pub fn eventually(what: &str, so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Lets a short time pass.
pub fn pause(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}

/// See the head of this file.
#[derive(Debug)]
pub struct Host {
    /// DRBD, here and on the peer.
    pub world: World,
    /// xenstore.
    pub xen: Xenstored,
    /// Which DRBD.
    pub generation: Generation,
    /// Three bytes of loopback addresses that no other host has.
    network: String,
    _directory: tempfile::TempDir,
}

impl Host {
    /// A host with the resource [`WEB`], up on both sides, Secondary and healthy, and little patience.
    pub fn new(generation: Generation) -> Self {
        Self::with_store(generation, Kind::C)
    }

    /// The same, with that xenstored.
    pub fn with_store(generation: Generation, kind: Kind) -> Self {
        static NUMBER: AtomicU16 = AtomicU16::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        // Not below $TMPDIR, which may be too long for a unix socket.
        let directory = tempfile::Builder::new()
            .prefix("bd-")
            .tempdir_in("/tmp")
            .unwrap();
        let host = Self {
            world: World::create(directory.path(), generation).unwrap(),
            xen: Xenstored::start(kind),
            generation,
            network: format!("127.{}.{}", 1 + process % 250, number % 256),
            _directory: directory,
        };
        host.file("/proc/sys/kernel/hostname", "nodo1\n");
        host.configure("patience = 1\n");
        host.resource(Resource::simple(WEB, MINOR));
        host
    }

    /// Where a file of this host lies.
    pub fn path(&self, path: &str) -> PathBuf {
        self.world.host(HERE).join(path.trim_start_matches('/'))
    }

    /// Writes a file of this host.
    pub fn file(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A container, process 77, that has mounted the device of this number under this name; its folder.
    pub fn container(&self, number: &str, source: &str) -> PathBuf {
        for (process, namespace) in [("self", "mnt:[1]"), ("76", "mnt:[1]"), ("77", "mnt:[2]")] {
            let folder = self.path(&format!("/proc/{process}/ns"));
            fs::create_dir_all(&folder).unwrap();
            let _: std::io::Result<()> = symlink(namespace, folder.join("mnt"));
        }
        let mount = format!("36 1 {number} / /srv rw - ext4 {source} rw\n");
        self.file("/proc/77/mountinfo", &mount);
        self.file("/proc/77/comm", "postgres\n");
        self.path("/proc/77")
    }

    /// Writes the configuration.
    pub fn configure(&self, text: &str) {
        self.file("/etc/xen/block-drbd.toml", text);
    }

    /// Adds a resource or replaces it; where the peer's address is a live host's, on which nobody
    /// listens, as while DRBD is connected.
    pub fn resource(&self, resource: Resource) {
        let address = |last| format!("{}.{last}:7789", self.network);
        self.resource_at(resource.with_addresses(&address(1), &address(2)));
    }

    /// Adds a resource or replaces it, at the addresses that it has.
    pub fn resource_at(&self, resource: Resource) {
        for volume in &resource.volumes {
            self.device(volume.minor);
        }
        self.world.add_resource(resource).unwrap();
    }

    /// Makes a device node.
    fn device(&self, minor: u32) {
        let node = self.path(&format!("/dev/drbd{minor}"));
        fs::create_dir_all(node.parent().unwrap()).unwrap();
        if !node.exists() {
            let number = makedev(147, u64::from(minor));
            mknod(&node, SFlag::S_IFBLK, Mode::S_IRUSR, number).unwrap();
        }
    }

    /// The peer's replication address.
    pub fn peer_address(&self) -> String {
        format!("{}.2:7789", self.network)
    }

    /// A disk of a guest, as libxl has prepared it: writable, `xvda2`.
    pub fn disk(&self, domid: u32, params: &str) -> Disk<'_> {
        self.disk_as(domid, XVDA2, params, "w")
    }

    /// A disk of a guest.
    pub fn disk_as(&self, domid: u32, device: u32, params: &str, mode: &str) -> Disk<'_> {
        let path = self.xen.backend(domid, device, "", mode);
        let disk = Disk { host: self, path };
        disk.set("params", params);
        disk
    }

    /// A disk of a guest that is being received from the peer, which runs it.
    pub fn arriving_disk(&self, domid: u32) -> Disk<'_> {
        self.peer_promotes(WEB, MINOR);
        self.xen.guest(domid, "web--incoming");
        self.disk(domid, WEB)
    }

    /// The peer makes a resource Primary.
    pub fn peer_promotes(&self, name: &str, minor: u32) {
        self.peer("primary", name, minor);
    }

    /// The peer makes a resource Secondary.
    pub fn peer_demotes(&self, name: &str, minor: u32) {
        self.peer("secondary", name, minor);
    }

    fn peer(&self, verb: &str, name: &str, minor: u32) {
        let subject = self.subject(name, minor);
        let output = self.world.run(PEER, &["drbdsetup", verb, &subject]);
        let output = output.unwrap();
        assert_eq!(output.code, 0, "{}", output.stderr);
    }

    /// Makes the resource Primary here, by the administrator's hand.
    pub fn promote(&self, name: &str, minor: u32) {
        let subject = self.subject(name, minor);
        let output = self.world.run(HERE, &["drbdsetup", "primary", &subject]);
        assert_eq!(output.unwrap().code, 0);
    }

    fn subject(&self, name: &str, minor: u32) -> String {
        match self.generation {
            Generation::V84 => minor.to_string(),
            Generation::V9 => name.to_owned(),
        }
    }

    /// The role of a resource here.
    pub fn role(&self, name: &str) -> Role {
        self.world.role(HERE, name).unwrap()
    }

    /// Asserts the role of [`WEB`] here and on the peer.
    #[track_caller]
    pub fn assert_roles(&self, here: Role, peer: Role) {
        let roles = (self.role(WEB), self.world.role(PEER, WEB).unwrap());
        assert_eq!(roles, (here, peer), "roles here and on the peer");
    }

    /// How a change of the role is called here.
    pub fn command(&self, verb: &str, name: &str, minor: u32) -> String {
        format!("{} {verb} {}", self.tool(), self.subject(name, minor))
    }

    /// The tool that is run here for this generation.
    pub fn tool(&self) -> &'static str {
        match self.generation {
            Generation::V84 => "/lib/drbd/drbdsetup-84",
            Generation::V9 => "/usr/sbin/drbdsetup",
        }
    }

    /// Puts a script in the place of the tool that reads and changes the state.
    pub fn tool_script(&self, script: &str) {
        let path = self.path(self.tool());
        fs::remove_file(&path).unwrap();
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    /// Puts a script around that tool, which it calls as `tool "$@"`.
    pub fn wrap_tool(&self, script: &str) {
        let path = self.path(self.tool());
        let real = fs::read_link(&path).unwrap();
        let (path, real) = (path.display(), real.display());
        let call = format!("tool() {{ (exec -a {path} {real} \"$@\"); }}");
        self.tool_script(&format!("#!/bin/bash\n{call}\n{script}\n"));
    }

    /// All calls of DRBD's tools here so far, with paths as on a real host.
    pub fn calls(&self) -> Vec<String> {
        let root = self.world.host(HERE).display().to_string();
        let calls = self.world.calls(HERE).unwrap();
        calls.iter().map(|call| call.replace(&root, "")).collect()
    }

    /// Those that change something.
    pub fn changes(&self) -> Vec<String> {
        let asks = ["events2", "show", "dump", "sh-minor", "--version"];
        let mut calls = self.calls();
        calls.retain(|call| !call.split(' ').any(|word| asks.contains(&word)));
        calls
    }

    /// Whether two primaries are allowed at run time, here and on the peer.
    pub fn two_primaries(&self) -> (bool, bool) {
        let resource = self.world.resource(WEB).unwrap();
        let [here, peer] = &resource.sides;
        (here.allows_two_primaries(), peer.allows_two_primaries())
    }

    /// What [`Host::changes`] shows of a change to that setting.
    pub fn net_options(&self, allow: &str) -> String {
        let connection = match self.generation {
            Generation::V84 => format!("ipv4:{0}.1:7789 ipv4:{0}.2:7789", self.network),
            Generation::V9 => {
                let ids = self.world.resource(WEB).unwrap().node_ids;
                format!("{WEB} {}", ids[1])
            }
        };
        let tool = self.tool();
        format!("{tool} net-options {connection} --allow-two-primaries={allow}")
    }

    /// Asserts which changes were asked of DRBD for [`WEB`], as `["primary", "secondary"]`.
    #[track_caller]
    pub fn assert_changes(&self, verbs: &[&str]) {
        let expected: Vec<String> = verbs
            .iter()
            .map(|verb| self.command(verb, WEB, MINOR))
            .collect();
        assert_eq!(self.changes(), expected);
    }

    /// Whether a note says that this program promoted the resource.
    pub fn is_noted(&self, name: &str) -> bool {
        self.path(&format!("/run/block-drbd/promoted/{name}"))
            .exists()
    }

    /// Whether a note says that this program allowed two primaries.
    pub fn is_window_noted(&self) -> bool {
        self.path(&format!("/run/block-drbd/window/{WEB}")).exists()
    }

    /// The minors at which udev looks later.
    pub fn udev_waits_for(&self) -> Vec<u32> {
        let marks = fs::read_dir(self.path("/run/block-drbd/received"));
        let mut minors: Vec<u32> = marks
            .into_iter()
            .flatten()
            .map(|mark| mark.unwrap().file_name().to_str().unwrap().parse().unwrap())
            .collect();
        minors.sort_unstable();
        minors
    }

    /// Asserts that nobody touched [`WEB`] here.
    #[track_caller]
    pub fn assert_untouched(&self) {
        assert_eq!(self.changes(), [""; 0]);
        self.assert_left_alone();
    }

    /// Asserts that nothing of an attachment of [`WEB`] is left here.
    #[track_caller]
    pub fn assert_left_alone(&self) {
        assert_eq!(self.role(WEB), Role::Secondary);
        assert!(!self.is_noted(WEB), "a note of the promotion is left");
        assert!(!self.is_window_noted(), "a note of a window is left");
        assert_eq!(self.udev_waits_for(), [0; 0], "udev waits for nothing");
        let lock = self.path("/var/run/xen-hotplug/block");
        assert!(!lock.exists(), "Xen's lock is left");
    }

    /// The store, for what the utilities cannot say.
    pub fn store(&self) -> Store {
        let deadline = Instant::now() + Duration::from_secs(20);
        Store::open_at(&self.xen.socket(), deadline).unwrap()
    }

    /// The program, with nothing in its environment but where its world is.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments);
        self.surround(&mut command);
        command
    }

    fn surround(&self, command: &mut Command) {
        command
            .env_clear()
            .env("BLOCK_DRBD_ROOT", self.world.host(HERE))
            .env("XENSTORED_PATH", self.xen.socket())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    /// The program with those arguments, run by `xl WORDS…`.
    pub fn below_xl(&self, words: &str, arguments: &[&str]) -> Command {
        let (script, rest) = words.split_once(' ').unwrap_or((words, ""));
        // The last command keeps the shell alive, so that it stays the parent.
        self.file(&format!("/xl/{script}"), "shift $1; \"$@\"; exit $?\n");
        let rest: Vec<&str> = rest.split_terminator(' ').collect();
        let mut command = Command::new("/bin/sh");
        command
            .arg0("xl")
            .arg(script)
            .arg((rest.len() + 1).to_string())
            .args(rest)
            .arg(PROGRAM)
            .args(arguments)
            .current_dir(self.path("/xl"));
        self.surround(&mut command);
        command
    }
}

pub use crate::disk::Disk;
pub use crate::ran::Ran;
