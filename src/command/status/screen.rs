//! The terminal, if there is one: how wide it is, and what it can show.

use std::io::{self, IsTerminal, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::status::table::Style;

/// How to draw on standard output.
pub(super) fn style() -> Style {
    Style {
        width: size().map(|(columns, _)| columns),
        colour: colour(),
    }
}

/// Whether standard output is a terminal that shall be coloured.
pub(in crate::command) fn colour() -> bool {
    io::stdout().is_terminal() && has_colours(|name| std::env::var(name).ok())
}

/// Nobody asked for none (no-color.org), and the terminal can.
fn has_colours(variable: impl Fn(&str) -> Option<String>) -> bool {
    let refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && variable("TERM").is_some_and(|term| term != "dumb")
}

/// Columns and lines of the terminal on standard output.
fn size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    let size = (usize::from(size.ws_col), usize::from(size.ws_row));
    (size.0 > 0 && size.1 > 0).then_some(size)
}

/// Shows a text in the place of the last one; below the last one, where that is no terminal.
///
/// # Errors
/// When nobody reads it any more.
pub(super) fn show(text: &str) -> io::Result<()> {
    let clock = clock();
    let mut out = io::stdout().lock();
    match size().filter(|_| io::stdout().is_terminal()) {
        // Home, the text, and what is left of the last one is erased.
        Some((columns, lines)) => {
            let head = format!("block-drbd status, changed at {clock}; Ctrl-C ends it\n\n");
            let text = fit(&format!("{head}{text}"), columns, lines);
            write!(out, "\x1b[H{text}\x1b[J")?;
        }
        None => write!(out, "{clock}\n{text}\n")?,
    }
    out.flush()
}

/// No wider and no longer than the screen; each line erases what stood right of it.
fn fit(text: &str, columns: usize, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let room = lines.saturating_sub(1);
    let more = all.len().saturating_sub(room);
    let mut fitting: Vec<String> = Vec::new();
    if more == 0 {
        fitting.extend(all.iter().map(|l| cut(l, columns)));
    } else {
        // What is marked is told at the end, so of a long table the middle is left out.
        let end = all
            .iter()
            .filter(|l| l.contains("! "))
            .count()
            .min(room / 2);
        let begin = room.saturating_sub(end + 1);
        fitting.extend(all.iter().take(begin).map(|l| cut(l, columns)));
        fitting.push(cut(&format!("  ... {} lines more", more + 1), columns));
        fitting.extend(all.iter().skip(all.len() - end).map(|l| cut(l, columns)));
    }
    let ended = |text: String, line: &String| text + line + "\x1b[K\n";
    fitting.iter().fold(String::new(), ended)
}

/// So many columns of a line; colours take none.
fn cut(line: &str, columns: usize) -> String {
    let mut cut = String::new();
    let mut count = 0;
    let mut escaped = false;
    for c in line.chars() {
        let visible = !escaped && c != '\x1b';
        escaped = if escaped { c != 'm' } else { c == '\x1b' };
        count += usize::from(visible);
        if !visible || count <= columns {
            cut.push(c);
        }
    }
    cut
}

/// `20:12:07 UTC`.
fn clock() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |n| n.as_secs());
    let (minutes, hours) = (seconds / 60 % 60, seconds / 3600 % 24);
    format!("{hours:02}:{minutes:02}:{:02} UTC", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours(no_color: Option<&str>, term: Option<&str>) -> bool {
        has_colours(|name| {
            let value = match name {
                "NO_COLOR" => no_color,
                _ => term,
            };
            value.map(Into::into)
        })
    }

    #[test]
    fn colours_are_for_those_who_want_and_see_them() {
        assert!(colours(None, Some("xterm")));
        assert!(colours(Some(""), Some("xterm")));
        assert!(!colours(Some("1"), Some("xterm")));
        assert!(!colours(None, Some("dumb")));
        assert!(!colours(None, None));
    }

    #[test]
    fn a_line_is_cut_by_what_is_seen_of_it() {
        assert_eq!(cut("abcdef", 4), "abcd");
        assert_eq!(cut("\x1b[1mabc\x1b[0mdef", 4), "\x1b[1mabc\x1b[0md");
        assert_eq!(cut("\x1b[1mabcdef\x1b[0m", 4), "\x1b[1mabcd\x1b[0m");
    }

    #[test]
    fn a_long_table_keeps_its_head_and_its_marks() {
        let rows: Vec<String> = (0..50).map(|n| format!("row {n}")).collect();
        let fitting = fit(&format!("{}\n! one\n! two\n", rows.join("\n")), 80, 10);
        let lines: Vec<&str> = fitting.split("\x1b[K\n").collect();
        assert_eq!(lines.len(), 10, "nine lines and the end");
        assert_eq!((lines[0], lines[5]), ("row 0", "row 5"));
        assert_eq!(lines[6..9], ["  ... 44 lines more", "! one", "! two"]);
        assert_eq!(fit("a\nb\n", 80, 10), "a\x1b[K\nb\x1b[K\n");
    }
}
