//! What a command of a recording is to the replay.

use crate::recording::Block;

/// What a command is to the replay.
pub enum Kind {
    /// Runs the tools or reads `/proc/drbd`, and is compared: the commands, and what of stdout is kept.
    Compared {
        commands: Vec<String>,
        grep: Option<String>,
    },
    /// Opens a device in the background, then asks for the role: compared.
    Open {
        writer: bool,
        minor: u32,
        then: Option<String>,
    },
    /// Changes the world by something that is no tool of DRBD.
    Action,
    /// Neither.
    Excluded(&'static str),
}

impl Kind {
    /// Tells by the command line.
    pub fn of(block: &Block) -> Self {
        let line = block.line.as_str();
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        if line.contains("EPOCHREALTIME") {
            return Kind::Excluded("measures time");
        }
        if let Some(opened) = line.strip_prefix("setsid sleep 300 ") {
            let writer = opened.starts_with("<>");
            let minor = opened
                .split("/dev/drbd")
                .nth(1)
                .and_then(|rest| rest.split(' ').next())
                .unwrap();
            let then = opened
                .split("; ")
                .nth(1)
                .filter(|then| then.starts_with("drbdsetup"));
            return Kind::Open {
                writer,
                minor: minor.parse().unwrap(),
                then: then.map(str::to_owned),
            };
        }
        if let Some(body) = line.strip_prefix("for i in ") {
            let (counts, body) = body.split_once("; do ").unwrap();
            let body = body.strip_suffix("; done").unwrap();
            let commands = counts.split(' ').map(|_| body.to_owned()).collect();
            return Kind::Compared {
                commands,
                grep: None,
            };
        }
        match first {
            "drbdsetup" | "drbdadm" if line.contains("; dd ") => {
                Kind::Excluded("several commands in one, with the time dd took")
            }
            "drbdsetup" | "drbdadm" => {
                let (command, grep) = line
                    .split_once(" | grep ")
                    .map_or((line, None), |(command, grep)| (command, Some(grep)));
                Kind::Compared {
                    commands: vec![command.to_owned()],
                    grep: grep.map(str::to_owned),
                }
            }
            "cat" if rest == "/proc/drbd" => Kind::Compared {
                commands: vec![line.to_owned()],
                grep: None,
            },
            "cat" if rest.ends_with("/openers") => Kind::Compared {
                commands: vec![line.to_owned()],
                grep: None,
            },
            "dd" | "mkfs.ext4" | "umount" | "rmmod" | "sed" | "(setsid" => Kind::Action,
            "bash" => Kind::Excluded("opens the device for a moment: of no consequence"),
            "dmesg" => Kind::Excluded("the kernel's log"),
            _ => Kind::Excluded("no tool of DRBD, of no consequence"),
        }
    }
}
