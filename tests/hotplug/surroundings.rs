//! What the program finds around it: descriptors, variables, a store that does not answer.

use std::fs::{self, File, OpenOptions};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use simulated_drbd::{Fault, Generation, Role};

use crate::disk::Disk;
use crate::host::{HERE, Host, MINOR, PROGRAM, Ran, WEB, both, eventually};

/// The program in a shell that sets its descriptors.
fn redirected(disk: &Disk<'_>, action: &str, redirection: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            &format!("exec \"$0\" {action} {redirection}"),
            PROGRAM,
        ])
        .env_clear()
        .env("BLOCK_DRBD_ROOT", disk.host.world.host(HERE))
        .env("XENSTORED_PATH", disk.host.xen.socket())
        .env("XENBUS_PATH", &disk.path);
    command
}

/// Contract 3, on a way with much to say: a warning, and a refusal.
#[test]
fn closed_full_and_broken_streams_change_nothing() {
    both(|host| {
        host.world.cut_link().unwrap();
        for redirection in [
            "<&- >&- 2>&-",
            ">/dev/full 2>/dev/full",
            "2>&-",
            "<&-",
            "</dev/zero",
        ] {
            let disk = host.disk(5, WEB);
            let ran = host.run(redirected(&disk, "add", redirection));
            assert_eq!(ran.code, Some(0), "{redirection}: {ran:?}");
            disk.assert_published(MINOR);
            disk.close();
            let ran = host.run(redirected(&disk, "remove", redirection));
            assert_eq!(ran.code, Some(0), "{redirection}: {ran:?}");
            host.assert_left_alone();
            disk.vanish();
            let ran = host.run(redirected(&disk, "add", redirection));
            assert_eq!(ran.code, Some(1), "{redirection}: {ran:?}");
            let ran = host.run(redirected(&disk, "nonsense", redirection));
            assert_eq!(ran.code, Some(2), "{redirection}: {ran:?}");
        }
    });
}

/// Contract 3: no death by SIGPIPE.
#[test]
fn a_broken_pipe_changes_nothing() {
    both(|host| {
        host.world.cut_link().unwrap();
        let disk = host.disk(5, WEB);
        let mut command = disk.command("add");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        assert_eq!(command.status().unwrap().code(), Some(0));
        disk.assert_published(MINOR);
    });
}

/// Contract 2: every other test runs with an empty environment; here is one with a hostile one.
#[test]
fn other_variables_do_not_matter() {
    both(|host| {
        let folder = host.path("/evil");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("drbdsetup"), "#!/bin/sh\nexit 1\n").unwrap();
        let disk = host.disk(5, WEB);
        let mut command = disk.command("add");
        command
            .env("PATH", &folder)
            .env("LC_ALL", "tr_TR.UTF-8")
            .env("LANG", "xx")
            .env("HOME", "/nonexistent")
            .env("TERM", "x")
            .env("BLOCK_DRBD_LOG", "no=such=level")
            .env("DRBD_DONT_WARN_ON_VERSION_MISMATCH", "1")
            .env("XENBUS_TYPE", "nonsense")
            .current_dir(&folder);
        let ran = host.run(command);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        disk.assert_published(MINOR);
    });
}

/// What the open descriptors of a process lead to.
fn descriptors(folder: &str) -> Vec<String> {
    let links = fs::read_dir(folder).unwrap().flatten();
    links
        .filter_map(|link| fs::read_link(link.path()).ok())
        .map(|target| target.display().to_string())
        .collect()
}

/// Contract 4.
#[test]
fn children_get_nothing_but_their_streams() {
    both(|host| {
        // Whoever started this test may have leaked descriptors to it.
        let before = descriptors("/proc/self/fd");
        let seen = host.path("/seen");
        let folder = seen.display();
        host.tool_script(&format!(
            "#!/bin/bash\n\
             mkdir {folder} || exit 20\n\
             cp -d /proc/$$/fd/* {folder}/\n\
             tr '\\0' '\\n' </proc/$$/environ >{folder}/environ\n\
             cp /proc/$$/status {folder}/status\n\
             ps -o pid=,pgid= -p $$ >{folder}/group\n\
             exit 20\n"
        ));
        let disk = host.disk(5, WEB);
        let mut command = disk.command("add");
        command.stdin(Stdio::from(File::open("/dev/zero").unwrap()));
        assert_eq!(command.output().unwrap().status.code(), Some(1));
        let read = |name: &str| fs::read_to_string(seen.join(name)).unwrap();

        let target = |number: &str| fs::read_link(seen.join(number)).unwrap();
        assert_eq!(target("0").to_str(), Some("/dev/null"));
        for stream in ["1", "2"] {
            assert!(target(stream).to_string_lossy().starts_with("pipe:"));
        }
        let tool = host.path(host.tool()).display().to_string();
        let opened = fs::read_dir(&seen).unwrap().flatten().filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.parse::<u32>().is_ok_and(|number| number > 2)
        });
        for entry in opened {
            let target = fs::read_link(entry.path()).unwrap().display().to_string();
            assert!(
                target == tool || before.contains(&target),
                "leaked: {target}"
            );
        }
        let mut environment: Vec<_> = read("environ").lines().map(String::from).collect();
        environment.sort();
        assert_eq!(
            environment,
            ["LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        );
        let group = read("group");
        let ids: Vec<&str> = group.split_whitespace().collect();
        assert_eq!(ids[0], ids[1], "not a group of its own");
        for (mask, signals) in [("SigBlk:", 0x5003), ("SigIgn:", 0x1000)] {
            let status = read("status");
            let line = status.lines().find_map(|line| line.strip_prefix(mask));
            let bits = u64::from_str_radix(line.unwrap().trim(), 16).unwrap();
            assert_eq!(bits & signals, 0, "{mask} {bits:x}: HUP, INT, PIPE, TERM");
        }
    });
}

/// Contract 5, 6: a store that hangs.
#[test]
fn a_store_that_does_not_answer_is_given_up_in_time() {
    let host = Host::new(Generation::V9);
    host.configure("deadline = 2\n");
    let hung = host.path("/hung");
    let _listener = UnixListener::bind(&hung).unwrap();
    let disk = host.disk(5, WEB);
    for action in ["add", "remove"] {
        let mut command = disk.command(action);
        command.env("XENSTORED_PATH", &hung);
        let ran = host.run(command);
        assert!(matches!(ran.code, Some(1 | 4)), "{ran:?}");
        assert!(ran.took < Duration::from_millis(2600), "{:?}", ran.took);
        assert!(ran.stderr.contains("xenstore"), "{}", ran.stderr);
    }
    assert_eq!(host.changes(), [""; 0]);
}

/// Contract 5, 15: a store that is lost half way. On 8.4 the promotion is undone all the same, for
/// DRBD refuses while anybody uses the device; 9 would take it from a reader, so there it is told, as
/// where a hung store has used up the time.
#[test]
fn a_store_that_is_lost_during_the_promotion_is_told() {
    for signal in [Signal::SIGKILL, Signal::SIGSTOP] {
        both(|host| {
            host.configure("deadline = 6\n");
            host.world
                .fault(HERE, "primary", Fault::Delay(300), None)
                .unwrap();
            let disk = host.disk(5, WEB);
            let child = disk.start("add");
            eventually("promoting", || host.changes().len() == 1);
            host.signal_store(signal);
            let start = Instant::now();
            let ran = Ran::wait(child);
            let took = start.elapsed();
            host.signal_store(Signal::SIGCONT);
            assert!(matches!(ran.code, Some(1 | 4)), "{ran:?}");
            assert!(ran.stderr.contains("xenstore"), "{}", ran.stderr);
            assert!(took < Duration::from_millis(6600), "{took:?}");
            // On 9 a reader would not stop the demotion, and who reads cannot be asked.
            if host.generation == Generation::V84 {
                assert_eq!(host.role(WEB), Role::Secondary);
                host.assert_changes(&["primary", "secondary"]);
                host.assert_left_alone();
            } else {
                assert!(host.is_noted(WEB), "`reap` finds it by the note");
                let advice = "`drbdadm secondary web-root`";
                assert!(ran.stderr.contains(advice), "{}", ran.stderr);
            }
        });
    }
}

/// Contract 5: `xl devd` gives 10 s at the most.
#[test]
fn a_driver_domain_has_nine_seconds() {
    let host = Host::new(Generation::V9);
    host.configure("patience = 30\n");
    host.peer_promotes(WEB, MINOR);
    let disk = host.disk(5, WEB);
    let mut command = host.below_xl("devd -F", &["add"]);
    command.env("XENBUS_PATH", &disk.path);
    let ran = host.run(command);
    disk.assert_refused(&ran, 3, "error", &["web-root is Primary on nodo2"]);
    assert!(ran.took < Duration::from_millis(9500), "{:?}", ran.took);
    host.assert_untouched();
}

/// Contract 6: no silent fallback.
#[test]
fn a_store_that_is_not_there_is_named() {
    let host = Host::new(Generation::V9);
    let disk = host.disk(5, WEB);
    for action in ["add", "remove"] {
        let mut command = disk.command(action);
        command.env("XENSTORED_PATH", host.path("/nosuch"));
        let ran = host.run(command);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        for word in ["xenstored", "/nosuch", "XENSTORED_PATH"] {
            assert!(ran.stderr.contains(word), "no {word} in {}", ran.stderr);
        }
        assert!(ran.changed.is_empty());
    }
    assert_eq!(host.calls(), [""; 0]);
}

/// Contract 5: locks and notes may not be writable.
#[test]
fn a_host_without_a_place_for_locks_refuses() {
    both(|host| {
        fs::create_dir_all(host.path("/run")).unwrap();
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(host.path("/run/block-drbd"))
            .unwrap();
        let disk = host.disk(5, WEB);
        disk.assert_refused(&disk.add(), 1, "error", &["lock"]);
        assert_eq!(host.role(WEB), Role::Secondary);
        assert_eq!(host.changes(), [""; 0]);
    });
}
