//! What was done in a recording by other means than DRBD's tools.

use crate::player::Player;
use crate::recording::Block;
use simulated_drbd::{Disk, Generation, Module, Opener, Resource, Role};

impl Player {
    /// What was done by other means than a command.
    pub fn remark(&mut self, remark: &str) {
        let words: Vec<&str> = remark
            .split([' ', ',', ':'])
            .filter(|word| !word.is_empty())
            .collect();
        match words.as_slice() {
            ["replication", "link", "down", ..] => self.world.cut_link_unnoticed().unwrap(),
            ["replication", "link", "up", rest @ ..] => {
                self.returning = true;
                if rest.contains(&"6") {
                    self.reconnect();
                }
            }
            [host, "connection", "Connecting", "after", ..] => self.world.notice_on(host).unwrap(),
            [
                _,
                "connection" | "replication" | "disk",
                ..,
                "after",
                _,
                "s",
            ] => self.reconnect(),
            ["released", "on", host] => self.release(host),
            [host, "powered", "off"] => self.world.crash(host).unwrap(),
            [host, "booted", "again"] => self.boot(host),
            ["no", "module", ..] => self.world.set_module("nodo1", Module::Absent).unwrap(),
            ["the", "same", "with", "two", ..]
                if self.recording == "promote-while-cut-unnoticed" =>
            {
                self.again = true;
            }
            ["promote", "on", "nodo2", "at", ..] => self.demote_meanwhile = true,
            _ => {}
        }
    }

    /// The rig boots with empty disks and with two primaries allowed; that is adjusted afterwards.
    pub fn boot(&mut self, host: &str) {
        let index = usize::from(host == "nodo2");
        let nine = self.generation == Generation::V9;
        let two = "allow-two-primaries".to_owned();
        self.edit(|resource| {
            resource.configured.insert(two.clone(), "yes".to_owned());
            let device = &mut resource.sides[index].devices[0];
            device.disk = Disk::Inconsistent;
            device.counters.out_of_sync = if nine { 0 } else { 65496 };
        });
        self.world.boot(host).unwrap();
        self.edit(|resource| {
            resource.configured.remove(&two);
            resource.sides[index].devices[0].al_suspended = !nine;
        });
        self.world
            .run(host, &["drbdadm", "adjust", "web-root"])
            .unwrap();
    }

    pub fn edit(&self, work: impl Fn(&mut Resource)) {
        let edited = self.world.edit("web-root", |resource, _| {
            work(resource);
            Ok(())
        });
        edited.unwrap();
    }

    pub fn release(&mut self, host: &str) {
        let (of_host, others) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|(held, _)| held == host);
        self.held = others;
        let of_host: Vec<(String, u32)> = of_host;
        for (_, minor) in of_host {
            self.world.release(host, minor).unwrap();
        }
    }

    pub fn reconnect(&mut self) {
        if std::mem::take(&mut self.returning) {
            self.world.restore_link().unwrap();
        }
    }

    /// Does what a command did that is no tool of DRBD.
    pub fn act(&mut self, block: &Block) {
        let (host, line) = (block.host.as_str(), block.line.as_str());
        if line.contains("xl create") {
            // A guest which always has four writes in flight.
            self.world
                .run(
                    host,
                    &[
                        "drbdsetup",
                        "primary",
                        if self.generation == Generation::V84 {
                            "1"
                        } else {
                            "web-root"
                        },
                    ],
                )
                .unwrap();
            self.world.in_flight(host, 1, 20_000, 4, None).unwrap();
        } else if line.starts_with("rmmod") {
            self.world.set_module(host, Module::Unloaded).unwrap();
        } else if line.starts_with("umount") {
            self.release(host);
        } else if line.starts_with("mkfs") {
            self.world
                .hold_open(host, 1, Opener::writer("mount", 7582), None)
                .unwrap();
            self.held.push((host.to_owned(), 1));
            self.world.write(host, 1, 322, true).unwrap();
        } else if line.contains("of=/dev/drbd1") && block.exit == "0" {
            self.dd(host, line);
        }
    }

    pub fn dd(&mut self, host: &str, line: &str) {
        let number = |key: &str| {
            line.split(' ')
                .find_map(|word| word.strip_prefix(key))
                .unwrap()
                .to_owned()
        };
        let block = number("bs=");
        let unit = if block.ends_with('M') { 1024 } else { 1 };
        let block: u64 = block.trim_end_matches(['k', 'M']).parse::<u64>().unwrap() * unit;
        let kib = block
            * number("count=")
                .trim_end_matches(')')
                .parse::<u64>()
                .unwrap();
        let index = usize::from(host == "nodo2");
        let side = self.world.resource("web-root").unwrap().sides[index].clone();
        if line.starts_with("(setsid") {
            // The write goes on as long as I/O is suspended, or as long as nobody knows the peer is gone.
            self.world
                .hold_open(host, 1, Opener::writer("dd", 8106), None)
                .unwrap();
            self.held.push((host.to_owned(), 1));
            self.waiting = Some((host.to_owned(), kib));
            return;
        }
        let log = (host.to_owned(), 1);
        let extent = !self.logged.contains(&log);
        self.logged.push(log);
        if side.role() != Role::Primary {
            // 9 promotes for as long as the device is open.
            self.world
                .hold_open(host, 1, Opener::writer("dd", 1), None)
                .unwrap();
            self.world.write(host, 1, kib, extent).unwrap();
            self.world.release(host, 1).unwrap();
            return;
        }
        self.world.write(host, 1, kib, extent).unwrap();
    }
}
