//! xenstore: the transport behind the traits of the `xenstore-rs` crate.
//!
//! The program talks to [`xenstore_rs::Xs`], [`xenstore_rs::XsTransaction`] and
//! [`xenstore_rs::XsTransactionSpan`]; behind them stands xenstored ([`Store`]) or, in tests, a
//! store in memory. The crate's own transport has neither deadlines nor transactions and takes any
//! message for the reply it waits for.

mod address;
mod client;
mod connection;
mod error;
#[cfg(any(test, feature = "simulated"))]
pub mod memory;
mod operations;
mod path;
mod retry;
mod timed;
mod together;
mod watch;
mod wire;

pub use address::{Address, addresses};
pub use client::{Span, Store};
pub use error::{Refused, refusal};
pub use retry::{in_transaction, read_optional, read_visible};
pub use timed::Timed;
pub use together::{Together, read_folder};
pub use watch::Watch;
