//! `story [MODEL [GUARD]]`: lists the models, or goes through one, as a whole or without a guard, and
//! tells the shortest story that ends where it should not.

use model::check::check;
use model::{guard, models};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(name) = arguments.first() else {
        for setting in models::ALL {
            println!("{}: {}", setting.name, setting.bounds);
        }
        println!("guards: {:?}", guard::ALL);
        return;
    };
    let mut all = models::ALL.iter();
    let Some(setting) = all.find(|s| s.name == name) else {
        println!("there is no model {name:?}");
        return;
    };
    let named = |g: &&guard::Guard| Some(format!("{g:?}")) == arguments.get(1).cloned();
    let without = guard::ALL.iter().find(named).copied();
    let checked = check(*setting, without, None);
    println!(
        "{} states, {} steps, depth {}, {:.1} s",
        checked.states,
        checked.steps,
        checked.depth,
        checked.time.as_secs_f32()
    );
    for (property, story) in checked.broken {
        println!("{property} does not hold:\n{story}");
    }
    println!("seen: {:?}", checked.sights);
}
