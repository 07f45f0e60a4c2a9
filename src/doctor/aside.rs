//! What became of drbd-utils' script, and so what has to become of another one in its place.

use std::fs;

use serde::{Deserialize, Serialize};

use super::dpkg::Dpkg;
use crate::root::Root;

/// drbd-utils' script, `block-drbd.drbd-utils` where this program has taken its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aside {
    /// It was not moved aside.
    Nothing,
    /// It lies beside.
    Beside,
    /// A link leads there: somebody went back to it.
    Back,
}

impl Aside {
    /// Of the script at `path`.
    #[must_use]
    pub fn read(root: &Root, path: &str) -> Self {
        let kept = kept(path);
        let name = kept.rsplit('/').next().unwrap_or_default();
        if fs::read_link(root.join(path)).is_ok_and(|target| target.ends_with(name)) {
            Self::Back
        } else if fs::symlink_metadata(root.join(&kept)).is_ok() {
            Self::Beside
        } else {
            Self::Nothing
        }
    }

    /// The commands that put a link to `program` in the place of another script, and lose nothing.
    #[must_use]
    pub fn replacement(self, dpkg: Dpkg, path: &str, program: &str) -> String {
        let mut commands = Vec::new();
        match self {
            Self::Back => {}
            Self::Nothing if dpkg != Dpkg::Diverts => {
                commands.push(format!("mv {path} {}", kept(path)));
            }
            // That name is taken, or drbd-utils' own.
            Self::Nothing | Self::Beside => commands.push(format!("mv {path} {path}.old")),
        }
        if matches!(dpkg, Dpkg::Leaves | Dpkg::Overwrites) {
            commands.push(diversion(path));
        }
        commands.push(format!("ln -sf {program} {path}"));
        commands.join("\n")
    }
}

/// The command that leads packages' files away from there.
#[must_use]
pub fn diversion(path: &str) -> String {
    format!(
        "dpkg-divert --divert {} --no-rename --add {path}",
        kept(path)
    )
}

fn kept(path: &str) -> String {
    format!("{path}.drbd-utils")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/etc/xen/scripts/block-drbd";

    #[test]
    fn nothing_is_lost_by_the_replacement() {
        let linked = format!("ln -sf /sbin/ours {PATH}");
        let old = format!("mv {PATH} {PATH}.old");
        let kept = format!("mv {PATH} {PATH}.drbd-utils");
        let diverted = diversion(PATH);
        for (aside, dpkg, commands) in [
            (Aside::Nothing, Dpkg::Absent, vec![&kept, &linked]),
            (Aside::Beside, Dpkg::Absent, vec![&old, &linked]),
            (Aside::Back, Dpkg::Absent, vec![&linked]),
            (
                Aside::Nothing,
                Dpkg::Overwrites,
                vec![&kept, &diverted, &linked],
            ),
            (Aside::Beside, Dpkg::Leaves, vec![&old, &diverted, &linked]),
            (Aside::Back, Dpkg::Overwrites, vec![&diverted, &linked]),
            (Aside::Nothing, Dpkg::Diverts, vec![&old, &linked]),
            (Aside::Beside, Dpkg::Diverts, vec![&old, &linked]),
            (Aside::Back, Dpkg::Diverts, vec![&linked]),
        ] {
            let commands: Vec<&str> = commands.into_iter().map(String::as_str).collect();
            let fix = aside.replacement(dpkg, PATH, "/sbin/ours");
            assert_eq!(fix, commands.join("\n"), "{aside:?}, {dpkg:?}");
        }
    }

    #[test]
    fn where_it_is_kept_it_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let script = root.join(PATH);
        fs::create_dir_all(script.parent().unwrap()).unwrap();
        assert_eq!(Aside::read(&root, PATH), Aside::Nothing);
        fs::write(root.join(&kept(PATH)), "").unwrap();
        assert_eq!(Aside::read(&root, PATH), Aside::Beside);
        std::os::unix::fs::symlink("block-drbd.drbd-utils", script).unwrap();
        assert_eq!(Aside::read(&root, PATH), Aside::Back);
    }
}
