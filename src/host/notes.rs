//! What this program did to a resource and has not taken back: one empty file a resource, so that
//! a later run knows what is its own.

use std::fmt;
use std::fs;
use std::io;
use std::time::Duration;

use super::linux::FOLDER;
use super::lock;
use crate::root::Root;

/// What is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// The resource was made Primary.
    Promotion,
    /// Two primaries were allowed at run time.
    Window,
}

impl Note {
    fn folder(self, root: &Root) -> std::path::PathBuf {
        let name = match self {
            Self::Promotion => "promoted",
            Self::Window => "window",
        };
        root.join(&format!("{FOLDER}/{name}"))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Promotion => "the promotion",
            Self::Window => "the window",
        })
    }
}

/// Writes a note. Names of resources hold no `/`: see [`crate::spec::check_name`].
///
/// # Errors
/// When the file cannot be written.
pub fn write(root: &Root, note: Note, resource: &str) -> io::Result<()> {
    let folder = note.folder(root);
    let path = folder.join(resource);
    match fs::write(&path, "") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            lock::create_folder(&folder)?;
            fs::write(&path, "")
        }
        other => other,
    }
}

/// Drops a note, if it is there.
///
/// # Errors
/// When the file cannot be removed.
pub fn drop(root: &Root, note: Note, resource: &str) -> io::Result<()> {
    match fs::remove_file(note.folder(root).join(resource)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Whether a note stands.
#[must_use]
pub fn stands(root: &Root, note: Note, resource: &str) -> bool {
    note.folder(root).join(resource).exists()
}

/// How long ago it was written; `None` where that is not known.
#[must_use]
pub fn age(root: &Root, note: Note, resource: &str) -> Option<Duration> {
    let written = fs::metadata(note.folder(root).join(resource)).ok()?;
    written.modified().ok()?.elapsed().ok()
}

/// The resources with such a note.
#[must_use]
pub fn all(root: &Root, note: Note) -> Vec<String> {
    let entries = fs::read_dir(note.folder(root)).into_iter().flatten();
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| crate::spec::check_name(name).is_ok())
        .collect()
}
