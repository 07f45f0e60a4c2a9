//! Where the files of the host are looked for: below `/`, or below `$BLOCK_DRBD_ROOT` in tests.

use std::path::{Path, PathBuf};

/// The environment variable that moves the whole view of the host, for tests only.
pub const VARIABLE: &str = "BLOCK_DRBD_ROOT";

/// The folder that stands for `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Root {
    /// The real `/`, unless the environment names another.
    #[must_use]
    pub fn from_env() -> Self {
        match std::env::var_os(VARIABLE) {
            Some(folder) if !folder.is_empty() => Self(folder.into()),
            _ => Self("/".into()),
        }
    }

    /// That folder.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The host itself, nothing moved.
    #[must_use]
    pub fn is_real(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// Where an absolute path of the host lies.
    #[must_use]
    pub fn join(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }
}
