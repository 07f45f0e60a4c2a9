//! The shape of the JSON, as README documents it, and of the table.

use std::collections::BTreeSet;

use block_drbd::backend::Access;
use block_drbd::policy::Configuration;
use block_drbd::status::Status;
use block_drbd::status::table::{Style, draw};
use block_drbd::survey::{Guests, Survey};
use serde_json::{Value, json};

use crate::marked::{guest, survey};

fn of(survey: &Survey) -> Status {
    Status::of(survey, &Configuration::default(), &[])
}

fn parsed(survey: &Survey) -> Value {
    serde_json::from_str(&of(survey).json()).unwrap()
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// All keys, all of them always there.
#[test]
fn the_object_has_the_documented_shape() {
    let mut host = survey("Primary", "Secondary");
    host.occupants = vec![guest(7, "web", Access::ReadWrite)];
    let expected = json!({
        "drbd": "9",
        "guests": "known",
        "why": null,
        "volumes": [{
            "resource": "web-root",
            "volume": 0,
            "device": "/dev/drbd1",
            "role": "Primary",
            "disk": "UpToDate",
            "quorum": true,
            "suspended": [],
            "peers": [{
                "name": "nodo2",
                "connection": "Connected",
                "role": "Secondary",
                "replication": "Established",
                "disk": "UpToDate",
                "done": null,
            }],
            "guests": [{
                "name": "web",
                "domid": 7,
                "vdev": "xvda2",
                "mode": "w",
                "state": "attached",
                "moves": null,
            }],
            "holders": [],
            "window": "shut",
            "migrating": false,
            "busy": false,
            "marked": false,
        }],
        "marks": [],
    });
    assert_eq!(parsed(&host), expected);
    host.occupants.clear();
    let marked = parsed(&host);
    assert_eq!(
        keys(&marked["marks"][0]),
        BTreeSet::from(["kind", "resource", "says", "volume"])
    );
    assert_eq!(marked["marks"][0]["kind"], "primary-without-guest");
    assert_eq!(marked["volumes"][0]["marked"], true);
}

/// README names every key and every word that other programs may rely on.
#[test]
fn readme_names_every_key_and_every_word() {
    let readme = include_str!("../../README.md");
    let mut host = survey("Primary", "Secondary");
    host.occupants = vec![guest(7, "web", Access::ReadWrite)];
    let object = parsed(&host);
    let row = &object["volumes"][0];
    let mut words: Vec<&str> = Vec::new();
    for part in [&object, row, &row["peers"][0], &row["guests"][0]] {
        words.extend(keys(part));
    }
    words.extend(["kind", "says"]);
    words.extend([
        "known",
        "no-xen",
        "unknown",
        "shut",
        "open",
        "configured",
        "allowed",
    ]);
    words.extend([
        "attached",
        "closing",
        "closed",
        "stray",
        "gone",
        "not-attached",
        "in",
        "out",
    ]);
    words.extend([
        "primary-without-guest",
        "guest-without-primary",
        "guest-without-resource",
    ]);
    words.extend(["two-primaries", "open-window", "several-guests"]);
    for word in words {
        assert!(
            readme.contains(&format!("`{word}`")),
            "README does not name {word}"
        );
    }
}

#[test]
fn a_resync_is_a_number_and_a_word() {
    let mut host = survey("Secondary", "Primary");
    let device = &mut host.resources[0].connections[0].peer_devices[0];
    device.replication = "SyncTarget".into();
    device.done = Some(2566);
    assert_eq!(
        parsed(&host)["volumes"][0]["peers"][0]["done"],
        json!(25.66)
    );
    let text = draw(&of(&host), Style::default());
    assert!(text.contains("UpToDate  SyncTarget 25.66%  -"), "{text}");
}

/// Names in xenstore and words of DRBD are other people's.
#[test]
fn no_foreign_word_reaches_the_terminal_as_it_is() {
    let mut host = survey("Primary", "Secondary");
    host.occupants = vec![guest(7, "\x1b[2Jevil\n\u{9b}2J", Access::ReadWrite)];
    host.resources[0].connections[0].peer = "nodo\x07".into();
    host.resources[0].volumes[0].disk = "Up\x1bToDate".into();
    host.guests = Guests::Unknown("\x1b]0;title\x07".into());
    for text in [draw(&of(&host), Style::default()), of(&host).json()] {
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{text:?}"
        );
        assert!(text.contains("?[2Jevil"), "{text:?}");
    }
}

fn long() -> Survey {
    let mut host = survey("Primary", "Secondary");
    let mut second = host.resources[0].connections[0].clone();
    second.peer = "nodo3".into();
    second.peer_node_id = 2;
    host.resources[0].connections.push(second);
    host.occupants = vec![
        guest(7, "web", Access::ReadWrite),
        guest(12, "web-test", Access::ReadOnly),
    ];
    host
}

/// Other peers and guests stand on lines below.
#[test]
fn the_table_is_plain_text_in_columns() {
    let text = draw(&of(&long()), Style::default());
    let expected = [
        "  RESOURCE  DEVICE  ROLE     DISK      PEER   ROLE       DISK      CONNECTION  GUEST",
        "! web-root  drbd1   Primary  UpToDate  nodo2  Secondary  UpToDate  Connected   web (7) xvda2 w",
        "                                       nodo3  Secondary  UpToDate  Connected   web-test (12) xvda2 r",
    ];
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..3], expected);
    assert!(lines[3].starts_with("! web-root: guest web (domain 7) as xvda2 and guest web-test"));
}

/// Guests get lines of their own where the terminal is not that wide.
#[test]
fn a_narrow_terminal_gets_narrow_lines() {
    let style = Style {
        width: Some(80),
        colour: false,
    };
    let text = draw(&of(&long()), style);
    let table: Vec<&str> = text.lines().take(5).collect();
    assert!(table.iter().all(|l| l.len() <= 80), "{text}");
    assert_eq!(table[3], "      web (7) xvda2 w");
}

#[test]
fn colours_take_no_column_and_tell_nothing_that_words_do_not() {
    let coloured = Style {
        width: None,
        colour: true,
    };
    let mut host = long();
    host.occupants.clear();
    let (text, plain) = (
        draw(&of(&host), coloured),
        draw(&of(&host), Style::default()),
    );
    assert!(text.contains("\x1b[1;31m!\x1b[0m"), "{text:?}");
    let mut stripped = text.clone();
    for code in ["\x1b[0m", "\x1b[1m", "\x1b[33m", "\x1b[1;31m"] {
        stripped = stripped.replace(code, "");
    }
    assert_eq!(stripped, plain);
}
