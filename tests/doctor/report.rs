//! What it says, to people and to programs.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::host::{MINOR, WEB, XVDA2, both};

/// README "Ask the doctor": an array of objects with these keys, the worst first.
#[test]
fn the_array_has_the_documented_shape() {
    both(|host| {
        host.install();
        host.configure("");
        host.replace_script("#!/bin/bash\n");
        host.promote(WEB, MINOR);
        let ran = host.doctor(&["--json"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(5), ""));
        assert_eq!(ran.stdout.lines().count(), 1);
        let array: Value = serde_json::from_str(&ran.stdout).unwrap();
        let array = array.as_array().unwrap();
        let severities: Vec<_> = array
            .iter()
            .map(|f| f["severity"].as_str().unwrap())
            .collect();
        assert_eq!(severities, ["error", "warning", "note"], "{array:?}");
        for finding in array {
            let keys: Vec<_> = finding.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["fix", "severity", "subject", "what", "why"]);
            assert!(
                finding
                    .as_object()
                    .unwrap()
                    .values()
                    .all(|v| !v.as_str().unwrap().is_empty())
            );
        }
    });
}

/// Names in xenstore are guests' and toolstacks', mount points are anybody's.
#[test]
fn foreign_words_cannot_reach_the_terminal_as_they_are() {
    both(|host| {
        host.install();
        host.xen.guest(5, "evil");
        host.xen
            .write_bytes("/local/domain/5/name", b"\x1b[2Jevil\n");
        let disk = host.disk(5, WEB);
        disk.add();
        host.attach(5, XVDA2, MINOR);
        host.file("/sys/block/drbd1/holders/dm-3/dev", "253:3\n");
        host.file("/sys/block/dm-3/dm/name", "x\x1b]0; rm -r /\n");
        let ran = host.doctor(&[]);
        let bad = |c: char| c.is_control() && c != '\n';
        assert!(
            ran.stdout.contains("evil") && !ran.stdout.contains(bad),
            "{ran:?}"
        );
        assert!(
            ran.stdout.contains("dmsetup remove 'x?]0; rm -r /'"),
            "{ran:?}"
        );
        let json: Value = serde_json::from_str(&host.doctor(&["--json"]).stdout).unwrap();
        assert!(
            !json[0]["what"].as_str().unwrap().contains(char::is_control),
            "{json}"
        );
    });
}

/// A pipe that is closed, as by `head`.
#[test]
fn a_closed_output_does_not_change_the_exit_code() {
    both(|host| {
        host.install();
        let mut command = host.program(&["doctor"]);
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        command.stdout(OwnedFd::from(writer));
        assert_eq!(host.run(command).code, Some(0));
    });
}
