//! Runs the checker, and says what it found.

use std::fmt::Write;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model, Path};

use crate::event::Event;
use crate::guard::Guard;
use crate::program::Program;
use crate::setting::Setting;
use crate::steps::Steps;
use crate::world::World;

/// What came of it.
#[derive(Debug)]
pub struct Checked {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// The longest of the shortest ways to a state.
    pub depth: usize,
    /// How long it took.
    pub time: Duration,
    /// What does not hold, with the shortest story that shows it.
    pub broken: Vec<(&'static str, String)>,
    /// What was to be seen at least once, and was.
    pub sights: Vec<&'static str>,
}

/// Goes through all states; with a guard taken away only until `enough` is found not to hold.
#[must_use]
pub fn check(setting: Setting, without: Option<Guard>, enough: Option<&'static str>) -> Checked {
    // The checker's threads share it for as long as they like.
    let program: &'static Program = Box::leak(Box::default());
    let steps = Steps {
        setting,
        program,
        without,
    };
    let began = Instant::now();
    let finish = match enough {
        Some(property) => HasDiscoveries::AllOf([property].into()),
        None => HasDiscoveries::All,
    };
    let checker = steps.checker().threads(2).finish_when(finish);
    let checker = checker.spawn_bfs().join();
    let mut broken = Vec::new();
    let mut sights = Vec::new();
    for (name, path) in checker.discoveries() {
        if crate::properties::SIGHTS.contains(&name) {
            sights.push(name);
        } else {
            broken.push((name, story(&steps, name, path)));
        }
    }
    Checked {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        time: began.elapsed(),
        broken,
        sights,
    }
}

/// The way to the first state where it does not hold, one event a line.
fn story(steps: &Steps, name: &'static str, path: Path<World, Event>) -> String {
    let property = steps.property(name);
    let mut text = String::new();
    for (world, event) in path.into_vec() {
        let broken = !(property.condition)(steps, &world);
        let line = match event {
            _ if broken => format!("=> {world:#?}"),
            Some(Event::Step(who, luck)) => {
                let call = steps.asks(&world, who);
                let call = call.map_or_else(String::new, |c| format!("{c:?}"));
                format!("  {who:?} {call} {luck:?}")
            }
            Some(event) => format!("  {event:?}"),
            None => String::new(),
        };
        let _ = writeln!(text, "{line}");
        if broken {
            break;
        }
    }
    text
}
