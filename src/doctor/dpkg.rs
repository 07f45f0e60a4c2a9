//! What Debian's packages do about a file.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::root::Root;

/// Who else may put a file there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dpkg {
    /// There are no such packages.
    Absent,
    /// They leave it alone.
    Leaves,
    /// A diversion leads their files away from there.
    Diverts,
    /// drbd-utils has a file of that name, which its next upgrade puts there again.
    Overwrites,
}

impl Dpkg {
    /// Reads it.
    #[must_use]
    pub fn read(root: &Root, path: &str) -> Self {
        if !root.join("/usr/bin/dpkg-divert").exists() {
            Self::Absent
        } else if is_diverted(root, path) {
            Self::Diverts
        } else if is_drbd_utils(root, path) {
            Self::Overwrites
        } else {
            Self::Leaves
        }
    }
}

/// Whether drbd-utils' package has that file (dpkg: `/var/lib/dpkg/info/PACKAGE.list`).
fn is_drbd_utils(root: &Root, path: &str) -> bool {
    let list = fs::read_to_string(root.join("/var/lib/dpkg/info/drbd-utils.list"));
    list.is_ok_and(|files| files.lines().any(|f| f == path))
}

/// Whether a diversion leads packages' files away from there (dpkg: three lines for each).
fn is_diverted(root: &Root, path: &str) -> bool {
    let all = fs::read_to_string(root.join("/var/lib/dpkg/diversions")).unwrap_or_default();
    all.lines().step_by(3).any(|f| f == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_diversions_tell_who_puts_a_file_there() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let path = "/etc/xen/scripts/block-drbd";
        let put = |file: &str, text: &str| {
            let file = root.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        assert_eq!(Dpkg::read(&root, path), Dpkg::Absent);
        put("/usr/bin/dpkg-divert", "");
        assert_eq!(Dpkg::read(&root, path), Dpkg::Leaves);
        put(
            "/var/lib/dpkg/info/drbd-utils.list",
            &format!("/.\n{path}\n"),
        );
        assert_eq!(Dpkg::read(&root, path), Dpkg::Overwrites);
        // Of another file, with this one in the place of its new name.
        put("/var/lib/dpkg/diversions", &format!("/other\n{path}\n:\n"));
        assert_eq!(Dpkg::read(&root, path), Dpkg::Overwrites);
        put(
            "/var/lib/dpkg/diversions",
            &format!("{path}\n{path}.drbd-utils\nxen-block-drbd\n"),
        );
        assert_eq!(Dpkg::read(&root, path), Dpkg::Diverts);
    }
}
