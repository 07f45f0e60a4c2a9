//! What is built from the operations of any store.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::thread;
use std::time::{Duration, Instant};

use xenstore_rs::{Xs, XsTransaction, XsTransactionSpan};

/// The longest pause between two attempts at a transaction.
const LONGEST_PAUSE: Duration = Duration::from_millis(64);

/// Runs `body` in a transaction and commits it, all of it again as long as another client
/// interferes.
///
/// C xenstored reports a conflict even if only an unrelated node was created beside one that `body`
/// creates, as blkback does all the time (xen: `tools/xenstore/xenstored_transaction.c`).
///
/// # Errors
/// * whatever `body` returns but `WouldBlock`; the transaction is then aborted
/// * `TimedOut` if there still is a conflict at `retry_until`
/// * whatever the store says to beginning or committing
pub fn in_transaction<S, T>(
    store: &S,
    retry_until: Instant,
    mut body: impl FnMut(&S::Span) -> io::Result<T>,
) -> io::Result<T>
where
    S: XsTransaction,
    S::Span: XsTransactionSpan,
{
    let mut longest = Duration::from_millis(1);
    for attempt in 1_u32.. {
        let span = store.transaction()?;
        match body(&span).and_then(|result| span.commit().map(|()| result)) {
            Err(conflict) if conflict.kind() == ErrorKind::WouldBlock => {
                let left = retry_until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    let what = format!("{conflict} (attempt {attempt}, no time left)");
                    return Err(io::Error::new(ErrorKind::TimedOut, what));
                }
                thread::sleep(part_of(longest).min(left));
                longest = (longest * 2).min(LONGEST_PAUSE);
            }
            result => return result,
        }
    }
    Err(io::Error::from(ErrorKind::TimedOut))
}

/// Somewhere between nothing and all of `longest`, so that two clients in step get out of it.
fn part_of(longest: Duration) -> Duration {
    let [random, ..] = RandomState::new().hash_one(0_u8).to_ne_bytes();
    longest * u32::from(random) / u32::from(u8::MAX)
}

/// Reads a node which may be missing.
///
/// # Errors
/// Those of [`Xs::read`] but `NotFound`.
pub fn read_optional(store: &impl Xs, path: &str) -> io::Result<Option<Box<str>>> {
    present(store.read(path))
}

/// Reads a node which may be missing or hidden, as other domains' nodes are from a driver domain.
///
/// # Errors
/// Those of [`Xs::read`] but `NotFound` and `PermissionDenied`.
pub fn read_visible(store: &impl Xs, path: &str) -> io::Result<Option<Box<str>>> {
    visible(store.read(path))
}

/// `None` for what is missing.
fn present<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// `None` for what is missing or hidden.
pub(super) fn visible<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match present(read) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(None),
        result => result,
    }
}
