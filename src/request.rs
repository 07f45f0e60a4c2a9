//! What the toolstack asks for: an action, and the backend it is about.

use std::ffi::OsString;
use std::fmt;

use serde::{Deserialize, Serialize};

/// `add` or `remove`, the one argument that libxl passes (xen: `tools/libs/light/libxl_linux.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A guest is about to use the disk.
    Add,
    /// A guest has stopped using it.
    Remove,
}

impl Action {
    /// What the toolstack asks for; `None` when it is not the toolstack's way to ask. `key=value`
    /// arguments are passed over, as Xen's block scripts do (xen:
    /// `tools/hotplug/Linux/xen-hotplug-common.sh.in`).
    #[must_use]
    pub fn of_toolstack(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let action = match arguments.next()?.to_str()? {
            "add" => Self::Add,
            "remove" => Self::Remove,
            _ => return None,
        };
        arguments
            .all(|a| a.to_str().is_some_and(is_assignment))
            .then_some(action)
    }
}

/// `key=value`, and no option.
#[must_use]
pub fn is_assignment(text: &str) -> bool {
    matches!(text.split_once('='), Some((key, _)) if !key.is_empty() && !key.starts_with('-'))
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "add",
            Self::Remove => "remove",
        })
    }
}

/// The backend's folder in xenstore, as `XENBUS_PATH` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendPath {
    /// Everything up to and with `backend`: `backend`, or `/local/domain/3/backend`.
    pub base: String,
    /// Kind of device; `vbd` for all that libxl runs this program for.
    pub kind: String,
    /// Domain that uses the device; 0 when pygrub looks into it.
    pub frontend_id: u32,
    /// Number of the virtual device.
    pub device: u32,
}

/// `XENBUS_PATH` is not a backend's folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not set, or empty.
    #[error(
        "XENBUS_PATH is not set: this program is run by Xen's toolstack, as by `xl block-attach`"
    )]
    Missing,
    /// Something else.
    #[error("XENBUS_PATH={0:?} is not of the form backend/vbd/DOMAIN/DEVICE")]
    Form(String),
}

impl BackendPath {
    /// Reads `XENBUS_PATH`: relative, as libxl passes it, or absolute.
    ///
    /// # Errors
    /// When it is missing or of another form.
    pub fn parse(text: Option<&str>) -> Result<Self, PathError> {
        let text = text.filter(|t| !t.is_empty()).ok_or(PathError::Missing)?;
        Self::split(text).ok_or_else(|| PathError::Form(text.to_owned()))
    }

    fn split(text: &str) -> Option<Self> {
        let (home, relative) = match text.strip_prefix("/local/domain/") {
            Some(rest) => {
                let (domain, relative) = rest.split_once('/')?;
                (format!("/local/domain/{}/", number(domain)?), relative)
            }
            None => (String::new(), text),
        };
        let mut parts = relative.split('/');
        let (base, kind) = (parts.next()?, parts.next()?);
        let (frontend_id, device) = (number(parts.next()?)?, number(parts.next()?)?);
        let known = base == "backend" && parts.next().is_none();
        let plain = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric());
        (known && plain).then(|| Self {
            base: format!("{home}{base}"),
            kind: kind.to_owned(),
            frontend_id,
            device,
        })
    }

    /// The path of one node of this backend.
    #[must_use]
    pub fn node(&self, name: &str) -> String {
        format!("{self}/{name}")
    }

    /// The folder with the backends of all domains.
    #[must_use]
    pub fn all(&self) -> String {
        format!("{}/{}", self.base, self.kind)
    }
}

impl fmt::Display for BackendPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{}",
            self.base, self.kind, self.frontend_id, self.device
        )
    }
}

/// Plain decimal digits, as libxl writes them.
fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_1_the_toolstack_says_add_or_remove_and_nothing_else() {
        let asked = |args: &[&str]| Action::of_toolstack(args.iter().map(OsString::from));
        assert_eq!(asked(&["add"]), Some(Action::Add));
        assert_eq!(asked(&["remove"]), Some(Action::Remove));
        assert_eq!(asked(&["add", "a=b", "c="]), Some(Action::Add));
        for args in [
            &[][..],
            &["online"],
            &["Add"],
            &["add "],
            &[""],
            &["add", "remove"],
            &["add", "--force"],
            &["add", "--", "a=b"],
            &["add", "-x=y"],
            &["add", "=x"],
            &["reap"],
        ] {
            assert_eq!(asked(args), None, "{args:?}");
        }
    }

    #[test]
    fn relative_and_absolute_paths_are_read() {
        let path = BackendPath::parse(Some("backend/vbd/7/51714")).unwrap();
        assert_eq!(
            (path.frontend_id, path.device, path.kind.as_str()),
            (7, 51714, "vbd")
        );
        assert_eq!(path.to_string(), "backend/vbd/7/51714");
        assert_eq!(path.all(), "backend/vbd");
        let path = BackendPath::parse(Some("/local/domain/3/backend/vbd/7/51714")).unwrap();
        assert_eq!(
            path.node("state"),
            "/local/domain/3/backend/vbd/7/51714/state"
        );
    }

    #[test]
    fn contract_2_anything_else_is_refused() {
        assert_eq!(BackendPath::parse(None), Err(PathError::Missing));
        assert_eq!(BackendPath::parse(Some("")), Err(PathError::Missing));
        for text in [
            "/",
            "backend",
            "backend/vbd/7",
            "backend/vbd/7/",
            "backend/vbd/7/51714/",
            "backend/vbd/7/51714/state",
            "backend/vbd/x/51714",
            "backend/vbd/-1/51714",
            "backend//7/51714",
            "backend/../7/1",
            "/local/domain/x/backend/vbd/7/51714",
            "/local/domain/0/backend/vbd/7",
            "device/vbd/7/51714",
            "backend/vbd/99999999999/1",
            "backend/vbd/7/51714\n",
            "/vm/backend/vbd/7/51714",
        ] {
            assert_eq!(
                BackendPath::parse(Some(text)),
                Err(PathError::Form(text.into()))
            );
        }
    }
}
