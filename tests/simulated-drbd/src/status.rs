//! `drbdsetup status`, as text.

use crate::events::{View, yes_no};
use crate::generation::Generation;
use crate::state::{Connection, Disk, Replication};
use crate::wrapped::Wrapped;

/// What `drbdsetup status` was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// `--verbose`.
    pub verbose: bool,
    /// `--statistics`.
    pub statistics: bool,
}

impl View<'_> {
    /// The paragraph of the resource, with the blank line that ends it.
    pub fn status(&self, wanted: Wanted, out: &mut String) {
        let nine = self.generation == Generation::V9;
        let (side, verbose) = (self.side(), wanted.verbose);
        let mut text = Wrapped::new(out);
        text.line(0, &self.resource.name);
        if nine && verbose {
            text.item(4, &format!("node-id:{}", self.resource.node_ids[self.host]));
        }
        text.item(4, &format!("role:{}", side.role()));
        if verbose || side.suspended.any() {
            text.item(4, &format!("suspended:{}", side.suspended.words()));
        }
        if nine && verbose {
            text.item(4, "force-io-failures:no");
        }
        if wanted.statistics {
            text.line(4, "write-ordering:flush");
        }
        for volume in 0..side.devices.len() {
            self.status_device(volume, wanted, &mut text);
        }
        self.status_connection(wanted, &mut text);
        text.end();
        out.push('\n');
    }

    /// Begins a line with the first item, which is the volume's number where that is shown.
    fn numbered(
        &self,
        volume: usize,
        indent: usize,
        verbose: bool,
        text: &mut Wrapped,
        items: &[String],
    ) {
        let mut all = Vec::new();
        if verbose || self.resource.volumes.len() > 1 {
            all.push(format!("volume:{}", self.resource.volumes[volume].number));
        }
        all.extend_from_slice(items);
        for (index, item) in all.iter().enumerate() {
            if index == 0 {
                text.line(indent, item);
            } else {
                text.item(indent + 4, item);
            }
        }
    }

    fn status_device(&self, volume: usize, wanted: Wanted, text: &mut Wrapped) {
        let (device, configured) = (&self.side().devices[volume], &self.resource.volumes[volume]);
        let mut items = Vec::new();
        if wanted.verbose {
            items.push(format!("minor:{}", configured.minor));
        }
        items.push(format!("disk:{}", device.disk));
        if self.generation == Generation::V9 {
            if device.disk == Disk::Diskless && (device.client || wanted.verbose) {
                items.push(format!("client:{}", yes_no(device.client)));
            }
            if wanted.verbose {
                let backing = if device.disk == Disk::Diskless {
                    "none"
                } else {
                    &configured.disk
                };
                items.push(format!("backing_dev:{backing}"));
            }
            if wanted.verbose || !device.quorum {
                items.push(format!("quorum:{}", yes_no(device.quorum)));
            }
        }
        self.numbered(volume, 2, wanted.verbose, text, &items);
        if wanted.statistics {
            let c = self.counters(volume);
            text.line(6, &format!("size:{}", configured.size));
            for (name, value) in [
                ("read", c.read),
                ("written", c.written),
                ("al-writes", c.al_writes),
                ("bm-writes", c.bm_writes),
                ("upper-pending", c.upper_pending),
                ("lower-pending", c.lower_pending),
            ] {
                text.item(6, &format!("{name}:{value}"));
            }
            text.item(6, &format!("al-suspended:{}", yes_no(device.al_suspended)));
            text.item(6, &format!("blocked:{}", self.blocked()));
        } else if self.side().suspended.any() {
            text.item(6, "blocked:upper");
        }
    }

    fn status_connection(&self, wanted: Wanted, text: &mut Wrapped) {
        let side = self.side();
        let connected = side.connection == Connection::Connected;
        let name = if self.generation == Generation::V9 {
            self.peer_name
        } else {
            "peer"
        };
        text.line(2, name);
        if self.generation == Generation::V9 && wanted.verbose {
            text.item(
                6,
                &format!("node-id:{}", self.resource.node_ids[1 - self.host]),
            );
        }
        if wanted.verbose || !connected {
            text.item(6, &format!("connection:{}", side.connection));
        }
        if wanted.verbose || connected {
            text.item(6, &format!("role:{}", side.peer_role()));
        }
        if wanted.verbose || wanted.statistics {
            text.item(6, "congested:no");
        }
        if wanted.statistics && self.generation == Generation::V9 {
            let volumes = || (0..side.devices.len()).map(|volume| self.counters(volume));
            let ap: u64 = volumes().map(|c| c.ap_in_flight).sum();
            let rs: u64 = volumes().map(|c| c.rs_in_flight).sum();
            text.item(6, &format!("ap-in-flight:{ap}"));
            text.item(6, &format!("rs-in-flight:{rs}"));
        }
        if wanted.verbose || wanted.statistics || connected {
            for volume in 0..side.devices.len() {
                self.status_peer_device(volume, wanted, text);
            }
        }
    }

    fn status_peer_device(&self, volume: usize, wanted: Wanted, text: &mut Wrapped) {
        let device = &self.side().devices[volume];
        let nine = self.generation == Generation::V9;
        let mut items = Vec::new();
        if wanted.verbose || !nine || device.replication > Replication::Established {
            items.push(format!("replication:{}", device.replication));
        }
        items.push(format!("peer-disk:{}", device.peer_disk));
        if let Some(done) = self.done(volume) {
            items.push(format!("done:{done}"));
        }
        if wanted.verbose || device.resync_suspended != "no" {
            items.push(format!("resync-suspended:{}", device.resync_suspended));
        }
        self.numbered(volume, 4, wanted.verbose, text, &items);
        if wanted.statistics {
            let c = self.counters(volume);
            text.line(8, &format!("received:{}", c.received));
            for (name, value) in [
                ("sent", c.sent),
                ("out-of-sync", c.out_of_sync),
                ("pending", c.pending),
                ("unacked", c.unacked),
            ] {
                text.item(8, &format!("{name}:{value}"));
            }
            if let Some((speed, left)) = self.resync_speed(volume) {
                text.item(8, &format!("dbdt1:{speed}"));
                text.item(8, &format!("eta:{left}"));
            }
        }
    }
}
