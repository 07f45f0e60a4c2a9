//! What happens, when it happens.

use crate::event::Event;
use crate::steps::{Steps, Who};
use crate::world::{Journey, Life, Mount, World};

impl Steps {
    /// What happens, but for steps of the program.
    pub fn happen(&self, world: &mut World, event: Event) {
        let setting = &self.setting;
        let left = &mut world.left;
        match event {
            Event::Step(..) => {}
            Event::Kill(who) => {
                left.kills -= 1;
                self.kill(world, who);
            }
            Event::Create(slot) => {
                left.starts -= 1;
                world.slots[slot].life = Life::Starting;
                self.start(world, Who::Add(slot), false);
            }
            Event::Unpause(slot) if world.journey == Journey::None => {
                world.slots[slot].life = Life::Running;
            }
            Event::Unpause(slot) => world.go_on(slot),
            Event::Discard(slot) => world.slots[slot].life = Life::Closing,
            Event::Leave(slot) => {
                left.attaches -= 1;
                world.forget(slot, setting);
            }
            Event::Race(slot) => {
                left.races -= 1;
                world.slots[slot].life = Life::Closing;
            }
            Event::Destroy(slot) => {
                if world.slots[slot].life == Life::Suspended {
                    world.journey = Journey::None;
                    world.held = 0;
                } else {
                    left.stops -= 1;
                }
                world.slots[slot].life = Life::Closing;
            }
            Event::Close(slot) | Event::Linger(slot) => {
                if event == Event::Close(slot) {
                    world.slots[slot].open = false;
                } else {
                    left.lingers -= 1;
                }
                world.slots[slot].life = Life::Closed;
                self.start(world, Who::Remove(slot), false);
            }
            Event::Lapse(slot) => {
                left.lapses -= 1;
                world.forget(slot, setting);
            }
            Event::Migrate(slot) => {
                left.moves -= 1;
                world.slots[slot].life = Life::Suspended;
                world.slots[1 - slot].life = Life::Starting;
                world.journey = Journey::Receiving(u8::from(slot == 1));
                self.start(world, Who::Add(1 - slot), true);
            }
            Event::Resume(slot) => world.resume(slot),
            Event::Go => {
                if let Journey::Receiving(source) = world.journey {
                    world.journey = Journey::Went(source);
                }
            }
            Event::Fail => {
                if let Journey::Went(source) = world.journey {
                    world.journey = Journey::Failed(source);
                    world.slots[usize::from(source == 0)].doomed = true;
                }
            }
            Event::Write(slot) => {
                left.writes -= 1;
                let bit = 1 << left.writes;
                world.write(setting.hosts[slot], bit);
            }
            Event::Arrive(host) => world.arrive(host, setting),
            Event::Open(slot) => world.slots[slot].open = true,
            Event::Shut(slot) => world.slots[slot].open = false,
            Event::ShutLeaked(host) => world.sides[host].leaked = false,
            Event::Unmount => world.mount = Mount::None,
            other => self.happen_to_hosts(world, other),
        }
    }

    fn happen_to_hosts(&self, world: &mut World, event: Event) {
        let setting = &self.setting;
        let left = &mut world.left;
        match event {
            Event::Cut => {
                left.cuts -= 1;
                world.link = false;
            }
            Event::Heal => world.link = true,
            Event::Notice(host) => world.lose(host, setting),
            Event::Meet => world.meet(setting),
            Event::Synced => world.finish_sync(),
            Event::Unhang(host) => {
                world.sides[host].hanging = false;
                world.promote(host, setting);
            }
            Event::Disconnect(host) => {
                left.disconnects -= 1;
                world.lose(host, setting);
                world.stand_alone(host, setting);
                world.marks.parted |= world.sides[0].two != world.sides[1].two;
            }
            Event::Crash(host) => {
                left.crashes -= 1;
                world.crash(host, setting);
                world.lose_domains(host, setting);
            }
            Event::Boot(host) => world.sides[host].up = true,
            Event::Reap(host) => {
                left.reaps -= 1;
                self.start(world, Who::Reap(host), false);
            }
            _ => {}
        }
    }
}
