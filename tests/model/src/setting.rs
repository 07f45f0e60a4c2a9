//! What a model is about, and how far it goes.

use std::fmt;

use crate::program::{Kind, Rules, Task};
use crate::world::Mount;

/// A model: the generation of DRBD, what the administrator decided, how it begins, and how often what
/// can happen.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// DRBD 9, or 8.4.
    pub nine: bool,
    /// What stands in `block-drbd.toml`.
    pub rules: Rules,
    /// Two primaries are configured.
    pub configured: bool,
    /// The host of each domain.
    pub hosts: [usize; 2],
    /// Both domains are the same guest.
    pub same_guest: bool,
    /// The first domain runs from the beginning.
    pub running: bool,
    /// Something on the first host uses the device from the beginning.
    pub mount: Mount,
    /// How often what can happen.
    pub bounds: Bounds,
}

/// How often what can happen, in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Somebody starts a domain.
    pub starts: u8,
    /// Somebody destroys one.
    pub stops: u8,
    /// Live migrations.
    pub moves: u8,
    /// Writes of the guest.
    pub writes: u8,
    /// The link is cut; it comes back as often.
    pub cuts: u8,
    /// A run of the program is killed.
    pub kills: u8,
    /// The deadline of a run passes.
    pub expiries: u8,
    /// A promotion outlives the command that asked for it.
    pub hangs: u8,
    /// A host crashes; it boots as often.
    pub crashes: u8,
    /// blkback closes the device after it said so.
    pub lingers: u8,
    /// It does not even say so in time, so that `remove` is never called.
    pub lapses: u8,
    /// The toolstack gives up a domain while its `add` runs.
    pub races: u8,
    /// A failed `add` is followed by no `remove`: `xl block-attach`, pygrub.
    pub attaches: u8,
    /// The administrator disconnects a side.
    pub disconnects: u8,
    /// Runs of `reap`.
    pub reaps: u8,
}

impl Bounds {
    /// What may still go wrong, so that `reap` has to clear up after it.
    #[must_use]
    pub fn mishaps(&self) -> [u8; 7] {
        [
            self.cuts,
            self.kills,
            self.expiries,
            self.hangs,
            self.crashes,
            self.lapses,
            self.disconnects,
        ]
    }
}

/// `starts 2, cuts 1`: what is not there cannot happen.
impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            ("starts", self.starts),
            ("stops", self.stops),
            ("moves", self.moves),
            ("writes", self.writes),
            ("cuts", self.cuts),
            ("kills", self.kills),
            ("expiries", self.expiries),
            ("hangs", self.hangs),
            ("crashes", self.crashes),
            ("lingers", self.lingers),
            ("lapses", self.lapses),
            ("races", self.races),
            ("attaches", self.attaches),
            ("disconnects", self.disconnects),
            ("reaps", self.reaps),
        ];
        let words: Vec<String> = all
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        f.write_str(&words.join(", "))
    }
}

impl Setting {
    /// Several guests may write.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.rules == Rules::Shared
    }

    /// What a run of the program is for.
    #[must_use]
    pub fn kind(&self, task: Task, slot: usize, incoming: bool) -> Kind {
        Kind {
            task,
            slot: u8::from(slot != 0),
            incoming,
            same_guest: self.same_guest,
            nine: self.nine,
            configured: self.configured,
            rules: self.rules,
        }
    }
}
