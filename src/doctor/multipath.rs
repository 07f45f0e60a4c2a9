//! multipathd: whether it leaves DRBD's devices alone.

use std::fs;
use std::time::Duration;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::deadline::Deadline;
use crate::process;
use crate::root::Root;

const PROGRAMS: [&str; 2] = ["/usr/sbin/multipath", "/sbin/multipath"];
const FILE: &str = "/etc/multipath.conf";
const FOLDER: &str = "/etc/multipath/conf.d";
/// For printing its configuration.
const SHORT: Duration = Duration::from_secs(5);

/// What it is set to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Multipath {
    /// multipathd runs.
    pub runs: bool,
    /// Names of devices that it leaves alone, as patterns.
    pub blacklist: Vec<String>,
    /// Names that it does not, although they are among those.
    pub exceptions: Vec<String>,
}

impl Multipath {
    /// Reads it, where it runs: what is built in is told by `multipath -t` only.
    #[must_use]
    pub fn read(root: &Root, deadline: &Deadline) -> Self {
        if !runs(root) {
            return Self::default();
        }
        let program = PROGRAMS.iter().map(|p| root.join(p)).find(|p| p.exists());
        let told = program.and_then(|program| {
            let output = process::run(&program, &["-t"], &deadline.at_most(SHORT)).ok()?;
            (output.code == Some(0) && !output.stdout.is_empty()).then_some(output.stdout)
        });
        let text = told.unwrap_or_else(|| files(root));
        let (blacklist, exceptions) = patterns(&text);
        Self {
            runs: true,
            blacklist,
            exceptions,
        }
    }

    /// Whether it leaves a device alone (`multipath.conf(5)`, "blacklist section").
    #[must_use]
    pub fn leaves(&self, device: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|p| matches(p, device));
        any(&self.blacklist) && !any(&self.exceptions)
    }

    /// What is wrong with it.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        if !self.runs || self.leaves("drbd1") {
            return Vec::new();
        }
        vec![Finding::warning(
            "multipathd",
            "nothing tells it to leave DRBD's devices alone",
            "it opens them, and a device that is open cannot be demoted, nor promoted on a peer",
            &format!(
                "install -d {FOLDER}\nprintf 'blacklist {{\\n  devnode \"^drbd[0-9]+\"\\n}}\\n' >{FOLDER}/drbd.conf\nsystemctl reload multipathd.service"
            ),
        )]
    }
}

fn runs(root: &Root) -> bool {
    let processes = fs::read_dir(root.join("/proc")).into_iter().flatten();
    let mut names = processes
        .flatten()
        .filter(|p| {
            p.file_name()
                .as_encoded_bytes()
                .first()
                .is_some_and(u8::is_ascii_digit)
        })
        .filter_map(|p| fs::read_to_string(p.path().join("comm")).ok());
    names.any(|name| name.trim() == "multipathd")
}

/// The file, and those beside it in order of their names.
fn files(root: &Root) -> String {
    let entries = fs::read_dir(root.join(FOLDER)).into_iter().flatten();
    let mut more: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    more.retain(|p| p.extension().is_some_and(|e| e == "conf"));
    more.sort();
    let all = [root.join(FILE)].into_iter().chain(more);
    let texts = all.filter_map(|p| fs::read_to_string(p).ok());
    texts.collect::<Vec<_>>().join("\n")
}

/// The values of `devnode` in `blacklist` and in `blacklist_exceptions`.
fn patterns(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut blacklist, mut exceptions) = (Vec::new(), Vec::new());
    let mut sections: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', '!']) {
            continue;
        }
        let name = line.split([' ', '\t', '{']).next().unwrap_or_default();
        if line.contains('{') && !line.contains('"') {
            sections.push(name);
        } else if line.starts_with('}') {
            sections.pop();
        } else if name == "devnode" {
            let value = line[name.len()..].trim().trim_matches('"').to_owned();
            match sections.as_slice() {
                ["blacklist"] => blacklist.push(value),
                ["blacklist_exceptions"] => exceptions.push(value),
                _ => {}
            }
        }
    }
    (blacklist, exceptions)
}

/// A `!` in front means whatever does not match; `*` alone means all.
fn matches(pattern: &str, device: &str) -> bool {
    let (no, pattern) = match pattern.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    if pattern == "*" {
        return !no;
    }
    Regex::new(pattern).is_ok_and(|p| p.is_match(device) != no)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Multipath {
        let (blacklist, exceptions) = patterns(text);
        Multipath {
            runs: true,
            blacklist,
            exceptions,
        }
    }

    #[test]
    fn drbd_has_to_be_on_its_blacklist() {
        for (text, left) in [
            ("", false),
            ("blacklist {\n\tdevnode \"^drbd[0-9]+\"\n}\n", true),
            (
                "blacklist {\n\tdevnode \"!^(sd[a-z]|dasd[a-z]|nvme[0-9])\"\n}\n",
                true,
            ),
            (
                "blacklist {\n\tdevnode \"^(ram|zram|raw|loop|fd|md|dm-|sr|scd|st|dcssblk)[0-9]\"\n}\n",
                false,
            ),
            ("blacklist {\n devnode \"*\"\n}\n", true),
            (
                "blacklist {\n devnode \".*\"\n}\nblacklist_exceptions {\n devnode \"^drbd\"\n}\n",
                false,
            ),
            (
                "blacklist {\n device {\n  vendor \"x{\"\n }\n devnode ^drbd\n}\n",
                true,
            ),
            ("# blacklist {\ndefaults {\n devnode \"^drbd\"\n}\n", false),
        ] {
            assert_eq!(of(text).leaves("drbd1"), left, "{text}");
            assert_eq!(of(text).findings().len(), usize::from(!left), "{text}");
        }
    }

    #[test]
    fn only_one_that_runs_is_in_the_way() {
        assert_eq!(Multipath::default().findings(), []);
    }
}
