//! What has to hold in every state that there can be.

use stateright::Property;

use crate::program::Link;
use crate::settle::settle;
use crate::steps::Steps;
use crate::world::{Life, Mount, World};

/// (a) No two guests write the same resource unless it is shared, nor does a guest beside a mount.
pub const ALONE: &str = "(a) no two write at once";
/// (b) A guest has every write that it was told is safe.
pub const WHOLE: &str = "(b) no guest misses an acknowledged write";
/// (c) It all leads back to where it began.
pub const TIDY: &str = "(c) removes and reaps lead to Secondary and a closed window";
/// (d) What is in use stays Primary.
pub const KEPT: &str = "(d) nothing is demoted that is in use";
/// (e) Receiving a guest parts no copies.
pub const SEEN: &str = "(e) no guest is received over a connection whose loss is to be seen";

/// What is seen at least once: the models are not empty.
pub const SIGHTS: [&str; 7] = [
    "a guest has moved, and nothing is left at its source",
    "a migration fails with its destination Primary",
    "a window is left behind by a run that was killed, and noted",
    "the copies have parted",
    "a guest runs without the peer, with a warning",
    "two guests write what they share",
    "a promotion that was given up comes to its end",
];

/// All of them, and what shows that the model is not empty.
#[must_use]
pub fn all() -> Vec<Property<Steps>> {
    vec![
        Property::always(ALONE, alone),
        Property::always(WHOLE, whole),
        Property::always(TIDY, tidy),
        Property::always(KEPT, kept),
        Property::always(SEEN, |_, world: &World| !world.marks.blind),
        Property::sometimes(SIGHTS[0], |steps: &Steps, w: &World| {
            let tidy =
                !w.sides[0].primary && w.sides.iter().all(|s| s.two == steps.setting.configured);
            steps.setting.running
                && w.slots[1].life == Life::Running
                && w.slots[0].life == Life::Absent
                && tidy
        }),
        Property::sometimes(SIGHTS[1], |_, w: &World| {
            w.slots[0].life == Life::Suspended && w.slots[1].doomed && w.sides[1].primary
        }),
        Property::sometimes(SIGHTS[2], |_, w: &World| {
            w.left.kills == 0
                && w.sides[1].noted[1]
                && w.slots.iter().all(|s| s.life == Life::Absent)
        }),
        Property::sometimes(SIGHTS[3], |_, w: &World| {
            w.sides.iter().all(|s| s.link == Link::StandAlone)
        }),
        Property::sometimes(SIGHTS[4], |steps: &Steps, w: &World| {
            w.marks.apart && w.acked != 0 && !steps.setting.is_shared()
        }),
        Property::sometimes(SIGHTS[5], |_, w: &World| {
            let running = w.slots.iter().all(|s| s.life == Life::Running);
            running && w.sides.iter().all(|s| s.in_flight != 0)
        }),
        Property::sometimes(SIGHTS[6], |steps: &Steps, w: &World| {
            let over = steps.setting.bounds.hangs > w.left.hangs;
            over && w
                .sides
                .iter()
                .any(|s| s.primary && s.noted[0] && !s.hanging)
        }),
    ]
}

fn alone(steps: &Steps, world: &World) -> bool {
    let running = |slot: usize| world.slots[slot].life == Life::Running;
    let two = running(0) && running(1);
    let beside = world.mount != Mount::None && (running(0) || running(1));
    let at_once = (two || world.marks.late) && !steps.setting.is_shared();
    world.marks.apart || !(at_once || beside)
}

fn whole(steps: &Steps, world: &World) -> bool {
    let runs_well = |slot: usize| {
        let side = &world.sides[steps.setting.hosts[slot]];
        let running = world.slots[slot].life == Life::Running;
        !running || (side.up_to_date && world.acked & !side.data == 0)
    };
    world.marks.apart || (runs_well(0) && runs_well(1))
}

fn tidy(steps: &Steps, world: &World) -> bool {
    !world.marks.alone && settle(steps, world).is_ok()
}

fn kept(steps: &Steps, world: &World) -> bool {
    let used = |slot: usize| {
        let in_use = matches!(world.slots[slot].life, Life::Running | Life::Suspended);
        !in_use || world.sides[steps.setting.hosts[slot]].primary
    };
    let mounted = world.mount == Mount::None || world.sides[0].primary;
    used(0) && used(1) && mounted
}
