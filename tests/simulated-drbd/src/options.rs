//! The options `drbdsetup show` prints: their order, defaults and units.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Options by name, those only which were set.
pub type Options = BTreeMap<String, String>;

/// How an option's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In quotes.
    Text,
    /// `yes` or `no`; true or false in JSON.
    Flag,
    /// As it is.
    Word,
}

/// An option: name, default, unit, and how it is written.
pub struct Known(
    pub &'static str,
    pub &'static str,
    pub &'static str,
    pub Kind,
);

impl Known {
    /// The line of `drbdsetup show`, or nothing when a default is not to be shown.
    pub fn line(&self, indent: usize, set: &Options, defaults: bool, out: &mut String) {
        let Self(name, default, unit, kind) = *self;
        let value = set.get(name).map_or(default, String::as_str);
        let is_default = value == default;
        if is_default && !defaults {
            return;
        }
        let quote = if kind == Kind::Text { "\"" } else { "" };
        let remark = match (unit, is_default) {
            ("", false) => String::new(),
            ("", true) => " # default".to_owned(),
            (unit, false) => format!(" # {unit}"),
            (unit, true) => format!(" # {unit}, default"),
        };
        let _ = writeln!(
            out,
            "{:indent$}{name:<16}\t{quote}{value}{quote};{remark}",
            ""
        );
    }

    /// The pair of `drbdsetup show --json`, or nothing when a default is not to be shown.
    #[must_use]
    pub fn json(&self, set: &Options, defaults: bool) -> Option<String> {
        let Self(name, default, _, kind) = *self;
        let value = set.get(name).map_or(default, String::as_str);
        if value == default && !defaults {
            return None;
        }
        Some(match kind {
            Kind::Flag => format!("\"{name}\": {}", value == "yes"),
            Kind::Text | Kind::Word => format!("\"{name}\": \"{value}\""),
        })
    }
}

/// Options as the kernel keeps them: rates in KiB with a small `k`.
#[must_use]
pub fn normalized(options: &Options) -> Options {
    let rates = ["resync-rate", "c-max-rate", "c-min-rate"];
    let normal = |name: &str, value: &str| {
        if !rates.contains(&name) {
            return value.to_owned();
        }
        let lower = value.to_lowercase();
        let bare = !lower.is_empty() && lower.bytes().all(|byte| byte.is_ascii_digit());
        if bare { format!("{lower}k") } else { lower }
    };
    let all = options.iter();
    all.map(|(name, value)| (name.clone(), normal(name, value)))
        .collect()
}
