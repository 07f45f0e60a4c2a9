//! The settings of `block-drbd.toml`: for its sample and its manual page.

use std::fmt::Write;

use crate::policy::{FILE, Policy};

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key.
    pub key: &'static str,
    /// Its default, as it would be written.
    pub default: String,
    /// The least and the greatest value, of a number.
    pub bounds: Option<(u64, u64)>,
    /// What it means.
    pub text: &'static str,
    /// What each of its words means.
    pub values: &'static [(&'static str, &'static str)],
    /// It may stand in a section of its own for a resource.
    pub in_section: bool,
    /// It may stand outside of sections.
    pub global: bool,
}

/// All of them, in the order of the sample.
#[must_use]
#[allow(clippy::too_many_lines)] // a table, not a procedure
pub fn settings() -> Vec<Setting> {
    let default = Policy::default();
    let word = |value| {
        let json: Result<String, _> = value;
        json.unwrap_or_default()
    };
    let number = |key, default: u128, bounds, text| Setting {
        key,
        default: default.to_string(),
        bounds: Some(bounds),
        text,
        values: &[],
        in_section: false,
        global: true,
    };
    let choice = |key, default, text, values| Setting {
        key,
        default,
        bounds: None,
        text,
        values,
        in_section: true,
        global: true,
    };
    vec![
        number(
            "deadline",
            default.deadline.as_secs().into(),
            (2, 38),
            "Seconds for one `add` or `remove` in all. libxl kills the program after 40.",
        ),
        number(
            "patience",
            default.patience.as_secs().into(),
            (0, 30),
            "Seconds to wait for what may pass by itself: a demotion under way on the peer, a connection \
             that is being made, another guest that is letting go of the disk.",
        ),
        choice(
            "disconnected",
            word(serde_json::to_string(&default.disconnected)),
            "A guest starts while a peer is disconnected and does not wait for a connection (its host is \
             dead, its DRBD is down, or the network is cut):",
            &[
                (
                    "warn",
                    "start it and say what is unknown; quorum or fencing silences the warning",
                ),
                ("allow", "start it and say nothing"),
                ("refuse", "do not start it"),
            ],
        ),
        choice(
            "resync",
            word(serde_json::to_string(&default.resync)),
            "A guest starts while its local copy is still being filled from the peer:",
            &[
                ("refuse", "do not start it"),
                (
                    "allow",
                    "start it: what is missing is read over the network",
                ),
            ],
        ),
        choice(
            "dual-primary",
            word(serde_json::to_string(&default.dual_primary)),
            "Live migration needs the resource Primary on both hosts for a moment:",
            &[
                (
                    "window",
                    "two primaries are allowed for that moment, at run time, and no longer afterwards. \
                     What the resource's configuration allows anyway is left as it is",
                ),
                (
                    "static",
                    "`allow-two-primaries yes` stands in the resource's configuration",
                ),
                ("never", "live migrations are refused"),
            ],
        ),
        number(
            "probe-milliseconds",
            default.probe.as_millis(),
            (10, 5000),
            "Milliseconds that the peer's replication address gets to answer.",
        ),
        number(
            "drain",
            default.drain.as_secs().into(),
            (1, 30),
            "Seconds that the last writes of a migrating guest may take to arrive.",
        ),
        Setting {
            key: "shared",
            default: default.shared.to_string(),
            bounds: None,
            text: "A cluster file system is on it: several guests may write, on both hosts, which takes \
                   `allow-two-primaries yes` in the resource's configuration.",
            values: &[],
            in_section: true,
            global: false,
        },
    ]
}

/// The text of the sample, `hotplug/block-drbd.toml`.
#[must_use]
pub fn sample() -> String {
    let mut text = String::new();
    let about = format!("{FILE}: what block-drbd may do with guest disks that are DRBD resources.");
    comment(&mut text, &about, "", "");
    text.push_str("#\n");
    let rules = "Every line may be left out; what stands here behind a # is the default. A mistake in this \
                 file stops every `add` with a sentence that names line and key. See block-drbd.toml(5).";
    comment(&mut text, rules, "", "");
    let settings = settings();
    for setting in settings.iter().filter(|s| s.global) {
        text.push('\n');
        comment(&mut text, setting.text, "", "");
        for (value, means) in setting.values {
            let value = format!("  {:<10}", format!("\"{value}\""));
            comment(&mut text, means, &value, &" ".repeat(12));
        }
        let _ = writeln!(text, "# {} = {}", setting.key, setting.default);
    }
    text.push('\n');
    let keys: Vec<&str> = settings
        .iter()
        .filter(|s| s.in_section)
        .map(|s| s.key)
        .collect();
    let section = format!(
        "One resource differs, in any of {}:",
        crate::words::list(&keys)
    );
    comment(&mut text, &section, "", "");
    text.push_str("# [resource.web-root]\n");
    for setting in settings.iter().filter(|s| !s.global) {
        comment(&mut text, setting.text, "", "");
        let _ = writeln!(text, "# {} = {}", setting.key, setting.default);
    }
    text
}

/// Comment lines of at most 100 characters.
fn comment(text: &mut String, words: &str, first: &str, others: &str) {
    let mut line = format!("# {first}");
    let mut empty = true;
    for word in words.split(' ') {
        if !empty && line.len() + 1 + word.len() > 100 {
            text.push_str(&line);
            text.push('\n');
            line = format!("# {others}");
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    text.push_str(&line);
    text.push('\n');
}
