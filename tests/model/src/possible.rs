//! What can happen next.

use crate::event::Event;
use crate::program::{Link, Sync};
use crate::steps::{ALL, Luck, Steps};
use crate::world::{Journey, Life, Mount, World};

/// Adds an event where it can happen.
fn pushing(events: &mut Vec<Event>) -> impl FnMut(bool, Event) {
    |is, event| {
        if is {
            events.push(event);
        }
    }
}

impl Steps {
    /// Everything that can happen next.
    pub fn possible(&self, world: &World, events: &mut Vec<Event>) {
        Self::program_events(world, events);
        for slot in [0, 1] {
            self.start_events(world, slot, events);
            self.domain_events(world, slot, events);
        }
        Self::journey_events(world, events);
        Self::drbd_events(world, events);
    }

    fn program_events(world: &World, events: &mut Vec<Event>) {
        for who in ALL {
            if Self::place(world, who).is_none() {
                continue;
            }
            let mut lucks = vec![Luck::Good];
            if world.left.expiries > 0 {
                lucks.extend([Luck::Late, Luck::LateAndDone]);
            }
            if world.left.hangs > 0 {
                lucks.push(Luck::Hangs);
            }
            let steps = lucks.into_iter().map(|luck| Event::Step(who, luck));
            events.extend(steps);
            if world.left.kills > 0 {
                events.push(Event::Kill(who));
            }
        }
        for host in [0, 1] {
            if world.left.reaps > 0 && world.reaps[host].is_none() && world.sides[host].up {
                events.push(Event::Reap(host));
            }
        }
    }

    fn start_events(&self, world: &World, slot: usize, events: &mut Vec<Event>) {
        let (one, other) = (&world.slots[slot], &world.slots[1 - slot]);
        let hosts = self.setting.hosts;
        let left = &world.left;
        let mut may = pushing(events);
        let journey = world.journey != Journey::None;
        // The toolstack starts no guest a second time on the same host before it has gone.
        let far = hosts[0] != hosts[1];
        let gone = matches!(other.life, Life::Absent | Life::Closing | Life::Closed);
        let allowed = far || !self.setting.same_guest || gone;
        let free = world.sides[hosts[slot]].up && one.life == Life::Absent && one.is_quiet();
        may(free && allowed && left.starts > 0, Event::Create(slot));
        let ready = one.life == Life::Ready && !one.doomed;
        may(ready && !journey, Event::Unpause(slot));
        let failed = one.life == Life::Starting && one.add.is_none();
        let received = world.journey == Journey::Receiving(u8::from(slot == 0));
        may(failed && !received && left.attaches > 0, Event::Leave(slot));
        let starting = one.life == Life::Starting && one.add.is_some();
        may(starting && left.races > 0, Event::Race(slot));
        let early = matches!(one.life, Life::Starting | Life::Ready);
        let doomed = one.doomed && early && one.add.is_none();
        may(doomed, Event::Discard(slot));
        let there = world.sides[hosts[1 - slot]].up && self.setting.same_guest;
        let room = other.life == Life::Absent && other.is_quiet() && !journey;
        let runs = one.life == Life::Running && one.open;
        may(
            runs && there && room && left.moves > 0,
            Event::Migrate(slot),
        );
    }

    fn domain_events(&self, world: &World, slot: usize, events: &mut Vec<Event>) {
        let one = &world.slots[slot];
        let side = &world.sides[self.setting.hosts[slot]];
        let left = &world.left;
        let mut may = pushing(events);
        let journey = matches!(world.journey, Journey::Receiving(_) | Journey::Went(_));
        let given_up = one.life == Life::Suspended && !journey;
        let stopped = one.life == Life::Running && left.stops > 0;
        may(stopped || given_up, Event::Destroy(slot));
        let closing = one.life == Life::Closing;
        let idle = side.in_flight == 0;
        may(closing && one.remove.is_none() && idle, Event::Close(slot));
        let lingers = one.open && left.lingers > 0;
        may(
            closing && one.remove.is_none() && lingers,
            Event::Linger(slot),
        );
        may(closing && left.lapses > 0, Event::Lapse(slot));
        let writes = one.life == Life::Running && one.open && side.primary && idle;
        may(writes && left.writes > 0, Event::Write(slot));
        may(world.can_open(slot, &self.setting), Event::Open(slot));
        may(
            one.open && one.life == Life::Closed && idle,
            Event::Shut(slot),
        );
    }

    fn journey_events(world: &World, events: &mut Vec<Event>) {
        let mut may = pushing(events);
        let ends = |source: u8| (usize::from(source), usize::from(source == 0));
        let suspended = |slot: usize| world.slots[slot].life == Life::Suspended;
        match world.journey {
            Journey::Receiving(source) => {
                let (source, there) = ends(source);
                may(suspended(source), Event::Resume(source));
                let there = &world.slots[there];
                may(there.life == Life::Ready && !there.doomed, Event::Go);
            }
            Journey::Went(source) => {
                let (_, there) = ends(source);
                let ready = world.slots[there].life == Life::Ready;
                may(ready, Event::Unpause(there));
                may(true, Event::Fail);
            }
            Journey::Failed(source) => {
                let (source, there) = ends(source);
                let gone = world.slots[there].life == Life::Absent;
                may(gone && suspended(source), Event::Resume(source));
            }
            Journey::None | Journey::Arrived(_) => {}
        }
    }

    fn drbd_events(world: &World, events: &mut Vec<Event>) {
        let left = &world.left;
        let mut may = pushing(events);
        may(world.link && left.cuts > 0, Event::Cut);
        let noticed = world.sides.iter().any(|s| s.link != Link::Connected);
        may(!world.link && (noticed || world.is_at_rest()), Event::Heal);
        may(world.can_meet(), Event::Meet);
        let syncing = world.sides.iter().any(|s| s.sync != Sync::Established);
        may(world.works() && syncing, Event::Synced);
        may(world.mount != Mount::None, Event::Unmount);
        for host in [0, 1] {
            let side = &world.sides[host];
            may(world.works() && side.in_flight != 0, Event::Arrive(host));
            may(world.can_notice(host), Event::Notice(host));
            may(side.hanging, Event::Unhang(host));
            may(side.leaked && side.in_flight == 0, Event::ShutLeaked(host));
            may(
                side.up && left.disconnects > 0 && side.link != Link::StandAlone,
                Event::Disconnect(host),
            );
            may(side.up && left.crashes > 0, Event::Crash(host));
            may(!side.up, Event::Boot(host));
        }
    }
}
