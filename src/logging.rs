//! Where words go: to the journal with fields, else to syslog; to stderr what the person at `xl`
//! should read.
//!
//! stderr is the terminal of whoever typed `xl create` (on a migration that of the source), or a
//! closed pipe. `hotplug-error` is printed by libxl itself and not repeated here.

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Mutex;

use log::{Level, LevelFilter, Log, Metadata, Record, kv};
use systemd_journal_logger::JournalLog;

use crate::root::Root;

/// Target of log lines that the person at the terminal should read.
pub const PERSON: &str = "person";

/// The variable that sets what stderr shows, in `env_logger`'s syntax: `BLOCK_DRBD_LOG=debug`.
pub const VARIABLE: &str = "BLOCK_DRBD_LOG";

/// Which guest, disk and resource the lines are about.
static CONTEXT: Mutex<Vec<(&'static str, String)>> = Mutex::new(Vec::new());

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
                crate::words::printable(&record.args().to_string())
            )
        })
        .build();
    let journal = root
        .join("/run/systemd/journal/socket")
        .exists()
        .then(JournalLog::new)
        .and_then(Result::ok);
    let sink = match journal {
        Some(journal) => Sink::Journal(journal.with_syslog_identifier("block-drbd".into())),
        None => Sink::Syslog(root.join("/dev/log")),
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
    Journal(JournalLog),
    Syslog(PathBuf),
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Info || self.terminal.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        self.terminal.log(record);
        if record.level() > Level::Info {
            return;
        }
        let Ok(context) = CONTEXT.lock() else {
            return;
        };
        let code = record.key_values().get(kv::Key::from_str("code"));
        let code = code.and_then(|code| code.to_borrowed_str());
        let code = code.map(|code| (CODE, code.to_owned()));
        let fields = Fields(context.iter().chain(&code).collect());
        match &self.sink {
            Sink::Journal(journal) => {
                let record = Record::builder()
                    .args(*record.args())
                    .level(record.level())
                    .target(record.target())
                    .module_path(record.module_path())
                    .key_values(&fields)
                    .build();
                // A journal that is stopped just now must not stop a disk.
                let _ = journal.journal_send(&record);
            }
            Sink::Syslog(path) => syslog(path, record, &fields),
        }
    }

    fn flush(&self) {}
}

struct Fields<'a>(Vec<&'a (&'static str, String)>);

impl kv::Source for Fields<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn kv::VisitSource<'kvs>) -> Result<(), kv::Error> {
        for (key, value) in &self.0 {
            visitor.visit_pair(kv::Key::from_str(key), kv::Value::from(value.as_str()))?;
        }
        Ok(())
    }
}

/// One datagram as syslog(3) sends it: facility daemon, then tag and process id. The fields stand
/// behind the text, so that `grep XENBUS_PATH=` finds them.
fn syslog(path: &PathBuf, record: &Record<'_>, fields: &Fields<'_>) {
    const DAEMON: u8 = 3 << 3;
    let severity = match record.level() {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    let fields: Vec<String> = fields
        .0
        .iter()
        .map(|(key, value)| format!(" {key}={value}"))
        .collect();
    let text = crate::words::printable(&format!("{}{}", record.args(), fields.concat()));
    let line = format!(
        "<{}>block-drbd[{}]: {text}",
        DAEMON | severity,
        std::process::id()
    );
    let Ok(socket) = UnixDatagram::unbound() else {
        return;
    };
    // A syslog daemon that does not read must not hang us.
    let _ = socket.set_nonblocking(true);
    if socket.connect(path).is_ok() {
        let _ = socket.send(line.as_bytes());
    }
}
