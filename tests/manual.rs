//! The manual says what the program does: codes, settings, exit codes, names of disks, completions.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

#[path = "manual/completion.rs"]
mod completion;
#[path = "manual/pages.rs"]
mod pages;
#[path = "manual/settings.rs"]
mod settings;
