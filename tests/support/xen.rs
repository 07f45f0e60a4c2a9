//! A real xenstored, without a hypervisor, for one test.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{fs, thread};

/// Which daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The one written in C.
    C,
    /// oxenstored.
    Ocaml,
    /// oxenstored, failing about every eighth commit with EAGAIN.
    OcamlEagain,
}

impl Kind {
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::C => &[],
            Self::Ocaml => &["--ocaml"],
            Self::OcamlEagain => &["--ocaml", "--test-eagain"],
        }
    }
}

/// Every kind of daemon.
pub const KINDS: [Kind; 3] = [Kind::C, Kind::Ocaml, Kind::OcamlEagain];

/// The directory with the scripts.
#[must_use]
pub fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/xen")
}

/// A command which runs `scenario`, a piece of shell, where the real `xl` works: see
/// `tests/xen/lib.sh`.
///
/// `directory` must not be below /run. The environment is the scenario's: `SCRIPT` names the block
/// script under test, and what `PATH` holds in front reaches that script.
#[must_use]
pub fn with_xl(kind: Kind, directory: &Path, scenario: &str) -> Command {
    let mut command = Command::new(scripts().join("with-xl"));
    command
        .args(kind.options())
        .arg(directory)
        .args(["bash", "-c"]);
    command.arg(format!(". \"$XEN_LIB\"\n{scenario}"));
    command.env("NOXEN_SO", shim()).stdin(Stdio::null());
    command
}

/// A daemon with an empty store, which ends with this value.
#[derive(Debug)]
pub struct Xenstored {
    daemon: Child,
    directory: tempfile::TempDir,
}

impl Xenstored {
    /// Starts a daemon and waits until it listens.
    ///
    /// # Panics
    /// If it does not come up, with what it or its start script said.
    #[must_use]
    pub fn start(kind: Kind) -> Self {
        // Not below $TMPDIR, which may be too long for a unix socket.
        let directory = tempfile::Builder::new()
            .prefix("xs-")
            .tempdir_in("/tmp")
            .unwrap();
        let mut command = Command::new(scripts().join("start-xenstored"));
        command
            .arg(directory.path())
            .arg("--foreground")
            .env("NOXEN_SO", shim());
        command.args(kind.options());
        let errors = directory.path().join("start");
        command
            .stdin(Stdio::null())
            .stderr(fs::File::create(&errors).unwrap());
        let mut started = Self {
            daemon: command.spawn().unwrap(),
            directory,
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        // The socket is there somewhat before anybody listens on it.
        while UnixStream::connect(started.socket()).is_err() {
            let ended = started.daemon.try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                let said = |path: &Path| fs::read_to_string(path).unwrap_or_default();
                let log = started.directory.path().join("log");
                panic!(
                    "{kind:?} xenstored did not come up: {}{}",
                    said(&errors),
                    said(&log)
                );
            }
            thread::sleep(Duration::from_millis(5));
        }
        started
    }

    /// What `XENSTORED_PATH` has to be.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// Writes a node.
    ///
    /// # Panics
    /// If xenstored refuses.
    pub fn write(&self, path: &str, value: &str) {
        self.write_all(&[(path, value)]);
    }

    /// Writes nodes in one transaction.
    ///
    /// # Panics
    /// If xenstored refuses.
    pub fn write_all(&self, nodes: &[(&str, &str)]) {
        let arguments = nodes.iter().flat_map(|(path, value)| [*path, *value]);
        let output = self.utility("xenstore-write", arguments);
        assert!(output.is_some(), "xenstore-write {nodes:?} failed");
    }

    /// Writes any bytes to a node, which neither the utilities nor the program's own store would: one
    /// WRITE request (xen: `xen/include/public/io/xs_wire.h`).
    ///
    /// # Panics
    /// If xenstored refuses.
    pub fn write_bytes(&self, path: &str, value: &[u8]) {
        let body = [path.as_bytes(), b"\0", value].concat();
        let length = u32::try_from(body.len()).unwrap();
        let mut request: Vec<u8> = [11, 1, 0, length].map(u32::to_ne_bytes).concat();
        request.extend(body);
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.write_all(&request).unwrap();
        let mut reply = [0; 19];
        stream.read_exact(&mut reply).unwrap();
        assert!(reply.ends_with(b"OK\0"), "{path}: {reply:?}");
    }

    /// Reads a node, if there is one.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<String> {
        let mut value = self.utility("xenstore-read", ["-R", path])?;
        if value.ends_with('\n') {
            value.pop();
        }
        Some(value)
    }

    /// The names of a node's children; none if there is no such node.
    #[must_use]
    pub fn ls(&self, path: &str) -> Vec<String> {
        let listing = self.utility("xenstore-list", [path]).unwrap_or_default();
        listing.lines().map(Into::into).collect()
    }

    /// Everything below a node, `path = "value"` a line, for comparisons and messages.
    #[must_use]
    pub fn dump(&self, path: &str) -> String {
        self.utility("xenstore-ls", ["-f", path])
            .unwrap_or_default()
    }

    /// Removes a node and what is below it.
    pub fn rm(&self, path: &str) {
        self.utility("xenstore-rm", [path]);
    }

    /// The nodes of a running guest.
    pub fn guest(&self, domid: u32, name: &str) {
        let uuid = format!("00000000-0000-0000-0000-{:012x}", 0x1_0000 + domid);
        let (domain, vm) = (format!("/local/domain/{domid}"), format!("/vm/{uuid}"));
        self.write_all(&[
            (&format!("{domain}/vm"), &vm),
            (&format!("{domain}/name"), name),
            (&format!("{domain}/domid"), &domid.to_string()),
            (&format!("{vm}/name"), name),
            (&format!("{vm}/uuid"), &uuid),
        ]);
    }

    /// The nodes which libxl and blkback have written by the time libxl runs the script (xen:
    /// `tools/libs/light/libxl_disk.c`).  Returns the path which libxl passes as `XENBUS_PATH`.
    ///
    /// The guest is called `guest-DOMID` unless [`guest`](Self::guest) named it.
    pub fn backend(&self, domid: u32, devid: u32, params: &str, mode: &str) -> String {
        if self.read(&format!("/local/domain/{domid}/name")).is_none() {
            self.guest(domid, &format!("guest-{domid}"));
        }
        let relative = format!("backend/vbd/{domid}/{devid}");
        let backend = format!("/local/domain/0/{relative}");
        let frontend = format!("/local/domain/{domid}/device/vbd/{devid}");
        let library = format!("/libxl/{domid}/device/vbd/{devid}");
        let domid = domid.to_string();
        let vdev = vdev(devid);
        let devid = devid.to_string();
        let common = [
            ("frontend", frontend.as_str()),
            ("params", params),
            ("script", "/etc/xen/scripts/block-drbd"),
            ("frontend-id", &domid),
            ("online", "1"),
            ("removable", "0"),
            ("bootable", "1"),
            ("dev", &vdev),
            ("type", "phy"),
            ("mode", mode),
            ("device-type", "disk"),
            ("discard-enable", "1"),
            ("specification", "xen"),
        ];
        let mut nodes: Vec<(String, &str)> = Vec::new();
        for directory in [&backend, &library] {
            nodes.extend(common.map(|(leaf, value)| (format!("{directory}/{leaf}"), value)));
        }
        nodes.extend([
            (format!("{backend}/state"), "2"),
            (format!("{library}/state"), "1"),
            (format!("{library}/backend"), backend.as_str()),
            (format!("{frontend}/backend"), backend.as_str()),
            (format!("{frontend}/backend-id"), "0"),
            (format!("{frontend}/state"), "1"),
            (format!("{frontend}/virtual-device"), &devid),
            (format!("{frontend}/device-type"), "disk"),
            (format!("{frontend}/trusted"), "1"),
        ]);
        let nodes: Vec<(&str, &str)> = nodes
            .iter()
            .map(|(path, value)| (path.as_str(), *value))
            .collect();
        self.write_all(&nodes);
        relative
    }

    /// Ends the daemon, as if it had crashed.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }

    /// What a program of xenstore-utils prints, if it succeeds.
    fn utility<'a>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Option<String> {
        let output = Command::new(program)
            .args(arguments)
            .env("XENSTORED_PATH", self.socket())
            .output()
            .unwrap_or_else(|error| {
                panic!("{program}: {error}: install the package xenstore-utils")
            });
        output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout).unwrap())
    }
}

impl Drop for Xenstored {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The shim, built once for all tests of a file.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("noxen.so");
        let output = Command::new(scripts().join("build-noxen"))
            .arg(&file)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        file
    })
}

/// The name of the device with this number, such as `xvda2` for 51714.
fn vdev(devid: u32) -> String {
    let (disk, part) = match devid >> 28 {
        0 => (devid >> 4 & 0xf, devid & 0xf),
        _ => (devid >> 8 & 0xf_ffff, devid & 0xff),
    };
    let letter = char::from(b'a' + u8::try_from(disk % 26).unwrap());
    if part == 0 {
        format!("xvd{letter}")
    } else {
        format!("xvd{letter}{part}")
    }
}
