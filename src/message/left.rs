//! The codes of what `remove` and `reap` leave behind.

use super::{Code, Coded};
use crate::decision::reap::Left;
use crate::execute::window::Open;

impl Coded for Open {
    fn code(&self) -> Code {
        Code::Window
    }
}

impl Left {
    /// Under which code the manual explains it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Foreign => Code::ForeignPrimary,
            Self::Open(_) => Code::Open,
            Self::Stray(_) => Code::Stray,
            Self::Promoting => Code::Promoting,
            Self::Unknown => Code::NoRole,
            Self::Window(_) => Code::Window,
            Self::ForeignWindow => Code::ForeignWindow,
        }
    }

    /// What is left, why, and what to do about it.
    #[must_use]
    pub fn sentence(&self, name: &str) -> String {
        match self {
            Self::Foreign => format!(
                "Primary here, nobody here uses it and this program did not promote it: if nothing else needs it, run `drbdadm secondary {name}`"
            ),
            Self::Open(who) => format!(
                "stays Primary here, although no guest uses it: {}; when it is closed, run `drbdadm secondary {name}`",
                crate::words::list(who)
            ),
            Self::Stray(disks) => format!(
                "stays Primary here: the guest is gone, and {} still stands, so its last I/O may be under way; once that is gone, run `block-drbd reap`",
                crate::words::list(disks)
            ),
            Self::Promoting => {
                "an earlier promotion was given up and still runs in the kernel: its note stays"
                    .to_owned()
            }
            Self::Unknown => format!("DRBD does not tell its role: see `drbdadm status {name}`"),
            Self::Window(why) => Open {
                resource: name.to_owned(),
                why: why.clone(),
            }
            .to_string(),
            Self::ForeignWindow => format!(
                "two primaries are allowed at run time only, and this host did not allow them: unless the guest is just migrating, run `drbdadm adjust {name}` on both hosts"
            ),
        }
    }
}
