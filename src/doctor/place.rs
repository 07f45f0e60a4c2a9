//! Where this program lies, for commands that name it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where packages and `make install` put it; where a package has it in /usr/bin (Fedora 42), /usr/sbin leads there.
const PROGRAM: &str = "/usr/sbin/block-drbd";
const NAME: &str = "block-drbd";
/// libvirt's hook, beside the program with the commands for people.
const HOOK: &str = "libvirt-libxl-hook";
const FOLDER: &str = "/usr/libexec/block-drbd";

/// The files that have to be put somewhere else, or led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What Xen's toolstack runs.
    pub program: PathBuf,
    /// libvirt's hook.
    pub hook: PathBuf,
}

impl Place {
    /// By how this process was called: `block-drbd` hands over with its own path for a name.
    #[must_use]
    pub fn read() -> Self {
        let called = std::env::args_os().next().map(PathBuf::from);
        Self::of(called, std::env::current_exe().ok())
    }

    /// By the name under which the program with the commands for people was called, and where that lies.
    fn of(called: Option<PathBuf>, operator: Option<PathBuf>) -> Self {
        // Whoever calls the other program by hand gives it another name.
        let program = called
            .filter(|p| p.is_absolute() && p.file_name().is_some_and(|n| n == NAME) && p.exists());
        let hook = operator.and_then(|p| Some(p.parent()?.join(HOOK)));
        Self {
            program: program.unwrap_or_else(|| PROGRAM.into()),
            hook: hook
                .filter(|p| p.exists())
                .unwrap_or_else(|| Path::new(FOLDER).join(HOOK)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_where_the_program_was_called_or_where_packages_put_it() {
        let packaged = Place {
            program: PROGRAM.into(),
            hook: "/usr/libexec/block-drbd/libvirt-libxl-hook".into(),
        };
        let folder = tempfile::tempdir().unwrap();
        let [program, operator, hook] =
            [NAME, "block-drbd-operator", HOOK].map(|name| folder.path().join(name));
        assert_eq!(Place::of(None, None), packaged);
        assert_eq!(
            Place::of(Some("block-drbd".into()), Some(operator.clone())),
            packaged
        );
        // What is not there is named to nobody.
        assert_eq!(
            Place::of(Some(program.clone()), Some(operator.clone())),
            packaged
        );
        std::fs::write(&operator, "").unwrap();
        assert_eq!(Place::of(Some(operator.clone()), None), packaged);
        std::fs::write(&program, "").unwrap();
        std::fs::write(&hook, "").unwrap();
        let place = Place::of(Some(program.clone()), Some(operator));
        assert_eq!(place, Place { program, hook });
    }
}
