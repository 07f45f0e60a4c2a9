//! The transport, against both real daemons and against peers which break the protocol.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

#[path = "xenstore/connecting.rs"]
mod connecting;
#[path = "xenstore/nodes.rs"]
mod nodes;
#[path = "xenstore/protocol.rs"]
mod protocol;
#[path = "xenstore/transactions.rs"]
mod transactions;
#[path = "support/xen.rs"]
mod xen;

use std::time::{Duration, Instant};

use block_drbd::store::Store;
use xen::Xenstored;

const BACKEND: &str = "/local/domain/0/backend/vbd/5/51714";

fn seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

fn open(daemon: &Xenstored) -> Store {
    Store::open_at(&daemon.socket(), seconds(20)).unwrap()
}
