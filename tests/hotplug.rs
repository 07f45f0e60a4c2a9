//! `block-drbd add|remove` as Xen's toolstack runs it: the real program, a real xenstored, a
//! simulated DRBD of both generations. One theme a file; a comment names the clauses of the
//! contract that a test checks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

#[path = "support/disk.rs"]
mod disk;
#[path = "support/host.rs"]
mod host;
#[path = "support/ran.rs"]
mod ran;
#[path = "support/silence.rs"]
mod silence;
#[path = "support/xen.rs"]
mod xen;

#[path = "hotplug/attach.rs"]
mod attach;
#[path = "hotplug/detach.rs"]
mod detach;
#[path = "hotplug/double_start.rs"]
mod double_start;
#[path = "hotplug/faults.rs"]
mod faults;
#[path = "hotplug/held_open.rs"]
mod held_open;
#[path = "hotplug/hostile.rs"]
mod hostile;
#[path = "hotplug/interrupted.rs"]
mod interrupted;
#[path = "hotplug/libvirt.rs"]
mod libvirt;
#[path = "hotplug/logs.rs"]
mod logs;
#[path = "hotplug/migration.rs"]
mod migration;
#[path = "hotplug/refusals.rs"]
mod refusals;
#[path = "hotplug/sharing.rs"]
mod sharing;
#[path = "hotplug/surroundings.rs"]
mod surroundings;
#[path = "hotplug/together.rs"]
mod together;
#[path = "hotplug/udev.rs"]
mod udev;
#[path = "hotplug/window.rs"]
mod window;
