//! Where words go: to the journal with fields, else to syslog; to stderr what the person at `xl`
//! should read.
//!
//! stderr is the terminal of whoever typed `xl create` (on a migration that of the source), or a
//! closed pipe. `hotplug-error` is printed by libxl itself and not repeated here.
//!
//! Whoever does not read what is said, be it a daemon that hangs or a pipe that is full, must not stop a
//! disk: what cannot be said at once is not said, errors in a moment. The crates for the journal wait.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use log::{Level, LevelFilter, Log, Metadata, Record, kv};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::root::Root;
use crate::words::printable;

/// Target of log lines that the person at the terminal should read.
pub const PERSON: &str = "person";

/// The variable that sets what stderr shows, in `env_logger`'s syntax: `BLOCK_DRBD_LOG=debug`.
pub const VARIABLE: &str = "BLOCK_DRBD_LOG";

/// A field of a line.
type Field = (&'static str, String);

/// Which guest, disk and resource the lines are about.
static CONTEXT: Mutex<Vec<Field>> = Mutex::new(Vec::new());

/// The field that a line's `code` goes to, which names a message of the manual.
pub const CODE: &str = "BLOCK_DRBD_CODE";

/// Sets fields of all lines from now on: `DRBD_RESOURCE`, `XEN_DOMID`, `XEN_DOMAIN`, `XEN_VDEV`,
/// `XENBUS_PATH`.
pub fn about(field: &'static str, value: impl Into<String>) {
    let value = value.into();
    if let Ok(mut context) = CONTEXT.lock() {
        context.retain(|(known, _)| *known != field);
        if !value.is_empty() {
            context.push((field, value));
        }
    }
}

/// Begins logging. What cannot be had is done without: a log must not stop a disk.
pub fn start(root: &Root) {
    let terminal = env_logger::Builder::new()
        .filter_level(LevelFilter::Off)
        .filter_module(PERSON, LevelFilter::Info)
        .parse_env(VARIABLE)
        .format(|line, record| {
            writeln!(
                line,
                "block-drbd: {}",
                printable(&record.args().to_string())
            )
        })
        .build();
    let journal = root.join("/run/systemd/journal/socket");
    let sink = if journal.exists() {
        Sink::Journal(journal)
    } else {
        Sink::Syslog(root.join("/dev/log"))
    };
    let level = terminal.filter().max(LevelFilter::Info);
    if log::set_boxed_logger(Box::new(Logger { terminal, sink })).is_ok() {
        log::set_max_level(level);
    }
}

struct Logger {
    terminal: env_logger::Logger,
    sink: Sink,
}

enum Sink {
    Journal(PathBuf),
    Syslog(PathBuf),
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Info || self.terminal.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.terminal.matches(record) && is_taken(&std::io::stderr(), PollTimeout::ZERO) {
            self.terminal.log(record);
        }
        if record.level() > Level::Info {
            return;
        }
        let Ok(context) = CONTEXT.lock() else {
            return;
        };
        let code = record.key_values().get(kv::Key::from_str("code"));
        let code = code.and_then(|code| code.to_borrowed_str());
        let code = code.map(|code| (CODE, code.to_owned()));
        let fields: Vec<&Field> = context.iter().chain(&code).collect();
        match &self.sink {
            Sink::Journal(path) => send(path, &journal(record, &fields), patience(record)),
            Sink::Syslog(path) => send(path, &syslog(record, &fields), patience(record)),
        }
    }

    fn flush(&self) {}
}

/// Whether a line can be written at once, or within that time; to a file or a terminal it nearly always can.
fn is_taken(stream: &impl AsFd, within: PollTimeout) -> bool {
    let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
    poll(&mut fds, within) != Ok(0)
}

/// Facility "daemon" of syslog(3).
const DAEMON: u8 = 3;

fn severity(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// A line a field (systemd: "Native Journal Protocol"): none has a line break in it.
fn journal(record: &Record<'_>, fields: &[&Field]) -> String {
    let entry = format!(
        "PRIORITY={}\nSYSLOG_FACILITY={DAEMON}\nSYSLOG_IDENTIFIER=block-drbd\nSYSLOG_PID={}\nMESSAGE={}\n",
        severity(record.level()),
        std::process::id(),
        printable(&record.args().to_string())
    );
    let fields: Vec<String> = fields
        .iter()
        .map(|(key, value)| format!("{key}={}\n", printable(value)))
        .collect();
    entry + &fields.concat()
}

/// As syslog(3) sends it: facility and severity, then tag and process id. The fields stand behind the
/// text, so that `grep XENBUS_PATH=` finds them.
fn syslog(record: &Record<'_>, fields: &[&Field]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(key, value)| format!(" {key}={value}"))
        .collect();
    let text = printable(&format!("{}{}", record.args(), fields.concat()));
    let priority = (DAEMON << 3) | severity(record.level());
    format!("<{priority}>block-drbd[{}]: {text}", std::process::id())
}

/// How long the log may take. What went wrong may stand nowhere else: it is worth a moment in which a
/// daemon empties a queue that many guests' shutdowns have filled.
fn patience(record: &Record<'_>) -> PollTimeout {
    match record.level() {
        Level::Error => PollTimeout::from(200u8),
        _ => PollTimeout::ZERO,
    }
}

/// One datagram, if it is taken in time.
fn send(path: &Path, entry: &str, patience: PollTimeout) {
    let sent = || {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        // A connected socket can be waited for.
        socket.connect(path)?;
        match socket.send(entry.as_bytes()) {
            Err(e) if e.kind() == ErrorKind::WouldBlock && is_taken(&socket, patience) => {
                socket.send(entry.as_bytes())
            }
            sent => sent,
        }
    };
    let _: io::Result<usize> = sent();
}
