//! The proof: the program as it is, in every state that the models have.

use std::io::Write;

use model::check::check;
use model::models;
use model::properties::SIGHTS;

/// Past the test harness, which keeps to itself what a test that passes prints.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[test]
fn all_models_are_gone_through_whole_and_every_property_holds() {
    // The bounds of a model are part of its states: the checker itself stops nowhere before the end.
    let (mut states, mut sights) = (0, Vec::new());
    for setting in models::ALL {
        let checked = check(setting, None, None);
        for (property, story) in &checked.broken {
            say(&format!(
                "{}: {property} does not hold:\n{story}",
                setting.name
            ));
        }
        assert!(checked.broken.is_empty(), "{}", setting.name);
        say(&format!(
            "{}: {} states, {} steps, depth {}, {:.1} s; {}",
            setting.name,
            checked.states,
            checked.steps,
            checked.depth,
            checked.time.as_secs_f32(),
            setting.bounds,
        ));
        states += checked.states;
        sights.extend(checked.sights);
    }
    say(&format!("{states} states in all"));
    let unseen: Vec<_> = SIGHTS.iter().filter(|s| !sights.contains(s)).collect();
    assert!(unseen.is_empty(), "never seen: {unseen:?}");
}
