//! Asks `check`, runs `add`, and compares.

use std::process::Command;

use serde_json::Value;

use crate::host::{Disk, Host, Ran, XVDA2};

/// What was said of one disk.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub findings: Vec<Value>,
}

impl Said {
    /// The sentences of that severity, with their codes.
    pub fn sentences(&self, severity: &str) -> Vec<String> {
        let of_it = self.findings.iter().filter(|f| f["severity"] == severity);
        let line = |f: &Value| {
            let sentence = f["sentence"].as_str().unwrap().to_owned();
            match f["code"].as_str() {
                Some(code) => format!("{sentence} [{code}]"),
                None => sentence,
            }
        };
        of_it.map(line).collect()
    }

    /// What a start would warn of: a migration that would be refused is not among it.
    fn warnings_of_a_start(&self) -> Vec<String> {
        let mut all = self.sentences("warning");
        all.retain(|s| !s.starts_with("seen from") && !s.starts_with("a migration"));
        all
    }
}

impl Host {
    /// Runs `check`, which changes nothing.
    #[track_caller]
    pub fn check(&self, arguments: &[&str]) -> Ran {
        let words = [&["check"], arguments].concat();
        self.unchanged(self.program(&words))
    }

    /// Runs a command that changes nothing: in the store, in DRBD, below /run.
    #[track_caller]
    pub fn unchanged(&self, command: Command) -> Ran {
        let state = || (self.changes(), self.files("/run"), self.files("/var"));
        let before = state();
        let ran = self.run(command);
        assert_eq!(state(), before);
        assert!(ran.changed.is_empty(), "{ran:?}");
        ran
    }

    /// Every file below a folder.
    fn files(&self, folder: &str) -> Vec<String> {
        let output = Command::new("find").arg(self.path(folder)).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        let mut files: Vec<String> = text.lines().map(Into::into).collect();
        files.sort();
        files
    }

    /// What it says as JSON.
    #[track_caller]
    pub fn check_json(&self, arguments: &[&str]) -> Said {
        said(&self.check(&[arguments, &["--json"]].concat()))
    }

    /// Asks about a guest's file with that disk, then starts the guest. Returns the refusal, if it is one.
    #[track_caller]
    pub fn assert_start_foretold(&self, params: &str, mode: &str) -> Option<String> {
        self.file("/guest.cfg", &format!("name = 'guest-5'\ndisk = [ 'vdev=xvda2,access={mode},script=block-drbd,target={params}' ]\n"));
        let file = self.path("/guest.cfg");
        let said = self.check_json(&[file.to_str().unwrap()]);
        let disk = self.disk_as(5, XVDA2, params, mode);
        let ran = disk.add();
        let refusal = assert_agree(&said, &disk, &ran, "guest guest-5 (domain 5), xvda2: ");
        if refusal.is_none() {
            disk.close();
            disk.remove().assert_silent_success();
        }
        disk.vanish();
        self.xen.rm("/local/domain/5");
        refusal
    }
}

/// What stands on standard output.
#[track_caller]
pub fn said(ran: &Ran) -> Said {
    let findings = serde_json::from_str(&ran.stdout);
    Said {
        code: ran.code,
        findings: findings.unwrap_or_else(|e| panic!("{e}: {ran:?}")),
    }
}

/// Asserts that `add` ended as was said, with the same words. Returns those of a refusal.
#[track_caller]
pub fn assert_agree(said: &Said, disk: &Disk<'_>, ran: &Ran, subject: &str) -> Option<String> {
    let errors = said.sentences("error");
    if ran.code == Some(0) {
        assert_eq!(errors, [""; 0], "`add` succeeded");
        assert_eq!(said.code, Some(0), "{said:?}");
        let warned = ran
            .stderr
            .lines()
            .map(|l| l.replacen("block-drbd: ", "", 1));
        let foretold = said.warnings_of_a_start();
        let foretold = foretold.iter().map(|w| format!("{subject}{w}"));
        assert_eq!(warned.collect::<Vec<_>>(), foretold.collect::<Vec<_>>());
        return None;
    }
    let error = disk.get("hotplug-error").unwrap_or_default();
    let foretold: Vec<String> = errors.iter().map(|e| format!("{subject}{e}")).collect();
    assert_eq!(foretold, [error.as_str()], "{said:?}");
    assert_eq!(said.code, Some(3), "{said:?}");
    Some(error)
}
