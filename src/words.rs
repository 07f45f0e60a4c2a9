//! Foreign text made fit for a terminal, a log and xenstore.

/// Length of a `hotplug-error`, in bytes, at the most.
pub const ERROR_MAX: usize = 1000;

/// One line of printable characters: names in xenstore and words of tools are other people's, and
/// may hold escape sequences.
#[must_use]
pub fn printable(text: &str) -> String {
    text.trim()
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// [`printable`], and no longer than `max` bytes; cut at a character.
#[must_use]
pub fn short(text: &str, max: usize) -> String {
    let mut text = printable(text);
    if text.len() > max {
        let mut end = max.saturating_sub(3);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    match items.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_read_as_english() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    proptest! {
        #[test]
        fn contract_15_no_text_breaks_the_bounds(text in "\\PC*|[\\x00-\\x1f]{0,2000}", max in 3_usize..1000) {
            let short = short(&text, max);
            prop_assert!(short.len() <= max);
            prop_assert!(!short.chars().any(char::is_control));
        }
    }
}
