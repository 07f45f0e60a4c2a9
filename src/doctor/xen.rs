//! Xen itself: the hypervisor, this domain, xenstored.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::root::Root;

/// The oldest that is supported: libxl runs block scripts itself since then.
const OLDEST: (u32, u32) = (4, 6);

/// Whether xenstored answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// It does.
    #[default]
    Reached,
    /// There is neither a socket nor a device.
    Absent,
    /// There is one, and it does not answer: why.
    Failed(String),
}

/// What there is of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Xen {
    /// The kernel runs on Xen.
    pub hypervisor: bool,
    /// Major and minor version of it.
    pub version: Option<(u32, u32)>,
    /// `/proc/xen` is mounted.
    pub xenfs: bool,
    /// xenstored.
    pub store: Store,
    /// Xen is started by a script of `init` here, as on Debian.
    pub init_script: bool,
}

impl Xen {
    /// Reads it; whether xenstored answers is known already.
    #[must_use]
    pub fn read<S>(root: &Root, store: Result<&S, &io::Error>) -> Self {
        let read = |path: &str| {
            let text = fs::read_to_string(root.join(path)).ok()?;
            Some(text.trim().to_owned())
        };
        let number = |name: &str| {
            read(&format!("/sys/hypervisor/version/{name}"))?
                .parse()
                .ok()
        };
        let xenfs = root.join("/proc/xen/capabilities").exists();
        Self {
            hypervisor: xenfs || read("/sys/hypervisor/type").as_deref() == Some("xen"),
            version: number("major").zip(number("minor")),
            xenfs,
            store: match store {
                Ok(_) => Store::Reached,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Store::Absent,
                Err(error) => Store::Failed(error.to_string()),
            },
            init_script: root.join("/etc/init.d/xen").exists(),
        }
    }

    /// No Xen runs here.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        !self.hypervisor && self.store == Store::Absent
    }

    /// What is wrong with it.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        if self.is_absent() {
            return vec![Finding::error(
                "Xen",
                "this host does not run on Xen",
                "there are no guests whose disks block-drbd could serve",
                "# boot this host with Xen",
            )];
        }
        let mut found = Vec::new();
        let start = if self.init_script {
            "service xen start"
        } else {
            "systemctl start xenstored.service"
        };
        let why = "block-drbd cannot know which guest has which disk: every `add` fails, and `reap` touches nothing";
        match &self.store {
            Store::Reached => {}
            Store::Absent => {
                found.push(Finding::error("xenstored", "it does not run", why, start));
            }
            Store::Failed(words) => found.push(Finding::error("xenstored", words, why, start)),
        }
        if let Some((major, minor)) = self.version.filter(|v| *v < OLDEST) {
            found.push(Finding::warning(
                "Xen",
                &format!("its version is {major}.{minor}"),
                "block-drbd is made for Xen 4.6 and later",
                "# install a later Xen",
            ));
        }
        if self.hypervisor && !self.xenfs {
            found.push(Finding::warning(
                "/proc/xen",
                "xenfs is not mounted there",
                "block-drbd-reap.service starts only where /proc/xen/capabilities is, so nothing is reaped by itself",
                "mount -t xenfs xenfs /proc/xen",
            ));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{Error, Warning};

    fn sound() -> Xen {
        Xen {
            hypervisor: true,
            version: Some((4, 17)),
            xenfs: true,
            ..Xen::default()
        }
    }

    #[test]
    fn each_finding_has_its_cause() {
        assert_eq!(sound().findings(), []);
        let absent = Xen {
            store: Store::Absent,
            ..Xen::default()
        };
        let rows = [
            (absent, Error, "does not run on Xen", "boot this host"),
            (
                Xen {
                    store: Store::Absent,
                    ..sound()
                },
                Error,
                "it does not run",
                "systemctl start xenstored.service",
            ),
            (
                Xen {
                    store: Store::Failed("cannot reach xenstored: x".into()),
                    init_script: true,
                    ..sound()
                },
                Error,
                "cannot reach",
                "service xen start",
            ),
            (
                Xen {
                    version: Some((4, 5)),
                    ..sound()
                },
                Warning,
                "4.5",
                "later Xen",
            ),
            (
                Xen {
                    xenfs: false,
                    ..sound()
                },
                Warning,
                "xenfs",
                "mount -t xenfs",
            ),
        ];
        for (xen, severity, what, fix) in rows {
            let found = xen.findings();
            let [finding] = found.as_slice() else {
                panic!("{what}: {found:?}");
            };
            assert_eq!(finding.severity, severity, "{what}");
            assert!(
                finding.what.contains(what) && finding.fix.contains(fix),
                "{finding:?}"
            );
        }
    }

    /// A driver domain, or a test: no sign of the hypervisor is needed.
    #[test]
    fn a_store_that_answers_is_enough() {
        assert_eq!(Xen::default().findings(), []);
    }
}
