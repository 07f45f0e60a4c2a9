//! `block-drbd status`: what it makes of recordings of real DRBD, what it marks, and the real program
//! with a real xenstored and a simulated DRBD of both generations.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

#[path = "recordings/blocks.rs"]
#[allow(dead_code, reason = "tests/recordings.rs uses the rest")]
mod blocks;
#[path = "support/disk.rs"]
#[allow(dead_code, reason = "tests/hotplug.rs uses the rest")]
mod disk;
#[path = "support/host.rs"]
#[allow(dead_code, reason = "tests/hotplug.rs uses the rest")]
mod host;
#[path = "support/ran.rs"]
#[allow(dead_code, reason = "tests/hotplug.rs uses the rest")]
mod ran;
#[path = "reap/running.rs"]
#[allow(dead_code, reason = "tests/reap.rs uses the rest")]
mod running;
#[path = "support/xen.rs"]
mod xen;

#[path = "status/marked.rs"]
mod marked;
#[path = "status/program.rs"]
mod program;
#[path = "status/recorded.rs"]
mod recorded;
#[path = "status/shape.rs"]
mod shape;
#[path = "status/watched.rs"]
mod watched;
