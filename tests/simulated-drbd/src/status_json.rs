//! `drbdsetup status --json` (9 only).

use crate::events::{View, percent};
use std::fmt::Write;

impl View<'_> {
    /// The object of the resource, without the brackets around all of them.
    pub fn status_json(&self, out: &mut String) {
        let (side, resource) = (self.side(), self.resource);
        let suspended = side.suspended;
        let _ = write!(
            out,
            "{{\n  \"name\": \"{}\",\n  \"node-id\": {},\n  \"role\": \"{}\",\n  \"suspended\": {},\n  \
             \"suspended-user\": {},\n  \"suspended-no-data\": {},\n  \"suspended-fencing\": {},\n  \
             \"suspended-quorum\": {},\n  \"force-io-failures\": false,\n  \"write-ordering\": \"flush\",\n  \
             \"devices\": [\n",
            resource.name,
            resource.node_ids[self.host],
            side.role(),
            suspended.any(),
            suspended.user,
            suspended.no_data,
            suspended.fencing,
            suspended.quorum
        );
        let devices: Vec<String> = (0..side.devices.len())
            .map(|volume| self.json_device(volume))
            .collect();
        out.push_str(&devices.join(",\n"));
        let counters = || (0..side.devices.len()).map(|volume| self.counters(volume));
        let ap: u64 = counters().map(|c| c.ap_in_flight).sum();
        let rs: u64 = counters().map(|c| c.rs_in_flight).sum();
        let _ = write!(
            out,
            " ],\n  \"connections\": [\n    {{\n      \"peer-node-id\": {},\n      \"name\": \"{}\",\n      \
             \"connection-state\": \"{}\", \n      \"congested\": false,\n      \"peer-role\": \"{}\",\n      \
             \"ap-in-flight\": {ap},\n      \"rs-in-flight\": {rs},\n      \"peer_devices\": [\n",
            resource.node_ids[1 - self.host],
            self.peer_name,
            side.connection,
            side.peer_role()
        );
        let peers: Vec<String> = (0..side.devices.len())
            .map(|volume| self.json_peer_device(volume))
            .collect();
        out.push_str(&peers.join(",\n"));
        out.push_str(" ]\n    } ]\n}\n");
    }

    fn json_device(&self, volume: usize) -> String {
        let (device, configured) = (&self.side().devices[volume], &self.resource.volumes[volume]);
        let c = self.counters(volume);
        format!(
            "    {{\n      \"volume\": {},\n      \"minor\": {},\n      \"disk-state\": \"{}\",\n      \
             \"client\": {},\n      \"quorum\": {},\n      \"size\": {},\n      \"read\": {},\n      \
             \"written\": {},\n      \"al-writes\": {},\n      \"bm-writes\": {},\n      \
             \"upper-pending\": {},\n      \"lower-pending\": {}\n    }}",
            configured.number,
            configured.minor,
            device.disk,
            device.client,
            device.quorum,
            configured.size,
            c.read,
            c.written,
            c.al_writes,
            c.bm_writes,
            c.upper_pending,
            c.lower_pending
        )
    }

    fn json_peer_device(&self, volume: usize) -> String {
        let (device, configured) = (&self.side().devices[volume], &self.resource.volumes[volume]);
        let c = self.counters(volume);
        let syncing = device.replication.is_syncing();
        let mut text = format!(
            "        {{\n          \"volume\": {},\n          \"replication-state\": \"{}\",\n          \
             \"peer-disk-state\": \"{}\",\n          \"peer-client\": {},\n          \
             \"resync-suspended\": \"{}\",\n          \"received\": {},\n          \"sent\": {},\n          \
             \"out-of-sync\": {},\n          \"pending\": {},\n          \"unacked\": {},\n          \
             \"has-sync-details\": {syncing},\n          \"has-online-verify-details\": false,\n          \
             \"percent-in-sync\": {}",
            configured.number,
            device.replication,
            device.peer_disk,
            self.resource.sides[1 - self.host].devices[volume].client
                && device.replication > crate::state::Replication::Off,
            device.resync_suspended,
            c.received,
            c.sent,
            c.out_of_sync,
            c.pending,
            c.unacked,
            percent(c.out_of_sync, configured.size)
        );
        if syncing {
            self.json_resync(volume, &mut text);
        }
        text.push_str("\n        }");
        text
    }

    /// The details of a resync, which began a second ago as far as the speed goes.
    fn json_resync(&self, volume: usize, text: &mut String) {
        let total = self.side().devices[volume].resync_total;
        let left = self.counters(volume).out_of_sync.min(total);
        let done = total - left;
        let (speed, seconds) = self.resync_speed(volume).unwrap_or_default();
        let mut pair = |name: &str, value: &str| {
            let _ = write!(text, ",\n          \"{name}\": {value}");
        };
        pair("rs-total", &(total * 2).to_string());
        pair("rs-dt-start-ms", "1000");
        pair("rs-paused-ms", "0");
        pair("rs-dt0-ms", "1000");
        pair("rs-db0-sectors", &(done * 2).to_string());
        pair("rs-dt1-ms", "1000");
        pair("rs-db1-sectors", &(done * 2).to_string());
        pair("rs-failed", "0");
        pair("rs-same-csum", "0");
        pair("want", "0.00");
        pair("db0/dt0 [MiB/s]", &speed);
        pair("db1/dt1 [MiB/s]", &speed);
        pair("estimated-seconds-to-finish", &seconds.to_string());
        pair("db/dt [MiB/s]", &speed);
        pair(
            "percent-resync-done",
            &self.done(volume).unwrap_or_else(|| "100.00".to_owned()),
        );
    }
}
