//! What a guest's writes do to the counters of both sides.

use crate::generation::Generation;
use crate::resource::Resource;
use crate::state::{Connection, Disk, Role};
use crate::store::State;

/// A write of so many KiB on a host; `extent` when the activity log takes note of it.
pub fn write(
    resource: &mut Resource,
    state: &State,
    host: usize,
    volume: usize,
    kib: u64,
    extent: bool,
) {
    if resource.sides[host].suspended.any() {
        return;
    }
    let replicated = resource.sides[host].connection == Connection::Connected && state.reaches();
    let peer_has_disk = resource.sides[1 - host].devices[volume].disk != Disk::Diskless;
    let device = &mut resource.sides[host].devices[volume];
    let has_disk = device.disk != Disk::Diskless;
    if has_disk {
        device.counters.written += kib;
        device.counters.al_writes += u64::from(extent);
    }
    if replicated {
        device.counters.sent += kib;
        if !peer_has_disk {
            device.counters.out_of_sync += kib;
        }
        let peer = &mut resource.sides[1 - host].devices[volume];
        peer.counters.received += kib;
        if peer_has_disk {
            peer.counters.written += kib;
        }
        // Of two Primaries each keeps an activity log of all writes, on 9.
        let logs = state.generation == Generation::V9 && peer.role == Role::Primary;
        if logs && has_disk {
            peer.counters.al_writes += u64::from(extent);
        }
        if !has_disk {
            peer.counters.out_of_sync += kib;
            peer.counters.al_writes += u64::from(extent);
        }
    } else if has_disk {
        device.counters.out_of_sync += kib;
        device.new_generation = true;
    }
}
