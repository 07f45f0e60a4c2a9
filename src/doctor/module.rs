//! DRBD itself: the kernel's module and drbd-utils.

use std::fs;

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::deadline::Deadline;
use crate::drbd::Generation;
use crate::drbd::proc_drbd::ProcDrbd;
use crate::drbd::tools::Tools;
use crate::root::Root;

/// Where drbd-utils puts what it runs for 8.4 (Debian 13 has merged `/lib` into `/usr/lib`).
const SETUP_84: [&str; 2] = ["/lib/drbd/drbdsetup-84", "/usr/lib/drbd/drbdsetup-84"];
/// Linux: `drivers/block/drbd/drbd_main.c`.
const SENDPAGE: &str = "/sys/module/drbd/parameters/disable_sendpage";

/// What there is of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// The first line of `/proc/drbd`; `None` while no module is loaded.
    pub line: Option<String>,
    /// Its generation, where that line names one that is known.
    pub generation: Option<Generation>,
    /// Whether `drbdsetup` and `drbdadm` are there.
    pub tools: bool,
    /// Whether drbd-utils can talk to 8.4.
    pub setup_84: bool,
    /// Version of drbd-utils, where it tells.
    pub utils: Option<String>,
    /// Whether guests' pages are copied before they are sent (8.4); `None` where it cannot be set.
    pub disable_sendpage: Option<bool>,
    /// The host is a Debian, or made of one.
    pub debian: bool,
}

impl Module {
    /// Reads it.
    #[must_use]
    pub fn read(root: &Root, tools: &Tools, deadline: &Deadline) -> Self {
        let text = fs::read(root.join("/proc/drbd")).ok();
        let text = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let setting = fs::read_to_string(root.join(SENDPAGE)).ok();
        let present = tools.are_present();
        Self {
            line: text
                .as_ref()
                .map(|t| t.lines().next().unwrap_or_default().to_owned()),
            generation: text.and_then(|t| Some(ProcDrbd::parse(&t)?.generation)),
            tools: present,
            setup_84: SETUP_84.iter().any(|path| root.join(path).exists()),
            utils: present.then(|| tools.version(deadline)).flatten(),
            disable_sendpage: setting.map(|s| matches!(s.trim(), "Y" | "1")),
            debian: root.join("/etc/debian_version").exists(),
        }
    }

    /// Nothing of DRBD is here.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.line.is_none() && !self.tools
    }

    fn install(&self) -> &'static str {
        if self.debian {
            "apt install drbd-utils"
        } else {
            "# install drbd-utils"
        }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        if self.is_absent() {
            return vec![Finding::error(
                "DRBD",
                "neither the module nor drbd-utils is on this host",
                "there are no resources here that a guest could have",
                &format!("{}\nmodprobe drbd", self.install()),
            )];
        }
        let mut found = Vec::new();
        if !self.tools {
            found.push(Finding::error(
                "drbd-utils",
                "drbdsetup or drbdadm is missing",
                "block-drbd cannot look at a resource, so it refuses every disk",
                self.install(),
            ));
        }
        match (&self.line, self.generation) {
            (None, _) => found.push(Finding::error(
                "DRBD",
                "the module is not loaded",
                "no resource is up, so every guest's disk is refused",
                "modprobe drbd\ndrbdadm up all",
            )),
            (Some(line), None) => found.push(Finding::error(
                "DRBD",
                &format!("the loaded module is none that block-drbd knows: {line}"),
                "its state cannot be understood, so every guest's disk is refused",
                "# load a module of DRBD 8.4 or 9: modinfo drbd",
            )),
            (_, Some(generation)) if self.tools => found.extend(self.mismatch(generation)),
            _ => {}
        }
        if self.generation == Some(Generation::V84) && self.disable_sendpage == Some(false) {
            found.push(Finding::warning(
                "disable_sendpage",
                "DRBD 8.4 sends guests' pages without copying them",
                "while a link is cut the kernel cannot give such a page back: a guest's disk does not close, libxl gives up after 10 s, and the resource stays Primary",
                &format!(
                    "echo 'options drbd disable_sendpage=1' >/etc/modprobe.d/drbd-sendpage.conf\necho Y >{SENDPAGE}"
                ),
            ));
        }
        found
    }

    fn mismatch(&self, generation: Generation) -> Option<Finding> {
        let major = |version: &str| version.split('.').next()?.parse::<u32>().ok();
        match (generation, self.utils.as_deref()) {
            (Generation::V84, _) if !self.setup_84 => Some(Finding::error(
                "drbd-utils",
                "the loaded module is DRBD 8.4, and drbdsetup-84 is missing",
                "drbd-utils cannot talk to this module without it, so every disk is refused",
                if self.debian {
                    "apt install --reinstall drbd-utils"
                } else {
                    "# install a drbd-utils that was built with support for 8.4"
                },
            )),
            (_, None) => Some(Finding::warning(
                "drbd-utils",
                "`drbdadm --version` tells no version",
                "whether it fits the loaded module is unknown",
                "drbdadm --version",
            )),
            (Generation::V9, Some(version)) if major(version).is_some_and(|m| m < 9) => {
                Some(Finding::error(
                    "drbd-utils",
                    &format!(
                        "the loaded module is DRBD 9, and drbd-utils is {version}, which knows 8 only"
                    ),
                    "it cannot talk to this module, so every disk is refused",
                    self.install(),
                ))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{self, Error, Warning};

    fn sound(generation: Generation) -> Module {
        Module {
            line: Some("version: 8.4.11 (api:1/proto:86-101)".into()),
            generation: Some(generation),
            tools: true,
            setup_84: generation == Generation::V84,
            utils: Some("9.22.0".into()),
            disable_sendpage: Some(true),
            debian: true,
        }
    }

    /// What the change of a sound host leads to.
    fn table(
        generation: Generation,
        change: impl Fn(&mut Module),
    ) -> Vec<(Severity, String, String)> {
        let mut module = sound(generation);
        change(&mut module);
        let found = module.findings().into_iter();
        found.map(|f| (f.severity, f.what, f.fix)).collect()
    }

    #[test]
    fn a_sound_host_has_no_findings() {
        for generation in [Generation::V84, Generation::V9] {
            assert_eq!(table(generation, |_| {}), []);
        }
    }

    #[test]
    fn each_finding_has_its_cause() {
        use Generation::{V9, V84};
        type Row = (
            Generation,
            fn(&mut Module),
            Severity,
            &'static str,
            &'static str,
        );
        let rows: [Row; 8] = [
            (
                V9,
                |m| (m.line, m.generation, m.tools) = (None, None, false),
                Error,
                "neither the module",
                "apt install drbd-utils",
            ),
            (
                V9,
                |m| (m.line, m.generation) = (None, None),
                Error,
                "not loaded",
                "modprobe drbd",
            ),
            (
                V9,
                |m| m.generation = None,
                Error,
                "none that block-drbd knows",
                "modinfo",
            ),
            (
                V9,
                |m| m.tools = false,
                Error,
                "drbdsetup or drbdadm is missing",
                "apt install",
            ),
            (
                V84,
                |m| m.setup_84 = false,
                Error,
                "drbdsetup-84",
                "--reinstall",
            ),
            (
                V9,
                |m| m.utils = Some("8.4.7".into()),
                Error,
                "knows 8 only",
                "apt install",
            ),
            (
                V9,
                |m| m.utils = None,
                Warning,
                "tells no version",
                "--version",
            ),
            (
                V84,
                |m| m.disable_sendpage = Some(false),
                Warning,
                "without copying",
                "echo Y >/sys/module/drbd",
            ),
        ];
        for (generation, change, severity, what, fix) in rows {
            let found = table(generation, change);
            let [(is, says, command)] = found.as_slice() else {
                panic!("{what}: {found:?}");
            };
            assert_eq!(*is, severity, "{what}");
            assert!(says.contains(what) && command.contains(fix), "{found:?}");
        }
    }

    #[test]
    fn only_8_4_lends_pages() {
        assert_eq!(
            table(Generation::V9, |m| m.disable_sendpage = Some(false)),
            []
        );
        assert_eq!(table(Generation::V84, |m| m.disable_sendpage = None), []);
    }
}
