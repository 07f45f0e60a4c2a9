//! `block-drbd doctor`: the real program, a real xenstored, a simulated DRBD of both generations.

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
#[path = "reap/running.rs"]
#[allow(dead_code, reason = "tests/reap.rs uses the rest")]
mod running;
#[path = "support/xen.rs"]
mod xen;

#[path = "doctor/absent.rs"]
mod absent;
#[path = "doctor/found.rs"]
mod found;
#[path = "doctor/report.rs"]
mod report;
#[path = "doctor/sound.rs"]
mod sound;
