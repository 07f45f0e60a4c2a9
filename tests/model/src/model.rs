//! The model: two hosts, what happens to them, and what has to hold whatever happens.

use stateright::{Model, Property};

use crate::event::Event;
use crate::program::{Link, Sync};
use crate::properties;
use crate::steps::{Luck, Steps};
use crate::world::{Journey, Marks, Mount, Side, Slot, World};

impl Model for Steps {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        let setting = &self.setting;
        let side = Side {
            up: true,
            primary: false,
            link: Link::Connected,
            peer_primary: false,
            sync: Sync::Established,
            up_to_date: true,
            data: 0,
            in_flight: 0,
            fresh: false,
            crashed: false,
            two: setting.configured,
            noted: [false; 2],
            hanging: false,
            foreign: false,
            seen: false,
            silent: false,
            leaked: false,
        };
        let mut world = World {
            link: true,
            sides: [side; 2],
            slots: [Slot::ABSENT; 2],
            reaps: [None; 2],
            journey: Journey::None,
            acked: 0,
            held: 0,
            mount: setting.mount,
            marks: Marks::default(),
            left: setting.bounds,
        };
        if setting.running || setting.mount != Mount::None {
            world.sides[0].primary = true;
            world.sides[1].peer_primary = true;
            world.sides[0].foreign = !setting.running;
        }
        if setting.running {
            world.slots[0] = Slot::RUNNING;
            world.sides[0].noted[0] = true;
        }
        vec![world]
    }

    fn actions(&self, world: &World, events: &mut Vec<Event>) {
        self.possible(world, events);
    }

    fn next_state(&self, world: &World, event: Event) -> Option<World> {
        let mut next = *world;
        match event {
            Event::Step(who, luck) => {
                next = self.step(world, who, luck)?;
                match luck {
                    Luck::Good => {}
                    Luck::Late | Luck::LateAndDone => next.left.expiries -= 1,
                    Luck::Hangs => next.left.hangs -= 1,
                }
            }
            other => self.happen(&mut next, other),
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
