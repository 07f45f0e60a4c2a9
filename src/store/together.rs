//! Several questions to the store at once.

use std::io;

use xenstore_rs::Xs;

use super::retry::visible;

/// A store that may be asked for several nodes before it is waited for.
pub trait Together: Xs + Sized {
    /// Reads nodes which may be missing or hidden, in that order.
    /// See [`read_visible`](super::read_visible).
    ///
    /// # Errors
    /// Those of [`Xs::read`], but for the two.
    fn read_together(&self, paths: &[String]) -> io::Result<Vec<Option<Box<str>>>> {
        paths.iter().map(|path| visible(self.read(path))).collect()
    }

    /// Names of the children of nodes, in that order; none of one that is missing or hidden.
    ///
    /// # Errors
    /// Those of [`Xs::directory`], but for the two.
    fn list_together(&self, paths: &[String]) -> io::Result<Vec<Vec<Box<str>>>> {
        let list = |path: &String| visible(self.directory(path)).map(Option::unwrap_or_default);
        paths.iter().map(list).collect()
    }
}

/// Reads that many nodes of one folder together.
///
/// # Errors
/// Those of [`Together::read_together`].
pub fn read_folder<const N: usize>(
    store: &impl Together,
    folder: &str,
    names: [&str; N],
) -> io::Result<[Option<Box<str>>; N]> {
    let mut values = store
        .read_together(&names.map(|name| format!("{folder}/{name}")))?
        .into_iter();
    // One for each is what they are.
    Ok(names.map(|_| values.next().flatten()))
}
