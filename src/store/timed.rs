//! A store that answers in time or not at all.

use std::time::Instant;

use super::together::Together;

/// A store whose operations end by a deadline.
///
/// The traits of `xenstore-rs` know no time, and what undoes a half-made change needs more of it than
/// what makes the change.
pub trait Timed: Together {
    /// Sets the deadline of all operations from now on.
    fn set_deadline(&self, deadline: Instant);
}
