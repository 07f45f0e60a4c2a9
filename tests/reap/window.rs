//! Two primaries that stay allowed after a migration (contract 35).

use simulated_drbd::Role;

use crate::host::{HERE, Host, MINOR, PEER, WEB, both};
use crate::silence::Silence;

const STAYS: &str = "web-root: two primaries stay allowed on web-root (";

/// A run that was killed between its demotion and its last step.
#[test]
fn one_that_was_left_open_is_closed() {
    both(|host| {
        host.open_window(HERE);
        host.note_window();
        host.assert_reaps(&["web-root: two primaries are no longer allowed"]);
        assert_eq!(host.two_primaries(), (false, false));
        assert!(!host.is_window_noted());
        host.assert_reaps(&[]);
    });
}

/// At the source, whose `remove` was killed: Secondary, its promotion noted, the guest at the peer.
#[test]
fn at_the_source_it_is_closed_with_the_promotions_note() {
    both(|host| {
        host.open_window(PEER);
        host.peer_promotes(WEB, MINOR);
        host.note_promotion();
        host.assert_reaps(&["web-root: two primaries are no longer allowed, its note dropped"]);
        assert_eq!(host.two_primaries(), (false, false));
        host.assert_roles(Role::Secondary, Role::Primary);
    });
}

/// At the destination, from a real migration, whose source could not close it: the guest goes on.
#[test]
fn at_the_destination_it_is_closed_beside_the_guest() {
    both(|host| {
        let disk = host.arriving_disk(7);
        disk.assert_attached(&disk.receive(), MINOR);
        assert_eq!(host.two_primaries(), (true, true));
        assert!(host.is_window_noted());
        // The source has not let go yet.
        let ran = host.reap(&[]);
        ran.assert_says(
            1,
            &["web-root: used here: guest web--incoming (domain 7) as xvda2; two"],
        );
        assert!(
            ran.stdout.contains("it is Primary on both hosts"),
            "{ran:?}"
        );
        host.peer_demotes(WEB, MINOR);
        host.assert_reaps(&["web-root: two primaries are no longer allowed"]);
        assert_eq!(host.two_primaries(), (false, false));
        host.assert_roles(Role::Primary, Role::Secondary);
        disk.assert_published(MINOR);
    });
}

/// Contract 35: never while the link is cut, since one side would change alone.
#[test]
fn it_is_closed_when_the_link_returns() {
    both(|host| {
        host.open_window(HERE);
        host.note_window();
        host.world.cut_link().unwrap();
        let ran = host.reap(&[]);
        ran.assert_says(1, &[STAYS]);
        for words in [
            "not Established",
            "`block-drbd reap`",
            "`drbdadm adjust web-root`",
        ] {
            assert!(ran.stdout.contains(words), "{ran:?}");
        }
        assert!(host.is_window_noted());
        host.world.restore_link().unwrap();
        host.assert_reaps(&["web-root: two primaries are no longer allowed"]);
        assert_eq!(host.two_primaries(), (false, false));
    });
}

/// Nor while it is cut and nobody has noticed.
#[test]
fn it_stays_open_while_the_peer_is_silent() {
    both(|host| {
        host.open_window(HERE);
        host.note_window();
        let silence = Silence::at(&host.peer_address());
        host.world.cut_link_unnoticed().unwrap();
        host.reap(&[]).assert_says(1, &[STAYS]);
        assert!(host.is_window_noted());
        assert_eq!(host.two_primaries(), (true, true));
        drop(silence);
    });
}

/// A promotion is undone all the same while the window has to wait.
#[test]
fn a_cut_link_does_not_stop_the_demotion() {
    both(|host| {
        let disk = host.disk(5, WEB);
        disk.add().assert_silent_success();
        disk.vanish();
        host.open_window(HERE);
        host.note_window();
        host.world.cut_link().unwrap();
        let words = "web-root: demoted, its note dropped; two primaries stay allowed";
        host.reap(&[]).assert_says(1, &[words]);
        assert_eq!(host.role(WEB), Role::Secondary);
        assert_eq!((host.is_noted(WEB), host.is_window_noted()), (false, true));
    });
}

/// Contract 35: what this program did not open is the administrator's, or the peer's.
#[test]
fn a_foreign_one_is_explained_and_not_touched() {
    both(|host| {
        host.open_window(PEER);
        let ran = host.reap(&[]);
        ran.assert_says(0, &["web-root: two primaries are allowed at run time only"]);
        assert!(ran.stdout.contains("`drbdadm adjust web-root`"), "{ran:?}");
        assert_eq!(host.two_primaries(), (true, true));
        host.configure("dual-primary = \"static\"\n");
        host.assert_reaps(&[]);
    });
}

/// As configured: nothing is left of anything.
#[test]
fn what_the_configuration_allows_stays() {
    both(|host: &Host| {
        host.resource(simulated_drbd::Resource::simple(WEB, MINOR).with_two_primaries());
        host.assert_reaps(&[]);
        host.note_window();
        host.assert_reaps(&[]);
        assert!(!host.is_window_noted());
        assert_eq!(host.two_primaries(), (true, true));
    });
}
