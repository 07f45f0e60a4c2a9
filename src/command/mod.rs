//! What a command line leads to: one module for each way of being called.

pub mod check;
pub mod doctor;
pub mod explain;
pub mod operator;
pub mod reap;
pub mod status;
pub mod toolstack;

use crate::root::{Root, VARIABLE};

/// Says so where the whole view of the host is moved.
fn warn_of_test(root: &Root) {
    if !root.is_real() {
        log::warn!("{VARIABLE} is set: this is a test, not the host");
    }
}
