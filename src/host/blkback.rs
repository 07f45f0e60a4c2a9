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
}

/// All of them.
#[must_use]
pub fn attached(root: &Root) -> Vec<Attached> {
    let entries = fs::read_dir(root.join(DEVICES)).into_iter().flatten();
    let names = entries.flatten().map(|e| e.file_name());
    names
        .filter_map(|name| {
            let name = name.to_str()?;
            let (domid, device) = name.strip_prefix("vbd-")?.split_once('-')?;
            let file = format!("{DEVICES}/{name}/physical_device");
            let number = fs::read_to_string(root.join(&file)).ok();
            Some(Attached {
                domid: domid.parse().ok()?,
                device: device.parse().ok()?,
                number: number.and_then(|n| DeviceNumber::parse(n.trim())),
            })
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
        let mut found = attached(&root);
        found.sort_by_key(|a| a.device);
        let expected = [(51714, Some(DeviceNumber::drbd(1))), (51728, None)];
        let expected = expected.map(|(device, number)| Attached {
            domid: 7,
            device,
            number,
        });
        assert_eq!(found, expected);
    }
}
