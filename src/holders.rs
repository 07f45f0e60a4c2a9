//! What on this host itself holds a DRBD device: mounts, swap, device-mapper, md, loop devices.

use std::fmt;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::sys::stat::{major, minor};
use serde::{Deserialize, Serialize};

use crate::backend::DRBD_MAJOR;
use crate::root::Root;

/// Something that holds a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holder {
    /// A mounted file system.
    Mount {
        /// Minor of the device.
        minor: u32,
        /// Where it is mounted.
        on: String,
    },
    /// Swap space.
    Swap {
        /// Minor of the device.
        minor: u32,
    },
    /// A block device on top of it: LVM, another device-mapper target, md, bcache, loop.
    Device {
        /// Minor of the device.
        minor: u32,
        /// `dm-3`, and `vg-lv` behind it where it has a name.
        name: String,
    },
    /// A process that has it open; it may just be looking at what is on it.
    Process {
        /// Minor of the device.
        minor: u32,
        /// Name of the command.
        command: String,
        /// Process id.
        pid: u32,
    },
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mount { minor, on } => write!(f, "/dev/drbd{minor} is mounted on {on}"),
            Self::Swap { minor } => write!(f, "/dev/drbd{minor} is swap space"),
            Self::Device { minor, name } => write!(f, "/dev/drbd{minor} is held by {name}"),
            Self::Process { minor, .. } => write!(f, "/dev/drbd{minor} is {}", self.short()),
        }
    }
}

impl Holder {
    /// Minor of the device.
    #[must_use]
    pub fn minor(&self) -> u32 {
        match self {
            Self::Mount { minor, .. }
            | Self::Swap { minor }
            | Self::Device { minor, .. }
            | Self::Process { minor, .. } => *minor,
        }
    }

    /// One that may go by itself soon, as a backup's: for a promotion of this program it is waited for, like a
    /// process that has the device open.
    #[must_use]
    pub fn is_loop(&self) -> bool {
        matches!(self, Self::Device { name, .. } if name.starts_with("loop"))
    }

    /// What it is, without the device: `mounted on /mnt`.
    #[must_use]
    pub fn short(&self) -> String {
        let text = match self {
            Self::Mount { on, .. } => format!("mounted on {on}"),
            Self::Swap { .. } => "swap space".to_owned(),
            Self::Device { name, .. } => format!("held by {name}"),
            Self::Process { command, pid, .. } => format!("open in {command} (pid {pid})"),
        };
        crate::words::short(&text, 80)
    }
}

/// All holders of those minors.
#[must_use]
pub fn holders(root: &Root, minors: &[u32]) -> Vec<Holder> {
    let mut found = mounts(root, "self", minors);
    let swaps = fs::read_to_string(root.join("/proc/swaps")).unwrap_or_default();
    for line in swaps.lines().skip(1) {
        let source = line.split_ascii_whitespace().next().unwrap_or_default();
        if let Some(minor) = drbd_minor(root, &unescape(source)).filter(|m| minors.contains(m)) {
            found.push(Holder::Swap { minor });
        }
    }
    for minor in minors {
        let folder = root.join(&format!("/sys/block/drbd{minor}/holders"));
        for holder in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = holder.file_name().to_string_lossy().into_owned();
            found.push(Holder::Device {
                minor: *minor,
                name: full_name(root, &name),
            });
        }
    }
    found.extend(loops(root, minors));
    found
}

/// Loop devices on top: the kernel makes no link for them, and `losetup` does not keep running (linux:
/// `drivers/block/loop.c`, `loop_attr_backing_file_show`).
fn loops(root: &Root, minors: &[u32]) -> Vec<Holder> {
    let devices = fs::read_dir(root.join("/sys/block"));
    let on_top = |device: fs::DirEntry| {
        let name = device.file_name().into_string().ok()?;
        name.strip_prefix("loop")?;
        let source = fs::read_to_string(device.path().join("loop/backing_file")).ok()?;
        let minor = drbd_minor(root, source.trim_end_matches('\n'))?;
        minors
            .contains(&minor)
            .then_some(Holder::Device { minor, name })
    };
    devices
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(on_top)
        .collect()
}

/// Those mounts that a process sees (linux: `fs/proc_namespace.c`, `show_mountinfo`).
fn mounts(root: &Root, process: &str, minors: &[u32]) -> Vec<Holder> {
    let table = fs::read(root.join(&format!("/proc/{process}/mountinfo"))).unwrap_or_default();
    let table = String::from_utf8_lossy(&table);
    let mount = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(2);
        let (number, on) = (place.next()?, place.nth(1)?);
        // The number tells more than a name, which may be a container's own; btrfs has one of its own.
        let by_number = number.strip_prefix(&format!("{DRBD_MAJOR}:"));
        let minor = match by_number.and_then(|minor| minor.parse().ok()) {
            Some(minor) => minor,
            None => drbd_minor(root, &unescape(kind.split(' ').nth(1)?))?,
        };
        let on = unescape(on);
        minors
            .contains(&minor)
            .then_some(Holder::Mount { minor, on })
    };
    table.lines().filter_map(mount).collect()
}

/// Mounts of those minors in the mount namespaces of other processes, as of a container, where this
/// process does not see them.
#[must_use]
pub fn mounts_elsewhere(root: &Root, minors: &[u32]) -> Vec<Holder> {
    let namespace = |process: &str| fs::read_link(root.join(&format!("/proc/{process}/ns/mnt")));
    let mut seen: Vec<_> = namespace("self").into_iter().collect();
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join("/proc"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let pid = entry.file_name().into_string().unwrap_or_default();
        if !pid.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        // A process that has ended has none.
        let Ok(namespace) = namespace(&pid) else {
            continue;
        };
        if seen.contains(&namespace) {
            continue;
        }
        seen.push(namespace);
        let command = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        let whose = format!("in the mount namespace of {} (pid {pid})", command.trim());
        found.extend(
            mounts(root, &pid, minors)
                .into_iter()
                .map(|mount| match mount {
                    Holder::Mount { minor, on } => Holder::Mount {
                        minor,
                        on: format!("{on} {whose}"),
                    },
                    other => other,
                }),
        );
    }
    found
}

/// The minor behind a path of a mount table, if it is a DRBD device under whatever name.
fn drbd_minor(root: &Root, source: &str) -> Option<u32> {
    // Only devices are looked at: to ask for a file on a dead server is to wait for it.
    if !source.starts_with("/dev/") {
        return None;
    }
    let status = fs::metadata(root.join(source)).ok()?;
    let device = status.rdev();
    let is_drbd = status.file_type().is_block_device() && major(device) == u64::from(DRBD_MAJOR);
    is_drbd.then(|| u32::try_from(minor(device)).ok())?
}

/// `dm-3 (vg-lv)`: the kernel's name says little to a person.
fn full_name(root: &Root, kernel: &str) -> String {
    #[cfg(feature = "udev")]
    if root.is_real() {
        let device = udev::Device::from_subsystem_sysname("block".into(), kernel.into());
        let name = device.ok().and_then(|d| {
            d.property_value("DM_NAME")
                .map(|n| n.to_string_lossy().into_owned())
        });
        if let Some(name) = name {
            return format!("{kernel} ({name})");
        }
    }
    let name = fs::read_to_string(root.join(&format!("/sys/block/{kernel}/dm/name")));
    match name.as_deref().map(str::trim) {
        Ok(name) if !name.is_empty() => format!("{kernel} ({name})"),
        _ => kernel.to_owned(),
    }
}

/// Undoes the octal escapes of a table of mounts (linux: `fs/proc_namespace.c`, `mangle`).
fn unescape(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = tail
            .get(..3)
            .filter(|_| first == b'\\')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        if let Some(byte) = octal {
            bytes.push(byte);
            rest = &tail[3..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The DRBD minor of the device that a path leads to.
///
/// # Errors
/// With a sentence, when there is no such device.
pub fn minor_of(root: &Root, path: &str) -> Result<u32, String> {
    let target = root.join(path);
    let status = fs::metadata(&target).map_err(|e| format!("{path}: {e}"))?;
    let is_drbd =
        status.file_type().is_block_device() && major(status.rdev()) == u64::from(DRBD_MAJOR);
    if !is_drbd {
        return Err(format!("{path} is not a DRBD device"));
    }
    u32::try_from(minor(status.rdev())).map_err(|e| format!("{path}: {e}"))
}

/// Whether `/dev/drbdMINOR` is there and is that device.
///
/// # Errors
/// With a sentence, when it is not.
pub fn check_node(root: &Root, minor: u32) -> Result<(), String> {
    let path = node(minor);
    match minor_of(root, &path)? {
        found if found == minor => Ok(()),
        found => Err(format!("{path} has minor {found}")),
    }
}

/// Path of the device node that the kernel makes.
#[must_use]
pub fn node(minor: u32) -> String {
    format!("/dev/drbd{minor}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_in_mount_points_are_read() {
        assert_eq!(unescape("/mnt/my\\040disk"), "/mnt/my disk");
        assert_eq!(unescape("a\\134b"), "a\\b");
        assert_eq!(unescape("end\\04"), "end\\04");
        assert_eq!(unescape("\\"), "\\");
    }
}
