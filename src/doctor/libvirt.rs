//! libvirt's hook, without which its live migrations are refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::root::Root;

/// Its daemons that serve guests on Xen.
const DAEMONS: [(&str, &str); 2] = [
    ("/usr/sbin/virtxend", "virtxend"),
    ("/usr/sbin/libvirtd", "libvirtd"),
];
/// Where its drivers lie; below `/usr/lib` in a folder of the machine's name, too.
const DRIVER: &str = "libvirt/connection-driver/libvirt_driver_libxl.so";
const HOOK: &str = "/etc/libvirt/hooks/libxl.d/block-drbd";
/// The only place before libvirt 6.5.
const OLD_HOOK: &str = "/etc/libvirt/hooks/libxl";
/// What the hook leaves, and so what shows that a script is it.
const MARKS: &str = "$run/incoming";

/// What there is of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Libvirt {
    /// The daemons that may serve guests on Xen, where libvirt has the driver for that.
    pub daemons: Vec<String>,
    /// Scripts of its hooks that are this project's: path, and whether it may be executed.
    pub hooks: Vec<(String, bool)>,
}

impl Libvirt {
    /// Reads it.
    #[must_use]
    pub fn read(root: &Root) -> Self {
        let installed = DAEMONS.iter().filter(|(path, _)| root.join(path).exists());
        let names = installed.map(|(_, name)| (*name).to_owned());
        Self {
            daemons: if has_driver(root) {
                names.collect()
            } else {
                Vec::new()
            },
            hooks: hooks(root),
        }
    }

    /// What is wrong with it, where the hook to be put in place is `hook`.
    #[must_use]
    pub fn findings(&self, hook: &str) -> Vec<Finding> {
        if self.daemons.is_empty() {
            return Vec::new();
        }
        let why = "nothing tells a guest that libvirt receives from one that starts, so its live migrations are refused";
        // What does not run looks for its hooks when it starts.
        let units = self.daemons.iter().map(|name| format!(" {name}.service"));
        let restart = format!("systemctl try-restart{}", units.collect::<String>());
        let mut found: Vec<Finding> = self
            .hooks
            .iter()
            .filter(|(_, executable)| !executable)
            .map(|(path, _)| {
                let fix = format!("chmod 755 {path}\n{restart}");
                Finding::warning(path, "libvirt's hook may not be executed", why, &fix)
            })
            .collect();
        if self.hooks.is_empty() {
            found.push(Finding::note(
                HOOK,
                "libvirt is here, and this hook is not",
                why,
                &format!("install -D -m 755 {hook} {HOOK}\n{restart}"),
            ));
        }
        found
    }
}

fn has_driver(root: &Root) -> bool {
    let usual = ["/usr/lib64", "/usr/lib"].map(|f| root.join(f));
    let machines = fs::read_dir(root.join("/usr/lib")).into_iter().flatten();
    let machines = machines.flatten().map(|e| e.path());
    let mut folders = usual.into_iter().chain(machines.filter(|p| p.is_dir()));
    folders.any(|f| f.join(DRIVER).exists())
}

fn hooks(root: &Root) -> Vec<(String, bool)> {
    let folder = Path::new(HOOK).parent().unwrap_or(Path::new("/"));
    let entries = fs::read_dir(root.join(&folder.to_string_lossy()));
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| folder.join(e.file_name()))
        .collect();
    paths.push(OLD_HOOK.into());
    paths.sort();
    let hook = |path: PathBuf| {
        let path = path.to_string_lossy().into_owned();
        let file = root.join(&path);
        let text = fs::read(&file).ok()?;
        let text = String::from_utf8_lossy(&text);
        let mode = fs::metadata(&file).ok()?.permissions().mode();
        is_ours(&text).then_some((path, mode & 0o111 != 0))
    };
    paths.into_iter().filter_map(hook).collect()
}

fn is_ours(text: &str) -> bool {
    text.contains("block-drbd") && text.contains(MARKS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{Note, Warning};

    #[test]
    fn each_finding_has_its_cause() {
        let with = |hooks: &[(&str, bool)]| Libvirt {
            daemons: vec!["virtxend".into(), "libvirtd".into()],
            hooks: hooks.iter().map(|(p, x)| ((*p).to_owned(), *x)).collect(),
        };
        assert_eq!(with(&[(HOOK, true)]).findings("/hook"), []);
        let found = with(&[]).findings("/hook");
        assert_eq!((found.len(), found[0].severity), (1, Note));
        assert_eq!(
            found[0].fix,
            "install -D -m 755 /hook /etc/libvirt/hooks/libxl.d/block-drbd\nsystemctl try-restart virtxend.service libvirtd.service"
        );
        let found = with(&[(OLD_HOOK, false)]).findings("/hook");
        assert_eq!((found.len(), found[0].severity), (1, Warning));
        assert!(
            found[0]
                .fix
                .starts_with("chmod 755 /etc/libvirt/hooks/libxl\n")
        );
        assert_eq!(Libvirt::default().findings("/hook"), []);
    }

    #[test]
    fn the_hook_and_the_driver_are_found_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let put = |path: &str, text: &str| {
            let file = root.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        put("/usr/sbin/libvirtd", "");
        put("/etc/libvirt/hooks/libxl.d/other", "#!/bin/sh\n");
        assert_eq!(Libvirt::read(&root), Libvirt::default());
        put(&format!("/usr/lib/x86_64-linux-gnu/{DRIVER}"), "");
        put(HOOK, include_str!("../../hotplug/libvirt-libxl-hook"));
        let libvirt = Libvirt::read(&root);
        assert_eq!(libvirt.daemons, ["libvirtd"]);
        assert_eq!(libvirt.hooks, [(HOOK.to_owned(), false)]);
    }
}
