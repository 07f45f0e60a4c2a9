//! Every recording of real tools, played against the simulation and compared word for word: stdout,
//! stderr, exit code. The tools run as processes with an empty environment.
//!
//! A block is compared exactly; where only counters differ it is counted apart (see `masking`). Not
//! compared are:
//!
//! | excluded | why |
//! |---|---|
//! | `dd`, `mkfs`, `umount`, `rmmod`, `xl create` | no tool of DRBD: done by the control functions instead |
//! | `dmesg`, `md5sum`, `mount -t debugfs`, `blockdev`, `ls` | no tool of DRBD, changes nothing |
//! | `bash -c 'exec 3<…'` | opens the device for a moment, changes nothing |
//! | loops over `$EPOCHREALTIME` | measure time |
//! | several commands in one line with `dd` | the time `dd` took is among the output |
//! | `WFBitMapS`, `WFSyncUUID`, `WFReportParams`, `Consistent` | a state of some milliseconds in a handshake |
//!
//! The kernel's timers (a lost peer noticed, a connection back, a resync done) run out when the recording
//! shows that they have.
#![allow(clippy::unwrap_used)]

mod action;
mod adoption;
mod kind;
mod masking;
mod player;
mod recording;
mod setup;
mod timers;

use recording::Recording;
use simulated_drbd::Generation;
use std::collections::BTreeMap;

/// What is to be equal at least: exactly, and all in all with counters masked; `None` is not recorded.
type Floor = Option<(usize, usize)>;

/// Every recording with what is expected of 8.4 and of 9.
const EXPECTED: [(&str, Floor, Floor); 29] = [
    ("module-absent", Some((20, 20)), Some((20, 20))),
    ("not-up", Some((63, 63)), Some((57, 57))),
    ("unknown-resource", Some((32, 32)), Some((31, 31))),
    ("secondary-secondary", Some((37, 37)), Some((33, 33))),
    ("primary-secondary", Some((52, 52)), Some((43, 43))),
    ("both-primary", Some((31, 31)), Some((27, 27))),
    ("link-down-secondary", Some((56, 56)), Some((42, 42))),
    ("link-down-primary", Some((77, 77)), Some((54, 54))),
    (
        "promote-while-cut-unnoticed",
        Some((50, 50)),
        Some((36, 36)),
    ),
    ("split-brain", Some((55, 55)), Some((47, 47))),
    ("peer-standalone", Some((38, 38)), Some((34, 34))),
    ("peer-crash", Some((33, 33)), Some((31, 31))),
    ("resync", Some((83, 103)), Some((61, 88))),
    ("resync-target-connected-primary", Some((38, 45)), None),
    ("outdated", Some((32, 32)), Some((29, 29))),
    ("diskless", Some((75, 76)), Some((64, 64))),
    ("multi-volume", Some((175, 175)), Some((64, 64))),
    ("held-open", Some((39, 41)), Some((41, 41))),
    ("suspended", Some((56, 56)), Some((48, 48))),
    ("fencing", Some((32, 34)), Some((29, 29))),
    ("window", Some((57, 57)), Some((51, 51))),
    ("window-other-protocols", Some((8, 8)), Some((8, 8))),
    ("window-cut-both-primary", Some((48, 48)), Some((44, 44))),
    (
        "window-cut-both-primary-one-side-closed",
        Some((11, 11)),
        Some((9, 9)),
    ),
    (
        "window-cut-both-primary-written",
        Some((27, 27)),
        Some((23, 23)),
    ),
    ("window-cut-one-side-closed", Some((35, 35)), Some((31, 31))),
    ("concurrent-writes", Some((7, 15)), Some((7, 13))),
    ("in-flight", Some((0, 6)), Some((0, 4))),
    ("timing", Some((2, 2)), Some((2, 2))),
];

fn replay(directory: &str, generation: Generation) {
    let mut short = Vec::new();
    let mut totals = (0, 0, 0);
    for (name, of_84, of_9) in EXPECTED {
        let expected = if generation == Generation::V84 {
            of_84
        } else {
            of_9
        };
        let Some((exact, all)) = expected else {
            println!("{directory}/{name}: not recorded on this generation");
            continue;
        };
        let path = recording::directory()
            .join(directory)
            .join(format!("{name}.txt"));
        let recording = Recording::read(&path);
        let dir = std::env::temp_dir().join(format!(
            "simulated-drbd-{}-{directory}-{name}",
            std::process::id()
        ));
        let tally = player::play(&dir, generation, &recording);
        std::fs::remove_dir_all(&dir).unwrap();
        let compared = tally.exact + tally.but_counters;
        println!(
            "{directory}/{name}: compared {compared} ({} exactly), excluded {}, different {}",
            tally.exact,
            tally.excluded.len(),
            tally.differences.len()
        );
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, reason) in &tally.excluded {
            *reasons.entry(reason).or_default() += 1;
        }
        for (reason, count) in reasons {
            println!("    {count} × {reason}");
        }
        for difference in &tally.differences {
            println!("{difference}");
        }
        if tally.exact < exact || compared < all || !tally.differences.is_empty() {
            short.push(format!(
                "{name}: {}/{compared} of {exact}/{all}",
                tally.exact
            ));
        }
        totals = (
            totals.0 + compared,
            totals.1 + tally.exact,
            totals.2 + tally.excluded.len(),
        );
    }
    println!(
        "{directory}: compared {} ({} exactly), excluded {}",
        totals.0, totals.1, totals.2
    );
    assert!(short.is_empty(), "{directory}: {short:#?}");
}

#[test]
fn recordings_of_8_4() {
    replay("8.4", Generation::V84);
}

#[test]
fn recordings_of_9() {
    replay("9", Generation::V9);
}

#[test]
fn no_recording_is_forgotten() {
    for directory in ["8.4", "9"] {
        for entry in std::fs::read_dir(recording::directory().join(directory)).unwrap() {
            let name = entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let listed = EXPECTED.iter().find(|(known, ..)| *known == name);
            let (_, of_84, of_9) = listed.unwrap_or_else(|| panic!("{name} is not listed"));
            let expected = if directory == "8.4" { of_84 } else { of_9 };
            assert!(
                expected.is_some(),
                "{directory}/{name} is listed as not recorded"
            );
        }
    }
}
