//! `drbdsetup show --json` (9 only).

use crate::events::View;
use crate::options::{Known, Options};
use crate::options9;
use crate::state::Disk;

/// A JSON value with its parts one a line.
fn block(open: char, close: char, indent: usize, parts: &[String]) -> String {
    let pad = " ".repeat(indent + 4);
    let lines: Vec<String> = parts.iter().map(|part| format!("{pad}{part}")).collect();
    format!(
        "{open}\n{}\n{}{close}",
        lines.join(",\n"),
        " ".repeat(indent)
    )
}

/// `"NAME": {…}` with the options; nothing when there are none to show.
fn section(
    name: &str,
    indent: usize,
    known: &[Known],
    set: &Options,
    defaults: bool,
) -> Option<String> {
    let pairs: Vec<String> = known
        .iter()
        .filter_map(|option| option.json(set, defaults))
        .collect();
    (!pairs.is_empty()).then(|| format!("\"{name}\": {}", block('{', '}', indent, &pairs)))
}

impl View<'_> {
    /// The object of the resource, indented by four.
    #[must_use]
    pub fn show_json(&self, defaults: bool) -> String {
        let resource = self.resource;
        let quorum = [("quorum".to_owned(), resource.quorum.clone())].into();
        let mut parts = vec![format!("\"resource\": \"{}\"", resource.name)];
        parts.extend(section("options", 8, options9::RESOURCE, &quorum, defaults));
        parts.push(format!("\"_this_host\": {}", self.json_this_host(defaults)));
        let connection = format!("{}{}", " ".repeat(12), self.json_connection(defaults));
        parts.push(format!("\"connections\": [\n{connection}\n        ]"));
        format!("    {}", block('{', '}', 4, &parts))
    }

    fn json_this_host(&self, defaults: bool) -> String {
        let each = self.resource.volumes.iter().zip(&self.side().devices);
        let volumes: Vec<String> = each
            .map(|(volume, device)| {
                let mut parts = vec![
                    format!("\"volume_nr\": {}", volume.number),
                    format!("\"device_minor\": {}", volume.minor),
                ];
                if device.disk != Disk::Diskless {
                    parts.push(format!("\"backing-disk\": \"{}\"", volume.disk));
                    parts.push(format!("\"meta-disk\": \"{}\"", volume.meta_disk));
                    parts.extend(section(
                        "disk",
                        20,
                        options9::DISK,
                        &device.options,
                        defaults,
                    ));
                }
                block('{', '}', 16, &parts)
            })
            .collect();
        let parts = [
            format!("\"node-id\": {}", self.resource.node_ids[self.host]),
            format!("\"volumes\": {}", block('[', ']', 12, &volumes)),
        ];
        block('{', '}', 8, &parts)
    }

    fn json_connection(&self, defaults: bool) -> String {
        let [local, remote] = self.addresses();
        let path = [
            format!("\"_this_host\": \"ipv4 {local}\""),
            format!("\"_remote_host\": \"ipv4 {remote}\""),
        ];
        let mut parts = vec![format!("\"path\": {}", block('{', '}', 16, &path))];
        parts.extend(section("net", 16, options9::NET, &self.net(), defaults));
        let each = self.resource.volumes.iter().zip(&self.side().devices);
        let volumes: Vec<String> = each
            .map(|(volume, device)| {
                let mut set = self.resource.peer_device.clone();
                set.extend(device.options.clone());
                let mut parts = vec![format!("\"volume_nr\": {}", volume.number)];
                parts.extend(section("disk", 24, options9::PEER_DEVICE, &set, defaults));
                block('{', '}', 20, &parts)
            })
            .collect();
        parts.push(format!("\"volumes\": {}", block('[', ']', 16, &volumes)));
        parts.push(format!(
            "\"_peer_node_id\": {}",
            self.resource.node_ids[1 - self.host]
        ));
        block('{', '}', 12, &parts)
    }
}
