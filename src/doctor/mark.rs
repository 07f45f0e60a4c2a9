//! Marks of libvirt's hook that do not count any more.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, quoted};
use crate::host::incoming;
use crate::root::Root;

/// A mark that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Its file.
    pub path: String,
    /// Why it does not.
    pub why: String,
}

impl Mark {
    /// All of them.
    #[must_use]
    pub fn read(root: &Root) -> Vec<Self> {
        let stale = incoming::stale(root).into_iter();
        stale.map(|(path, why)| Self { path, why }).collect()
    }

    /// What is wrong with it.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let whole = self.path == incoming::FOLDER;
        let fix = if whole {
            format!("chown root:root {0}\nchmod 700 {0}", incoming::FOLDER)
        } else {
            format!("rm {}", quoted(&self.path))
        };
        let why = if whole {
            "no mark in it counts, so live migrations under libvirt are refused"
        } else {
            "libvirt's hook left it; it does no harm, and says that a migration was given up or took too long"
        };
        if whole {
            Finding::warning(&self.path, &self.why, why, &fix)
        } else {
            Finding::note(
                &self.path,
                &format!("this mark does not count: {}", self.why),
                why,
                &fix,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{Note, Warning};

    #[test]
    fn a_mark_is_removed_and_the_folder_given_back() {
        let mark = |path: &str| {
            let why = "it has expired".to_owned();
            Mark {
                path: path.into(),
                why,
            }
            .finding()
        };
        let found = mark("/run/block-drbd/incoming/a b");
        assert_eq!(
            (found.severity, found.fix.as_str()),
            (Note, "rm '/run/block-drbd/incoming/a b'")
        );
        assert_eq!(mark(incoming::FOLDER).severity, Warning);
    }
}
