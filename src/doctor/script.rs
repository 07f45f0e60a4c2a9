//! The block script in Xen's directory: it has to be this program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::aside::{Aside, diversion};
use super::dpkg::Dpkg;
use super::finding::Finding;
use crate::deadline::Deadline;
use crate::process;
use crate::root::Root;

/// Where builds of Xen have their scripts (xen: `m4/paths.m4`, `XEN_SCRIPT_DIR`); the first is the usual one.
const FOLDERS: [&str; 5] = [
    "/etc/xen/scripts",
    "/usr/local/etc/xen/scripts",
    "/usr/etc/xen/scripts",
    "/usr/libexec/xen/scripts",
    "/usr/lib/xen/scripts",
];
/// A script of Xen's own, by which such a folder is known.
const OF_XEN: &str = "xen-hotplug-common.sh";
const NAME: &str = "block-drbd";
/// This program's own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// For `--version`.
const SHORT: Duration = Duration::from_secs(2);

/// What stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// Nothing.
    Missing,
    /// A link that leads nowhere.
    Dangling,
    /// A shell script, as drbd-utils' is.
    Shell,
    /// This program, of that version.
    Program(String),
    /// Something else.
    Other,
}

/// The script in one folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Its path.
    pub path: String,
    /// Xen's own scripts lie beside it.
    pub of_xen: bool,
    /// What it is.
    pub entry: Entry,
    /// Whether it may be executed.
    pub executable: bool,
    /// Who else may put a file there.
    pub dpkg: Dpkg,
    /// What became of drbd-utils' script.
    pub aside: Aside,
}

impl Script {
    /// Those in all folders that are there.
    #[must_use]
    pub fn read(root: &Root, deadline: &Deadline) -> Vec<Self> {
        let folders = FOLDERS.iter().filter(|f| root.join(f).is_dir());
        folders
            .map(|f| Self::in_folder(root, f, deadline))
            .collect()
    }

    fn in_folder(root: &Root, folder: &str, deadline: &Deadline) -> Self {
        let path = format!("{folder}/{NAME}");
        let file = resolve(root, &path);
        let mode = fs::metadata(&file).map(|s| s.permissions().mode());
        let entry = match fs::symlink_metadata(root.join(&path)) {
            Err(_) => Entry::Missing,
            Ok(_) if mode.is_err() => Entry::Dangling,
            Ok(_) => kind(&file, deadline),
        };
        Self {
            of_xen: root.join(&format!("{folder}/{OF_XEN}")).exists(),
            executable: mode.is_ok_and(|m| m & 0o111 != 0),
            dpkg: Dpkg::read(root, &path),
            aside: Aside::read(root, &path),
            path,
            entry,
        }
    }

    /// What is wrong with them, where this program is `program`.
    #[must_use]
    pub fn all_findings(scripts: &[Self], program: &str) -> Vec<Finding> {
        if scripts.is_empty() {
            return vec![Finding::error(
                FOLDERS[0],
                "this directory of Xen's scripts is missing",
                "xl looks there for the script of a guest's disk",
                &format!("install -d {0}\nln -s {program} {0}/{NAME}", FOLDERS[0]),
            )];
        }
        // Xen looks where its own scripts are; what lies elsewhere is run by nobody.
        let known = scripts.iter().any(|s| s.of_xen);
        let looked_at = scripts.iter().filter(|s| s.of_xen || !known);
        looked_at.filter_map(|s| s.finding(program)).collect()
    }

    fn finding(&self, program: &str) -> Option<Finding> {
        let path = self.path.as_str();
        let linked = format!("ln -sf {program} {path}");
        let replacement = self.aside.replacement(self.dpkg, path, program);
        match &self.entry {
            // A folder that a package of something else has made is nobody's.
            Entry::Missing if !self.of_xen && !path.starts_with(FOLDERS[0]) => None,
            Entry::Missing => Some(Finding::error(
                path,
                "there is no such script",
                "xl cannot attach a disk that is called drbd:",
                &linked,
            )),
            Entry::Dangling => Some(Finding::error(
                path,
                "it is a link that leads nowhere",
                "xl cannot attach a disk that is called drbd:",
                &format!("# install {program}, then\n{linked}"),
            )),
            Entry::Shell => Some(Finding::error(
                path,
                "it is a shell script, as drbd-utils', and not this program",
                "that script promotes without a look at the peer: a guest may start twice, or go on with a stale copy",
                &replacement,
            )),
            Entry::Other => Some(Finding::error(
                path,
                "it is not this program",
                "xl runs it for guests' disks instead of block-drbd",
                &replacement,
            )),
            Entry::Program(_) if !self.executable => Some(Finding::error(
                path,
                "it may not be executed",
                "xl cannot attach a disk that is called drbd:",
                &format!("chmod 755 {path}"),
            )),
            Entry::Program(version) if version != VERSION => Some(Finding::warning(
                path,
                &format!(
                    "its version is {version}, and that of the commands for people is {VERSION}"
                ),
                "both have to agree on notes, marks and settings",
                "# install both programs of one version",
            )),
            Entry::Program(_) if self.dpkg == Dpkg::Overwrites => Some(Finding::warning(
                path,
                "the package drbd-utils has a file of that name, and no diversion leads it away",
                "its next upgrade puts the shell script here again",
                &diversion(path),
            )),
            Entry::Program(_) => None,
        }
    }
}

/// What a file is. Only a program is run, never a script.
fn kind(file: &Path, deadline: &Deadline) -> Entry {
    let mut head = [0; 4];
    let read = fs::File::open(file).and_then(|mut f| std::io::Read::read_exact(&mut f, &mut head));
    if read.is_err() {
        return Entry::Other;
    }
    if head.starts_with(b"#!") {
        return Entry::Shell;
    }
    if head != *b"\x7fELF" {
        return Entry::Other;
    }
    let output = process::run(file, &["--version"], &deadline.at_most(SHORT));
    let version = output.ok().and_then(|o| {
        let words = o.stdout.strip_prefix("block-drbd ")?;
        Some(words.lines().next()?.trim().to_owned())
    });
    version.map_or(Entry::Other, Entry::Program)
}

/// Where links lead, below that root; at the last one that leads nowhere.
fn resolve(root: &Root, path: &str) -> PathBuf {
    let mut path = PathBuf::from(path);
    // As many as the kernel follows.
    for _ in 0..40 {
        let Ok(target) = fs::read_link(root.join(&path.to_string_lossy())) else {
            break;
        };
        path.pop();
        path = lexically(&path.join(target));
    }
    root.join(&path.to_string_lossy())
}

fn lexically(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{self, Error, Warning};

    fn script(entry: Entry) -> Script {
        Script {
            path: "/etc/xen/scripts/block-drbd".into(),
            of_xen: true,
            entry,
            executable: true,
            dpkg: Dpkg::Leaves,
            aside: Aside::Nothing,
        }
    }

    const PROGRAM: &str = "/usr/local/sbin/block-drbd";

    fn program() -> Script {
        script(Entry::Program(VERSION.into()))
    }

    #[test]
    fn each_finding_has_its_cause() {
        let link = "ln -sf /usr/local/sbin/block-drbd /etc/xen/scripts/block-drbd";
        let rows: [(Script, Severity, &str, &str); 8] = [
            (script(Entry::Missing), Error, "no such script", link),
            (script(Entry::Dangling), Error, "leads nowhere", link),
            (
                script(Entry::Shell),
                Error,
                "shell script",
                "dpkg-divert --divert",
            ),
            (
                Script {
                    dpkg: Dpkg::Absent,
                    ..script(Entry::Shell)
                },
                Error,
                "shell script",
                "mv /etc",
            ),
            (script(Entry::Other), Error, "not this program", link),
            (
                Script {
                    executable: false,
                    ..program()
                },
                Error,
                "executed",
                "chmod 755",
            ),
            (
                script(Entry::Program("0.0.1".into())),
                Warning,
                "0.0.1",
                "one version",
            ),
            (
                Script {
                    dpkg: Dpkg::Overwrites,
                    ..program()
                },
                Warning,
                "diversion",
                "--no-rename",
            ),
        ];
        for (script, severity, what, fix) in rows {
            let found = Script::all_findings(&[script], PROGRAM);
            let [finding] = found.as_slice() else {
                panic!("{what}: {found:?}");
            };
            assert_eq!(finding.severity, severity, "{what}");
            assert!(
                finding.what.contains(what) && finding.fix.contains(fix),
                "{finding:?}"
            );
        }
        assert_eq!(Script::all_findings(&[], PROGRAM)[0].severity, Error);
    }

    #[test]
    fn where_xens_own_scripts_are_known_no_other_folder_counts() {
        let unused = Script {
            of_xen: false,
            ..script(Entry::Shell)
        };
        let used = Script {
            path: "/usr/local/etc/xen/scripts/block-drbd".into(),
            ..program()
        };
        assert_eq!(Script::all_findings(&[unused.clone(), used], PROGRAM), []);
        assert_eq!(Script::all_findings(&[unused], PROGRAM).len(), 1);
    }

    #[test]
    fn this_program_and_folders_of_others_are_in_order() {
        let other = Script {
            path: "/usr/lib/xen/scripts/block-drbd".into(),
            of_xen: false,
            ..script(Entry::Missing)
        };
        assert_eq!(Script::all_findings(&[program(), other], PROGRAM), []);
    }

    #[test]
    fn links_are_followed_below_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let link = |at: &str, to: &str| {
            let at = root.join(at);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(to, at).unwrap();
        };
        link(
            "/etc/xen/scripts/block-drbd",
            "../../alternatives/block-drbd",
        );
        link("/etc/alternatives/block-drbd", "/usr/sbin/block-drbd");
        let file = resolve(&root, "/etc/xen/scripts/block-drbd");
        assert_eq!(file, folder.path().join("usr/sbin/block-drbd"));
        link("/a", "/a");
        resolve(&root, "/a");
    }
}
