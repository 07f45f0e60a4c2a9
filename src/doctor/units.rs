//! What has to run by itself: the units of systemd, and udev's rules.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::root::Root;

/// Where systemd looks for units, the first one going before the others (`systemd.unit(5)`).
const UNITS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// Where udev looks for rules (`udev(7)`).
const RULES: [&str; 5] = [
    "/etc/udev/rules.d",
    "/run/udev/rules.d",
    "/usr/local/lib/udev/rules.d",
    "/usr/lib/udev/rules.d",
    "/lib/udev/rules.d",
];
/// What this project's rules make, or set.
const VANISHED: &str = "/run/block-drbd/vanished";
const EXPORTED: &str = "BLOCK_DRBD_EXPORTED";
/// What brings back a file that is not there.
const AGAIN: &str = "# install block-drbd's package again, or run `make install` in its source";
const NAMES: [&str; 2] = ["block-drbd-reap.service", "block-drbd-reap.path"];

/// What becomes of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// There is no such file.
    Missing,
    /// Started by nothing.
    Disabled,
    /// A link to `/dev/null`.
    Masked,
    /// Started at boot.
    Enabled,
}

/// What is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// systemd is what runs here.
    pub systemd: bool,
    /// The units of this project, in the order of their names.
    pub reap: Vec<(String, Unit)>,
    /// A rule of udev's notices that a guest's disk has vanished.
    pub notices: bool,
    /// A rule of udev's keeps it from looking into guests' disks.
    pub leaves_alone: bool,
}

impl Units {
    /// Reads it.
    #[must_use]
    pub fn read(root: &Root) -> Self {
        // sd_booted(3).
        let systemd = root.join("/run/systemd/system").is_dir();
        Self {
            systemd,
            reap: NAMES.map(|n| (n.to_owned(), unit(root, n))).to_vec(),
            notices: has_rule(root, VANISHED),
            leaves_alone: has_rule(root, EXPORTED),
        }
    }

    /// What is wrong with it. Where no systemd runs, somebody else has to start it.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let why = "what libxl leaves Primary when it gives a guest's disk up stays so until somebody runs `block-drbd reap`";
        if !self.systemd {
            return vec![Finding::note(
                "block-drbd reap",
                "nothing runs it by itself: no systemd is here",
                why,
                "# have init run it at boot, and cron now and then: block-drbd reap",
            )];
        }
        let mut found = Vec::new();
        for (name, unit) in &self.reap {
            let (what, fix) = match unit {
                Unit::Enabled => continue,
                Unit::Missing => (
                    "systemd has no such unit",
                    format!("{AGAIN}\nsystemctl daemon-reload\nsystemctl enable --now {name}"),
                ),
                Unit::Disabled => (
                    "it is not enabled",
                    format!("systemctl enable --now {name}"),
                ),
                Unit::Masked => (
                    "it is masked",
                    format!("systemctl unmask {name}\nsystemctl enable --now {name}"),
                ),
            };
            found.push(Finding::warning(name, what, why, &fix));
        }
        let rules = [
            (
                self.notices,
                "no rule notices that a guest's disk has vanished",
                why,
            ),
            (
                self.leaves_alone,
                "no rule keeps it from looking into guests' disks",
                "what is on them is the guests', and whoever looks holds a device open, perhaps just when it has to be demoted",
            ),
        ];
        for (_, what, why) in rules.iter().filter(|(there, ..)| !there) {
            let fix = format!(
                "# a file of the same name in /etc/udev/rules.d goes before it: ls -l /etc/udev/rules.d/*block-drbd*\n{AGAIN}\nudevadm control --reload"
            );
            found.push(Finding::warning("udev", what, why, &fix));
        }
        found
    }
}

fn unit(root: &Root, name: &str) -> Unit {
    let mut files = UNITS.iter().map(|f| root.join(&format!("{f}/{name}")));
    let Some(file) = files.find(|f| fs::symlink_metadata(f).is_ok()) else {
        return Unit::Missing;
    };
    if fs::read_link(&file).is_ok_and(|target| target == Path::new("/dev/null")) {
        return Unit::Masked;
    }
    let enabled = UNITS
        .iter()
        .any(|folder| is_wanted(&root.join(folder), name));
    if enabled {
        Unit::Enabled
    } else {
        Unit::Disabled
    }
}

/// Whether some unit wants or requires it: a link in a folder of that unit's.
fn is_wanted(folder: &Path, name: &str) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders = entries.map(|e| e.path()).filter(|p| {
        let extension = p.extension().and_then(|e| e.to_str());
        matches!(extension, Some("wants" | "requires"))
    });
    folders.any(|f| fs::symlink_metadata(f.join(name)).is_ok())
}

/// Whether udev has a rule with that word. Of files with the same name it reads the first alone (`udev(7)`).
fn has_rule(root: &Root, word: &str) -> bool {
    let mut seen = BTreeSet::new();
    let entries = RULES.iter().flat_map(|folder| {
        let entries = fs::read_dir(root.join(folder)).into_iter();
        entries.flatten().flatten().map(|e| e.path())
    });
    entries
        .filter(|path| path.extension().is_some_and(|e| e == "rules"))
        .filter(|path| seen.insert(path.file_name().map(ToOwned::to_owned)))
        .any(|path| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let mut lines = text.lines().filter(|l| !l.trim_start().starts_with('#'));
            lines.any(|l| l.contains(word))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{Note, Warning};

    fn sound() -> Units {
        Units {
            systemd: true,
            reap: NAMES.map(|n| (n.to_owned(), Unit::Enabled)).to_vec(),
            notices: true,
            leaves_alone: true,
        }
    }

    #[test]
    fn each_finding_has_its_cause() {
        assert_eq!(sound().findings(), []);
        for (unit, what, fix) in [
            (Unit::Missing, "no such unit", "make install"),
            (
                Unit::Disabled,
                "not enabled",
                "systemctl enable --now block-drbd-reap.path",
            ),
            (
                Unit::Masked,
                "masked",
                "systemctl unmask block-drbd-reap.path",
            ),
        ] {
            let mut units = sound();
            units.reap[1].1 = unit;
            let found = units.findings();
            assert_eq!((found.len(), found[0].severity), (1, Warning), "{what}");
            assert!(
                found[0].what.contains(what) && found[0].fix.contains(fix),
                "{found:?}"
            );
        }
        for (units, what) in [
            (
                Units {
                    notices: false,
                    ..sound()
                },
                "has vanished",
            ),
            (
                Units {
                    leaves_alone: false,
                    ..sound()
                },
                "looking into guests' disks",
            ),
        ] {
            let found = units.findings();
            assert_eq!((found.len(), found[0].severity), (1, Warning), "{what}");
            assert_eq!(found[0].subject, "udev");
            assert!(found[0].what.contains(what), "{found:?}");
        }
        let found = Units {
            systemd: false,
            notices: false,
            ..sound()
        }
        .findings();
        assert_eq!((found.len(), found[0].severity), (1, Note));
    }

    #[test]
    fn files_and_links_tell_what_systemd_would() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let [service, path] = NAMES;
        assert_eq!(unit(&root, service), Unit::Missing);
        let of = |name: &str| root.join(&format!("/usr/lib/systemd/system/{name}"));
        fs::create_dir_all(of("x").parent().unwrap()).unwrap();
        fs::write(of(service), "").unwrap();
        fs::write(of(path), "").unwrap();
        assert_eq!(unit(&root, service), Unit::Disabled);
        let wants = root.join("/etc/systemd/system/multi-user.target.wants");
        fs::create_dir_all(&wants).unwrap();
        std::os::unix::fs::symlink("/nowhere", wants.join(service)).unwrap();
        assert_eq!(unit(&root, service), Unit::Enabled);
        let mask = root.join(&format!("/etc/systemd/system/{path}"));
        std::os::unix::fs::symlink("/dev/null", mask).unwrap();
        assert_eq!(unit(&root, path), Unit::Masked);
    }

    #[test]
    fn this_projects_own_rules_are_found_where_nothing_goes_before_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let put = |path: &str, text: &str| {
            let file = root.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        put("/usr/lib/udev/rules.d/x.rules", &format!("# {VANISHED}\n"));
        assert!(!has_rule(&root, VANISHED));
        for (name, word, text) in [
            (
                "90-block-drbd.rules",
                VANISHED,
                include_str!("../../udev-rules/90-block-drbd.rules"),
            ),
            (
                "59-block-drbd.rules",
                EXPORTED,
                include_str!("../../udev-rules/59-block-drbd.rules"),
            ),
        ] {
            put(&format!("/usr/lib/udev/rules.d/{name}"), text);
            assert!(has_rule(&root, word), "{name}");
            // What `ln -s /dev/null` comes to.
            put(&format!("/etc/udev/rules.d/{name}"), "");
            assert!(!has_rule(&root, word), "{name}");
        }
    }
}
