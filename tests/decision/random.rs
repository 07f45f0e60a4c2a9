//! All facts at once, at random: what the products keep apart is mixed here.

use block_drbd::backend::Access;
use block_drbd::drbd::Generation;
use block_drbd::facts::{Arrival, Facts};
use block_drbd::holders::Holder;
use block_drbd::policy::Policy;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use crate::invariants::Report;
use crate::space::{self, set_net, set_probe, up};

/// One choice for everything that facts have; healthy more often than not, so that many get far.
fn facts() -> impl Strategy<Value = Facts> {
    let choices = prop::collection::vec((any::<Index>(), 0..3_u8), 24);
    let users = subsequence(space::users(), 0..3);
    (choices, users, 1..3_usize, 0..3_usize).prop_map(|(choices, uses, volumes, peers)| {
        let mut choices = choices.into_iter().cycle();
        // Every third time something else than the healthy word.
        let mut odd = move || {
            choices
                .next()
                .filter(|(_, n)| *n == 0)
                .map(|(index, _)| index)
        };
        let mut facts = space::plain_start();
        if volumes == 2 {
            facts = space::with_second_volume(facts);
        }
        match peers {
            0 => up(&mut facts).connections.clear(),
            1 => {}
            _ => facts = space::with_second_peer(facts),
        }
        if odd().is_some() {
            facts.arrival = Arrival::IncomingMigration;
            for connection in up(&mut facts).connections.iter_mut().take(1) {
                connection.role = block_drbd::drbd::Role::Primary;
            }
        }
        if let Some(index) = odd() {
            facts.backend.mode = (*index.get(&["r", "w!", "r!", ""])).into();
        }
        if let Some(index) = odd() {
            set_net(&mut facts, *index.get(&space::NETS));
        }
        if let Some(index) = odd() {
            set_probe(&mut facts, index.get(&space::probes()).as_ref());
        }
        if odd().is_some() {
            up(&mut facts).generation = Generation::V84;
        }
        for number in 0..volumes {
            if let Some(index) = odd() {
                up(&mut facts).volumes[number].role = index.get(&space::roles()).clone();
            }
            if let Some(index) = odd() {
                up(&mut facts).volumes[number].disk = index.get(&space::disks()).clone();
            }
            up(&mut facts).volumes[number].client = odd().is_some();
        }
        for connection in &mut up(&mut facts).connections {
            if let Some(index) = odd() {
                connection.state = index.get(&space::connection_states()).clone();
            }
            if let Some(index) = odd() {
                connection.role = index.get(&space::roles()).clone();
            }
            for device in &mut connection.peer_devices {
                if let Some(index) = odd() {
                    device.replication = index.get(&space::replications()).clone();
                }
                if let Some(index) = odd() {
                    device.disk = index.get(&space::disks()).clone();
                }
            }
        }
        facts.promoted_by_us = odd().is_some();
        facts.window_noted = odd().is_some();
        facts.uses = uses;
        facts
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    select(space::policies())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_facts_are_answered_by_the_table_and_break_no_rule(facts in facts(), policy in policy()) {
        let mut report = Report::default();
        report.add(&facts, &policy);
        report.remove(&facts, &policy);
        prop_assert!(report.broken.is_empty(), "{:#?}", report.broken);
    }

    #[test]
    fn the_same_facts_get_the_same_answer_and_survive_a_file(facts in facts(), policy in policy()) {
        use block_drbd::decision::decide;
        use block_drbd::request::Action;
        let text = serde_json::to_string(&facts).unwrap();
        let again: Facts = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&again, &facts);
        for action in [Action::Add, Action::Remove] {
            let (first, second) = (decide(action, &facts, &policy), decide(action, &again, &policy));
            prop_assert_eq!(first, second);
        }
    }

    #[test]
    fn a_holder_or_a_writer_more_never_starts_a_guest(facts in facts(), policy in policy()) {
        use block_drbd::decision::{Decision, decide};
        use block_drbd::request::Action;
        let started = |facts: &Facts| matches!(decide(Action::Add, facts, &policy), Decision::Proceed { .. });
        let mut held = facts.clone();
        held.holders.push(Holder::Swap { minor: 1 });
        prop_assert!(!started(&held));
        let mut used = facts.clone();
        let other = block_drbd::sharing::Relation::Other;
        used.uses.push(space::user(other, Access::ReadWrite, space::MINORS[0], Some(4)));
        prop_assert!(!started(&used) || policy.shared || used.backend.mode.contains('!'));
    }
}
