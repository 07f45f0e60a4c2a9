//! Findings in words for people, and for other programs.

use std::fmt::Write;

use super::finding::{Finding, Severity};

/// Resources that are named where the same is found of many.
const NAMED: usize = 4;

/// All of them as an array of JSON.
#[must_use]
pub fn json(findings: &[Finding]) -> String {
    // Strings and enums always can be written.
    serde_json::to_string(findings).unwrap_or_default()
}

/// All of them as text, in their order. What is found of several in the same words stands once.
#[must_use]
pub fn text(findings: &[Finding], colour: bool) -> String {
    let mut text = String::new();
    let mut left: Vec<&Finding> = findings.iter().collect();
    while let Some(first) = left.first().copied() {
        let same = |f: &&Finding| {
            (f.severity, &f.what, &f.why) == (first.severity, &first.what, &first.why)
        };
        let (group, rest): (Vec<&Finding>, Vec<&Finding>) = left.into_iter().partition(same);
        left = rest;
        write_group(&mut text, &group, first, colour);
    }
    text.push_str(&summary(findings));
    text.push('\n');
    text
}

fn write_group(text: &mut String, group: &[&Finding], first: &Finding, colour: bool) {
    let mut subjects: Vec<&str> = group.iter().map(|f| f.subject.as_str()).collect();
    subjects.dedup();
    let more = subjects.len().saturating_sub(NAMED);
    let mut subject = subjects[..subjects.len() - more].join(", ");
    if more > 0 {
        let _ = write!(subject, " and {more} more");
    }
    let severity = painted(first.severity, colour);
    // Writing into a string does not fail.
    let _ = writeln!(text, "{severity}: {subject}: {}", first.what);
    let _ = writeln!(text, "    {}", first.why);
    for (number, line) in first.fix.lines().enumerate() {
        let head = if number == 0 { "do:" } else { "" };
        let _ = writeln!(text, "    {head:3} {line}");
    }
    if group.iter().any(|f| f.fix != first.fix) {
        let _ = writeln!(text, "        # for the others likewise");
    }
    text.push('\n');
}

/// In the colours of `status` (ECMA-48, 8.3.117).
fn painted(severity: Severity, colour: bool) -> String {
    let code = match severity {
        Severity::Error => "1;31",
        Severity::Warning => "33",
        Severity::Note => "1",
    };
    if colour {
        format!("\x1b[{code}m{severity}\x1b[0m")
    } else {
        severity.to_string()
    }
}

/// `2 errors, 1 warning`, or that all is well.
fn summary(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let counts = [Severity::Error, Severity::Warning, Severity::Note].map(|s| (s, count(s)));
    let some = counts.iter().filter(|(_, n)| *n > 0);
    let words: Vec<String> = some
        .map(|(s, n)| format!("{n} {s}{}", if *n == 1 { "" } else { "s" }))
        .collect();
    match counts {
        [(_, 0), (_, 0), (_, 0)] => "all is well".to_owned(),
        [(_, 0), (_, 0), _] => format!("nothing is wrong; {}", words.join(", ")),
        _ => words.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(subject: &str) -> Finding {
        Finding::note(
            subject,
            "is so",
            "that matters",
            &format!("one {subject}\ntwo"),
        )
    }

    #[test]
    fn the_text_reads_well() {
        let findings = [
            Finding::error("a", "is bad", "it hurts", "mend it"),
            note("r1"),
            note("r2"),
        ];
        let expected = "error: a: is bad\n    it hurts\n    do: mend it\n\nnote: r1, r2: is so\n    that matters\n    do: one r1\n        two\n        # for the others likewise\n\n1 error, 2 notes\n";
        assert_eq!(text(&findings, false), expected);
        assert!(text(&findings, true).starts_with("\x1b[1;31merror\x1b[0m: a"));
    }

    #[test]
    fn one_command_for_all_stands_alone() {
        let of = |subject| Finding::note(subject, "is so", "that matters", "reap");
        let text = text(&[of("r1"), of("r2")], false);
        assert!(text.contains("    do: reap\n\nnothing is wrong"), "{text}");
    }

    #[test]
    fn a_thousand_of_the_same_are_one_paragraph() {
        let findings: Vec<Finding> = (0..1000).map(|n| note(&format!("r{n}"))).collect();
        let text = text(&findings, false);
        assert!(
            text.contains("note: r0, r1, r2, r3 and 996 more: is so"),
            "{text}"
        );
        assert!(text.ends_with("nothing is wrong; 1000 notes\n"), "{text}");
    }

    #[test]
    fn nothing_found_is_said_in_one_line() {
        assert_eq!(text(&[], true), "all is well\n");
        assert_eq!(json(&[]), "[]");
    }

    #[test]
    fn the_array_has_the_documented_keys() {
        let expected = r#"[{"severity":"note","subject":"r","what":"is so","why":"that matters","fix":"one r\ntwo"}]"#;
        assert_eq!(json(&[note("r")]), expected);
    }
}
