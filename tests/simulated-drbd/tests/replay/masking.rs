//! What is not compared, and why.
//!
//! | masked | why |
//! |---|---|
//! | pids, dates, and milliseconds of openers | another process at another time |
//! | counters, in a block where they differ | how much was read, sent, resynced and waiting at that very moment is up to the kernel's timing; such a block is counted apart, and the simulation takes the recorded values over |
//! | progress of a resync (`done`, speed, time left, the bar) | the same |

/// The keys whose numbers are counters.
const COUNTERS: [&str; 45] = [
    "read",
    "written",
    "al-writes",
    "bm-writes",
    "upper-pending",
    "lower-pending",
    "received",
    "sent",
    "out-of-sync",
    "pending",
    "unacked",
    "ap-in-flight",
    "rs-in-flight",
    "done",
    "dbdt1",
    "eta",
    "ns",
    "nr",
    "dw",
    "dr",
    "al",
    "bm",
    "lo",
    "pe",
    "ua",
    "ap",
    "ep",
    "oos",
    "sync'ed",
    "finish",
    "speed",
    "want",
    "percent-in-sync",
    "rs-total",
    "rs-dt-start-ms",
    "rs-paused-ms",
    "rs-dt0-ms",
    "rs-db0-sectors",
    "rs-dt1-ms",
    "rs-db1-sectors",
    "rs-failed",
    "rs-same-csum",
    "estimated-seconds-to-finish",
    "percent-resync-done",
    "[MiB/s]",
];

/// Replaces pids, dates and the age of openers.
pub fn who_and_when(text: &str) -> String {
    let mut masked = String::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let is_opener =
            fields.len() == 3 && fields[1..].iter().all(|field| field.parse::<u64>().is_ok());
        if let Some((opened, _)) = line.split_once(" (pid ") {
            masked.push_str(opened);
            masked.push_str(" (pid #) at #");
        } else if is_opener {
            masked.push_str(fields[0]);
            masked.push_str("\t#\t#");
        } else {
            masked.push_str(line);
        }
        masked.push('\n');
    }
    masked
}

/// Replaces the numbers of all counters; blanks are made one, since line breaks depend on widths.
pub fn counters(text: &str) -> String {
    let mut masked: Vec<String> = Vec::new();
    for word in text.replace("\": ", "\":").split_whitespace() {
        let plain = word.replace('"', "");
        let key = plain.split(':').next().unwrap_or_default();
        let is_bar = word.starts_with('[') && word.ends_with(']') && word.contains('>');
        let is_amount = word.starts_with('(') && (word.contains(")K") || word.ends_with(')'));
        if is_bar || is_amount {
            masked.push("#".to_owned());
        } else if plain.contains(':') && COUNTERS.contains(&key) {
            masked.push(format!("{key}#"));
        } else if word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b":%.".contains(&byte))
        {
            masked.push("#".to_owned());
        } else {
            masked.push(word.to_owned());
        }
    }
    masked.join(" ")
}
