//! `drbdsetup`: which command works on what, and its usage errors.

use crate::arguments::Arguments;
use crate::generation::Generation;
use crate::output::Output;
use crate::query;
use crate::request;
use crate::tool::Tool;
use anyhow::Result;

/// The options a command knows; `None` is no command at all.
fn known_options(generation: Generation, command: &str) -> Option<&'static [&'static str]> {
    let nine = generation == Generation::V9;
    Some(match command {
        "events2" => &["now", "statistics", "timestamps", "poll", "color", "full"],
        "status" if nine => &["verbose", "statistics", "json", "color"],
        "status" => &["verbose", "statistics", "color"],
        "show" if nine => &["show-defaults", "json"],
        "show" => &["show-defaults"],
        "primary" | "detach" | "disconnect" => &["force"],
        "secondary" if nine => &["force"],
        "secondary" | "role" | "cstate" | "dstate" | "outdate" | "suspend-io" | "resume-io"
        | "down" | "pause-sync" | "resume-sync" => &[],
        "connect" | "net-options" | "disk-options" => &["*"],
        "peer-device-options" if nine => &["*"],
        _ => return None,
    })
}

/// Runs `drbdsetup WORDS…`.
///
/// # Errors
/// When the world cannot be read or written.
pub fn run(tool: &Tool, words: &[String]) -> Result<Output> {
    let arguments = Arguments::parse(words);
    let usage = tool.generation.usage();
    let Some(known) = known_options(tool.generation, &arguments.command) else {
        let words = if arguments.command.is_empty() {
            ""
        } else {
            "\ninvalid command\n"
        };
        return Ok(Output {
            stdout: format!("{usage}{words}"),
            stderr: String::new(),
            code: 20,
        });
    };
    if known != ["*"] {
        if let Some(option) = arguments.unknown(known) {
            let stderr = format!("{}: unrecognized option '--{option}'\n", arguments.command);
            return Ok(Output {
                stdout: usage.to_owned(),
                stderr,
                code: 20,
            });
        }
    }
    if arguments.subjects.first().is_some_and(String::is_empty) {
        return Ok(Output::fail(1, "Resource name is empty.\n"));
    }
    let optional = matches!(arguments.command.as_str(), "events2" | "status" | "show");
    if arguments.subjects.is_empty() && !optional {
        return Ok(missing_argument(tool.generation, &arguments.command));
    }
    let output = match arguments.command.as_str() {
        "events2" | "status" | "show" | "role" | "cstate" | "dstate" => {
            query::run(tool, &arguments)?
        }
        _ => request::run(tool, &arguments)?,
    };
    // Recorded on both: a module that cannot be loaded makes `secondary` a success.
    if arguments.command == "secondary" && output.stderr.contains("Failed to modprobe") {
        return Ok(Output { code: 0, ..output });
    }
    Ok(output)
}

fn missing_argument(generation: Generation, command: &str) -> Output {
    let change = match command {
        "primary" => "primary",
        _ => "secondary",
    };
    let (stdout, stderr) = match generation {
        Generation::V84 => {
            let force = if command == "primary" {
                " [--force={yes|no}]"
            } else {
                ""
            };
            (
                format!("USAGE:\n drbdsetup {command} {{minor}}{force}\n"),
                "Missing first argument\n",
            )
        }
        Generation::V9 => (
            format!(
                "drbdsetup {command} - Change the role of a node in a resource to {change}.\n\n\
                 USAGE: drbdsetup {command} {{resource}}\n    [--force={{yes|no}}]\n"
            ),
            "Missing argument 1 to command\n",
        ),
    };
    Output {
        stdout,
        stderr: stderr.to_owned(),
        code: 20,
    }
}

/// The minor of `1` or `/dev/drbd1`.
#[must_use]
pub fn minor_of(subject: &str) -> Option<u32> {
    let number = subject
        .strip_prefix("/dev/drbd")
        .or_else(|| subject.strip_prefix("minor-"));
    let number = number.unwrap_or(subject);
    number
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| number.parse().ok())?
}

/// What 8.4 and 9 say of a minor that is not up.
#[must_use]
pub fn unknown_minor(subject: &str) -> Output {
    Output::failure(subject, 127, "unknown minor\n")
}

/// What 9 says of a resource that is not up.
#[must_use]
pub fn unknown_resource(subject: &str) -> Output {
    Output::failure(subject, 158, "unknown resource\n")
}
