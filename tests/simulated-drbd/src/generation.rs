//! The two generations of DRBD whose tools are told apart.

use serde::{Deserialize, Serialize};

/// A generation of DRBD: the kernel module and the tools that go with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Generation {
    /// DRBD 8.4.11, the kernel's own module; `drbdsetup` takes minors.
    V84,
    /// DRBD 9.2.16; `drbdsetup` takes resources.
    V9,
}

impl Generation {
    /// The first lines of `/proc/drbd`, and all of them on 9 with nothing configured.
    #[must_use]
    pub fn proc_header(self) -> &'static str {
        match self {
            Self::V84 => {
                "version: 8.4.11 (api:1/proto:86-101)\nsrcversion: B536C32A3EADA868561EFD9 \n"
            }
            Self::V9 => {
                "version: 9.2.16 (api:2/proto:118-123)\n\
                 GIT-hash: unknown build by @vm, 2026-11-22 04:51:13\nTransports (api:21):\n"
            }
        }
    }

    /// The version in `/sys/module/drbd/version`.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::V84 => "8.4.11",
            Self::V9 => "9.2.16",
        }
    }

    /// What `drbdsetup` prints when it knows the command or the option not.
    #[must_use]
    pub fn usage(self) -> &'static str {
        match self {
            Self::V84 => include_str!("usage-8.4.txt"),
            Self::V9 => include_str!("usage-9.txt"),
        }
    }

    /// The words of `modprobe` when the module is nowhere to be found.
    #[must_use]
    pub fn modprobe_failure(self) -> &'static str {
        match self {
            Self::V84 => {
                "modprobe: FATAL: Module drbd not found in directory /lib/modules/6.1.0-50-amd64\n"
            }
            Self::V9 => {
                "modprobe: ERROR: could not insert 'drbd': Unknown symbol in module, \
                 or unknown parameter (see dmesg)\n"
            }
        }
    }

    /// The words of `modinfo`, which `drbdadm` asks first, in that case.
    #[must_use]
    pub fn modinfo_failure(self) -> &'static str {
        match self {
            Self::V84 => "modinfo: ERROR: Module drbd not found.\n",
            Self::V9 => {
                "modinfo: ERROR: could not get modinfo from 'drbd': No such file or directory\n"
            }
        }
    }
}
