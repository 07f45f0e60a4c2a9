//! What the shells complete, by the scripts that packages install.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use block_drbd::completion::{VARIABLE, with_names};
use block_drbd::manual::files;
use clap_complete::ArgValueCandidates;
use simulated_drbd::{Fault, Generation, Resource, World};

const PROGRAM: &str = env!("CARGO_BIN_EXE_block-drbd");
// Built for it: `block-drbd` hands over to it.
const _: &str = env!("CARGO_BIN_EXE_block-drbd-operator");

fn script(name: &str) -> String {
    let files = files("").unwrap();
    files.into_iter().find(|(n, _)| *n == name).unwrap().1
}

/// A shell in which `block-drbd` is the program under test; `None` where there is no such shell.
fn shell(name: &str, arguments: &[&str]) -> Option<Output> {
    let folder = Path::new(PROGRAM).parent().unwrap().display();
    let mut command = Command::new(name);
    command
        .args(arguments)
        .env("PATH", format!("{folder}:/usr/bin:/bin"));
    command.output().ok()
}

#[test]
fn bash_completes_commands_and_options() {
    let ask = |words: &str, index: usize, current: &str| {
        let text = format!(
            "{}\nCOMP_WORDS=({words}); COMP_CWORD={index}; COMP_TYPE=9\n_clap_complete_block_drbd block-drbd '{current}' x\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script("block-drbd.bash")
        );
        let output = shell("bash", &["--norc", "-c", &text]).unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        said.lines()
            .map(|l| l.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let commands = ask("block-drbd ''", 1, "");
    for name in ["add", "remove", "reap"] {
        assert!(commands.iter().any(|c| c == name), "{commands:?}");
    }
    assert_eq!(ask("block-drbd re", 1, "re"), ["remove", "reap"]);
    assert_eq!(ask("block-drbd reap --dr", 2, "--dr"), ["--dry-run"]);
}

#[test]
fn zsh_and_fish_take_their_scripts() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (program, name) in [("zsh", "_block-drbd"), ("fish", "block-drbd.fish")] {
        std::fs::write(file.path(), script(name)).unwrap();
        let path = file.path().display().to_string();
        let Some(output) = shell(program, &["-n", &path]) else {
            continue;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{program}: {said}"
        );
    }
}

/// A program beside `drbdsetup` that has a resource for an argument.
fn command() -> clap::Command {
    let resource = clap::Arg::new("resource").value_name("RES");
    let file = clap::Arg::new("file").value_name("FILE");
    let status = clap::Command::new("status").arg(resource).arg(file);
    with_names(clap::Command::new("block-drbd").subcommand(status))
}

#[test]
fn whatever_takes_a_resource_is_given_the_names() {
    let command = command();
    let status = command.find_subcommand("status").unwrap();
    for argument in status.get_arguments() {
        let names = argument.get::<ArgValueCandidates>().is_some();
        assert_eq!(names, argument.get_id() == "resource", "{argument:?}");
    }
}

/// This process is the only one that asks so: the tests of this file share its environment.
#[test]
fn resources_that_are_up_are_named_and_drbd_cannot_hang_a_shell() {
    if std::env::var_os("BLOCK_DRBD_ROOT").is_none() {
        let directory = tempfile::Builder::new()
            .prefix("bd-")
            .tempdir_in("/tmp")
            .unwrap();
        let world = World::create(directory.path(), Generation::V9).unwrap();
        for (name, minor) in [("web-root", 1), ("web-swap", 2)] {
            world.add_resource(Resource::simple(name, minor)).unwrap();
        }
        world
            .add_resource(Resource::simple("cold", 3).down())
            .unwrap();
        let again = || {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "--nocapture"]);
            command.arg("completion::resources_that_are_up_are_named_and_drbd_cannot_hang_a_shell");
            command.env("BLOCK_DRBD_ROOT", world.host("nodo1"));
            let output = command.output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert!(again().contains("names: web-root web-swap."), "{}", again());
        world.fault("nodo1", "events2", Fault::Hang, None).unwrap();
        let start = Instant::now();
        assert!(again().contains("names: ."));
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "{:?}",
            start.elapsed()
        );
        return;
    }
    let mut command = command();
    let words = ["block-drbd", "status", ""].map(Into::into).to_vec();
    let found = clap_complete::engine::complete(&mut command, words, 2, None).unwrap();
    let names: Vec<String> = found
        .iter()
        .map(|c| c.get_value().to_string_lossy().into_owned())
        .filter(|n| !n.starts_with('-'))
        .collect();
    println!("names: {}.", names.join(" "));
}

/// An environment with the variable of another shell harms nothing but the answer.
#[test]
fn an_unknown_shell_gets_no_answer() {
    let output = Command::new(PROGRAM)
        .args(["reap", "--help"])
        .env(VARIABLE, "csh")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}
