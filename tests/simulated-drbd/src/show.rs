//! `drbdsetup show`, as text, of both generations.

use crate::events::View;
use crate::generation::Generation;
use crate::options::{Known, Options};
use crate::state::{Connection, Disk};
use crate::{options9, options84};
use std::fmt::Write;

/// The options of a section, between its braces; nothing when there are none to show.
fn section(
    name: &str,
    indent: usize,
    known: &[Known],
    set: &Options,
    defaults: bool,
    out: &mut String,
) {
    let mut lines = String::new();
    for option in known {
        option.line(indent + 4, set, defaults, &mut lines);
    }
    if !lines.is_empty() {
        let _ = write!(out, "{:indent$}{name} {{\n{lines}{:indent$}}}\n", "", "");
    }
}

impl View<'_> {
    /// The addresses of this host and of the other.
    #[must_use]
    pub fn addresses(&self) -> [&str; 2] {
        [self.host, 1 - self.host].map(|host| self.resource.addresses[host].as_str())
    }

    /// The run-time options of the connection, with the name which 9 gives it.
    #[must_use]
    pub fn net(&self) -> Options {
        let mut net = self.side().net.clone();
        net.insert("_name".to_owned(), self.peer_name.to_owned());
        net
    }

    /// The text of the resource; on 8.4 with one volume only when a minor was asked for.
    pub fn show(&self, defaults: bool, only: Option<u32>, out: &mut String) {
        match self.generation {
            Generation::V84 => self.show_84(defaults, only, out),
            Generation::V9 => self.show_9(defaults, out),
        }
    }

    fn show_84(&self, defaults: bool, only: Option<u32>, out: &mut String) {
        let side = self.side();
        let alone = side.connection == Connection::StandAlone;
        let [local, remote] = self.addresses();
        let _ = writeln!(out, "resource {} {{", self.resource.name);
        let mut options = String::new();
        section(
            "options",
            4,
            options84::RESOURCE,
            &Options::new(),
            defaults,
            &mut options,
        );
        out.push_str(if options.is_empty() {
            "    options {\n    }\n"
        } else {
            &options
        });
        if !alone {
            section("net", 4, options84::NET, &side.net, defaults, out);
            let _ = writeln!(
                out,
                "    _remote_host {{\n        address\t\t\tipv4 {remote};\n    }}"
            );
        }
        out.push_str("    _this_host {\n");
        if !alone {
            let _ = writeln!(out, "        address\t\t\tipv4 {local};");
        }
        for (volume, device) in self.resource.volumes.iter().zip(&side.devices) {
            if only.is_some_and(|minor| minor != volume.minor) {
                continue;
            }
            let _ = writeln!(
                out,
                "        volume {} {{\n            device\t\t\tminor {};",
                volume.number, volume.minor
            );
            if device.disk != Disk::Diskless {
                show_disks(volume, out);
                let mut set = self.resource.peer_device.clone();
                set.extend(device.options.clone());
                section("disk", 12, options84::DISK, &set, defaults, out);
            }
            out.push_str("        }\n");
        }
        out.push_str("    }\n}\n");
    }

    fn show_9(&self, defaults: bool, out: &mut String) {
        let (side, resource) = (self.side(), self.resource);
        let [local, remote] = self.addresses();
        let _ = writeln!(out, "resource \"{}\" {{", resource.name);
        let quorum = [("quorum".to_owned(), resource.quorum.clone())].into();
        section("options", 4, options9::RESOURCE, &quorum, defaults, out);
        let _ = writeln!(
            out,
            "    _this_host {{\n        node-id\t\t\t{};",
            resource.node_ids[self.host]
        );
        for (volume, device) in resource.volumes.iter().zip(&side.devices) {
            let _ = writeln!(
                out,
                "        volume {} {{\n            device\t\t\tminor {};",
                volume.number, volume.minor
            );
            if device.disk != Disk::Diskless {
                show_disks(volume, out);
                section("disk", 12, options9::DISK, &device.options, defaults, out);
            } else if device.client {
                out.push_str("            disk\t\t\tnone;\n");
            }
            out.push_str("        }\n");
        }
        let _ = write!(
            out,
            "    }}\n    connection {{\n        _peer_node_id {};\n        path {{\n            \
             _this_host ipv4 {local};\n            _remote_host ipv4 {remote};\n        }}\n",
            resource.node_ids[1 - self.host]
        );
        if side.connection == Connection::StandAlone {
            out.push_str("        _is_standalone;\n");
        }
        section("net", 8, options9::NET, &self.net(), defaults, out);
        for (volume, device) in resource.volumes.iter().zip(&side.devices) {
            let mut set = resource.peer_device.clone();
            set.extend(device.options.clone());
            let mut disk = String::new();
            section("disk", 12, options9::PEER_DEVICE, &set, defaults, &mut disk);
            if !disk.is_empty() {
                let _ = write!(
                    out,
                    "        volume {} {{\n{disk}        }}\n",
                    volume.number
                );
            }
        }
        out.push_str("    }\n}\n\n");
    }
}

fn show_disks(volume: &crate::resource::Volume, out: &mut String) {
    let meta = match volume.meta_disk.as_str() {
        "internal" => "internal".to_owned(),
        other => format!("\"{other}\""),
    };
    let _ = writeln!(
        out,
        "            disk\t\t\t\"{}\";\n            meta-disk\t\t\t{meta};",
        volume.disk
    );
}
