//! Property (c): the end of every story.
//!
//! From a state that was reached, everybody stops: runs of the program that are under way are killed
//! where they stand if anything went wrong before, and end by themselves otherwise. Guests are
//! destroyed and their `remove`s called, the link comes back, and `reap` is run on both hosts, unless
//! nothing had gone wrong: then the `remove`s have to do.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::program::{Link, Sync};
use crate::setting::Bounds;
use crate::steps::{ALL, Luck, Steps, Who};
use crate::world::{Journey, Life, Marks, Side, Slot, World};

type Known = HashMap<(World, bool), Result<(), &'static str>>;

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// Whether everything comes to its end well; why not.
///
/// # Errors
/// With what is left.
pub fn settle(steps: &Steps, world: &World) -> Result<(), &'static str> {
    let mishap = steps.setting.bounds.mishaps() != world.left.mishaps();
    let mut world = *world;
    leave_out(steps, &mut world);
    let known = KNOWN.with_borrow(|known| known.get(&(world, mishap)).copied());
    if let Some(known) = known {
        return known;
    }
    let mut stopped = world;
    stop(steps, &mut stopped, mishap);
    let result = ends(steps, &stopped, mishap);
    KNOWN.with_borrow_mut(|known| known.insert((world, mishap), result));
    result
}

/// How it came to this is of no matter any more.
fn leave_out(steps: &Steps, world: &mut World) {
    world.link &= world.works();
    for host in [0, 1] {
        if !world.link {
            world.lose(host, &steps.setting);
        }
        let side = &mut world.sides[host];
        *side = Side {
            up: true,
            sync: Sync::Established,
            up_to_date: true,
            data: 0,
            in_flight: 0,
            fresh: false,
            crashed: false,
            leaked: false,
            seen: false,
            silent: false,
            ..*side
        };
    }
    (world.acked, world.held, world.journey) = (0, 0, Journey::None);
    world.left = Bounds::default();
    world.marks = Marks {
        parted: world.marks.parted,
        ..Marks::default()
    };
}

/// How it may end: with what outlives its command coming early or late, and, where something went
/// wrong, with a toolstack that never calls `remove` any more.
fn ends(steps: &Steps, world: &World, mishap: bool) -> Result<(), &'static str> {
    let hangs = world.sides.iter().any(|s| s.hanging);
    for late in [false, true] {
        for removes in [true, false] {
            if (hangs || !late) && (mishap || removes) {
                let end = End {
                    mishap,
                    late,
                    removes,
                };
                end.finish(steps, *world)?;
            }
        }
    }
    Ok(())
}

/// Runs of the program stop, and all domains are about to be gone.
fn stop(steps: &Steps, world: &mut World, mishap: bool) {
    for slot in &mut world.slots {
        // blkback closes in time, and a `remove` that is killed is not called again.
        slot.open &= slot.life != Life::Closed;
        if mishap && slot.remove.is_some() {
            slot.life = Life::Absent;
        }
    }
    if mishap {
        for slot in &mut world.slots {
            (slot.add, slot.remove) = (None, None);
        }
        world.reaps = [None; 2];
    } else {
        run_all(steps, world);
    }
    for slot in &mut world.slots {
        let (life, published) = match slot.life {
            Life::Absent => (Life::Absent, false),
            _ => (Life::Closed, slot.published),
        };
        *slot = Slot {
            life,
            published,
            ..Slot::ABSENT
        };
    }
}

/// Lets all runs go on to their end.
fn run_all(steps: &Steps, world: &mut World) {
    for _ in 0..1000 {
        let next = ALL
            .iter()
            .find_map(|who| steps.step(world, *who, Luck::Good));
        match next {
            Some(after) => *world = after,
            None => return,
        }
    }
}

/// How it ends.
struct End {
    /// Something had gone wrong.
    mishap: bool,
    /// A promotion that hangs in the kernel comes to its end after the `remove`s.
    late: bool,
    /// They are called.
    removes: bool,
}

impl End {
    fn finish(&self, steps: &Steps, mut world: World) -> Result<(), &'static str> {
        let setting = &steps.setting;
        if !self.late {
            unhang(steps, &mut world);
        }
        for slot in [0, 1] {
            if self.removes && world.slots[slot].life == Life::Closed {
                steps.start(&mut world, Who::Remove(slot), false);
                run_all(steps, &mut world);
            }
            world.slots[slot] = Slot::ABSENT;
        }
        if self.late {
            unhang(steps, &mut world);
        }
        reconnect(steps, &mut world)?;
        if self.mishap {
            for host in [0, 1, 0, 1] {
                steps.start(&mut world, Who::Reap(host), false);
                run_all(steps, &mut world);
            }
        }
        // Another holder, or the administrator's own promotion, is none of the program's.
        if world.sides.iter().any(|s| s.primary && !s.foreign) {
            return Err("it stays Primary");
        }
        if world.sides.iter().any(|s| s.two != setting.configured) {
            return Err("the window stays open");
        }
        Ok(())
    }
}

fn unhang(steps: &Steps, world: &mut World) {
    for host in [0, 1] {
        if std::mem::take(&mut world.sides[host].hanging) {
            world.promote(host, &steps.setting);
        }
    }
}

/// The link comes back. Whether the two find together again: if not over their settings, then because
/// one of them was changed while nobody could know better.
fn reconnect(steps: &Steps, world: &mut World) -> Result<(), &'static str> {
    world.link = true;
    if world.works() {
        return Ok(());
    }
    let setting = &steps.setting;
    for host in [0, 1] {
        world.lose(host, setting);
        // `drbdadm connect`, with the words of the manual for a split brain.
        world.sides[host].link = Link::Connecting;
    }
    if world.sides[0].two != world.sides[1].two {
        if !world.marks.parted {
            return Err("the settings differ, so that the two never connect again");
        }
        // `drbdadm adjust` on both hosts, as the program says in that case.
        for side in &mut world.sides {
            side.two = setting.configured;
        }
    }
    world.meet(setting);
    Ok(())
}
