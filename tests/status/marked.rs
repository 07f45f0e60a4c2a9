//! What is marked and what is not: pure, from surveys made by hand.

use std::collections::{BTreeMap, BTreeSet};

use block_drbd::backend::{Access, Guest};
use block_drbd::drbd::{ConnectionSettings, Generation, Resource, Settings, events2};
use block_drbd::holders::Holder;
use block_drbd::occupant::Occupant;
use block_drbd::policy::Configuration;
use block_drbd::sharing::{Relation, Use};
use block_drbd::status::table::{Style, draw};
use block_drbd::status::{Kind, Status, Window};
use block_drbd::survey::{Guests, Survey, Unpublished};

/// A healthy resource with minor 1 of those roles.
pub fn resource(here: &str, there: &str) -> Resource {
    let text = format!(
        "exists resource name:web-root role:{here} suspended:no\n\
         exists connection name:web-root peer-node-id:0 conn-name:nodo2 connection:Connected role:{there}\n\
         exists device name:web-root volume:0 minor:1 disk:UpToDate client:no quorum:yes\n\
         exists peer-device name:web-root peer-node-id:0 conn-name:nodo2 volume:0 replication:Established peer-disk:UpToDate\n"
    );
    events2::parse(&text, Generation::V9).remove(0)
}

/// A host with that resource alone.
pub fn survey(here: &str, there: &str) -> Survey {
    Survey {
        generation: Some(Generation::V9),
        resources: vec![resource(here, there)],
        ..Survey::default()
    }
}

/// A guest that has the minor, attached.
pub fn guest(domid: u32, name: &str, access: Access) -> Occupant {
    let user = Use {
        guest: Guest {
            domid,
            name: Some(name.into()),
            vm: Some(format!("/vm/{domid}")),
            target_vm: None,
        },
        vdev: "xvda2".into(),
        minor: 1,
        access,
        state: Some(4),
        relation: Relation::Other,
    };
    Occupant {
        domid,
        device: "51714".into(),
        minor: 1,
        published: Some(user),
        attached: true,
    }
}

fn writer() -> Occupant {
    guest(7, "web", Access::ReadWrite)
}

fn edit(mut occupant: Occupant, change: impl FnOnce(&mut Use)) -> Occupant {
    if let Some(user) = &mut occupant.published {
        change(user);
    }
    occupant
}

fn of(survey: &Survey) -> Status {
    Status::of(survey, &Configuration::default(), &[])
}

fn kinds(survey: &Survey) -> Vec<Kind> {
    of(survey).marks.iter().map(|m| m.kind).collect()
}

fn allow_two_primaries(survey: &mut Survey, configured: Option<bool>) {
    let connection = ConnectionSettings {
        peer_node_id: 0,
        protocol: Some("C".into()),
        two_primaries: Some(true),
        fencing: false,
        transport: String::new(),
        paths: Vec::new(),
    };
    let settings = Settings {
        quorum: false,
        connections: vec![connection],
    };
    survey.settings.insert("web-root".into(), settings);
    survey.configured_two_primaries = configured.map(|c| BTreeMap::from([("web-root".into(), c)]));
}

fn note_window(survey: &mut Survey) {
    survey.window_noted.insert("web-root".into());
}

#[test]
fn what_agrees_is_not_marked() {
    assert_eq!(kinds(&survey("Secondary", "Secondary")), []);
    assert_eq!(kinds(&survey("Secondary", "Primary")), []);
    let mut running = survey("Primary", "Secondary");
    running.occupants = vec![writer()];
    assert_eq!(kinds(&running), []);
    running.occupants = vec![
        guest(7, "web", Access::ReadOnly),
        guest(8, "mail", Access::ReadOnly),
    ];
    assert_eq!(kinds(&running), [], "guests that only read may share it");
}

#[test]
fn a_primary_without_a_guest_is_marked_with_what_to_run() {
    let mut left = survey("Primary", "Secondary");
    let says = of(&left).marks[0].says.clone();
    assert!(says.contains("`drbdadm secondary web-root`"), "{says}");
    left.promotion_noted = BTreeSet::from(["web-root".into()]);
    let status = of(&left);
    assert_eq!(status.marks[0].kind, Kind::PrimaryWithoutGuest);
    assert!(status.marks[0].says.contains("`block-drbd reap`"));
    assert!(status.volumes[0].marked);
    // A guest that has closed its disk has it no more, once the kernel has let go.
    left.occupants = vec![edit(writer(), |u| u.state = Some(6))];
    assert_eq!(kinds(&left), []);
    left.occupants[0].attached = false;
    assert_eq!(kinds(&left), [Kind::PrimaryWithoutGuest]);
}

#[test]
fn whoever_else_uses_a_primary_counts_as_a_user() {
    let mut held = survey("Primary", "Secondary");
    held.holders = vec![Holder::Mount {
        minor: 1,
        on: "/mnt".into(),
    }];
    let status = of(&held);
    assert_eq!(status.marks, []);
    assert_eq!(status.volumes[0].holders, ["mounted on /mnt"]);
}

#[test]
fn one_used_volume_keeps_all_of_a_resource() {
    let mut several = survey("Primary", "Secondary");
    let mut second = several.resources[0].volumes[0].clone();
    second.volume = 1;
    second.minor = 2;
    several.resources[0].volumes.push(second);
    several.occupants = vec![writer()];
    assert_eq!(kinds(&several), []);
    several.occupants.clear();
    assert_eq!(
        kinds(&several),
        [Kind::PrimaryWithoutGuest],
        "once, not for each"
    );
    assert!(of(&several).volumes.iter().all(|r| r.marked));
}

#[test]
fn without_xenstore_nobody_knows_who_has_a_primary() {
    for guests in [Guests::NoXen, Guests::Unknown("it hangs".into())] {
        let host = Survey {
            guests,
            ..survey("Primary", "Secondary")
        };
        assert_eq!(kinds(&host), []);
    }
}

#[test]
fn a_guest_without_a_primary_is_marked() {
    let mut demoted = survey("Secondary", "Secondary");
    demoted.occupants = vec![writer()];
    assert_eq!(kinds(&demoted), [Kind::GuestWithoutPrimary]);
    let says = of(&demoted).marks[0].says.clone();
    assert!(
        says.starts_with(
            "web-root: guest web (domain 7) has it as xvda2, and it is Secondary here"
        ),
        "{says}"
    );
    demoted.occupants = vec![edit(writer(), |u| u.state = Some(5))];
    assert_eq!(kinds(&demoted), [], "it lets go");
}

#[test]
fn a_guest_whose_resource_is_not_up_is_marked() {
    let mut down = survey("Secondary", "Secondary");
    let mut lost = edit(writer(), |u| u.minor = 9);
    lost.minor = 9;
    down.occupants = vec![lost];
    let status = of(&down);
    assert_eq!(status.marks[0].kind, Kind::GuestWithoutResource);
    assert_eq!(status.volumes[1].device.as_deref(), Some("/dev/drbd9"));
    assert_eq!(status.volumes[1].resource, None);
}

#[test]
fn two_primaries_are_marked_outside_of_a_migration() {
    let mut twice = survey("Primary", "Primary");
    twice.occupants = vec![writer()];
    allow_two_primaries(&mut twice, Some(true));
    assert_eq!(kinds(&twice), [Kind::TwoPrimaries]);
    assert!(
        of(&twice).marks[0]
            .says
            .contains("Primary here and on nodo2")
    );
    let shared = Configuration::parse("[resource.web-root]\nshared = true\n").unwrap();
    assert_eq!(Status::of(&twice, &shared, &[]).marks, []);
}

/// At the destination by the guest's name or libvirt's mark, then by the window's note; at the source by
/// the guest's new name.
#[test]
fn a_migration_is_shown_and_not_marked() {
    let mut coming = survey("Primary", "Primary");
    coming.occupants = vec![guest(7, "web--incoming", Access::ReadWrite)];
    coming.arriving = BTreeSet::from([7]);
    allow_two_primaries(&mut coming, Some(false));
    note_window(&mut coming);
    let mut arrived = coming.clone();
    arrived.occupants = vec![writer()];
    arrived.arriving.clear();
    let mut left = coming.clone();
    left.occupants = vec![guest(7, "web--migratedaway", Access::ReadWrite)];
    left.arriving.clear();
    left.window_noted.clear();
    // Its `remove` has not begun.
    let mut closed = left.clone();
    closed.occupants[0] = edit(closed.occupants[0].clone(), |u| u.state = Some(6));
    closed.occupants[0].attached = false;
    for (survey, words) in [
        (coming, ", arriving"),
        (arrived, "web (7) xvda2 w "),
        (left, ", migrated away"),
        (closed, ", closed, migrated away"),
    ] {
        let status = of(&survey);
        assert_eq!(status.marks, []);
        assert!(status.volumes[0].migrating);
        let text = draw(&status, Style::default());
        assert!(
            text.contains(words) && text.contains("web-root: a live migration is under way"),
            "{text}"
        );
    }
}

/// Another guest at the source keeps it Primary there: no migration takes as long.
#[test]
fn two_primaries_that_last_are_marked_at_the_destination_as_well() {
    let mut arrived = survey("Primary", "Primary");
    arrived.occupants = vec![writer()];
    allow_two_primaries(&mut arrived, Some(false));
    note_window(&mut arrived);
    assert_eq!(kinds(&arrived), []);
    arrived.window_lasting = arrived.window_noted.clone();
    assert_eq!(kinds(&arrived), [Kind::TwoPrimaries]);
}

#[test]
fn a_window_is_marked_once_nothing_migrates() {
    let mut open = survey("Primary", "Secondary");
    open.occupants = vec![writer()];
    allow_two_primaries(&mut open, Some(false));
    assert_eq!(kinds(&open), [Kind::OpenWindow]);
    assert!(
        of(&open).marks[0]
            .says
            .contains("`drbdadm adjust web-root` on both hosts")
    );
    note_window(&mut open);
    assert!(of(&open).marks[0].says.contains("`block-drbd reap`"));
    assert_eq!(of(&open).volumes[0].window, Window::Open);
    open.arriving = BTreeSet::from([7]);
    assert_eq!(kinds(&open), []);
}

#[test]
fn a_window_that_is_meant_to_be_open_is_not_marked() {
    let mut open = survey("Primary", "Secondary");
    open.occupants = vec![writer()];
    for (configured, window) in [(Some(true), Window::Configured), (None, Window::Allowed)] {
        allow_two_primaries(&mut open, configured);
        assert_eq!(
            (kinds(&open), of(&open).volumes[0].window),
            (vec![], window)
        );
    }
    allow_two_primaries(&mut open, Some(false));
    let fixed = Configuration::parse("dual-primary = \"static\"\n").unwrap();
    assert_eq!(
        Status::of(&open, &fixed, &[]).volumes[0].window,
        Window::Configured
    );
}

#[test]
fn guests_that_share_a_disk_are_marked_if_one_writes() {
    let mut both = survey("Primary", "Secondary");
    both.occupants = vec![writer(), guest(8, "mail", Access::ReadOnly)];
    assert_eq!(kinds(&both), [Kind::SeveralGuests]);
    // Its stub domain serves it.
    both.occupants[1] = edit(guest(8, "web-dm", Access::ReadWrite), |u| {
        u.guest.target_vm = Some("/vm/7".into());
    });
    assert_eq!(kinds(&both), []);
    // A second domain of its uuid is another guest, unless it migrates to this same host.
    both.occupants[1] = edit(guest(8, "again", Access::ReadWrite), |u| {
        u.guest.vm = Some("/vm/7".into());
    });
    assert_eq!(kinds(&both), [Kind::SeveralGuests]);
    both.arriving.insert(8);
    assert_eq!(kinds(&both), []);
}

#[test]
fn backends_of_dead_domains_are_told_apart() {
    let mut dead = survey("Primary", "Secondary");
    let stray = Occupant {
        published: None,
        ..writer()
    };
    dead.occupants = vec![stray];
    let status = of(&dead);
    assert_eq!(kinds(&dead), [Kind::Stray], "the kernel may still write");
    assert_eq!(
        status.volumes[0].guests[0].to_string(),
        "domain 7 51714, stray"
    );
    let mut folder = edit(writer(), |u| u.relation = Relation::Gone);
    folder.attached = false;
    dead.occupants = vec![folder];
    assert_eq!(kinds(&dead), [Kind::PrimaryWithoutGuest, Kind::Stray]);
    assert_eq!(
        of(&dead).volumes[0].guests[0].to_string(),
        "web (7) xvda2 w, gone"
    );
}

#[test]
fn a_disk_that_could_not_be_attached_is_told_with_its_reason() {
    let mut failed = survey("Secondary", "Primary");
    let disk = |error: Option<&str>| Unpublished {
        guest: writer().published.unwrap().guest,
        device: "51714".into(),
        vdev: "xvda2".into(),
        access: Access::ReadWrite,
        resource: Some("web-root".into()),
        volume: Some(0),
        error: error.map(Into::into),
    };
    failed.unpublished = vec![disk(Some("it is Primary on nodo2"))];
    let status = of(&failed);
    assert_eq!(status.marks[0].kind, Kind::NotAttached);
    assert!(
        status.marks[0]
            .says
            .ends_with("guest web (domain 7): it is Primary on nodo2")
    );
    // One that is just being attached was promoted a moment ago.
    let mut starts = survey("Primary", "Secondary");
    starts.unpublished = vec![disk(None)];
    assert_eq!(kinds(&starts), []);
}

#[test]
fn nothing_is_marked_while_an_add_or_a_remove_is_at_it() {
    let mut busy = survey("Primary", "Secondary");
    busy.busy = BTreeSet::from(["web-root".into()]);
    assert_eq!(kinds(&busy), []);
    assert!(draw(&of(&busy), Style::default()).contains("web-root: an add or a remove is at it"));
}
