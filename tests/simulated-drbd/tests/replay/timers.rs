//! The kernel's timers, which run out when the recording shows that they have.

use crate::player::Player;
use crate::recording::Block;
use simulated_drbd::{Connection, Replication};

impl Player {
    /// The kernel's timers: when the recording shows their outcome, they have run out.
    pub fn run_timers(&mut self, block: &Block) {
        let shows = |words: &[&str]| words.iter().any(|word| block.stdout.contains(word));
        let of_web_root = block.line.contains("web-root")
            || block.line.ends_with(" 1")
            || block.line == "cat /proc/drbd";
        if !of_web_root {
            return;
        }
        if self.returning
            && shows(&[
                "connection:Connected",
                "connection:StandAlone",
                " 1: cs:Connected",
                " 1: cs:StandAlone",
                " 1: cs:Sync",
            ])
        {
            self.reconnect();
        }
        let resource = self.world.resource("web-root").unwrap();
        let index = usize::from(block.host == "nodo2");
        let side = &resource.sides[index];
        let word = block.stdout.trim_end();
        let lost = ["Connecting", "WFConnection"].contains(&word)
            || word.ends_with("/Unknown")
            || shows(&["connection:Connecting", " 1: cs:WFConnection"]);
        if side.connection == Connection::Connected && lost {
            self.world.notice_on(&block.host).unwrap();
        }
        if side.connection == Connection::Connected && shows(&["connection:ProtocolError"]) {
            self.world.collide(1, 256).unwrap();
        }
        if side.connection == Connection::ProtocolError && shows(&["connection:StandAlone"]) {
            self.world.retry().unwrap();
        }
        if side.devices[0].replication.is_syncing()
            && shows(&["replication:Established", " 1: cs:Connected"])
        {
            self.world.finish_resync(1).unwrap();
        }
        let source = shows(&["replication:SyncSource", " 1: cs:SyncSource"]);
        let target = shows(&["replication:SyncTarget", " 1: cs:SyncTarget"]);
        if side.devices[0].replication == Replication::Established && (source || target) {
            // A resync of some KiB, over at once in the simulation, was recorded at its end.
            let source = if source == (index == 0) {
                "nodo1"
            } else {
                "nodo2"
            };
            self.world.start_resync(source, 1, 16).unwrap();
            self.edit(|resource| {
                for side in &mut resource.sides {
                    side.devices[0].counters.out_of_sync = 0;
                }
            });
        }
    }
}

/// States which last for some milliseconds between the handshake and the connection.
pub fn transient(text: &str) -> bool {
    [
        "WFBitMap",
        "WFSyncUUID",
        "WFReportParams",
        "peer-disk:Consistent",
    ]
    .iter()
    .any(|word| text.contains(word))
        || text.contains("connection:Connected role:Unknown")
}
