//! `block-drbd reap`: the real program, a real xenstored, a simulated DRBD of both generations.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

#[path = "support/disk.rs"]
#[allow(dead_code, reason = "tests/hotplug.rs uses the rest")]
mod disk;
#[path = "support/host.rs"]
#[allow(dead_code, reason = "tests/hotplug.rs uses the rest")]
mod host;
#[path = "support/ran.rs"]
#[allow(dead_code, reason = "tests/hotplug.rs uses the rest")]
mod ran;
#[path = "support/silence.rs"]
mod silence;
#[path = "support/xen.rs"]
mod xen;

#[path = "reap/left.rs"]
mod left;
#[path = "reap/report.rs"]
mod report;
#[path = "reap/running.rs"]
mod running;
#[path = "reap/used.rs"]
mod used;
#[path = "reap/window.rs"]
mod window;
