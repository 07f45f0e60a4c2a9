//! The kernel's side of guest disks: what blkback serves, whatever xenstore says.
//!
//! A toolstack that gave up deletes its nodes while the guest's last I/O is still under way (xen:
//! `tools/libs/light/libxl_device.c`); the kernel's device goes when that is done.

use std::fs;

use crate::backend::DeviceNumber;
use crate::root::Root;

/// Devices of the bus, `vbd-DOMAIN-DEVICE` for disks (linux: `drivers/xen/xenbus/xenbus_probe_backend.c`,
/// `backend_bus_id`).
const DEVICES: &str = "/sys/bus/xen-backend/devices";
/// The same without the bus. A device whose driver does not let go of it, since its last I/O does not
/// end, has left the bus and stands here still (linux: `drivers/base/core.c`, `device_del`).
const ALL_DEVICES: &str = "/sys/devices";

/// A guest's disk that the kernel serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The domain, which may be gone.
    pub domid: u32,
    /// Number of the virtual device there.
    pub device: u32,
    /// What it leads to; `None` before it is opened and from its removal on (linux:
    /// `drivers/block/xen-blkback/xenbus.c`, `xen_blkbk_remove`).
    pub number: Option<DeviceNumber>,
    /// It is being removed, and may still have its device open.
    pub closing: bool,
}

impl Attached {
    /// `vbd-7-51714`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("vbd-{}-{}", self.domid, self.device)
    }
}

/// All of them.
#[must_use]
pub fn attached(root: &Root) -> Vec<Attached> {
    let served = disks(root, DEVICES);
    let closing = disks(root, ALL_DEVICES).into_iter();
    let closing = closing
        .filter(|disk| !served.contains(disk))
        .map(|disk| Attached {
            domid: disk.0,
            device: disk.1,
            number: None,
            closing: true,
        });
    let closing: Vec<Attached> = closing.collect();
    let served = served.into_iter().map(|(domid, device)| {
        let file = format!("{DEVICES}/vbd-{domid}-{device}/physical_device");
        let number = fs::read_to_string(root.join(&file)).ok();
        Attached {
            domid,
            device,
            number: number.and_then(|n| DeviceNumber::parse(n.trim())),
            closing: false,
        }
    });
    served.chain(closing).collect()
}

/// Domain and number of the disks among the devices of a folder.
fn disks(root: &Root, folder: &str) -> Vec<(u32, u32)> {
    let entries = fs::read_dir(root.join(folder)).into_iter().flatten();
    let names = entries.flatten().map(|e| e.file_name());
    names
        .filter_map(|name| {
            let (domid, device) = name.to_str()?.strip_prefix("vbd-")?.split_once('-')?;
            Some((domid.parse().ok()?, device.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_read_and_other_devices_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        assert_eq!(attached(&root), []);
        for name in ["vbd-7-51714", "vbd-7-51728", "vif-7-0", "vbd-x-1", "vbd-7"] {
            fs::create_dir_all(root.join(&format!("{DEVICES}/{name}"))).unwrap();
        }
        let file = root.join(&format!("{DEVICES}/vbd-7-51714/physical_device"));
        fs::write(file, "93:1\n").unwrap();
        // Each of them stands there, too.
        for name in ["vbd-7-51714", "vbd-7-51728", "vbd-7-51744", "system"] {
            fs::create_dir_all(root.join(&format!("{ALL_DEVICES}/{name}"))).unwrap();
        }
        let mut found = attached(&root);
        found.sort_by_key(|a| a.device);
        let one = Some(DeviceNumber::drbd(1));
        let expected = [
            (51714, one, false),
            (51728, None, false),
            (51744, None, true),
        ];
        let expected = expected.map(|(device, number, closing)| Attached {
            domid: 7,
            device,
            number,
            closing,
        });
        assert_eq!(found, expected);
    }
}
