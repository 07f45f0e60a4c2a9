//! What `reap` decides, over the whole product of what it can find.

use block_drbd::backend::Access;
use block_drbd::decision::reap::{Left, Reaping, decide};
use block_drbd::drbd::{DiskState, ReplicationState, Resource, Role, Settings};
use block_drbd::facts::{Found, ReapFacts};
use block_drbd::holders::Holder;
use block_drbd::host::Opener;
use block_drbd::occupant::Occupant;
use block_drbd::plan::Step;
use block_drbd::policy::{DualPrimary, Policy};
use block_drbd::sharing::Relation;

use super::space;

/// Not up; every role; and a promotion that was killed half-way, as 8.4 can leave it.
fn resources() -> Vec<Option<Resource>> {
    let mut all = vec![None];
    for roles in [
        [Role::Primary, Role::Primary],
        [Role::Secondary, Role::Secondary],
        [Role::Primary, Role::Secondary],
        [Role::Unknown, Role::Secondary],
    ] {
        let facts = space::with_second_volume(space::plain_start());
        let Found::Up(mut resource) = facts.found else {
            panic!("it is up")
        };
        resource.role = roles[0].clone();
        for (volume, role) in resource.volumes.iter_mut().zip(roles) {
            volume.role = role;
        }
        all.push(Some(resource));
    }
    all
}

/// What the connection to the peer may be like, by what it means for a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Secondary,
    Primary,
    Lost,
    Resync,
}

fn set_link(resource: &mut Resource, link: Link) {
    let connection = &mut resource.connections[0];
    match link {
        Link::Secondary => {}
        Link::Primary => connection.role = Role::Primary,
        Link::Lost => space::disconnect(connection),
        Link::Resync => {
            connection.peer_devices[0].replication = ReplicationState::SyncSource;
            connection.peer_devices[0].disk = DiskState::Inconsistent;
        }
    }
}

/// Nobody, and everybody of each kind, with and without the kernel's device.
fn occupants() -> Vec<Vec<Occupant>> {
    let mut all = vec![Vec::new()];
    let occupant = |published, attached| Occupant {
        domid: 9,
        device: "51714".into(),
        minor: space::MINORS[1],
        published,
        attached,
    };
    all.push(vec![occupant(None, true)]);
    for relation in [Relation::Other, Relation::Gone] {
        for state in [Some(4), Some(6), None] {
            for attached in [false, true] {
                let user = space::user(relation, Access::ReadOnly, space::MINORS[1], state);
                all.push(vec![occupant(Some(user), attached)]);
            }
        }
    }
    all
}

/// A reader or a writer alike, whatever its state of attachment.
fn has_it(occupant: &Occupant) -> bool {
    let user = occupant.published.as_ref();
    let lives = user.is_some_and(|u| u.relation != Relation::Gone && u.state != Some(6));
    lives || occupant.attached
}

/// Two primaries: unknown, forbidden, allowed.
fn settings() -> [Option<Settings>; 3] {
    [None, Some(Some(false)), Some(Some(true))].map(|two| {
        let mut facts = space::plain_start();
        space::set_net(&mut facts, (Some("C"), two?));
        facts.settings
    })
}

fn policies() -> Vec<Policy> {
    let mut all = Vec::new();
    for dual_primary in [DualPrimary::Window, DualPrimary::Static, DualPrimary::Never] {
        for shared in [false, true] {
            all.push(Policy {
                dual_primary,
                shared,
                ..Policy::default()
            });
        }
    }
    all
}

/// Calls `check` with all that can be found. The rest of it is filled in by [`each_note`].
fn product(mut check: impl FnMut(&ReapFacts, &Policy, Link)) {
    let holder = Holder::Mount {
        minor: 1,
        on: "/mnt".into(),
    };
    let opener = Opener {
        command: "dd".into(),
        pid: 77,
        minor: 1,
    };
    for resource in resources() {
        for link in [Link::Secondary, Link::Primary, Link::Lost, Link::Resync] {
            let mut resource = resource.clone();
            if let Some(resource) = &mut resource {
                set_link(resource, link);
            }
            for occupants in occupants() {
                for (held, open) in [(false, false), (true, false), (false, true), (true, true)] {
                    let facts = ReapFacts {
                        resource: resource.clone(),
                        occupants: occupants.clone(),
                        holders: held.then(|| holder.clone()).into_iter().collect(),
                        openers: open.then(|| opener.clone()).into_iter().collect(),
                        ..ReapFacts::default()
                    };
                    each_note(facts, |facts, policy| check(facts, policy, link));
                }
            }
        }
    }
}

/// All notes, settings and policies with the same resource and users.
fn each_note(mut facts: ReapFacts, mut check: impl FnMut(&ReapFacts, &Policy)) {
    for settings in settings() {
        facts.settings = settings;
        for notes in 0..8_u32 {
            facts.promotion_noted = notes & 1 != 0;
            facts.window_noted = notes & 2 != 0;
            facts.promoting = notes & 4 != 0;
            for configured in [None, Some(false), Some(true)] {
                facts.configured_two_primaries = configured;
                for policy in policies() {
                    check(&facts, &policy);
                }
            }
        }
    }
}

fn is_primary(facts: &ReapFacts) -> bool {
    let volumes = facts.resource.iter().flat_map(|r| &r.volumes);
    volumes.into_iter().any(|v| v.role == Role::Primary)
}

fn is_secondary(facts: &ReapFacts) -> bool {
    let mut volumes = facts.resource.iter().flat_map(|r| &r.volumes);
    volumes.all(|v| v.role == Role::Secondary)
}

fn is_used(facts: &ReapFacts) -> bool {
    facts.occupants.iter().any(has_it) || !facts.holders.is_empty() || !facts.openers.is_empty()
}

/// The world once the plan is carried out.
fn carried_out(facts: &ReapFacts, reaping: &Reaping) -> ReapFacts {
    let mut after = facts.clone();
    for step in &reaping.plan.steps {
        match step {
            Step::Demote => {
                for volume in after.resource.iter_mut().flat_map(|r| &mut r.volumes) {
                    volume.role = Role::Secondary;
                }
            }
            Step::CloseWindow(None) => {
                after.window_noted = false;
                for connection in after.settings.iter_mut().flat_map(|s| &mut s.connections) {
                    connection.two_primaries = Some(false);
                }
            }
            Step::Forget => after.promotion_noted = false,
            other => panic!("{other:?} is no step of a reap"),
        }
    }
    after
}

/// Contract 20, 26, 27, 35.
#[test]
fn only_what_is_our_own_and_unused_is_touched_and_all_of_it() {
    let mut checked = 0_u64;
    product(|facts, policy, link| {
        checked += 1;
        let reaping = decide(facts, policy);
        let context = || format!("{reaping:?}\n{facts:?}\n{policy:?}");
        let steps = &reaping.plan.steps;
        let has = |step: &Step| steps.contains(step);
        let (demote, close, forget) = (
            has(&Step::Demote),
            has(&Step::CloseWindow(None)),
            has(&Step::Forget),
        );
        let order = [Step::Demote, Step::CloseWindow(None), Step::Forget];
        let ordered: Vec<Step> = order.into_iter().filter(|s| has(s)).collect();
        assert_eq!(steps, &ordered, "{}", context());
        // A guest, the kernel, a holder or a process keeps it; so does a missing note.
        let idle = is_primary(facts) && !is_used(facts);
        assert_eq!(demote, idle && facts.promotion_noted, "{}", context());
        let foreign = reaping.left.contains(&Left::Foreign);
        assert_eq!(foreign, idle && !facts.promotion_noted, "{}", context());
        // The note goes with the role.
        let secondary = is_secondary(facts);
        let promoting = secondary && facts.promoting;
        let over = demote || (facts.promotion_noted && secondary && !promoting);
        assert_eq!(forget, over, "{}", context());
        // Somebody is told about everything noted that stays.
        let quiet = reaping.left.is_empty() && reaping.users.is_empty();
        assert!(!facts.promotion_noted || forget || !quiet, "{}", context());
        let stays = reaping.left.iter().any(|l| matches!(l, Left::Window(_)));
        assert_eq!(facts.window_noted && !close, stays, "{}", context());
        // A window that is not noted may only have been opened by the peer that the guest moved to.
        let windowed = policy.dual_primary == DualPrimary::Window && !policy.shared;
        assert!(
            !close || facts.window_noted || (over && windowed),
            "{}",
            context()
        );
        let open = facts.settings.iter().flat_map(Settings::open).count() > 0;
        if close && facts.window_noted && open && facts.resource.is_some() {
            assert!(
                matches!(link, Link::Secondary | Link::Primary),
                "{}",
                context()
            );
            let both = link == Link::Primary && !secondary && !demote;
            assert!(!both, "{}", context());
        }
        if !facts.promotion_noted && !facts.window_noted {
            assert_eq!(steps, &[], "{}", context());
        }
        // Idempotent.
        if !steps.is_empty() {
            let again = decide(&carried_out(facts, &reaping), policy);
            assert_eq!(again.plan.steps, [], "{}", context());
        }
    });
    println!("{checked} decisions");
    assert!(checked > 480_000);
}

/// A guest that only reads is a user all the same: DRBD 9 would take the device from it.
#[test]
fn whoever_uses_it_is_named() {
    let Some(Some(resource)) = resources().into_iter().nth(1) else {
        panic!("the second is Primary")
    };
    let mut facts = ReapFacts {
        resource: Some(resource),
        promotion_noted: true,
        ..ReapFacts::default()
    };
    let user = space::user(Relation::Other, Access::ReadOnly, 1, Some(4));
    facts.occupants = vec![Occupant {
        domid: 9,
        device: "51714".into(),
        minor: 1,
        published: Some(user),
        attached: true,
    }];
    let reaping = decide(&facts, &Policy::default());
    assert_eq!(reaping.users, ["guest mail (domain 9) as xvdb"]);
    facts.occupants[0].published = None;
    let reaping = decide(&facts, &Policy::default());
    let stray = Left::Stray(vec!["the kernel's vbd-9-51714".into()]);
    assert_eq!((reaping.users, reaping.left), (Vec::new(), vec![stray]));
}
