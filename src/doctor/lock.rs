//! Locks that somebody keeps longer than any run takes.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::sys::stat::{major, minor};
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::root::Root;

const FOLDER: &str = "/run/block-drbd/lock";
/// That of all of Xen's block scripts (xen: `tools/hotplug/Linux/locking.sh`).
const BLOCK: &str = "/var/run/xen-hotplug/block";
/// Seconds: the longest run is that of `reap`, which ends after 300.
const LONGEST: u64 = 320;

/// A lock that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Its file.
    pub path: String,
    /// Who holds it.
    pub pid: u32,
    /// The name of that command.
    pub command: String,
    /// For how many seconds that process has existed.
    pub age: u64,
}

impl Lock {
    /// Those that matter here and are held now, by the kernel's own list.
    #[must_use]
    pub fn read(root: &Root) -> Vec<Self> {
        let text = fs::read_to_string(root.join("/proc/locks")).unwrap_or_default();
        // `1: FLOCK ADVISORY WRITE 708 00:1a:42 0 EOF`; those who wait have `->` in front.
        let held: Vec<(&str, u32)> = text
            .lines()
            .filter_map(|line| {
                let words: Vec<&str> = line.split_ascii_whitespace().collect();
                match words.as_slice() {
                    [_, "FLOCK", _, _, pid, file, ..] => Some((*file, pid.parse().ok()?)),
                    _ => None,
                }
            })
            .collect();
        if held.is_empty() {
            return Vec::new();
        }
        let entries = fs::read_dir(root.join(FOLDER)).into_iter().flatten();
        let names = entries
            .flatten()
            .filter_map(|e| e.file_name().into_string().ok());
        let paths = names
            .map(|n| format!("{FOLDER}/{n}"))
            .chain([BLOCK.to_owned()]);
        let mut found: Vec<Self> = paths
            .filter_map(|path| {
                let status = fs::metadata(root.join(&path)).ok()?;
                let (major, minor) = (major(status.dev()), minor(status.dev()));
                let file = format!("{major:02x}:{minor:02x}:{}", status.ino());
                let pid = held.iter().find(|(f, _)| *f == file)?.1;
                Some(Self {
                    path,
                    pid,
                    command: command(root, pid),
                    age: age(root, pid)?,
                })
            })
            .collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    /// What is wrong with them.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        let Self {
            path,
            pid,
            command,
            age,
        } = self;
        let what = format!(
            "{command} (pid {pid}) may have kept it for {} minutes",
            age / 60
        );
        let why = "whoever needs this lock waits for it until its time is over: guests do not start, and nothing is reaped";
        // Which step it hangs in tells whether it may be killed.
        let fix = format!("ps -o pid,stat,wchan:32,etime,args -p {pid}\n# if it hangs: kill {pid}");
        (*age > LONGEST).then(|| Finding::warning(path, &what, why, &fix))
    }
}

fn command(root: &Root, pid: u32) -> String {
    let name = fs::read_to_string(root.join(&format!("/proc/{pid}/comm"))).unwrap_or_default();
    name.trim().to_owned()
}

/// Seconds since a process was started (`proc_pid_stat(5)`: the 22nd field, in hundredths on Linux).
fn age(root: &Root, pid: u32) -> Option<u64> {
    let text = fs::read_to_string(root.join(&format!("/proc/{pid}/stat"))).ok()?;
    // The name in front is in brackets, and may hold some itself.
    let (_, fields) = text.rsplit_once(')')?;
    let start: u64 = fields.split_ascii_whitespace().nth(19)?.parse().ok()?;
    let uptime = fs::read_to_string(root.join("/proc/uptime")).ok()?;
    let uptime: u64 = uptime.split('.').next()?.parse().ok()?;
    Some(uptime.saturating_sub(start / 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lock_that_is_kept_too_long_is_told_of() {
        let lock = |age| Lock {
            path: BLOCK.into(),
            pid: 77,
            command: "flock".into(),
            age,
        };
        assert_eq!(lock(LONGEST).finding(), None);
        let found = lock(600).finding().unwrap();
        assert_eq!(found.what, "flock (pid 77) may have kept it for 10 minutes");
        assert!(found.fix.contains("kill 77"));
    }

    #[test]
    fn the_kernels_list_names_the_holder() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let put = |path: &str, text: &str| {
            let file = root.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            fs::metadata(file).unwrap()
        };
        let status = put(&format!("{FOLDER}/web-root"), "");
        put(&format!("{FOLDER}/free"), "");
        let (major, minor) = (major(status.dev()), minor(status.dev()));
        let file = format!("{major:02x}:{minor:02x}:{}", status.ino());
        put(
            "/proc/locks",
            &format!(
                "1: FLOCK  ADVISORY  WRITE 77 {file} 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 78 {file} 0 EOF\n"
            ),
        );
        put("/proc/uptime", "5000.25 1.0\n");
        put("/proc/77/comm", "block-drbd\n");
        put(
            "/proc/77/stat",
            "77 (a) b) S 1 77 77 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100000 0 0\n",
        );
        let expected = Lock {
            path: format!("{FOLDER}/web-root"),
            pid: 77,
            command: "block-drbd".into(),
            age: 4000,
        };
        assert_eq!(Lock::read(&root), [expected]);
    }
}
