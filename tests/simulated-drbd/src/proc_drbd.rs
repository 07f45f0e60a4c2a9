//! The text of `/proc/drbd`.

use crate::events::View;
use crate::generation::Generation;
use crate::state::{Connection, Disk, Replication, Role};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The blocks of 8.4's minors, by minor.
pub type Blocks = BTreeMap<u32, String>;

/// What 8.4 calls the connection together with the replication.
#[must_use]
pub fn connection_84(connection: Connection, replication: Replication) -> String {
    match (connection, replication) {
        (Connection::Connecting, _) => "WFConnection".to_owned(),
        (Connection::Connected, Replication::Off) => "WFReportParams".to_owned(),
        (Connection::Connected, Replication::Established) => "Connected".to_owned(),
        (Connection::Connected, syncing) => syncing.to_string(),
        (other, _) => other.to_string(),
    }
}

/// Takes the text apart into blocks.
#[must_use]
pub fn parse(text: &str) -> Blocks {
    let mut blocks = Blocks::new();
    let mut current: Option<u32> = None;
    for line in text.lines() {
        let minor = line
            .split_once(": cs:")
            .and_then(|(minor, _)| minor.trim().parse().ok());
        current = minor.or(current).filter(|_| !line.is_empty());
        if let Some(minor) = current {
            let block = blocks.entry(minor).or_default();
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

/// Puts the header and the blocks together, a blank line wherever the minors leave a gap.
#[must_use]
pub fn assemble(generation: Generation, blocks: &Blocks) -> String {
    let mut text = generation.proc_header().to_owned();
    let mut next = 0;
    for (&minor, block) in blocks {
        if minor != next {
            text.push('\n');
        }
        text.push_str(block);
        next = minor + 1;
    }
    text
}

impl View<'_> {
    /// The blocks of the resource's minors; none when it is down.
    #[must_use]
    pub fn proc_blocks(&self) -> Blocks {
        if self.generation == Generation::V9 || self.side().up.is_none() {
            return Blocks::new();
        }
        let volumes = 0..self.resource.volumes.len();
        volumes
            .map(|volume| (self.resource.volumes[volume].minor, self.proc_block(volume)))
            .collect()
    }

    fn proc_block(&self, volume: usize) -> String {
        let (side, device) = (self.side(), &self.side().devices[volume]);
        let minor = self.resource.volumes[volume].minor;
        let alone = side.connection == Connection::StandAlone;
        if alone && device.disk == Disk::Diskless && device.role == Role::Secondary {
            return format!("{minor:2}: cs:Unconfigured\n");
        }
        let c = self.counters(volume);
        let flag = |set: bool, letter: char| if set { letter } else { '-' };
        let resync = &device.resync_suspended;
        let mut text = format!(
            "{minor:2}: cs:{} ro:{}/{} ds:{}/{} {} {}{}{}{}-{}\n",
            connection_84(side.connection, device.replication),
            device.role,
            device.peer_role,
            device.disk,
            device.peer_disk,
            if alone { " " } else { side.protocol() },
            if side.suspended.any() { 's' } else { 'r' },
            flag(resync.contains("dependency"), 'a'),
            flag(resync.contains("peer"), 'p'),
            flag(resync.contains("user"), 'u'),
            flag(device.al_suspended, 's'),
        );
        let _ = writeln!(
            text,
            "    ns:{} nr:{} dw:{} dr:{} al:{} bm:{} lo:{} pe:{} ua:{} ap:{} ep:1 wo:f oos:{}",
            c.sent,
            c.received,
            c.written,
            c.read,
            c.al_writes,
            c.bm_writes,
            c.lower_pending,
            c.pending,
            c.unacked,
            c.upper_pending,
            c.out_of_sync
        );
        if matches!(
            device.replication,
            Replication::SyncSource | Replication::SyncTarget
        ) {
            progress(
                device.resync_total,
                c.out_of_sync,
                device.replication.is_target(),
                &mut text,
            );
        }
        text
    }
}

/// The two lines of a resync under way: the bar, and what is to be expected, as if it had begun a
/// second ago. The kernel reckons in pieces of 4 MiB, hence the leaps of small devices.
fn progress(total: u64, left: u64, target: bool, text: &mut String) {
    let left = left.min(total);
    let piece = |kib: u64| (kib / 4) >> 10;
    let tenths = 1000 - piece(left) * 1000 / (piece(total) + 1);
    let twentieths = usize::try_from(tenths / 50).unwrap_or(20);
    let bar = "=".repeat(twentieths.saturating_sub(1));
    let dots = ".".repeat(20 - twentieths);
    let _ = writeln!(
        text,
        "\t[{bar}>{dots}] sync'ed:{:>3}.{}% ({left}/{total})K",
        tenths / 10,
        tenths % 10
    );
    let done = total - left;
    let want = if target { " want: 500" } else { "" };
    let seconds = left / done.max(1);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let _ = writeln!(
        text,
        "\tfinish: {hours}:{minutes:02}:{:02} speed: {done} ({done}){want} K/sec",
        seconds % 60
    );
}
