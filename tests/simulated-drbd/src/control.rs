//! The control tool: the world from a shell.

use crate::fault::Fault;
use crate::generation::Generation;
use crate::host::Module;
use crate::opener::Opener;
use crate::output::Output;
use crate::resource::Resource;
use crate::state::Disk;
use crate::world::{HOSTS, World};
use anyhow::{Context, Result, bail};
use std::path::Path;

/// What the control tool prints when it does not understand.
const USAGE: &str = "usage: simulated-drbd --world DIR COMMAND
  create 8.4|9                          a world with the roots DIR/nodo1 and DIR/nodo2
  resource NAME MINOR… [two-primaries] [down] [address IP:PORT IP:PORT]
  status                                every resource as both hosts see it
  link cut|cut-unnoticed|notice|restore
  crash HOST | boot HOST
  open HOST MINOR reader|writer PROCESS PID [MS]
  release HOST MINOR
  disk HOST MINOR STATE
  write HOST MINOR KIB
  resync SOURCE MINOR KIB | synced MINOR
  flow SOURCE MINOR KIB-PER-SECOND WAITING [MS]
  fault HOST 'WORDS' delay MS|hang|stuck MS|fail CODE TEXT|late MS [times N]
  faults clear HOST
  module HOST loaded|unloaded|absent
  ping-timeout MS
  refresh
  run HOST TOOL WORDS…
";

/// Runs the control tool.
///
/// # Errors
/// When the words make no sense or the world cannot be changed.
pub fn run(words: &[String]) -> Result<Output> {
    let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    let ["--world", dir, rest @ ..] = words.as_slice() else {
        return Ok(Output::fail(2, USAGE));
    };
    let dir = Path::new(dir);
    if let ["create", generation] = rest {
        let generation = match *generation {
            "8.4" => Generation::V84,
            "9" => Generation::V9,
            other => bail!("{other:?} is no generation: 8.4 or 9"),
        };
        World::create(dir, generation)?;
        return Ok(Output::done());
    }
    let world = World::open(dir);
    match rest {
        ["status"] => status(&world),
        ["run", host, words @ ..] => world.run(host, words),
        _ => change(&world, rest).map(|()| Output::done()),
    }
}

fn change(world: &World, words: &[&str]) -> Result<()> {
    let number = |word: &str| {
        word.parse::<u64>()
            .with_context(|| format!("{word:?} is no number"))
    };
    let minor = |word: &str| {
        word.parse::<u32>()
            .with_context(|| format!("{word:?} is no minor"))
    };
    let milliseconds = |words: &[&str]| words.first().map(|word| number(word)).transpose();
    match words {
        ["resource", name, rest @ ..] => world.add_resource(resource(name, rest)?),
        ["link", "cut"] => world.cut_link(),
        ["link", "cut-unnoticed"] => world.cut_link_unnoticed(),
        ["link", "notice"] => world.notice(),
        ["link", "notice", host] => world.notice_on(host),
        ["link", "restore"] => world.restore_link(),
        ["crash", host] => world.crash(host),
        ["boot", host] => world.boot(host),
        ["open", host, device, kind, process, pid, rest @ ..] => {
            let mut opener = Opener::reader(process, minor(pid)?);
            opener.writer = *kind == "writer";
            world.hold_open(host, minor(device)?, opener, milliseconds(rest)?)
        }
        ["release", host, device] => world.release(host, minor(device)?),
        ["disk", host, device, disk] => world.set_disk(host, minor(device)?, disk.parse::<Disk>()?),
        ["write", host, device, kib] => world.write(host, minor(device)?, number(kib)?, true),
        ["resync", source, device, kib] => world.start_resync(source, minor(device)?, number(kib)?),
        ["synced", device] => world.finish_resync(minor(device)?),
        ["flow", source, device, rate, waiting, rest @ ..] => world.in_flight(
            source,
            minor(device)?,
            number(rate)?,
            number(waiting)?,
            milliseconds(rest)?,
        ),
        ["fault", host, command, rest @ ..] => {
            let (fault, times) = fault(rest)?;
            world.fault(host, command, fault, times)
        }
        ["faults", "clear", host] => world.clear_faults(host),
        ["module", host, "loaded"] => world.set_module(host, Module::Loaded),
        ["module", host, "unloaded"] => world.set_module(host, Module::Unloaded),
        ["module", host, "absent"] => world.set_module(host, Module::Absent),
        ["ping-timeout", ms] => world.set_ping_timeout(number(ms)?),
        ["refresh"] => world.refresh(),
        _ => bail!("no such command\n{USAGE}"),
    }
}

fn resource(name: &str, words: &[&str]) -> Result<Resource> {
    let minors: Vec<u32> = words.iter().map_while(|word| word.parse().ok()).collect();
    if minors.is_empty() {
        bail!("a resource needs a minor");
    }
    let mut resource = Resource::of_volumes(name, &minors);
    let mut rest = &words[minors.len()..];
    loop {
        rest = match rest {
            [] => return Ok(resource),
            ["two-primaries", rest @ ..] => {
                resource = resource.with_two_primaries();
                rest
            }
            ["down", rest @ ..] => {
                resource = resource.down();
                rest
            }
            ["address", first, second, rest @ ..] => {
                resource = resource.with_addresses(first, second);
                rest
            }
            [other, ..] => bail!("{other:?} is nothing a resource can have"),
        };
    }
}

fn fault(words: &[&str]) -> Result<(Fault, Option<u32>)> {
    let (fault, rest) = match words {
        ["delay", ms, rest @ ..] => (Fault::Delay(ms.parse()?), rest),
        ["hang", rest @ ..] => (Fault::Hang, rest),
        ["stuck", ms, rest @ ..] => (Fault::Stuck(ms.parse()?), rest),
        ["late", ms, rest @ ..] => (Fault::ApplyLate(ms.parse()?), rest),
        ["fail", code, text, rest @ ..] => {
            let stderr = format!("{text}\n");
            (
                Fault::Fail {
                    code: code.parse()?,
                    stderr,
                },
                rest,
            )
        }
        _ => bail!("a fault is delay MS, hang, fail CODE TEXT or late MS"),
    };
    match rest {
        [] => Ok((fault, None)),
        ["times", times] => Ok((fault, Some(times.parse()?))),
        _ => bail!("after a fault only: times N"),
    }
}

fn status(world: &World) -> Result<Output> {
    use std::fmt::Write;
    let mut text = String::new();
    for resource in world.snapshot()? {
        for (host, side) in HOSTS.iter().zip(&resource.sides) {
            let _ = write!(text, "{} on {host}: ", resource.name);
            if side.up.is_none() {
                text.push_str("down\n");
                continue;
            }
            let _ = write!(text, "{}", side.connection);
            for (volume, device) in resource.volumes.iter().zip(&side.devices) {
                let _ = write!(
                    text,
                    ", drbd{} {}/{} {}/{} {}",
                    volume.minor,
                    device.role,
                    device.peer_role,
                    device.disk,
                    device.peer_disk,
                    device.replication
                );
            }
            text.push('\n');
        }
    }
    Ok(Output::print(text))
}
