//! What was left behind: what `reap` would clear away, by its own decision, and what it would leave.

use super::facts::Facts;
use super::finding::Finding;
use crate::decision::reap::{Left, Reaping, decide};
use crate::facts::ReapFacts;
use crate::plan::Step;
use crate::survey::{Guests, Survey};

/// What is wrong with all resources. Without xenstored nobody knows who uses one.
#[must_use]
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let Ok(survey) = &facts.survey else {
        return Vec::new();
    };
    if survey.guests != Guests::Known {
        return Vec::new();
    }
    let up = survey.resources.iter().map(|r| r.name.as_str());
    let noted = survey.promotion_noted.iter().chain(&survey.window_noted);
    let mut names: Vec<&str> = up.chain(noted.map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    // What an `add` or a `remove` has at hand looks like a leftover.
    names.retain(|name| !survey.busy.contains(*name));
    let of_one = |name: &str| {
        let policy = facts.policies.of_resource(name);
        findings_of(name, &decide(&reap_facts(facts, survey, name), policy))
    };
    names.into_iter().flat_map(of_one).collect()
}

/// What `reap` would read of it.
fn reap_facts(facts: &Facts, survey: &Survey, name: &str) -> ReapFacts {
    let resource = survey.resource(name);
    let has = |minor: u32| resource.is_some_and(|r| r.minors().any(|m| m == minor));
    let occupants = survey.occupants.iter().filter(|o| has(o.minor));
    let holders = facts.holders.iter().filter(|h| has(h.minor()));
    let openers = facts.openers.iter().filter(|o| has(o.minor));
    let settings = resource.and_then(|_| survey.settings.get(name));
    // Where the survey does not tell, drbdadm's dump of all does.
    let configured = facts.configured.as_ref().and_then(|c| c.as_ref().ok());
    let configured = configured.and_then(|all| all.get(name));
    ReapFacts {
        resource: resource.cloned(),
        promotion_noted: survey.promotion_noted.contains(name),
        window_noted: survey.window_noted.contains(name),
        promoting: facts.promoting.contains(name),
        occupants: occupants.cloned().collect(),
        holders: holders.cloned().collect(),
        openers: openers.cloned().collect(),
        settings: settings.cloned(),
        configured_two_primaries: configured.map(|c| c.two_primaries),
    }
}

/// What a decision says to people.
#[must_use]
pub fn findings_of(name: &str, reaping: &Reaping) -> Vec<Finding> {
    let reap = "block-drbd reap";
    let mut found = Vec::new();
    let peer = "no guest can start with it on a peer as long as it is";
    let steps = &reaping.plan.steps;
    if steps.contains(&Step::Demote) {
        found.push(Finding::warning(
            name,
            "left Primary here: no guest uses it any more",
            peer,
            reap,
        ));
    }
    let window = "two primaries are allowed on it since a live migration";
    let risk = "until that ends DRBD would not refuse a second Primary, and after a cut link the two may not connect again";
    if steps.iter().any(|s| matches!(s, Step::CloseWindow(_))) {
        found.push(Finding::warning(name, window, risk, reap));
    }
    if steps.as_slice() == [Step::Forget] {
        found.push(Finding::note(
            name,
            "a note says that this program promoted it, and it is not Primary",
            "if something else promotes it, `reap` takes that for its own",
            reap,
        ));
    }
    found.extend(reaping.left.iter().map(|left| of_left(name, left)));
    found
}

fn of_left(name: &str, left: &Left) -> Finding {
    let reap = "block-drbd reap";
    let peer = "no guest can start with it on a peer as long as it is";
    match left {
        Left::Foreign => Finding::warning(
            name,
            "Primary here; nobody here uses it, and this program did not promote it",
            peer,
            &format!("# if nothing else needs it\ndrbdadm secondary {name}"),
        ),
        Left::Open(who) => Finding::warning(
            name,
            &format!(
                "left Primary here, and held open: {}",
                crate::words::list(who)
            ),
            peer,
            &format!("# close it, then\n{reap}"),
        ),
        Left::Stray(disks) => Finding::warning(
            name,
            &format!(
                "left Primary here: its guest is gone, and {} still stands",
                crate::words::list(disks)
            ),
            "the guest's last I/O may be under way, so it is not demoted",
            &format!("# once that is gone\n{reap}"),
        ),
        Left::Promoting => Finding::warning(
            name,
            "an earlier promotion was given up, and still runs in the kernel",
            "it may become Primary at any time, with nobody to use it",
            &format!("# once `drbdsetup primary` has ended\n{reap}"),
        ),
        Left::Unknown => Finding::warning(
            name,
            "this program promoted it, and DRBD does not tell its role",
            "whether it may be demoted is unknown",
            &format!("drbdadm status {name}"),
        ),
        Left::Window(why) => Finding::warning(
            name,
            &format!(
                "two primaries are allowed on it since a live migration, and that cannot be set back now: {why}"
            ),
            "after a cut link the two may not connect again: their settings differ then",
            &format!(
                "# once they are connected\n{reap}\n# if they do not connect, on both hosts: drbdadm adjust {name}"
            ),
        ),
        Left::ForeignWindow => Finding::warning(
            name,
            "two primaries are allowed on it at run time only, and this host did not allow them",
            "unless a guest is just migrating, DRBD would not refuse a second Primary",
            &format!("# unless a guest is just migrating, on both hosts\ndrbdadm adjust {name}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{Note, Warning};
    use crate::plan::Plan;

    fn reaping(steps: Vec<Step>, left: Vec<Left>) -> Reaping {
        Reaping {
            plan: Plan::new(steps),
            left,
            users: Vec::new(),
        }
    }

    #[test]
    fn what_reap_would_do_is_told() {
        assert_eq!(findings_of("web", &Reaping::default()), []);
        for (steps, severity, what) in [
            (
                vec![Step::Demote, Step::Forget],
                Warning,
                "left Primary here",
            ),
            (
                vec![Step::CloseWindow(None)],
                Warning,
                "since a live migration",
            ),
            (vec![Step::Forget], Note, "a note says"),
        ] {
            let found = findings_of("web", &reaping(steps, Vec::new()));
            assert_eq!((found.len(), found[0].severity), (1, severity), "{what}");
            assert!(found[0].what.contains(what), "{found:?}");
            assert_eq!(found[0].fix, "block-drbd reap");
        }
    }

    #[test]
    fn what_reap_would_leave_is_told() {
        let some = || vec!["x".to_owned()];
        for (left, what, fix) in [
            (Left::Foreign, "did not promote it", "drbdadm secondary web"),
            (Left::Open(some()), "held open: x", "block-drbd reap"),
            (Left::Stray(some()), "x still stands", "block-drbd reap"),
            (
                Left::Promoting,
                "still runs in the kernel",
                "block-drbd reap",
            ),
            (
                Left::Unknown,
                "does not tell its role",
                "drbdadm status web",
            ),
            (
                Left::Window("y".into()),
                "cannot be set back now: y",
                "drbdadm adjust web",
            ),
            (
                Left::ForeignWindow,
                "did not allow them",
                "drbdadm adjust web",
            ),
        ] {
            let found = findings_of("web", &reaping(Vec::new(), vec![left]));
            assert_eq!((found.len(), found[0].severity), (1, Warning), "{what}");
            assert!(
                found[0].what.contains(what) && found[0].fix.contains(fix),
                "{found:?}"
            );
        }
    }
}
