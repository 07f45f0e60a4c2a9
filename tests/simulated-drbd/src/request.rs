//! The commands of `drbdsetup` that change something.

use crate::administration as change;
use crate::arguments::Arguments;
use crate::drbdsetup::{minor_of, unknown_minor, unknown_resource};
use crate::generation::Generation;
use crate::net_options;
use crate::options::{Options, normalized};
use crate::output::Output;
use crate::promotion::{self, Attempt, Promotion};
use crate::resource::Resource;
use crate::store::Locked;
use crate::tool::Tool;
use anyhow::Result;

/// What a command works on.
struct Target {
    resource: Resource,
    /// The volume, when a minor was named.
    volume: Option<usize>,
}

/// Runs a command that changes something.
///
/// # Errors
/// When the world cannot be read or written.
pub fn run(tool: &Tool, arguments: &Arguments) -> Result<Output> {
    let subject = arguments.subjects.first().map_or("", String::as_str);
    match arguments.command.as_str() {
        "primary" => promote(tool, arguments, subject),
        "net-options" => set_net_options(tool, arguments, subject),
        "disconnect" | "connect" => on_connection(tool, arguments, subject),
        command => on_target(tool, arguments, subject, |locked, target| {
            let (resource, host) = (&mut target.resource, tool.host);
            let volume = target.volume.unwrap_or(0);
            Ok(match command {
                "secondary" => {
                    promotion::demote(resource, &locked.state, host, target.volume).output(subject)
                }
                "detach" => change::detach(resource, &locked.state, host, volume, subject),
                "outdate" => change::outdate(resource, &locked.state, host, volume, subject),
                "suspend-io" => change::suspend(resource, host, true),
                "resume-io" => change::suspend(resource, host, false),
                "pause-sync" => change::pause(resource, host, true),
                "resume-sync" => change::pause(resource, host, false),
                "down" => change::down(resource, &locked.state, host, subject),
                "disk-options" | "peer-device-options" => {
                    resource.sides[host].devices[volume]
                        .options
                        .extend(normalized(&arguments.options));
                    Output::done()
                }
                _ => Output::done(),
            })
        }),
    }
}

/// Finds what the command works on: by minor or by resource, as the generation wants it.
fn find(
    tool: &Tool,
    locked: &Locked,
    command: &str,
    subject: &str,
) -> Result<Result<Target, Output>> {
    let of_resource = match tool.generation {
        Generation::V84 => command == "down",
        Generation::V9 => matches!(
            command,
            "primary" | "secondary" | "down" | "peer-device-options"
        ),
    };
    let up = |resource: &Resource| resource.sides[tool.host].up.is_some();
    if of_resource {
        let found = locked.resource(subject)?.filter(up);
        return Ok(found
            .map(|resource| Target {
                resource,
                volume: None,
            })
            .ok_or_else(|| unknown_resource(subject)));
    }
    let Some(minor) = minor_of(subject) else {
        let text = format!("Cannot determine minor device number of device '{subject}'\n");
        return Ok(Err(Output::fail(20, text)));
    };
    let found = locked.resource_of_minor(minor)?.filter(up);
    Ok(found
        .map(|resource| Target {
            volume: resource.volume_of_minor(minor),
            resource,
        })
        .ok_or_else(|| unknown_minor(subject)))
}

/// Finds the target, changes it, keeps it.
fn on_target(
    tool: &Tool,
    arguments: &Arguments,
    subject: &str,
    work: impl Fn(&Locked, &mut Target) -> Result<Output>,
) -> Result<Output> {
    let locked = match tool.kernel()? {
        Ok(locked) => locked,
        Err(output) => return Ok(output),
    };
    let mut target = match find(tool, &locked, &arguments.command, subject)? {
        Ok(target) => target,
        Err(output) => return Ok(output),
    };
    let before = target.resource.clone();
    let output = work(&locked, &mut target)?;
    if target.resource != before {
        locked.commit(&target.resource)?;
    }
    Ok(output)
}

/// Tries to promote, waits for the peer where the kernel does, tries again.
fn promote(tool: &Tool, arguments: &Arguments, subject: &str) -> Result<Output> {
    for waited in 0.. {
        let locked = match tool.kernel()? {
            Ok(locked) => locked,
            Err(output) => return Ok(output),
        };
        let Target {
            mut resource,
            volume,
        } = match find(tool, &locked, "primary", subject)? {
            Ok(target) => target,
            Err(output) => return Ok(output),
        };
        let before = resource.clone();
        let promotion = Promotion {
            host: tool.host,
            volume,
            waited,
        };
        let attempt = promotion.attempt(&mut resource, &locked.state);
        if resource != before {
            locked.commit(&resource)?;
        }
        drop(locked);
        match attempt {
            Attempt::Wait => tool.wait_for_peer()?,
            attempt => return Ok(attempt.output(subject)),
        }
    }
    debug_assert!(!arguments.command.is_empty());
    Ok(Output::done())
}

/// The resource whose connection is named: by addresses on 8.4, by name and node id on 9.
fn of_connection(
    tool: &Tool,
    locked: &Locked,
    subjects: &[String],
) -> Result<Result<Resource, Output>> {
    let (host, subject) = (tool.host, subjects.first().map_or("", String::as_str));
    let resource = match tool.generation {
        Generation::V9 => match locked.resource(subject)? {
            Some(resource) if resource.sides[host].up.is_some() => resource,
            _ => return Ok(Err(unknown_resource(subject))),
        },
        Generation::V84 => {
            let plain = |at: usize| {
                subjects
                    .get(at)
                    .map_or("", |word| word.strip_prefix("ipv4:").unwrap_or(word))
            };
            let (local, remote) = (plain(0), plain(1));
            let mut found = locked.resources()?.into_iter();
            let found = found.find(|resource| {
                let side = &resource.sides[host];
                let alone = side.connection == crate::state::Connection::StandAlone;
                side.up.is_some()
                    && !alone
                    && resource.addresses[host] == local
                    && resource.addresses[1 - host] == remote
            });
            match found {
                Some(resource) => resource,
                None => return Ok(Err(Output::failure("??", 162, "unknown connection\n"))),
            }
        }
    };
    let id = resource.node_ids[1 - host].to_string();
    if tool.generation == Generation::V9 && subjects.get(1) != Some(&id) {
        return Ok(Err(Output::failure(subject, 162, "unknown connection\n")));
    }
    Ok(Ok(resource))
}

fn set_net_options(tool: &Tool, arguments: &Arguments, subject: &str) -> Result<Output> {
    let locked = match tool.kernel()? {
        Ok(locked) => locked,
        Err(output) => return Ok(output),
    };
    let mut resource = match of_connection(tool, &locked, &arguments.subjects)? {
        Ok(resource) => resource,
        Err(output) => return Ok(output),
    };
    let mut wanted: Options = arguments.options.clone();
    wanted.remove("_name");
    if wanted.remove("set-defaults").is_some() {
        resource.sides[tool.host].net.clear();
    }
    let subject = if tool.generation == Generation::V84 {
        "??"
    } else {
        subject
    };
    let output = net_options::set(
        &mut resource,
        tool.host,
        subject,
        &wanted,
        locked.state.reaches(),
    );
    if output.code == 0 {
        locked.commit(&resource)?;
    }
    Ok(output)
}

fn on_connection(tool: &Tool, arguments: &Arguments, subject: &str) -> Result<Output> {
    let locked = match tool.kernel()? {
        Ok(locked) => locked,
        Err(output) => return Ok(output),
    };
    // 8.4 connects by resource and addresses, everything else names the connection.
    let by_name = tool.generation == Generation::V84 && arguments.command == "connect";
    let mut resource = if by_name {
        match locked.resource(subject)? {
            Some(resource) if resource.sides[tool.host].up.is_some() => resource,
            _ => return Ok(unknown_resource(subject)),
        }
    } else {
        match of_connection(tool, &locked, &arguments.subjects)? {
            Ok(resource) => resource,
            Err(output) => return Ok(output),
        }
    };
    let output = if arguments.command == "connect" {
        let net = by_name.then(|| arguments.options.clone());
        change::connect(&mut resource, &locked.state, tool.host, net, subject)
    } else {
        change::disconnect(&mut resource, &locked.state, tool.host);
        Output::done()
    };
    locked.commit(&resource)?;
    Ok(output)
}
