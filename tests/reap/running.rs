//! How `reap` is run here, and what the kernel shows of guests' disks.

use std::fs;

use simulated_drbd::Generation;

use crate::host::{Host, PEER, Ran, WEB};

impl Host {
    /// Runs `reap`.
    pub fn reap(&self, options: &[&str]) -> Ran {
        let arguments = [&["reap"], options].concat();
        self.run(self.program(&arguments))
    }

    /// Runs it, and asserts that it ends well with these lines, or with none.
    #[track_caller]
    pub fn assert_reaps(&self, lines: &[&str]) {
        let ran = self.reap(&[]);
        ran.assert_says(0, lines);
        assert!(ran.changed.is_empty(), "written: {:?}", ran.changed);
    }

    /// What it says of [`WEB`] to another program.
    pub fn reap_json(&self, options: &[&str]) -> serde_json::Value {
        let ran = self.reap(&[&["--json"], options].concat());
        let text = ran.stdout;
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// The kernel serves a guest's disk: blkback has `minor` open.
    pub fn attach(&self, domid: u32, device: u32, minor: u32) {
        let folder = attached(domid, device);
        self.file(
            &format!("{folder}/physical_device"),
            &format!("93:{minor:x}\n"),
        );
    }

    /// It no longer does.
    pub fn detach(&self, domid: u32, device: u32) {
        fs::remove_dir_all(self.path(&attached(domid, device))).unwrap();
    }

    /// A domain is gone from xenstore, whatever libxl left of its disks.
    pub fn domain_ends(&self, domid: u32) {
        self.xen.rm(&format!("/local/domain/{domid}"));
    }

    /// Notes that this program opened a window, which a run that was killed has left.
    pub fn note_window(&self) {
        self.file("/run/block-drbd/window/web-root", "");
    }

    /// Notes that this program promoted [`WEB`].
    pub fn note_promotion(&self) {
        self.file("/run/block-drbd/promoted/web-root", "");
    }

    /// Allows two primaries on [`WEB`] at run time, as this host or the peer does for a migration.
    pub fn open_window(&self, host: &str) {
        let resource = self.world.resource(WEB).unwrap();
        let own = usize::from(host == PEER);
        let which: Vec<String> = match self.generation {
            Generation::V84 => {
                let address = |host: usize| format!("ipv4:{}", resource.addresses[host]);
                vec![address(own), address(1 - own)]
            }
            Generation::V9 => vec![WEB.into(), resource.node_ids[1 - own].to_string()],
        };
        let mut words = vec!["drbdsetup", "net-options"];
        words.extend(which.iter().map(String::as_str));
        words.push("--allow-two-primaries=yes");
        let output = self.world.run(host, &words).unwrap();
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert_eq!(self.two_primaries(), (true, true));
    }
}

impl Ran {
    /// Asserts the exit code, and the lines: each begins with its words.
    #[track_caller]
    pub fn assert_says(&self, code: i32, lines: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let said: Vec<&str> = self.stdout.lines().collect();
        let as_expected = |(said, expected): (&&str, &&str)| said.starts_with(expected);
        let all = said.iter().zip(lines).all(as_expected);
        assert!(all && said.len() == lines.len(), "{self:?}\n{lines:?}");
        assert_eq!(self.stderr, "");
    }
}

fn attached(domid: u32, device: u32) -> String {
    format!("/sys/bus/xen-backend/devices/vbd-{domid}-{device}")
}
