//! The parts of one disk's specification (xen: `tools/libs/util/libxlu_disk_l.l`).
//!
//! flex takes the rule that matches most, and of several the first: so does [`next`], with the rules in
//! the order in which they stand there. What a rule only looks ahead at counts as matched, but is left
//! for the next one.

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'s> {
    /// Blanks before a parameter.
    Blank,
    /// `key=value`.
    Pair(&'static str, &'s str),
    /// A word that stands for itself.
    Flag(&'static str),
    /// `target=`, and all that follows.
    Target(&'s str),
    /// `key=`, and nobody knows the key.
    UnknownKey,
    /// `raw:` and the like.
    FormatPrefix(&'s str),
    /// `drbd:` and the like.
    ScriptPrefix(&'s str),
    /// `phy:` and the like, which mean nothing any more.
    DroppedPrefix,
    /// Another word with a colon.
    UnknownPrefix,
    /// A value without its key.
    Positional(&'s str),
    /// Anything else.
    Bad,
}

/// `key=value`.
const KEYS: [&str; 13] = [
    "format",
    "devtype",
    "access",
    "backend",
    "backendtype",
    "specification",
    "vdev",
    "script",
    "colo-host",
    "colo-port",
    "colo-export",
    "active-disk",
    "hidden-disk",
];
/// Words of their own. `trusted` and `grant_usage` are as young as Xen 4.17.
const FLAGS: [&str; 10] = [
    "cdrom",
    "direct-io-safe",
    "discard",
    "no-discard",
    "colo",
    "no-colo",
    "trusted",
    "untrusted",
    "grant_usage=1",
    "grant_usage=0",
];
const FORMATS: [&str; 4] = ["raw", "qcow", "qcow2", "vhd"];
const SCRIPTS: [&str; 4] = ["iscsi", "nbd", "enbd", "drbd"];
const DROPPED: [&str; 7] = ["tapdisk", "tap", "tap2", "aio", "ioemu", "file", "phy"];

/// The part at the start of a text that is not empty, and its length.
pub(super) fn next(text: &str) -> (Part<'_>, usize) {
    let mut best = Best {
        part: Part::Bad,
        matched: 0,
        length: 1,
    };
    let blanks = text.len() - text.trim_start_matches([' ', '\t', '\n']).len();
    if blanks > 0 {
        best.offer(Part::Blank, blanks + line(&text[blanks..]), blanks);
    }
    for flag in FLAGS {
        if let Some(rest) = text.strip_prefix(flag) {
            let length = flag.len() + usize::from(rest.starts_with(','));
            best.offer(Part::Flag(flag), length, length);
        }
    }
    for key in KEYS {
        let value = text.strip_prefix(key).and_then(|r| r.strip_prefix('='));
        if let Some(rest) = value {
            let (value, length) = up_to_comma(rest);
            let length = key.len() + 1 + length;
            best.offer(Part::Pair(key, value), length, length);
        }
    }
    if let Some(rest) = text.strip_prefix("target=") {
        let end = line(rest);
        let value = &rest[..end];
        let length = text.len() - rest.len() + end;
        let value = value.strip_suffix(',').unwrap_or(value);
        best.offer(Part::Target(value), length, length);
    }
    let word = run(text, |b| matches!(b, b'-' | b'a'..=b'z' | b'0'..=b'9'));
    if let Some(value) = text[word..].strip_prefix('=') {
        let named = text.starts_with(|c: char| c.is_ascii_lowercase());
        if let Some(first) = value.chars().next().filter(|c| named && *c != ',') {
            let comma = value[first.len_utf8()..].starts_with(',');
            let length = word + 1 + first.len_utf8() + usize::from(comma);
            best.offer(Part::UnknownKey, length, length);
        }
    }
    prefix(text, &mut best);
    let (value, length) = {
        let end = run(text, |b| b != b'=' && b != b',');
        (
            &text[..end],
            end + usize::from(text[end..].starts_with(',')),
        )
    };
    best.offer(Part::Positional(value), length, length);
    (best.part, best.length)
}

/// A word with a colon behind it. All but the unknown ones count as matching the rest of the line.
fn prefix<'s>(text: &'s str, best: &mut Best<'s>) {
    let end = run(text, |b| matches!(b, b'a'..=b'z' | b'0'..=b'9'));
    let word = &text[..end];
    let Some(rest) = text[end..].strip_prefix(':') else {
        return;
    };
    let length = end + 1;
    let whole = length + line(rest);
    if FORMATS.contains(&word) {
        best.offer(Part::FormatPrefix(word), whole, length);
    } else if SCRIPTS.contains(&word) {
        best.offer(Part::ScriptPrefix(word), whole, length);
    } else if DROPPED.contains(&word) {
        best.offer(Part::DroppedPrefix, whole, length);
    }
    if !word.starts_with(|c: char| c.is_ascii_lowercase()) {
        return;
    }
    let matched = match rest.chars().next() {
        None | Some('a'..='z' | '0'..='9') => length,
        Some(first) => length + first.len_utf8() + line(&rest[first.len_utf8()..]),
    };
    best.offer(Part::UnknownPrefix, matched, length);
}

/// The rule that matches most so far.
struct Best<'s> {
    part: Part<'s>,
    matched: usize,
    length: usize,
}

impl<'s> Best<'s> {
    fn offer(&mut self, part: Part<'s>, matched: usize, length: usize) {
        if matched > self.matched {
            *self = Self {
                part,
                matched,
                length,
            };
        }
    }
}

/// Length of what `.*` matches.
fn line(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// A value, and its length with the comma behind it.
fn up_to_comma(text: &str) -> (&str, usize) {
    match text.find(',') {
        Some(end) => (&text[..end], end + 1),
        None => (text, text.len()),
    }
}

fn run(text: &str, fits: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(|b| !fits(b)).unwrap_or(text.len())
}
