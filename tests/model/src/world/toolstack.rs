//! The toolstack: what `xl` does to domains and when (xen: `tools/xl/xl_migrate.c`,
//! `tools/libs/light/libxl_device.c`), and what blkback does beside it.

use super::{Journey, Life, Slot, World};
use crate::program::{Answer, Folder};
use crate::setting::Setting;

impl World {
    /// Whether a domain of that host is in one of those stages.
    #[must_use]
    pub fn lives_on(&self, setting: &Setting, host: usize, stages: &[Life]) -> bool {
        let mut all = self.slots.iter().zip(setting.hosts);
        all.any(|(slot, on)| on == host && stages.contains(&slot.life))
    }

    /// What stands in xenstore on that host.
    #[must_use]
    pub fn folders(&self, setting: &Setting, host: usize) -> [Folder; 2] {
        let mut folders = [Folder::default(); 2];
        for (slot, folder) in folders.iter_mut().enumerate() {
            if setting.hosts[slot] == host {
                *folder = self.slots[slot].folder();
            }
        }
        folders
    }

    /// A domain lost its nodes in xenstore; blkback may still have the device open.
    pub fn forget(&mut self, slot: usize, setting: &Setting) {
        let was = std::mem::replace(&mut self.slots[slot], Slot::ABSENT);
        self.sides[setting.hosts[slot]].leaked |= was.open;
        self.slots[slot].add = was.add;
        self.slots[slot].remove = was.remove;
    }

    /// The source's guest goes on where it was suspended.
    pub fn resume(&mut self, slot: usize) {
        self.slots[slot].life = Life::Running;
        self.acked |= std::mem::take(&mut self.held);
        self.slots[1 - slot].doomed |= self.slots[1 - slot].life != Life::Absent;
        self.journey = Journey::None;
    }

    /// The guest goes on at the destination, and asks again for what it had no answer to.
    pub fn go_on(&mut self, slot: usize) {
        self.slots[slot].life = Life::Running;
        self.held = 0;
        self.journey = Journey::Arrived(u8::from(slot == 0));
    }

    /// What blkback serves on that host: the domains' disks, and that of a forgotten one.
    #[must_use]
    pub fn attached(&self, host: usize, setting: &Setting) -> [bool; 3] {
        let open = |slot: usize| self.slots[slot].open && setting.hosts[slot] == host;
        [open(0), open(1), self.sides[host].leaked]
    }

    /// The device is published. blkback opens it at once, but where others on the same host could
    /// come in between.
    pub fn publish(&mut self, slot: usize, setting: &Setting) {
        self.slots[slot].published = true;
        if setting.hosts[0] != setting.hosts[1] {
            self.slots[slot].open = self.can_open(slot, setting);
        }
    }

    /// blkback opens what is published, if it can.
    #[must_use]
    pub fn can_open(&self, slot: usize, setting: &Setting) -> bool {
        let one = &self.slots[slot];
        let alive = !matches!(one.life, Life::Absent | Life::Closing | Life::Closed);
        one.published && !one.open && alive && self.sides[setting.hosts[slot]].primary
    }

    /// A `remove` has waited for its device for long: in time it is closed, or does not close.
    pub fn patience(&mut self, host: usize, setting: &Setting) -> Option<Answer> {
        let opened = |(slot, on): (&Slot, usize)| slot.open && on == host;
        if !self.slots.iter().zip(setting.hosts).any(opened) && !self.sides[host].leaked {
            return Some(Answer::Done);
        }
        self.left.lapses = self.left.lapses.checked_sub(1)?;
        Some(Answer::Expired)
    }

    /// All domains of a host that crashes are gone, and what ran for them.
    pub fn lose_domains(&mut self, host: usize, setting: &Setting) {
        for slot in [0, 1] {
            if setting.hosts[slot] != host {
                continue;
            }
            self.slots[slot] = Slot::ABSENT;
            let (own, other) = (u8::from(slot == 1), 1 - slot);
            self.journey = match self.journey {
                Journey::Receiving(source) if source == own => {
                    self.slots[other].doomed = true;
                    Journey::None
                }
                Journey::Receiving(source) | Journey::Went(source) | Journey::Failed(source)
                    if source != own =>
                {
                    Journey::Failed(source)
                }
                Journey::Failed(_) | Journey::Arrived(_) => Journey::None,
                other => other,
            };
        }
        self.reaps[host] = None;
    }
}

impl Slot {
    /// What stands in xenstore of it.
    fn folder(&self) -> Folder {
        let state = match self.life {
            Life::Absent => return Folder::default(),
            Life::Closing => 5,
            Life::Closed => 6,
            _ if self.published => 4,
            _ => 2,
        };
        Folder {
            state: Some(state),
            online: state < 5,
            published: self.published,
        }
    }

    /// No run of the program is under way for it.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.add.is_none() && self.remove.is_none()
    }
}
