//! What the hook leaves, of whatever libvirt gives it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use simulated_drbd::Generation;

use super::{
    FOLDER, UUID, XML, assert_marks, assert_taken_for_a_start, disk, expiry, hook, marks, migrate,
};
use crate::host::{Host, both};

/// A migration that was given up, or that is over, leaves nothing for a start.
#[test]
fn the_hook_takes_the_mark_away_when_the_guest_runs_or_is_gone() {
    both(|host| {
        for operation in [["started", "begin"], ["stopped", "end"], ["release", "end"]] {
            for before in [&["migrate"][..], &["migrate", "prepare"]] {
                let disk = disk(host, 7);
                for first in before {
                    hook(host, [first, "begin"], XML.as_bytes());
                }
                assert_eq!(marks(host).len(), 1, "{before:?}");
                host.file(&format!("{FOLDER}/{UUID}.6"), &expiry(60));
                hook(host, operation, XML.as_bytes());
                assert_marks(host, &[]);
                assert_taken_for_a_start(&disk, &disk.add());
                disk.vanish();
            }
        }
    });
}

/// libvirt calls no hook when it gives a migration up before the source has connected; the next `prepare`
/// is then that of a start.
#[test]
fn a_start_does_not_inherit_the_mark_of_an_earlier_migration() {
    both(|host| {
        let announced = format!("{FOLDER}/{UUID}.announced");
        let receive = || migrate(host);
        let late = || host.file(&announced, &expiry(-1));
        let strange = || host.file(&announced, &expiry(3600));
        let nothing = || {};
        let before: [&dyn Fn(); 4] = [&receive, &late, &strange, &nothing];
        for arrange in before {
            let disk = disk(host, 7);
            arrange();
            for operation in ["prepare", "start"] {
                hook(host, [operation, "begin"], XML.as_bytes());
            }
            assert_marks(host, &[]);
            assert_taken_for_a_start(&disk, &disk.add());
            disk.vanish();
        }
    });
}

/// What the hook leaves is for root's eyes, and expires when it says.
#[test]
fn the_hook_leaves_one_file_with_the_time_of_expiry() {
    let host = &Host::new(Generation::V9);
    let mode = |path: &str| fs::metadata(host.path(path)).unwrap().mode() & 0o777;
    let seconds = |tail: &str| {
        let path = host.path(&format!("{FOLDER}/{UUID}{tail}"));
        fs::read_to_string(path)
            .unwrap()
            .trim()
            .parse::<i64>()
            .unwrap()
            - expiry(0).trim().parse::<i64>().unwrap()
    };
    hook(host, ["migrate", "begin"], XML.as_bytes());
    assert_marks(host, &[".announced"]);
    assert!((10..=20).contains(&seconds(".announced")));
    hook(host, ["prepare", "begin"], XML.as_bytes());
    assert_marks(host, &[""]);
    assert!((1790..=1800).contains(&seconds("")));
    assert_eq!(mode(FOLDER), 0o700);
    assert_eq!(mode(&format!("{FOLDER}/{UUID}")), 0o600);
    assert_eq!(mode("/run/block-drbd"), 0o755);
}

/// What is no whole XML of a domain with one uuid marks nothing; libvirt is not held up by it.
#[test]
fn the_hook_marks_nothing_but_a_well_formed_uuid() {
    let with = |uuid: &str| XML.replace(UUID, uuid).into_bytes();
    let upper = UUID.to_uppercase();
    let twice = format!("{UUID}</uuid><uuid>{UUID}");
    let huge = format!("<a>{}</a></domain>", "x".repeat(2_000_000));
    let strange: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("blanks", b" \n".to_vec()),
        ("bytes", (0..=255).cycle().take(100_000).collect()),
        ("a uuid alone", UUID.into()),
        ("no domain", format!("<uuid>{UUID}</uuid>").into()),
        ("a network", XML.replace("domain", "network").into()),
        ("a path", with("../5f3d1a6e-90b7-4c52-8e1d-0a2b3c4d5e6f")),
        ("a shorter path", with("../x")),
        ("slashes", with(&UUID.replace('-', "/"))),
        ("blanks around", with(&format!(" {UUID} "))),
        ("two lines", with(&format!("{UUID}\n{UUID}"))),
        ("a command", with("$(touch /x)`touch /x`; touch /x")),
        ("a pattern", with("????????-????-????-????-????????????")),
        ("capitals", with(&upper)),
        ("too short", with(&UUID[1..])),
        ("empty", with("")),
        ("two", with(&twice)),
        ("none", with("<!-- -->")),
        ("cut off", XML.as_bytes()[..XML.len() - 12].to_vec()),
        ("cut in a comment", XML.replace("-->", "").into()),
        ("two documents", XML.repeat(2).into()),
        ("crossed", XML.replace("</os>", "").into()),
        ("a doctype", format!("<!DOCTYPE domain>{XML}").into()),
        ("huge", XML.replace("</domain>", &huge).into()),
        ("huge text", vec![b'x'; 5_000_000]),
        ("many tags", "<domain>".repeat(300_000).into()),
    ];
    let host = &Host::new(Generation::V9);
    for (what, xml) in &strange {
        let ran = hook(host, ["migrate", "begin"], xml);
        assert!(ran.stderr.contains("no uuid in the XML"), "{what}: {ran:?}");
        // Files below, and beside where a path would lead.
        assert!(!host.path("/run/block-drbd").exists(), "{what}");
        assert!(!host.path("/x").exists(), "{what}");
    }
    migrate(host);
    for operation in [["prepare", "begin"], ["stopped", "end"]] {
        for (what, xml) in &strange {
            assert_eq!(hook(host, operation, xml).stderr, "", "{what}");
            assert_marks(host, &[""]);
        }
    }
}

/// The XML that libvirt is given by another hook, or by a tool, has its own blanks and quotes.
#[test]
fn the_hook_reads_xml_in_any_spelling() {
    let host = &Host::new(Generation::V9);
    for xml in [
        format!("<domain><uuid>{UUID}</uuid></domain>"),
        format!(
            "<?xml version='1.0'?>\n<?x <uuid>?>\n<domain id=\"7\"\n>\n<uuid\n>{UUID}</uuid ></domain >"
        ),
        XML.replace('\n', "\r\n"),
        XML.replace('\n', " "),
    ] {
        hook(host, ["migrate", "begin"], xml.as_bytes());
        assert_marks(host, &[".announced"]);
        hook(host, ["release", "end"], xml.as_bytes());
        assert_marks(host, &[]);
    }
}

/// libvirt: docs/hooks.html, "/etc/libvirt/hooks/libxl"; and what it may call one day.
#[test]
fn the_hook_leaves_every_other_operation_alone() {
    let host = &Host::new(Generation::V9);
    for operation in [
        ["start", "begin"],
        ["reconnect", "begin"],
        ["migrate", "end"],
        ["restore", "begin"],
        ["", ""],
        ["../x", "--help"],
    ] {
        assert_eq!(hook(host, operation, XML.as_bytes()).stderr, "");
        assert_eq!(marks(host), BTreeSet::new());
    }
}

/// Without a mark the disks are refused, which the person at the source sees.
#[test]
fn a_hook_that_cannot_write_does_not_stop_libvirt() {
    let host = &Host::new(Generation::V9);
    host.file("/run/block-drbd", "no folder");
    let ran = hook(host, ["migrate", "begin"], XML.as_bytes());
    assert!(ran.stderr.contains("cannot mark the incoming guest web"));
    for operation in [["prepare", "begin"], ["release", "end"]] {
        hook(host, operation, XML.as_bytes());
    }
}
