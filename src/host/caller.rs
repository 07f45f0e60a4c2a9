//! Who runs this program: the second sign of an incoming migration, for `xl` and for libvirt.
//!
//! libxl starts it as a child of `xl` (xen: `tools/libs/light/libxl_aoutils.c`); on the destination
//! that is `xl migrate-receive`. The domain's name alone proves nothing: any guest may be called
//! `x--incoming`.

use std::fs;

use crate::root::Root;

/// The toolstack process that this program descends from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// `xl migrate-receive`.
    MigrateReceive,
    /// `xl devd`, in a driver domain: it knows of no migration, and gives 10 s at the most.
    DriverDomain,
    /// `xl block-attach`: the domain runs already.
    BlockAttach,
    /// `xl` with another command, as `create` or `restore`.
    Xl,
    /// No `xl`: libvirt's daemon, or a person.
    Other,
    /// It could not be read.
    Unknown,
}

/// Generations of parents looked at: `xl`, and wrappers between it and us.
const ANCESTORS: usize = 8;

/// Looks at the parents, nearest first, for the first that is `xl`.
#[must_use]
pub fn caller(root: &Root) -> Caller {
    let mut pid = nix::unistd::getppid().as_raw();
    for generation in 0..ANCESTORS {
        if pid <= 1 {
            break;
        }
        let Ok(line) = fs::read(root.join(&format!("/proc/{pid}/cmdline"))) else {
            return if generation == 0 {
                Caller::Unknown
            } else {
                Caller::Other
            };
        };
        if let Some(caller) = xl(&line) {
            return caller;
        }
        pid = parent(root, pid).unwrap_or(0);
    }
    Caller::Other
}

/// What a command line says, if it is `xl`'s.
fn xl(line: &[u8]) -> Option<Caller> {
    let mut words = line.split(|b| *b == 0);
    let program = words.next()?.rsplit(|b| *b == b'/').next()?;
    if program != b"xl" {
        return None;
    }
    // Options of xl itself come first: `xl -vvv migrate-receive`.
    let command = words.find(|w| !w.starts_with(b"-"))?;
    Some(match command {
        b"migrate-receive" => Caller::MigrateReceive,
        b"devd" => Caller::DriverDomain,
        // xl takes a beginning that is no other command's (xen: `tools/xl/xl_cmdtable.c`, `cmdtable_lookup`).
        c if c.len() > b"block-".len() && b"block-attach".starts_with(c) => Caller::BlockAttach,
        _ => Caller::Xl,
    })
}

/// Parent of a process. The name in the second field may hold blanks and brackets.
fn parent(root: &Root, pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(root.join(&format!("/proc/{pid}/stat"))).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_xl_migrate_receive_receives_a_migration() {
        for (line, expected) in [
            (&b"xl\0migrate-receive\0"[..], Some(Caller::MigrateReceive)),
            (
                b"/usr/lib/xen-4.17/bin/xl\0-vvv\0migrate-receive\0-d\0",
                Some(Caller::MigrateReceive),
            ),
            (b"/usr/sbin/xl\0devd\0", Some(Caller::DriverDomain)),
            (b"xl\0block-attach\0web\0", Some(Caller::BlockAttach)),
            (b"xl\0block-a\0web\0", Some(Caller::BlockAttach)),
            (b"xl\0block-list\0web\0", Some(Caller::Xl)),
            (b"xl\0create\0migrate-receive\0", Some(Caller::Xl)),
            (b"xl\0restore\0x--incoming\0", Some(Caller::Xl)),
            (b"/usr/sbin/libvirtd\0--listen\0", None),
            (b"sshd: root\0migrate-receive\0", None),
            (b"xlate\0migrate-receive\0", None),
            (b"", None),
        ] {
            assert_eq!(xl(line), expected, "{}", String::from_utf8_lossy(line));
        }
    }
}
