//! `drbdsetup events2 --now`.

use crate::device::Counters;
use crate::generation::Generation;
use crate::resource::Resource;
use crate::state::{Connection, Disk, Role};
use std::fmt::Write;

/// The view of one host that the printers share.
pub struct View<'a> {
    /// The generation.
    pub generation: Generation,
    /// The resource.
    pub resource: &'a Resource,
    /// The index of the host that looks.
    pub host: usize,
    /// The name of the other host.
    pub peer_name: &'a str,
    /// The moment of looking.
    pub now_ms: u64,
}

/// Shorthand for `yes` and `no`.
#[must_use]
pub fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

impl View<'_> {
    /// The looking host's side.
    #[must_use]
    pub fn side(&self) -> &crate::side::Side {
        &self.resource.sides[self.host]
    }

    /// The counters of a volume by now.
    #[must_use]
    pub fn counters(&self, volume: usize) -> Counters {
        self.side().devices[volume].counters_at(self.now_ms)
    }

    /// `no`, or `upper` when nothing comes through.
    #[must_use]
    pub fn blocked(&self) -> &'static str {
        if self.side().suspended.any() {
            "upper"
        } else {
            "no"
        }
    }

    /// Whether a promotion would go through, as 9's tools reckon, and how well this host is suited.
    #[must_use]
    pub fn promotion(&self) -> (bool, usize) {
        let devices = &self.side().devices;
        let copies = |device: &crate::device::Device| {
            usize::from(device.disk == Disk::UpToDate)
                + usize::from(device.peer_disk == Disk::UpToDate)
        };
        let fewest = devices.iter().map(copies).min().unwrap_or(0);
        let quorum = devices.iter().all(|device| device.quorum);
        let good = devices
            .iter()
            .filter(|device| device.disk == Disk::UpToDate)
            .count();
        let diskful = devices.iter().all(|device| device.disk != Disk::Diskless);
        let free =
            self.side().role() == Role::Secondary && self.side().peer_role() != Role::Primary;
        match fewest {
            0 => (false, 0),
            fewest => (
                free && quorum,
                usize::from(diskful) * 10_000 + good * 100 + fewest,
            ),
        }
    }

    /// `peer-node-id:0 conn-name:nodo2`, as far as there is a connection to name.
    fn peer(&self) -> String {
        match self.generation {
            Generation::V84 if self.side().connection == Connection::StandAlone => {
                "peer-node-id:0".to_owned()
            }
            Generation::V84 => "peer-node-id:0 conn-name:peer".to_owned(),
            Generation::V9 => {
                let id = self.resource.node_ids[1 - self.host];
                format!("peer-node-id:{id} conn-name:{}", self.peer_name)
            }
        }
    }

    /// The volumes in the order in which events2 lists them.
    fn order(&self) -> Vec<usize> {
        let volumes = 0..self.resource.volumes.len();
        match self.generation {
            Generation::V84 => volumes.collect(),
            Generation::V9 => volumes.rev().collect(),
        }
    }

    /// The `exists` lines of the resource.
    pub fn events(&self, statistics: bool, out: &mut String) {
        let nine = self.generation == Generation::V9;
        let (side, name) = (self.side(), &self.resource.name);
        let _ = write!(
            out,
            "exists resource name:{name} role:{} suspended:{}",
            side.role(),
            side.suspended.words()
        );
        if nine {
            out.push_str(" force-io-failures:no");
        }
        if statistics {
            out.push_str(" write-ordering:flush");
        }
        if nine {
            let (may, score) = self.promotion();
            let _ = write!(out, " may_promote:{} promotion_score:{score}", yes_no(may));
        }
        let peer = self.peer();
        let _ = write!(
            out,
            "\nexists connection name:{name} {peer} connection:{} role:{}",
            side.connection,
            side.peer_role()
        );
        if statistics {
            out.push_str(" congested:no");
            if nine {
                let total = |of: fn(&Counters) -> u64| -> u64 {
                    (0..side.devices.len())
                        .map(|volume| of(&self.counters(volume)))
                        .sum()
                };
                let (ap, rs) = (total(|c| c.ap_in_flight), total(|c| c.rs_in_flight));
                let _ = write!(out, " ap-in-flight:{ap} rs-in-flight:{rs}");
            }
        }
        out.push('\n');
        for volume in self.order() {
            self.device_event(volume, statistics, out);
        }
        for volume in self.order() {
            self.peer_device_event(volume, &peer, statistics, out);
        }
        if nine {
            let [local, remote] =
                [self.host, 1 - self.host].map(|host| &self.resource.addresses[host]);
            let established = yes_no(side.connection == Connection::Connected);
            let _ = writeln!(
                out,
                "exists path name:{name} {peer} local:ipv4:{local} peer:ipv4:{remote} established:{established}"
            );
        }
    }

    fn device_event(&self, volume: usize, statistics: bool, out: &mut String) {
        let (device, configured) = (&self.side().devices[volume], &self.resource.volumes[volume]);
        let _ = write!(
            out,
            "exists device name:{} volume:{} minor:{}",
            self.resource.name, configured.number, configured.minor
        );
        if self.generation == Generation::V9 {
            let backing = if device.disk == Disk::Diskless {
                "none"
            } else {
                &configured.disk
            };
            let _ = write!(
                out,
                " backing_dev:{backing} disk:{} client:{} quorum:{}",
                device.disk,
                yes_no(device.client),
                yes_no(device.quorum)
            );
        } else {
            let _ = write!(out, " disk:{}", device.disk);
        }
        if statistics {
            let c = self.counters(volume);
            let _ = write!(
                out,
                " size:{} read:{} written:{} al-writes:{} bm-writes:{} upper-pending:{} lower-pending:{} al-suspended:{} blocked:{}",
                configured.size,
                c.read,
                c.written,
                c.al_writes,
                c.bm_writes,
                c.upper_pending,
                c.lower_pending,
                yes_no(device.al_suspended),
                self.blocked()
            );
        }
        out.push('\n');
    }

    fn peer_device_event(&self, volume: usize, peer: &str, statistics: bool, out: &mut String) {
        let (device, number) = (
            &self.side().devices[volume],
            self.resource.volumes[volume].number,
        );
        let _ = write!(
            out,
            "exists peer-device name:{} {peer} volume:{number} replication:{} peer-disk:{}",
            self.resource.name, device.replication, device.peer_disk
        );
        if self.generation == Generation::V9 {
            let client = self.side().connection == Connection::Connected
                && self.resource.sides[1 - self.host].devices[volume].client;
            let _ = write!(out, " peer-client:{}", yes_no(client));
        }
        let _ = write!(out, " resync-suspended:{}", device.resync_suspended);
        if let (Generation::V9, Some(done)) = (self.generation, self.done(volume)) {
            let _ = write!(out, " done:{done}");
        }
        if statistics {
            let c = self.counters(volume);
            let _ = write!(
                out,
                " received:{} sent:{} out-of-sync:{} pending:{} unacked:{}",
                c.received, c.sent, c.out_of_sync, c.pending, c.unacked
            );
            if let Some((speed, left)) = self.resync_speed(volume) {
                let _ = write!(out, " dbdt1:{speed} eta:{left}");
            }
        }
        out.push('\n');
    }

    /// MiB a second and seconds left of a resync (9 only), as if it had begun a second ago.
    #[must_use]
    pub fn resync_speed(&self, volume: usize) -> Option<(String, u64)> {
        let device = &self.side().devices[volume];
        if self.generation == Generation::V84 || !device.replication.is_syncing() {
            return None;
        }
        let left = self.counters(volume).out_of_sync.min(device.resync_total);
        let done = device.resync_total - left;
        let hundredths = done * 100 / 1024;
        let speed = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        Some((speed, left / done.max(1)))
    }

    /// How much of a resync is done, in percent: 9 reckons from its beginning, 8.4 from the size of the
    /// device; nothing when nothing is left to be done.
    #[must_use]
    pub fn done(&self, volume: usize) -> Option<String> {
        let device = &self.side().devices[volume];
        let left = self.counters(volume).out_of_sync;
        let total = match self.generation {
            Generation::V84 => self.resource.volumes[volume].size,
            Generation::V9 => device.resync_total,
        };
        (device.replication.is_syncing() && left > 0).then(|| percent(left, total))
    }
}

/// What is left of a total when this much is missing, in percent with two digits.
#[must_use]
pub fn percent(missing: u64, total: u64) -> String {
    let (total, missing) = (total.max(1), missing.min(total));
    let hundredths = ((total - missing) * 20_000 + total) / (2 * total);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
