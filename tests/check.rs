//! `block-drbd check`: the real program, a real xenstored, a simulated DRBD of both generations. What it
//! says beforehand is held against what `add` then does.

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

#[path = "check/foretold.rs"]
mod foretold;
#[path = "check/other_host.rs"]
mod other_host;
#[path = "check/receiving.rs"]
mod receiving;
#[path = "check/report.rs"]
mod report;
#[path = "check/starting.rs"]
mod starting;
