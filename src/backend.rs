//! The nodes that the toolstack and blkback keep for one guest disk (xen: docs/misc/vbd-interface.txt,
//! `tools/libs/light/libxl_disk.c` `device_disk_add`).

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use crate::request::BackendPath;
use crate::store::{Together, read_folder, read_visible};

/// How a guest may use a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// The guest only reads.
    ReadOnly,
    /// The guest writes.
    ReadWrite,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read-write",
        })
    }
}

/// `XenbusStateInitWait` (xen: xen/include/public/io/xenbus.h).
pub const STATE_INIT_WAIT: u32 = 2;
/// `XenbusStateClosing`.
pub const STATE_CLOSING: u32 = 5;
/// `XenbusStateClosed`.
pub const STATE_CLOSED: u32 = 6;

/// A device by its numbers, as `physical-device` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceNumber {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

/// Major number of DRBD's devices, on both generations (linux: Documentation/admin-guide/devices.txt).
pub const DRBD_MAJOR: u32 = 147;

impl DeviceNumber {
    /// A DRBD device.
    #[must_use]
    pub fn drbd(minor: u32) -> Self {
        Self {
            major: DRBD_MAJOR,
            minor,
        }
    }

    /// Reads `93:1`: hexadecimal, without `0x`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once(':')?;
        let hex = |t: &str| {
            u32::from_str_radix(t, 16)
                .ok()
                .filter(|_| !t.starts_with('+'))
        };
        Some(Self {
            major: hex(major)?,
            minor: hex(minor)?,
        })
    }
}

/// Lower case and unpadded: other block scripts compare the string.
impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}:{:x}", self.major, self.minor)
    }
}

/// What stands in a backend's folder. Absent nodes are normal at `remove`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// Whether the folder is there.
    pub exists: bool,
    /// `state`, a number of xenbus.
    pub state: Option<u32>,
    /// `online` is 1.
    pub online: bool,
    /// The disk specification.
    pub params: Option<String>,
    /// `mode` as it stands there.
    pub mode: String,
    /// `type`.
    pub kind: Option<String>,
    /// Name of the virtual device in the guest (`dev`).
    pub vdev: String,
    /// `physical-device` as it stands there.
    pub physical_device: Option<String>,
}

impl Backend {
    /// Reads the folder.
    ///
    /// # Errors
    /// When xenstored cannot be asked.
    pub fn read(store: &impl Together, path: &BackendPath) -> io::Result<Self> {
        let names = [
            "state",
            "params",
            "online",
            "mode",
            "type",
            "dev",
            "physical-device",
        ];
        let [state, params, online, mode, kind, vdev, physical_device] =
            read_folder(store, &path.to_string(), names)?;
        Ok(Self {
            exists: state.is_some() || params.is_some(),
            state: state.and_then(|s| s.parse().ok()),
            online: online.as_deref() == Some("1"),
            params: params.map(String::from),
            mode: mode.map(String::from).unwrap_or_default(),
            kind: kind.map(String::from),
            vdev: vdev.map(String::from).unwrap_or_default(),
            physical_device: physical_device.map(String::from),
        })
    }

    /// The access that `mode` grants: blkback, too, looks for a `w` anywhere in it.
    #[must_use]
    pub fn access(&self) -> Access {
        access(&self.mode)
    }

    /// The device that is published, if one is.
    #[must_use]
    pub fn device(&self) -> Option<DeviceNumber> {
        self.physical_device
            .as_deref()
            .and_then(DeviceNumber::parse)
    }
}

/// See [`Backend::access`].
#[must_use]
pub fn access(mode: &str) -> Access {
    if mode.contains('w') {
        Access::ReadWrite
    } else {
        Access::ReadOnly
    }
}

/// The domain that uses a backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// Domain id.
    pub domid: u32,
    /// Its name; a driver domain may not read it.
    pub name: Option<String>,
    /// `/vm/UUID`: the same for a guest across reboot and migration.
    pub vm: Option<String>,
    /// For a stub domain: the `vm` of the guest that it serves.
    pub target_vm: Option<String>,
}

impl Guest {
    /// Reads what is known of a domain.
    ///
    /// # Errors
    /// When xenstored cannot be asked.
    pub fn read(store: &impl Together, domid: u32) -> io::Result<Self> {
        let home = format!("/local/domain/{domid}");
        let [target, name, vm] = read_folder(store, &home, ["target", "name", "vm"])?;
        let target_vm = match target.and_then(|t| t.parse::<u32>().ok()) {
            Some(target) => read_visible(store, &format!("/local/domain/{target}/vm"))?,
            None => None,
        };
        Ok(Self {
            domid,
            name: name.map(String::from),
            vm: vm.map(String::from),
            target_vm: target_vm.map(String::from),
        })
    }

    /// Named as `xl migrate` names a domain that it receives (xen: `tools/xl/xl_vmcontrol.c`).
    #[must_use]
    pub fn is_named_incoming(&self) -> bool {
        self.is_named_with("--incoming")
    }

    /// Named as `xl migrate` names a domain that the other host has received.
    #[must_use]
    pub fn is_named_migrated_away(&self) -> bool {
        self.is_named_with("--migratedaway")
    }

    /// Those endings are xl's (xen: `tools/xl/xl_vmcontrol.c`, `tools/xl/xl_migrate.c`).
    fn is_named_with(&self, ending: &str) -> bool {
        let name = self.name.as_deref().unwrap_or_default();
        name.len() > ending.len() && name.ends_with(ending)
    }

    /// It has a folder of its own, since something was read from it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.name.is_some() || self.vm.is_some()
    }

    /// Its uuid: 36 lower-case characters, as libxl writes them behind `/vm/` (xen:
    /// `tools/libs/light/libxl_create.c`, `libxl__domain_make`). It becomes the name of a file, so
    /// nothing else passes.
    #[must_use]
    pub fn uuid(&self) -> Option<&str> {
        let uuid = self.vm.as_deref()?.strip_prefix("/vm/")?;
        let fits = uuid.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
        (fits && uuid.len() == 36).then_some(uuid)
    }

    /// The same guest under another domain id: in a migration to the same host, or served by its stub
    /// domain. Or its like: a copied configuration has the same uuid.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let mine = [&self.vm, &self.target_vm];
        let theirs = [&other.vm, &other.target_vm];
        mine.iter()
            .filter_map(|v| v.as_ref())
            .any(|v| theirs.contains(&&Some(v.clone())))
    }

    /// One of the two is the stub domain of the other; or both are stub domains of one guest, as in its migration
    /// to the same host (xen: `tools/libs/light/libxl_dm.c`, `libxl__stub_dm_name`).
    #[must_use]
    pub fn is_served_with(&self, other: &Self) -> bool {
        let serves = |a: &Self, b: &Self| {
            a.target_vm.is_some() && (a.target_vm == b.vm || a.target_vm == b.target_vm)
        };
        serves(self, other) || serves(other, self)
    }
}

/// `guest web (domain 7)`.
impl fmt::Display for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.domid) {
            (_, 0) => f.write_str("this host (domain 0)"),
            (Some(name), domid) => write!(
                f,
                "guest {} (domain {domid})",
                crate::words::short(name, 100)
            ),
            (None, domid) => write!(f, "domain {domid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_13_device_numbers_are_lower_case_hexadecimal() {
        assert_eq!(DeviceNumber::drbd(0).to_string(), "93:0");
        assert_eq!(DeviceNumber::drbd(1000).to_string(), "93:3e8");
        assert_eq!(
            DeviceNumber::parse("93:3E8"),
            Some(DeviceNumber::drbd(1000))
        );
        for text in ["", "93", "93:", ":1", "x:1", "93:1:2", "93:-1", "+93:1"] {
            assert_eq!(DeviceNumber::parse(text), None, "{text}");
        }
    }

    #[test]
    fn contract_8_mode_with_a_w_is_read_write() {
        for (mode, expected) in [
            ("w", Access::ReadWrite),
            ("w!", Access::ReadWrite),
            ("r", Access::ReadOnly),
            ("", Access::ReadOnly),
        ] {
            assert_eq!(access(mode), expected);
        }
    }

    #[test]
    fn only_a_well_formed_uuid_is_one() {
        let uuid = "5f3d1a6e-90b7-4c52-8e1d-0a2b3c4d5e6f";
        let guest = |vm: String| Guest {
            vm: Some(vm),
            ..Guest::default()
        };
        assert_eq!(guest(format!("/vm/{uuid}")).uuid(), Some(uuid));
        for vm in [
            String::new(),
            "/vm/".into(),
            uuid.into(),
            format!("/vm/{}", uuid.to_uppercase()),
            format!("/vm/{uuid}/"),
            format!("/vm/../{}", &uuid[3..]),
            format!("/vm/{}", uuid.replace('-', "/")),
            format!("/vm/{}", &uuid[1..]),
        ] {
            assert_eq!(guest(vm.clone()).uuid(), None, "{vm}");
        }
        assert_eq!(Guest::default().uuid(), None);
    }

    #[test]
    fn a_stub_domain_is_the_guest_that_it_serves() {
        let guest = Guest {
            domid: 7,
            vm: Some("/vm/a".into()),
            ..Guest::default()
        };
        let stub = Guest {
            domid: 8,
            vm: Some("/vm/s".into()),
            target_vm: Some("/vm/a".into()),
            ..Guest::default()
        };
        assert!(stub.is_same_as(&guest) && guest.is_same_as(&stub));
        let nobody = Guest {
            domid: 9,
            ..Guest::default()
        };
        assert!(
            !nobody.is_same_as(&Guest {
                domid: 10,
                ..Guest::default()
            }),
            "two unknowns are not one guest"
        );
    }
}
