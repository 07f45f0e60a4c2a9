//! The decision table once more, as rows: what has to be so, and what may then be answered.
//!
//! The first group of rows with one that holds decides; within a group any row that holds may. Words
//! as "connected" are spelled out here again, on purpose.

use block_drbd::backend::{Access, DeviceNumber, Guest};
use block_drbd::decision::Decision;
use block_drbd::drbd::{
    Connection, ConnectionState, DiskState, Generation, PeerDevice, ReplicationState, Resource,
    Role, Volume,
};
use block_drbd::facts::{Arrival, Facts};
use block_drbd::holders::Holder;
use block_drbd::policy::{Disconnected, DualPrimary, Policy, Resync};
use block_drbd::probe::Probe;
use block_drbd::sharing::{Relation, Use};

use crate::answer::Answer::{self, Attach, Fail, Keep, Nothing, Promote, Receive, Refuse, Wait};
use crate::answer::answer;

/// One row.
struct Row {
    group: u8,
    says: &'static str,
    when: fn(&Facts, &Policy) -> bool,
    allows: &'static [(Answer, &'static str)],
}

/// The row that goes first, and whether `decision` is one of the answers of its group.
pub fn judge(facts: &Facts, policy: &Policy, decision: &Decision) -> (&'static str, bool) {
    let given = answer(decision);
    let Some(first) = ROWS.iter().find(|row| (row.when)(facts, policy)) else {
        return ("no row", false);
    };
    let group = ROWS.iter().filter(|row| row.group == first.group);
    let mut holding = group.filter(|row| (row.when)(facts, policy));
    (first.says, holding.any(|row| row.allows.contains(&given)))
}

const fn row(
    group: u8,
    says: &'static str,
    when: fn(&Facts, &Policy) -> bool,
    allows: &'static [(Answer, &'static str)],
) -> Row {
    Row {
        group,
        says,
        when,
        allows,
    }
}

/// The table.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    row(0, "the folder is gone", |f, _| !f.backend.exists, &[(Fail, "")]),
    row(1, "not a raw disk", |f, _| foreign(f), &[(Refuse, "kind")]),
    row(2, "not up", |f, _| f.resource().is_none(), &[(Refuse, "not up")]),
    row(3, "no such volume", |f, _| target(f).is_none(), &[(Refuse, "volume")]),
    row(4, "published already, and Primary", |f, _| published(f) == Some(true), &[(Nothing, "")]),
    row(4, "published otherwise", |f, _| published(f) == Some(false), &[(Fail, "")]),
    row(5, "given up by the toolstack", |f, _| f.backend.state != Some(2) || !f.backend.online, &[(Fail, "")]),
    row(6, "I/O suspended", |f, _| !up(f).suspended.is_empty(), &[(Refuse, "blocked")]),
    row(6, "I/O made to fail", |f, _| up(f).force_io_failures, &[(Refuse, "blocked")]),
    row(6, "StandAlone", |f, _| up(f).connections.iter().any(|c| c.state == ConnectionState::StandAlone), &[(Refuse, "blocked")]),
    row(6, "Failed", |f, _| up(f).volumes.iter().any(|v| v.disk == DiskState::Failed), &[(Refuse, "disk")]),
    row(7, "held in this domain", |f, _| f.holders.iter().any(|h| !passes(h)), &[(Refuse, "held")]),
    row(7, "open in a process of this domain", |f, _| !f.holders.is_empty() && f.holders.iter().all(passes), &[(Wait, "held")]),
    row(8, "another guest has it", |f, p| rival(f, p, Relation::Other, false), &[(Refuse, "busy")]),
    row(8, "another domain of that uuid has it", |f, p| rival(f, p, Relation::SameGuest, false), &[(Refuse, "busy")]),
    row(8, "this guest has it", |f, p| rival(f, p, Relation::ThisDomain, false), &[(Refuse, "twice")]),
    row(8, "another guest lets go of it", |f, p| rival(f, p, Relation::Other, true), &[(Wait, "busy")]),
    row(8, "another domain of that uuid lets go of it", |f, p| rival(f, p, Relation::SameGuest, true), &[(Wait, "busy")]),
    row(8, "this guest lets go of it", |f, p| rival(f, p, Relation::ThisDomain, true), &[(Wait, "twice")]),
    row(9, "starts on a bad disk", |f, p| uses(f, p) && bad(f, p).any(|v| !synced(f, v) && !passing(v)), &[(Refuse, "disk")]),
    row(9, "starts on a disk that attaches", |f, p| uses(f, p) && bad(f, p).any(passing), &[(Wait, "disk")]),
    row(9, "starts during a resync", |f, p| uses(f, p) && bad(f, p).any(|v| synced(f, v)), &[(Refuse, "sync target"), (Refuse, "disk")]),
    row(10, "the same guest has it, Primary", |f, _| again(f), &[(Attach, "")]),
    row(10, "both only read, Primary", |f, _| readers(f), &[(Attach, "")]),
    row(10, "shared, Primary, and it starts", |f, p| beside(f) && shared(f, p), &[(Attach, "")]),
    row(11, "arrives, anything less", |f, p| arrives(f) && !may_receive(f, p), &[(Refuse, "migration")]),
    row(11, "arrives without quorum", |f, _| arrives(f) && loses_votes(f), &[(Refuse, "quorum")]),
    row(12, "arrives", |f, _| arrives(f), &[(Receive, "")]),
    row(14, "starts beside a Primary", |f, p| !shared(f, p) && peers(f, is_primary), &[(Wait, "peer primary")]),
    row(14, "shared, beside a Primary out of step", |f, p| shared(f, p) && peers(f, |f, c| is_primary(f, c) && !in_step(f, p, c)), &[(Refuse, "beside")]),
    row(14, "starts while the peer waits", |f, _| peers(f, |f, c| lost(f, c) && alive(f, c)), &[(Wait, "peer alive")]),
    row(14, "starts, and nobody could ask the peer", |f, _| peers(f, |f, c| lost(f, c) && !alive(f, c) && unasked(f, c)), &[(Refuse, "probe failed")]),
    row(14, "starts alone, and must not", |f, p| p.disconnected == Disconnected::Refuse && peers(f, |f, c| lost(f, c) && !alive(f, c) && !unasked(f, c)), &[(Refuse, "disconnected")]),
    row(14, "starts without any peer, and must not", |f, p| p.disconnected == Disconnected::Refuse && up(f).connections.is_empty(), &[(Refuse, "no peer")]),
    row(15, "starts without quorum", |f, _| loses_votes(f), &[(Wait, "quorum")]),
    row(16, "starts, Primary for somebody here", |f, _| primary(f) && live(f).next().is_some(), &[(Attach, ""), (Keep, ""), (Promote, "")]),
    row(17, "starts, Primary for no known reason", |f, _| primary(f) && !f.promoted_by_us, &[(Keep, "")]),
    row(18, "starts", |_, _| true, &[(Promote, "")]),
];

fn foreign(f: &Facts) -> bool {
    let params = f.backend.params.as_deref().unwrap_or_default();
    let kind = f.backend.kind.as_deref();
    params.starts_with("aio:")
        || params.starts_with("vhd:")
        || !matches!(kind, None | Some("phy" | "drbd"))
}

pub fn up(f: &Facts) -> &Resource {
    f.resource().expect("a row before saw that it is up")
}

/// The volume that is meant.
pub fn target(f: &Facts) -> Option<&Volume> {
    let volumes = &up(f).volumes;
    match f.volume {
        Some(number) => volumes.iter().find(|v| v.volume == number),
        None if volumes.len() == 1 => volumes.first(),
        None => None,
    }
}

/// Whether this very device is published and Primary; `None` while nothing is published.
fn published(f: &Facts) -> Option<bool> {
    let node = f.backend.physical_device.as_deref()?;
    let volume = target(f)?;
    let same = DeviceNumber::parse(node) == Some(DeviceNumber::drbd(volume.minor));
    Some(same && volume.role == Role::Primary)
}

pub fn shared(f: &Facts, p: &Policy) -> bool {
    p.shared || f.backend.mode.contains('!')
}

fn writes(f: &Facts) -> bool {
    f.backend.mode.contains('w')
}

fn ends(user: &Use) -> bool {
    matches!(user.state, Some(5 | 6))
}

/// Somebody of that relation uses this volume, one of the two writes, and it is not shared. The same guest
/// is none where it arrives, nor as its stub domain.
pub fn rival(f: &Facts, p: &Policy, relation: Relation, ending: bool) -> bool {
    let minor = target(f).map(|v| v.minor);
    let mut rivals = f
        .uses
        .iter()
        .filter(|u| Some(u.minor) == minor && u.relation == relation && ends(u) == ending)
        .filter(|u| relation != Relation::SameGuest || !(arrives(f) || stub(f, u)));
    !shared(f, p) && rivals.any(|u| writes(f) || u.access == Access::ReadWrite)
}

/// Users here that have not let go and still exist. What a migration left behind has gone.
fn live(f: &Facts) -> impl Iterator<Item = &Use> {
    f.uses
        .iter()
        .filter(|u| !ends(u) && u.relation != Relation::Gone && !left_behind(u))
}

fn left_behind(user: &Use) -> bool {
    let name = user.guest.name.as_deref().unwrap_or_default();
    user.relation == Relation::SameGuest && name.ends_with("--migratedaway")
}

/// The same guest under another number, or with another of its disks. One that arrives has brought
/// none of its disks along yet: each is looked at by itself.
fn is_same(f: &Facts, user: &Use) -> bool {
    user.relation == Relation::SameGuest || (user.relation == Relation::ThisDomain && !arrives(f))
}

/// The same guest has it here. Beside a peer that may be Primary a guest that starts is a double start, but
/// for its stub domain.
fn again(f: &Facts) -> bool {
    let alone = |u: &Use| {
        let secondary = up(f).connections.iter().all(|c| c.role == Role::Secondary);
        u.relation == Relation::ThisDomain || secondary || arrives(f) || stub(f, u)
    };
    primary(f) && live(f).any(|u| is_same(f, u) && alone(u))
}

/// One serves the other, or both the same guest.
pub fn stub(f: &Facts, user: &Use) -> bool {
    let serves = |a: &Guest, b: &Guest| a.target_vm.is_some() && a.target_vm == b.vm;
    let both = f.guest.target_vm.is_some() && f.guest.target_vm == user.guest.target_vm;
    serves(&f.guest, &user.guest) || serves(&user.guest, &f.guest) || both
}

/// Looks at what is on the device, perhaps, and closes it by itself.
fn passes(holder: &Holder) -> bool {
    matches!(holder, Holder::Process { .. })
}

/// It starts, and is Primary here for another guest with this very volume, and on no peer.
fn beside(f: &Facts) -> bool {
    let minor = target(f).map(|v| v.minor);
    let other = |u: &Use| u.relation != Relation::SameGuest && Some(u.minor) == minor;
    let joined = primary(f) && live(f).any(other);
    joined && !arrives(f) && !peers(f, is_primary)
}

/// The same, and nobody writes.
fn readers(f: &Facts) -> bool {
    let minor = target(f).map(|v| v.minor);
    let mut others = live(f).filter(|u| Some(u.minor) == minor);
    beside(f) && !writes(f) && others.all(|u| u.access == Access::ReadOnly)
}

/// It is going to use the copy that is here as it is.
fn uses(f: &Facts, p: &Policy) -> bool {
    !arrives(f) || again(f) || readers(f) || (beside(f) && shared(f, p))
}

pub fn primary(f: &Facts) -> bool {
    let volumes = &up(f).volumes;
    !volumes.is_empty() && volumes.iter().all(|v| v.role == Role::Primary)
}

pub fn arrives(f: &Facts) -> bool {
    f.arrival == Arrival::IncomingMigration
}

/// Contract 34: one word alone proves nothing.
pub fn connected(c: &Connection) -> bool {
    let speaks = |d: &PeerDevice| {
        let known = !matches!(d.replication, ReplicationState::Unlisted(_));
        known && d.replication != ReplicationState::Off && d.disk != DiskState::DUnknown
    };
    let introduced = c.role == Role::Primary || c.role == Role::Secondary;
    c.state == ConnectionState::Connected
        && introduced
        && !c.peer_devices.is_empty()
        && c.peer_devices.iter().all(speaks)
}

fn device(c: &Connection, volume: u32) -> Option<&PeerDevice> {
    c.peer_devices.iter().find(|d| d.volume == volume)
}

pub fn usable(f: &Facts, v: &Volume) -> bool {
    let serves = |c: &Connection| {
        let good = |d: &PeerDevice| d.disk == DiskState::UpToDate && !d.client;
        connected(c) && device(c, v.volume).is_some_and(good)
    };
    let client = v.client && v.disk == DiskState::Diskless;
    v.disk == DiskState::UpToDate || (client && up(f).connections.iter().any(serves))
}

/// Everything that two Primaries need, between here and that peer.
pub fn in_step(f: &Facts, p: &Policy, c: &Connection) -> bool {
    let good = |d: &PeerDevice| {
        d.replication == ReplicationState::Established && d.disk == DiskState::UpToDate
    };
    let volumes = &up(f).volumes;
    let whole = volumes
        .iter()
        .all(|v| device(c, v.volume).is_some_and(good));
    let settings = f
        .settings
        .as_ref()
        .and_then(|s| s.connection(c.peer_node_id));
    let window = p.dual_primary == DualPrimary::Window && arrives(f);
    let may_open = window && !shared(f, p) && !up(f).is_primary();
    let allowed = settings.is_some_and(|s| {
        let two = s.two_primaries == Some(true) || (s.two_primaries == Some(false) && may_open);
        s.protocol.as_deref() == Some("C") && two
    });
    // Nobody listens while connected, unless for another connection.
    let answered = match f.probes.get(&c.peer_node_id) {
        Some(Probe::Refused | Probe::NotApplicable) => true,
        Some(Probe::Accepted) => up(f).connections.len() > 1,
        _ => false,
    };
    connected(c) && whole && allowed && answered
}

fn may_receive(f: &Facts, p: &Policy) -> bool {
    let sources: Vec<&Connection> = up(f)
        .connections
        .iter()
        .filter(|c| c.role == Role::Primary)
        .collect();
    let one = sources.len() == 1 && in_step(f, p, sources[0]);
    p.dual_primary != DualPrimary::Never && up(f).volumes.iter().all(|v| usable(f, v)) && one
}

/// Volumes on which a guest must not start.
fn bad<'f>(f: &'f Facts, p: &'f Policy) -> impl Iterator<Item = &'f Volume> {
    up(f)
        .volumes
        .iter()
        .filter(move |v| !usable(f, v) && !excused(f, p, v))
}

/// A copy being filled from a good one, or one that DRBD promotes only after fencing the peer.
pub fn excused(f: &Facts, p: &Policy, v: &Volume) -> bool {
    let good = |d: &PeerDevice| d.disk == DiskState::UpToDate;
    let filled = source(f, v).is_some_and(|c| device(c, v.volume).is_some_and(good));
    let fenced = f
        .settings
        .as_ref()
        .is_some_and(|s| s.connections.iter().any(|c| c.fencing));
    // A disk of any other sort cannot be filled, or is not known to be.
    let fills = matches!(
        v.disk,
        DiskState::Inconsistent | DiskState::Outdated | DiskState::Consistent
    );
    match source(f, v) {
        Some(_) => filled && p.resync == Resync::Allow && fills,
        None => v.disk == DiskState::Consistent && fenced,
    }
}

/// The connected peer that the volume is being filled from.
fn source<'f>(f: &'f Facts, v: &Volume) -> Option<&'f Connection> {
    use ReplicationState as R;
    let mut connections = up(f).connections.iter().filter(|c| connected(c));
    connections.find(|c| {
        device(c, v.volume).is_some_and(|d| {
            matches!(
                d.replication,
                R::SyncTarget
                    | R::PausedSyncT
                    | R::StartingSyncT
                    | R::WFBitMapT
                    | R::WFSyncUUID
                    | R::Behind
            )
        })
    })
}

/// There is no quorum; 9 always says whether there is.
fn loses_votes(f: &Facts) -> bool {
    let silent = up(f).generation == Generation::V84;
    let mut volumes = up(f).volumes.iter();
    volumes.any(|v| v.quorum == Some(false) || (v.quorum.is_none() && !silent))
}

pub fn synced(f: &Facts, v: &Volume) -> bool {
    source(f, v).is_some()
}

fn passing(v: &Volume) -> bool {
    matches!(v.disk, DiskState::Attaching | DiskState::Negotiating)
}

fn peers(f: &Facts, test: impl Fn(&Facts, &Connection) -> bool) -> bool {
    up(f).connections.iter().any(|c| test(f, c))
}

fn is_primary(_: &Facts, c: &Connection) -> bool {
    c.role == Role::Primary
}

pub fn lost(_: &Facts, c: &Connection) -> bool {
    c.role != Role::Primary && !connected(c)
}

/// The peer's DRBD is up and waits, or the connection is being made at this moment.
fn alive(f: &Facts, c: &Connection) -> bool {
    c.state == ConnectionState::Connected || f.probes.get(&c.peer_node_id) == Some(&Probe::Accepted)
}

fn unasked(f: &Facts, c: &Connection) -> bool {
    matches!(f.probes.get(&c.peer_node_id), None | Some(Probe::Failed(_)))
}

/// What the rows say, in their order.
pub fn sayings() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.says)
}
