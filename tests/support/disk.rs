//! One disk of a guest: its backend's nodes, and the program run for it.

use std::process::{Child, Command};

use xenstore_rs::Xs;

use crate::host::{Host, Ran};

/// A disk of a guest.
#[derive(Clone, Debug)]
pub struct Disk<'h> {
    pub host: &'h Host,
    /// What libxl passes as `XENBUS_PATH`.
    pub path: String,
}

impl Disk<'_> {
    /// Runs `add`.
    pub fn add(&self) -> Ran {
        self.host.run(self.command("add"))
    }

    /// Runs `remove`.
    pub fn remove(&self) -> Ran {
        self.host.run(self.command("remove"))
    }

    /// Runs `add` below `xl migrate-receive`.
    pub fn receive(&self) -> Ran {
        self.host.run(self.receiving())
    }

    /// That run, not yet begun.
    pub fn receiving(&self) -> Command {
        let mut command = self.host.below_xl("migrate-receive", &["add"]);
        command.env("XENBUS_PATH", &self.path);
        command
    }

    /// `add` or `remove`, not yet run.
    pub fn command(&self, action: &str) -> Command {
        let mut command = self.host.program(&[action]);
        command.env("XENBUS_PATH", &self.path);
        command
    }

    /// `add` or `remove`, running.
    pub fn start(&self, action: &str) -> Child {
        self.command(action).spawn().unwrap()
    }

    /// The absolute path of one of the backend's nodes.
    pub fn node(&self, name: &str) -> String {
        format!("/local/domain/0/{}/{name}", self.path)
    }

    /// What stands in a node, if it is there.
    pub fn get(&self, name: &str) -> Option<String> {
        self.host
            .store()
            .read(&self.node(name))
            .ok()
            .map(Into::into)
    }

    /// Writes a node.
    pub fn set(&self, name: &str, value: &str) {
        self.host
            .xen
            .write_bytes(&self.node(name), value.as_bytes());
    }

    /// The toolstack deletes the backend's folder.
    pub fn vanish(&self) {
        let folder = self.node("");
        self.host.xen.rm(folder.trim_end_matches('/'));
    }

    /// The backend is closed, as libxl waits for before it runs `remove`.
    pub fn close(&self) {
        self.set("online", "0");
        self.set("state", "6");
    }

    /// Whether the folder is there.
    pub fn exists(&self) -> bool {
        self.get("state").is_some()
    }

    /// Asserts that the device stands where blkback and the toolstack look for it.
    #[track_caller]
    pub fn assert_published(&self, minor: u32) {
        let names = [
            "physical-device",
            "physical-device-path",
            "hotplug-status",
            "hotplug-error",
        ];
        let expected = [
            Some(format!("93:{minor:x}")),
            Some(format!("/dev/drbd{minor}")),
            Some("connected".into()),
            None,
        ];
        assert_eq!(names.map(|name| self.get(name)), expected);
    }

    /// Asserts success, and that nothing but the nodes of the contract was written.
    #[track_caller]
    pub fn assert_attached(&self, ran: &Ran, minor: u32) {
        ran.assert_silent_success();
        self.assert_published(minor);
        self.assert_changed_at_most(
            ran,
            &[
                "physical-device",
                "physical-device-path",
                "hotplug-status",
                "hotplug-error",
            ],
        );
    }

    /// Asserts that a run changed nothing in the store but these nodes of the backend.
    #[track_caller]
    pub fn assert_changed_at_most(&self, ran: &Ran, names: &[&str]) {
        let allowed: Vec<String> = names.iter().map(|name| self.node(name)).collect();
        let others: Vec<_> = ran
            .changed
            .iter()
            .filter(|path| !allowed.contains(path))
            .collect();
        assert!(others.is_empty(), "written, too: {others:?}");
    }

    /// Asserts a refusal: the exit code, the status, a sentence with all these words that a person
    /// can read in the toolstack's own output; nothing published, nothing else written.
    #[track_caller]
    pub fn assert_refused(&self, ran: &Ran, code: i32, status: &str, words: &[&str]) {
        assert_eq!(
            ran.code,
            Some(code),
            "{ran:?}: {:?}",
            self.get("hotplug-error")
        );
        let error = self.get("hotplug-error").unwrap_or_default();
        for word in words {
            assert!(error.contains(word), "no {word:?} in {error:?}");
        }
        assert_eq!(
            self.get("hotplug-status").as_deref(),
            Some(status),
            "{error}"
        );
        assert!(
            error.len() <= 1000 && !error.contains(char::is_control),
            "{error:?}"
        );
        let device = self.path.split('/').nth(2).unwrap_or_default();
        assert!(
            error.contains(&format!("domain {device}")),
            "no guest in {error:?}"
        );
        assert_eq!(self.get("physical-device"), None);
        assert_eq!(self.get("physical-device-path"), None);
        self.assert_changed_at_most(ran, &["hotplug-status", "hotplug-error"]);
        // libxl prints hotplug-error; here it would stand twice.
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    }
}
