//! What the recordings cannot show: faults, time, the tools' way to their world.
#![allow(clippy::unwrap_used)]

use simulated_drbd::{Connection, Disk, Fault, Generation, Opener, Resource, Role, World};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A world in a directory of its own, gone with the test.
struct Scene {
    dir: PathBuf,
    world: World,
}

impl Scene {
    fn new(name: &str, generation: Generation) -> Self {
        let dir =
            std::env::temp_dir().join(format!("simulated-drbd-{}-{name}", std::process::id()));
        let world = World::create(&dir, generation).unwrap();
        world.add_resource(Resource::simple("web-root", 1)).unwrap();
        Self { dir, world }
    }

    fn command(&self, host: &str, words: &[&str]) -> Command {
        let mut command = Command::new(self.world.host(host).join("usr/sbin").join(words[0]));
        command.args(&words[1..]).env_clear().stdin(Stdio::null());
        command
    }

    fn run(&self, host: &str, words: &[&str]) -> Output {
        self.command(host, words).output().unwrap()
    }

    fn role(&self, host: &str) -> Role {
        self.world.role(host, "web-root").unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn the_tools_find_their_world_by_their_path_or_by_the_variable() {
    let scene = Scene::new("path", Generation::V84);
    let root = scene.world.host("nodo1");
    for tool in [
        "usr/sbin/drbdsetup",
        "sbin/drbdsetup",
        "lib/drbd/drbdsetup-84",
    ] {
        let output = Command::new(root.join(tool))
            .args(["role", "1"])
            .env_clear()
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"Secondary/Secondary\n", "{tool}");
    }
    let output = Command::new("drbdadm")
        .args(["role", "web-root"])
        .env("PATH", root.join("usr/sbin"))
        .env("SIMULATED_DRBD", &root)
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"Secondary/Secondary\n");
    let calls = scene.world.calls("nodo1").unwrap();
    assert_eq!(calls.len(), 4);
    assert!(
        calls[0].ends_with("/usr/sbin/drbdsetup role 1"),
        "{calls:?}"
    );
    assert_eq!(calls[3], "drbdadm role web-root");
    assert!(scene.world.calls("nodo2").unwrap().is_empty());
}

#[test]
fn a_fault_befalls_its_command_so_many_times() {
    let scene = Scene::new("fail", Generation::V9);
    let fault = Fault::Fail {
        code: 20,
        stderr: "no such thing\n".to_owned(),
    };
    scene
        .world
        .fault("nodo1", "drbdsetup primary", fault, Some(1))
        .unwrap();
    assert_eq!(
        scene
            .run("nodo1", &["drbdsetup", "role", "web-root"])
            .status
            .code(),
        Some(0)
    );
    let refused = scene.run("nodo1", &["drbdsetup", "primary", "web-root"]);
    assert_eq!(
        (refused.status.code(), refused.stderr.as_slice()),
        (Some(20), &b"no such thing\n"[..])
    );
    assert_eq!(scene.role("nodo1"), Role::Secondary);
    assert_eq!(
        scene
            .run("nodo1", &["drbdsetup", "primary", "web-root"])
            .status
            .code(),
        Some(0)
    );
    assert_eq!(scene.role("nodo1"), Role::Primary);
}

#[test]
fn a_killed_tool_does_nothing_later() {
    let scene = Scene::new("hang", Generation::V9);
    scene
        .world
        .fault("nodo1", "primary", Fault::Hang, Some(1))
        .unwrap();
    let mut hanging = scene
        .command("nodo1", &["drbdsetup", "primary", "web-root"])
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(hanging.try_wait().unwrap().is_none());
    hanging.kill().unwrap();
    hanging.wait().unwrap();
    assert_eq!(scene.role("nodo1"), Role::Secondary);
}

#[test]
fn an_orphan_promotes_although_its_caller_was_killed() {
    let scene = Scene::new("late", Generation::V84);
    scene
        .world
        .fault("nodo1", "primary 1", Fault::ApplyLate(300), Some(1))
        .unwrap();
    let mut caller = scene
        .command("nodo1", &["drbdsetup", "primary", "1"])
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(100));
    caller.kill().unwrap();
    caller.wait().unwrap();
    assert_eq!(scene.role("nodo1"), Role::Secondary);
    let deadline = Instant::now() + Duration::from_secs(5);
    while scene.role("nodo1") != Role::Primary {
        assert!(Instant::now() < deadline, "the orphan did not promote");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_delay_comes_before_the_work() {
    let scene = Scene::new("delay", Generation::V84);
    scene
        .world
        .fault("nodo1", "primary", Fault::Delay(200), None)
        .unwrap();
    let begin = Instant::now();
    assert!(
        scene
            .run("nodo1", &["drbdsetup", "primary", "1"])
            .status
            .success()
    );
    assert!(begin.elapsed() >= Duration::from_millis(200));
    scene.world.clear_faults("nodo1").unwrap();
    let begin = Instant::now();
    assert!(
        scene
            .run("nodo1", &["drbdsetup", "primary", "1"])
            .status
            .success()
    );
    assert!(begin.elapsed() < Duration::from_millis(200));
}

/// As the kernel's debugfs, whether or not a tool looks at the resource meanwhile.
#[test]
fn the_list_of_openers_changes_by_itself() {
    let scene = Scene::new("openers", Generation::V9);
    let file = "sys/kernel/debug/drbd/resources/web-root/volumes/0/openers";
    let list = || std::fs::read_to_string(scene.world.host("nodo1").join(file)).unwrap();
    scene
        .world
        .hold_open("nodo1", 1, Opener::reader("blkid", 99), Some(100))
        .unwrap();
    assert!(list().starts_with("blkid\t99\t"));
    let begin = Instant::now();
    while !list().is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{}", list());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(begin.elapsed() > Duration::from_millis(50));
}

#[test]
fn a_device_is_closed_when_its_time_is_over() {
    let scene = Scene::new("opener", Generation::V84);
    scene
        .world
        .run("nodo1", &["drbdsetup", "primary", "1"])
        .unwrap();
    scene
        .world
        .hold_open("nodo1", 1, Opener::reader("blkid", 99), Some(200))
        .unwrap();
    assert_eq!(
        scene
            .run("nodo1", &["drbdsetup", "secondary", "1"])
            .status
            .code(),
        Some(11)
    );
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(
        scene
            .run("nodo1", &["drbdsetup", "secondary", "1"])
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn a_refusal_takes_the_ping_timeout() {
    let scene = Scene::new("ping", Generation::V9);
    scene.world.set_ping_timeout(150).unwrap();
    scene
        .world
        .run("nodo1", &["drbdsetup", "primary", "web-root"])
        .unwrap();
    let begin = Instant::now();
    let refused = scene.run("nodo2", &["drbdsetup", "primary", "web-root"]);
    assert_eq!(refused.status.code(), Some(11));
    assert!(begin.elapsed() >= Duration::from_millis(150));
}

#[test]
fn a_promotion_over_a_dead_link_succeeds_and_shows_it_afterwards() {
    for generation in [Generation::V84, Generation::V9] {
        let scene = Scene::new("dead-link", generation);
        let subject = if generation == Generation::V84 {
            "1"
        } else {
            "web-root"
        };
        scene
            .world
            .run("nodo1", &["drbdsetup", "primary", subject])
            .unwrap();
        scene.world.cut_link_unnoticed().unwrap();
        let before = scene.world.resource("web-root").unwrap();
        assert_eq!(before.sides[1].connection, Connection::Connected);
        assert!(
            scene
                .run("nodo2", &["drbdsetup", "primary", subject])
                .status
                .success()
        );
        let after = scene.world.resource("web-root").unwrap();
        assert_eq!(after.sides[1].connection, Connection::Connecting);
        assert_eq!(after.sides[1].devices[0].peer_disk, Disk::DUnknown);
        assert_eq!(
            after.sides[0].connection,
            Connection::Connected,
            "the other side has not noticed"
        );
    }
}

#[test]
fn counters_of_a_writing_guest_grow_until_it_ends() {
    let scene = Scene::new("flow", Generation::V9);
    scene
        .world
        .run("nodo1", &["drbdsetup", "primary", "web-root"])
        .unwrap();
    scene
        .world
        .in_flight("nodo1", 1, 10_000, 4, Some(300))
        .unwrap();
    let number = |key: &str| -> u64 {
        let output = scene
            .world
            .run(
                "nodo2",
                &["drbdsetup", "events2", "--now", "--statistics", "web-root"],
            )
            .unwrap();
        let mut words = output.stdout.split_whitespace();
        words
            .find_map(|word| word.strip_prefix(key))
            .unwrap()
            .parse()
            .unwrap()
    };
    let first = number("received:");
    assert_eq!(number("lower-pending:"), 1);
    std::thread::sleep(Duration::from_millis(100));
    let second = number("received:");
    assert!(second > first, "{first} {second}");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(number("received:"), 3000);
    assert_eq!(number("lower-pending:"), 0);
}

#[test]
fn the_files_of_a_host_follow_its_state() {
    let scene = Scene::new("files", Generation::V9);
    let root = scene.world.host("nodo1");
    assert_eq!(
        std::fs::read_to_string(root.join("sys/module/drbd/version")).unwrap(),
        "9.2.16\n"
    );
    assert!(root.join("sys/block/drbd1/holders").is_dir());
    let openers = root.join("sys/kernel/debug/drbd/resources/web-root/volumes/0/openers");
    assert_eq!(std::fs::read_to_string(&openers).unwrap(), "");
    scene
        .world
        .run("nodo1", &["drbdsetup", "primary", "web-root"])
        .unwrap();
    scene
        .world
        .hold_open("nodo1", 1, Opener::writer("qemu", 4711), None)
        .unwrap();
    let text = std::fs::read_to_string(&openers).unwrap();
    assert!(text.starts_with("qemu\t4711\t"), "{text:?}");
    scene.world.release("nodo1", 1).unwrap();
    scene
        .world
        .run("nodo1", &["drbdadm", "down", "web-root"])
        .unwrap();
    assert!(!openers.exists() && !root.join("sys/block/drbd1").exists());
}

#[test]
fn thousands_of_configured_resources_cost_a_call_nothing() {
    let scene = Scene::new("many", Generation::V84);
    for minor in 2..1000 {
        scene
            .world
            .add_resource(Resource::simple(&format!("r{minor}"), minor).down())
            .unwrap();
    }
    let begin = Instant::now();
    for _ in 0..20 {
        scene
            .world
            .run("nodo1", &["drbdsetup", "primary", "1"])
            .unwrap();
        scene
            .world
            .run("nodo1", &["drbdsetup", "secondary", "1"])
            .unwrap();
    }
    let each = begin.elapsed() / 40;
    assert!(each < Duration::from_millis(20), "{each:?}");
}
