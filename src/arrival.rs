//! How a guest comes to this host: by the signs that it shows, or by supposition.

use crate::backend::Guest;
use crate::drbd::{Resource, Role};
use crate::facts::Arrival;
use crate::host::Caller;

/// An incoming migration shows two signs, which must agree: under `xl` the name and the command that
/// runs this program; under libvirt the mark that its hook left, and that no `xl` runs this program.
/// Only where a mark can count is it asked for, since that is what claims it.
pub(crate) fn arrival(
    guest: &Guest,
    caller: Caller,
    is_marked: impl FnOnce(&str) -> bool,
) -> Arrival {
    let named = guest.is_named_incoming();
    let marked = || guest.uuid().is_some_and(is_marked);
    let incoming = match caller {
        Caller::MigrateReceive | Caller::DriverDomain => named,
        Caller::Unknown => named || marked(),
        Caller::Other => marked(),
        Caller::BlockAttach | Caller::Xl => false,
    };
    if incoming {
        Arrival::IncomingMigration
    } else {
        Arrival::PlainStart
    }
}

/// How a guest would come to this host, for a question that is put beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supposed<'n> {
    /// It starts.
    Start,
    /// It is received from where it runs.
    Received,
    /// It is received from the peer of that name, where it does not run yet.
    ReceivedFrom(&'n str),
}

impl Supposed<'_> {
    /// The arrival that it would be.
    pub(crate) fn arrival(self) -> Arrival {
        match self {
            Self::Start => Arrival::PlainStart,
            Self::Received | Self::ReceivedFrom(_) => Arrival::IncomingMigration,
        }
    }
}

/// A source that is Secondary still will be Primary by the time the guest leaves it.
pub(crate) fn suppose_primary(resource: &mut Resource, source: &str) {
    if resource.primary_peer().is_some() {
        return;
    }
    let mut connections = resource.connections.iter_mut();
    // 8.4 does not tell its peer's name.
    let peer = connections.find(|c| c.is_connected() && (c.peer == source || !c.has_name()));
    if let Some(peer) = peer {
        peer.role = Role::Primary;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "5f3d1a6e-90b7-4c52-8e1d-0a2b3c4d5e6f";
    const CALLERS: [Caller; 6] = [
        Caller::MigrateReceive,
        Caller::DriverDomain,
        Caller::BlockAttach,
        Caller::Xl,
        Caller::Other,
        Caller::Unknown,
    ];

    fn guest(name: &str) -> Guest {
        Guest {
            domid: 7,
            name: Some(name.into()),
            vm: Some(format!("/vm/{UUID}")),
            ..Guest::default()
        }
    }

    /// The callers below which such a guest arrives from another host.
    fn incoming_below(guest: &Guest, marked: bool) -> Vec<Caller> {
        let is_marked = |uuid: &str| marked && uuid == UUID;
        let mut callers = CALLERS.to_vec();
        callers.retain(|c| arrival(guest, *c, is_marked) == Arrival::IncomingMigration);
        callers
    }

    #[test]
    fn a_guest_that_is_merely_called_incoming_starts_plainly() {
        use Caller::{DriverDomain, MigrateReceive, Unknown};
        let received = [MigrateReceive, DriverDomain, Unknown];
        assert_eq!(incoming_below(&guest("web--incoming"), false), received);
        for name in ["web", "--incoming"] {
            assert_eq!(incoming_below(&guest(name), false), [], "{name}");
        }
        assert_eq!(incoming_below(&Guest::default(), false), []);
    }

    #[test]
    fn a_marked_guest_is_incoming_unless_xl_runs_this_program() {
        let other = [Caller::Other, Caller::Unknown];
        assert_eq!(incoming_below(&guest("web"), true), other);
    }

    #[test]
    fn a_guest_without_a_uuid_has_no_mark() {
        let nobody = Guest {
            vm: Some("/vm/../x".into()),
            ..guest("web")
        };
        assert_eq!(incoming_below(&nobody, true), []);
        assert_eq!(incoming_below(&Guest::default(), true), []);
    }

    /// A mark is claimed by being asked for.
    #[test]
    fn a_mark_is_not_asked_for_where_it_cannot_count() {
        use Caller::{BlockAttach, DriverDomain, MigrateReceive, Xl};
        for caller in [MigrateReceive, DriverDomain, BlockAttach, Xl] {
            arrival(&guest("web"), caller, |_| unreachable!("{caller:?}"));
        }
    }
}
