//! What holds of every decision, whatever the table says.

use std::collections::BTreeMap;

use block_drbd::backend::DeviceNumber;
use block_drbd::decision::{Decision, Warning, decide};
use block_drbd::drbd::{Connection, Role};
use block_drbd::facts::{Arrival, Facts};
use block_drbd::plan::{Plan, Step};
use block_drbd::policy::{Disconnected, DualPrimary, Policy};
use block_drbd::request::Action;
use block_drbd::sharing::{Relation, Use};

use crate::answer::{Answer, answer};
use crate::table;

/// The rules that are watched; each has a test of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    Table,
    Warnings,
    TwoPrimaries,
    GoodData,
    Sharing,
    Shape,
    Undo,
    Kept,
    Demotion,
}

/// What was seen of many decisions.
#[derive(Debug, Default)]
pub struct Report {
    pub checked: u64,
    pub rows: BTreeMap<&'static str, u64>,
    pub broken: BTreeMap<Rule, (u64, String)>,
}

impl Report {
    /// Decides on `add`, and holds the decision against every rule.
    pub fn add(&mut self, facts: &Facts, policy: &Policy) {
        let decision = decide(Action::Add, facts, policy);
        let (row, allowed) = table::judge(facts, policy, &decision);
        self.checked += 1;
        *self.rows.entry(row).or_default() += 1;
        let (lost, filled) = match facts.resource() {
            Some(_) => warnings(facts, policy),
            None => (0, 0),
        };
        let expected = match answer(&decision).0 {
            Answer::Promote | Answer::Keep => (lost, filled),
            Answer::Attach => (0, filled),
            _ => (0, 0),
        };
        for (rule, holds) in [
            (Rule::Table, allowed),
            (Rule::Warnings, warned(&decision) == expected),
            (Rule::TwoPrimaries, two_primaries(facts, policy, &decision)),
            (Rule::GoodData, good_data(facts, policy, &decision)),
            (Rule::Sharing, sharing(facts, policy, &decision)),
            (Rule::Shape, shape(facts, &decision)),
            (Rule::Undo, undo(facts, &decision)),
            (Rule::Kept, kept(facts, &decision)),
        ] {
            self.note(rule, holds, row, facts, policy, &decision);
        }
    }

    /// The same under each of those policies.
    pub fn add_all(&mut self, facts: &Facts, policies: &[Policy]) {
        for policy in policies {
            self.add(facts, policy);
        }
    }

    /// The same for `remove`.
    pub fn remove(&mut self, facts: &Facts, policy: &Policy) {
        let decision = decide(Action::Remove, facts, policy);
        self.checked += 1;
        let holds = demotion(facts, policy, &decision);
        self.note(Rule::Demotion, holds, "remove", facts, policy, &decision);
    }

    fn note(
        &mut self,
        rule: Rule,
        holds: bool,
        row: &str,
        facts: &Facts,
        policy: &Policy,
        decision: &Decision,
    ) {
        if !holds {
            let entry = self.broken.entry(rule).or_insert_with(|| {
                let facts = serde_json::to_string(facts).unwrap_or_default();
                (
                    0,
                    format!("row `{row}`\nanswer {decision:?}\nfacts {facts}\npolicy {policy:?}"),
                )
            });
            entry.0 += 1;
        }
    }

    /// Fails with the first decision that broke the rule.
    pub fn check(&self, rule: Rule) {
        if let Some((times, first)) = self.broken.get(&rule) {
            panic!("{rule:?} was broken {times} times, first by\n{first}");
        }
    }
}

fn plan(decision: &Decision) -> Option<&Plan> {
    match decision {
        Decision::Proceed { plan, .. } => Some(plan),
        _ => None,
    }
}

fn publishes(decision: &Decision) -> bool {
    plan(decision).is_some_and(|p| p.steps.iter().any(|s| matches!(s, Step::Publish(_))))
}

fn promotes(decision: &Decision) -> bool {
    plan(decision).is_some_and(|p| p.steps.contains(&Step::Promote))
}

/// Never beside a Primary, unless the guest comes from there or the resource is shared; and then
/// only with everything that two Primaries need.
fn two_primaries(facts: &Facts, policy: &Policy, decision: &Decision) -> bool {
    if !publishes(decision) {
        return true;
    }
    // What is joined is in use here already: only with the very same domain, or its stub domain.
    let joins = |u: &Use| u.relation == Relation::ThisDomain || table::stub(facts, u);
    if !promotes(decision) && facts.uses.iter().any(joins) {
        return true;
    }
    let entitled = table::arrives(facts) || table::shared(facts, policy);
    if !promotes(decision) && entitled {
        return true;
    }
    let resource = table::up(facts);
    let mut primaries = resource
        .connections
        .iter()
        .filter(|c| c.role == Role::Primary);
    primaries.all(|c| entitled && table::in_step(facts, policy, c))
}

/// Nothing is promoted on a copy that is not good; nothing is published that is not or does not
/// become Primary.
fn good_data(facts: &Facts, policy: &Policy, decision: &Decision) -> bool {
    if !publishes(decision) {
        return true;
    }
    let mut volumes = table::up(facts).volumes.iter();
    if promotes(decision) {
        let excused = |v| facts.arrival == Arrival::PlainStart && table::excused(facts, policy, v);
        volumes.all(|v| table::usable(facts, v) || excused(v))
    } else {
        table::primary(facts)
    }
}

/// No second guest where one of the two writes.
fn sharing(facts: &Facts, policy: &Policy, decision: &Decision) -> bool {
    let rival = |relation| {
        [true, false]
            .iter()
            .any(|ending| table::rival(facts, policy, relation, *ending))
    };
    !publishes(decision) || !(rival(Relation::Other) || rival(Relation::ThisDomain))
}

/// Order of the steps of every plan of `add`.
fn shape(facts: &Facts, decision: &Decision) -> bool {
    let Some(plan) = plan(decision) else {
        return true;
    };
    let at = |test: fn(&Step) -> bool| plan.steps.iter().position(test);
    let before = |a: Option<usize>, b: Option<usize>| a.is_some() && a < b;
    let publish = at(|s| matches!(s, Step::Publish(_)));
    let device = table::target(facts).map(|v| Step::Publish(DeviceNumber::drbd(v.minor)));
    let (note, promote) = (at(|s| *s == Step::Note), at(|s| *s == Step::Promote));
    let confirm = at(|s| matches!(s, Step::Confirm(_)));
    let drain = at(|s| *s == Step::Drain);
    let hold = at(|s| *s == Step::Hold);
    let promotion = before(note, promote) && before(promote, confirm) && before(confirm, publish);
    let receives = table::arrives(facts) && (promote.is_some() || hold.is_some());
    let drained = !receives || (before(confirm, drain) && before(drain, publish));
    // What only joins another user of this host is looked at as a start is.
    let expected = if receives {
        Arrival::IncomingMigration
    } else {
        Arrival::PlainStart
    };
    let confirmed = !matches!(
        confirm.map(|i| &plan.steps[i]),
        Some(Step::Confirm(arrival)) if *arrival != expected
    );
    plan.steps.last() == device.as_ref()
        && plan
            .steps
            .iter()
            .filter(|s| matches!(s, Step::Publish(_)))
            .count()
            == 1
        && (promote.is_none() || promotion)
        && drained
        && (hold.is_none() || (before(hold, confirm) && before(confirm, publish)))
        && (promote.is_none() || hold.is_none())
        && window(facts, plan)
        && confirmed
        && !plan.steps.contains(&Step::Demote)
        && !plan.steps.contains(&Step::Forget)
}

/// Opened by exactly the plan that needs it, on the connection to the source, behind the note and just
/// ahead of the promotion.
fn window(facts: &Facts, plan: &Plan) -> bool {
    let opens = |s: &Step| matches!(s, Step::OpenWindow(_));
    let Some(at) = plan.steps.iter().position(opens) else {
        let source = table::up(facts).primary_peer();
        let settings = facts.settings.as_ref();
        let closed = source
            .and_then(|c| settings?.connection(c.peer_node_id))
            .is_some_and(|c| c.two_primaries == Some(false));
        return !(closed && plan.steps.contains(&Step::Promote));
    };
    let source = table::up(facts).primary_peer().map(|c| c.peer_node_id);
    table::arrives(facts)
        && source.map(Step::OpenWindow).as_ref() == Some(&plan.steps[at])
        && matches!(plan.steps.get(at + 1), Some(Step::Promote))
        && plan.steps[..at].iter().all(|s| *s == Step::Note)
        && plan.steps.iter().filter(|s| opens(s)).count() == 1
        && !plan.steps.iter().any(|s| matches!(s, Step::CloseWindow(_)))
}

/// Role, note and window, as far as steps change them.
type Changed = (bool, bool, bool);

fn play<'s>(mut state: Changed, steps: impl IntoIterator<Item = &'s Step>) -> Changed {
    for step in steps {
        match step {
            Step::Note => state.1 = true,
            Step::Forget => state.1 = false,
            Step::Promote | Step::Hold => state.0 = true,
            Step::Demote => state.0 = false,
            Step::OpenWindow(_) => state.2 = true,
            Step::CloseWindow(_) => {
                assert!(!state.0, "a window is not closed while it is needed");
                state.2 = false;
            }
            Step::Confirm(_) | Step::Drain | Step::Publish(_) => {}
        }
    }
    state
}

/// Wherever a plan is cut short, what takes it back leaves no promotion, no note, no window.
fn undo(_: &Facts, decision: &Decision) -> bool {
    let Some(plan) = plan(decision) else {
        return true;
    };
    (0..=plan.steps.len()).all(|done| {
        let before = play((false, false, false), plan.steps.iter().take(done));
        let (primary, noted, open) = play(before, &plan.undo(done));
        let held = plan.steps.iter().take(done).any(|s| *s == Step::Hold);
        primary == held && !noted && !open
    })
}

/// What was Primary before for a reason of its own stays so when the plan is cut short.
fn kept(facts: &Facts, decision: &Decision) -> bool {
    let Some(plan) = plan(decision) else {
        return true;
    };
    if !table::primary(facts) || facts.promoted_by_us {
        return true;
    }
    (0..plan.steps.len()).all(|done| play((true, false, false), &plan.undo(done)).0)
}

/// `remove` demotes only what nobody here uses, and never anything that it does not see.
fn demotion(facts: &Facts, policy: &Policy, decision: &Decision) -> bool {
    let in_use = !facts.holders.is_empty()
        || facts
            .uses
            .iter()
            .any(|u| u.relation != Relation::Gone && u.state != Some(6));
    let secondary = facts
        .resource()
        .is_none_or(|r| r.volumes.iter().all(|v| v.role == Role::Secondary));
    let noted = facts.promoted_by_us && !facts.promoting;
    match decision {
        Decision::Nothing(_) => {
            // Nothing that is Primary without a user is left so, nor is a note without a Primary.
            let idle = facts.uses.is_empty() && facts.holders.is_empty();
            facts.resource().is_none()
                || (secondary && !noted && !facts.window_noted)
                || (!secondary && !idle)
        }
        // Said, and nothing done: others, or this host itself, have it, and so does a peer.
        Decision::Proceed { plan, warnings } if plan.steps.is_empty() => {
            let others = |u: &Use| u.relation == Relation::Other && !matches!(u.state, Some(5 | 6));
            matches!(warnings[..], [Warning::PrimaryTwice { .. }])
                && !secondary
                && !table::shared(facts, policy)
                && (facts.uses.iter().any(others)
                    || (facts.promoted_by_us && !facts.holders.is_empty()))
                && table::up(facts).primary_peer().is_some()
        }
        Decision::Proceed { plan, warnings } => {
            let ours = !secondary || noted;
            let moved = policy.dual_primary == DualPrimary::Window
                && !table::shared(facts, policy)
                && table::up(facts)
                    .connections
                    .iter()
                    .any(|c| c.role != Role::Secondary);
            let mut expected = Vec::new();
            if !secondary {
                expected.push(Step::Demote);
            }
            if facts.window_noted || (ours && moved) {
                expected.push(Step::CloseWindow(None));
            }
            if ours {
                expected.push(Step::Forget);
            }
            warnings.is_empty() && plan.steps == expected && (secondary || !in_use)
        }
        Decision::Wait(_) | Decision::Refuse(_) | Decision::Fail(_) => false,
    }
}

/// How many warnings a decision gives: for lost peers, for copies being filled.
fn warned(decision: &Decision) -> (usize, usize) {
    let Decision::Proceed { warnings, .. } = decision else {
        return (0, 0);
    };
    let is_lost = |w: &&Warning| matches!(w, Warning::Disconnected { .. } | Warning::NoPeer { .. });
    let lost = warnings.iter().filter(is_lost).count();
    (lost, warnings.len() - lost)
}

/// How many warnings of each sort a start has to give: for lost peers, for copies being filled.
fn warnings(f: &Facts, p: &Policy) -> (usize, usize) {
    let settings = f.settings.as_ref();
    let fenced = |c: &Connection| {
        let own = settings.and_then(|s| s.connection(c.peer_node_id));
        own.is_some_and(|c| c.fencing)
    };
    let counted = settings.is_some_and(|s| s.quorum)
        && table::up(f).volumes.iter().all(|v| v.quorum == Some(true));
    let quiet = p.disconnected != Disconnected::Warn || counted;
    let lost = table::up(f)
        .connections
        .iter()
        .filter(|c| table::lost(f, c) && !fenced(c))
        .count();
    let alone = usize::from(table::up(f).connections.is_empty());
    let filled = table::up(f)
        .volumes
        .iter()
        .filter(|v| !table::usable(f, v) && table::synced(f, v))
        .count();
    (if quiet { 0 } else { lost + alone }, filled)
}
