//! Steps of the program within the world: one call to the outside each.

use crate::guard::Guard;
use crate::program::{Answer, Call, Echo, Ended, Info, Link, Next, Noted, Place, Program, Task};
use crate::setting::Setting;
use crate::world::{Life, Mount, World};

/// Whose run of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// `add` for a domain.
    Add(usize),
    /// `remove` for a domain.
    Remove(usize),
    /// `reap` on a host.
    Reap(usize),
}

/// Every run that there can be.
pub const ALL: [Who; 6] = [
    Who::Add(0),
    Who::Add(1),
    Who::Remove(0),
    Who::Remove(1),
    Who::Reap(0),
    Who::Reap(1),
];

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Luck {
    /// It is answered.
    Good,
    /// The deadline comes first, and nothing was done.
    Late,
    /// It was done all the same.
    LateAndDone,
    /// The command was killed, and the kernel goes on with it.
    Hangs,
}

/// The program in a world.
#[derive(Clone, Copy)]
pub struct Steps {
    /// What the world is like.
    pub setting: Setting,
    /// The program.
    pub program: &'static Program,
    /// The guard that was taken away from it.
    pub without: Option<Guard>,
}

impl Steps {
    /// The run itself, where it is under way.
    #[must_use]
    pub fn place(world: &World, who: Who) -> Option<Place> {
        match who {
            Who::Add(slot) => world.slots[slot].add,
            Who::Remove(slot) => world.slots[slot].remove,
            Who::Reap(host) => world.reaps[host],
        }
    }

    fn place_mut(world: &mut World, who: Who) -> &mut Option<Place> {
        match who {
            Who::Add(slot) => &mut world.slots[slot].add,
            Who::Remove(slot) => &mut world.slots[slot].remove,
            Who::Reap(host) => &mut world.reaps[host],
        }
    }

    fn host(&self, who: Who) -> usize {
        match who {
            Who::Add(slot) | Who::Remove(slot) => self.setting.hosts[slot],
            Who::Reap(host) => host,
        }
    }

    /// What the run asks next.
    #[must_use]
    pub fn asks(&self, world: &World, who: Who) -> Option<Call> {
        match self.program.info(Self::place(world, who)?).next {
            Next::Ask(call) => Some(call),
            Next::End(_) => None,
        }
    }

    /// Starts a run.
    pub fn start(&self, world: &mut World, who: Who, incoming: bool) {
        let incoming = incoming || (self.without == Some(Guard::Arrival));
        let kind = match who {
            Who::Add(slot) => self.setting.kind(Task::Add, slot, incoming),
            Who::Remove(slot) => self.setting.kind(Task::Remove, slot, false),
            // What a run on the host itself sees of guests is the same, whoever's slot it has.
            Who::Reap(host) => self.setting.kind(Task::Reap, host, false),
        };
        *Self::place_mut(world, who) = Some(self.program.start(kind));
    }

    /// The run is killed.
    pub fn kill(&self, world: &mut World, who: Who) {
        *Self::place_mut(world, who) = None;
        self.ended(world, who, Ended::default());
    }

    /// One step of a run. `None` when it has to wait, or such a thing cannot happen to it.
    #[must_use]
    pub fn step(&self, world: &World, who: Who, luck: Luck) -> Option<World> {
        let mut after = *world;
        let place = Self::place(world, who)?;
        let info = self.program.info(place);
        let Next::Ask(call) = info.next else {
            return None;
        };
        let own = self.host(who);
        let mut luck = luck;
        let (mut place, mut call) = (place, call);
        let mut info = info;
        loop {
            let answer = self.answer(&mut after, who, &info, call, luck)?;
            place = self.program.after(place, answer);
            info = self.program.info(place);
            if let (true, Who::Add(slot)) = (info.published, who) {
                let far = self.setting.hosts[0] != self.setting.hosts[1];
                after.marks.blind |= far && info.kind.incoming && !after.sides[own].seen;
                after.publish(slot, &self.setting);
            }
            match info.next {
                Next::Ask(next) if self.goes_on(&after, call, next) => call = next,
                _ => break,
            }
            luck = Luck::Good;
        }
        *Self::place_mut(&mut after, who) = Some(place);
        if let Next::End(ended) = info.next {
            *Self::place_mut(&mut after, who) = None;
            self.ended(&mut after, who, ended);
        }
        Some(after)
    }

    /// Whether a call is followed by the next in the same step: where nobody could tell the difference.
    fn goes_on(&self, world: &World, call: Call, next: Call) -> bool {
        let alone = self.setting.hosts[0] != self.setting.hosts[1];
        let hangs = world.left.hangs > 0 || world.sides.iter().any(|s| s.hanging);
        let unseen = world.left.kills + world.left.crashes == 0;
        match (call, next) {
            // Only runs on this host change that, one at a time.
            (_, Call::IsNoted(_) | Call::Holders)
            // Nobody else demotes here, and the lock is not seen but by who waits for it.
            | (Call::Lock | Call::IsNoted(_), Call::Read)
            | (Call::Demote, Call::IsSecondary)
            // The nap lets arrive what is under way, so it is the same before or after it.
            | (Call::Nap, Call::InFlight) => true,
            // Nor does anything here come to its end by itself: what is read again is as it was, or newer.
            (_, Call::IsPromoting) | (Call::IsPromoting, Call::Read) => !hangs,
            // Nobody sees a note but this host's runs, and `reap` if this one is killed.
            (_, Call::Note(_) | Call::Forget(_)) => unseen,
            // There is nothing to be seen of others on this host.
            (Call::Read | Call::IsNoted(_), Call::Store) => alone,
            _ => false,
        }
    }

    /// What the toolstack makes of it.
    fn ended(&self, world: &mut World, who: Who, ended: Ended) {
        let host = self.host(who);
        if !self.is_locked(world, host) {
            (world.sides[host].seen, world.sides[host].silent) = (false, false);
        }
        match who {
            Who::Add(slot) => {
                world.marks.apart |= ended.warned;
                let one = &mut world.slots[slot];
                if ended.done && one.life == Life::Starting {
                    one.life = Life::Ready;
                }
                one.doomed |= !ended.done && one.life != Life::Absent;
            }
            Who::Remove(slot) => world.forget(slot, &self.setting),
            Who::Reap(_) => {}
        }
    }

    /// Answers a call, and does to the world what it asks for.
    fn answer(
        &self,
        world: &mut World,
        who: Who,
        info: &Info,
        call: Call,
        luck: Luck,
    ) -> Option<Answer> {
        let host = self.host(who);
        if luck != Luck::Good {
            return self.late(world, host, info, call, luck);
        }
        match call {
            Call::Lock => world.sides[host].silent = false,
            Call::Probe => world.sides[host].silent = world.probe(host) != Echo::Refused,
            Call::Promote => world.marks.blind |= info.kind.incoming && world.sides[host].silent,
            _ => {}
        }
        if let Some(answer) = self.without.and_then(|g| g.instead(info, call)) {
            return Some(answer);
        }
        let answer = match call {
            Call::Store => Answer::Store(world.folders(&self.setting, host)),
            Call::Lock if self.is_locked(world, host) => return None,
            Call::Read => {
                let view = world.view(host);
                world.sides[host].seen = view.link == Link::Connected;
                Answer::Read(view)
            }
            Call::Settings => Answer::Settings(world.two_primaries(host, &self.setting)),
            Call::Promote | Call::Demote if world.sides[host].hanging => return None,
            Call::Promote => world.promote(host, &self.setting),
            Call::IsSecondary => Answer::Is(!world.sides[host].primary),
            Call::Demote => world.demote(host, &self.setting),
            Call::Allow(allow) => world.allow(host, allow),
            Call::InFlight => Answer::Arrived(world.sides[host].data),
            Call::Probe => Answer::Probe(world.probe(host)),
            Call::Note(note) => noted(world, host, note, true),
            Call::Forget(note) => noted(world, host, note, false),
            Call::IsNoted(note) => Answer::Is(world.sides[host].noted[index(note)]),
            Call::Holders => Answer::Is(host == 0 && world.mount != Mount::None),
            Call::Attached => Answer::Attached(world.attached(host, &self.setting)),
            Call::IsPromoting => Answer::Is(world.sides[host].hanging),
            Call::Nap => {
                // What is under way arrives within the three readings.
                if world.works() && world.sides[1 - host].in_flight != 0 {
                    world.arrive(1 - host, &self.setting);
                }
                Answer::Done
            }
            Call::Pause if info.past.pauses > 0 && info.kind.task == Task::Remove => {
                world.patience(host, &self.setting)?
            }
            Call::Pause if info.past.pauses > 0 => Answer::Expired,
            Call::Lock | Call::Pause => Answer::Done,
        };
        Some(self.without.map_or(answer, |g| g.colour(info, answer)))
    }

    /// The deadline comes before the answer. What is undone after it has time of its own.
    fn late(
        &self,
        world: &mut World,
        host: usize,
        info: &Info,
        call: Call,
        luck: Luck,
    ) -> Option<Answer> {
        if info.past.expired {
            return None;
        }
        let waits = matches!(call, Call::Promote | Call::Demote) && world.sides[host].hanging;
        match (call, luck) {
            (_, luck) if waits && luck != Luck::Late => return None,
            (Call::Lock, Luck::Late) if !self.is_locked(world, host) => return None,
            (call, Luck::Late) if can_be_late(call) => {}
            (Call::Promote, Luck::LateAndDone) => {
                world.promote(host, &self.setting);
            }
            (Call::Demote, Luck::LateAndDone) => {
                world.demote(host, &self.setting);
            }
            (Call::Allow(allow), Luck::LateAndDone) => {
                world.allow(host, allow);
            }
            (Call::Promote, Luck::Hangs) => world.sides[host].hanging = true,
            _ => return None,
        }
        Some(Answer::Expired)
    }

    /// Another run on that host has the lock of the resource.
    fn is_locked(&self, world: &World, host: usize) -> bool {
        ALL.into_iter().any(|who| {
            let place = Self::place(world, who);
            self.host(who) == host && place.is_some_and(|p| self.program.info(p).locked)
        })
    }
}

/// Calls that take their time, or end with a deadline.
fn can_be_late(call: Call) -> bool {
    use Call::{Allow, Demote, InFlight, Lock, Nap, Pause, Promote, Read, Settings};
    matches!(
        call,
        Lock | Read | Settings | Promote | Demote | Allow(_) | InFlight | Nap | Pause
    )
}

fn index(note: Noted) -> usize {
    match note {
        Noted::Promotion => 0,
        Noted::Window => 1,
    }
}

fn noted(world: &mut World, host: usize, note: Noted, stands: bool) -> Answer {
    world.sides[host].noted[index(note)] = stands;
    Answer::Done
}
