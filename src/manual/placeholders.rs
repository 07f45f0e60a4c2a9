//! What stands for something else in the sentences of the catalogue.

/// The words, in capital letters.
pub const PLACEHOLDERS: [&str; 11] = [
    "RES", "PEER", "GUEST", "VDEV", "ADDRESS", "WHY", "STATE", "DEVICE", "VOLUMES", "N", "TEXT",
];

/// Whether a text has that sentence in it, with anything in the place of its placeholders.
#[must_use]
pub fn is_in(sentence: &str, text: &str) -> bool {
    let mut rest = text;
    for part in literals(sentence) {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// What lies between the placeholders.
fn literals(sentence: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut at) = (0, 0);
    for word in sentence.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        // The number of a device has its name before it.
        let name = if bare == "drbdN" { 4 } else { 0 };
        if PLACEHOLDERS.contains(&&bare[name..]) {
            parts.push(&sentence[begin..at + name]);
            begin = at + bare.len();
        }
        at += word.len();
    }
    parts.push(&sentence[begin..]);
    parts
}
