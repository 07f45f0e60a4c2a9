//! The rows as a table for people: plain text in columns, and a sentence below for whatever needs one.

use std::fmt::Write;

use super::{Disk, Peer, Row, Status, Window};
use crate::drbd::{DiskState, Role};

/// How to draw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; `None` where nothing limits a line.
    pub width: Option<usize>,
    /// Colours, for those who see them; no word is told by colour alone.
    pub colour: bool,
}

/// How a cell stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paint {
    Plain,
    Head,
    Uneasy,
    Wrong,
}

impl Paint {
    /// Select Graphic Rendition (ECMA-48, 8.3.117).
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Head => "\x1b[1m",
            Self::Uneasy => "\x1b[33m",
            Self::Wrong => "\x1b[1;31m",
        }
    }
}

type Cell = (String, Paint);

const HEADS: [&str; 10] = [
    "RESOURCE",
    "DEVICE",
    "ROLE",
    "DISK",
    "PEER",
    "ROLE",
    "DISK",
    "CONNECTION",
    "GUEST",
    "WINDOW",
];
const GUEST: usize = 8;
const WINDOW: usize = 9;

/// The whole text, which ends with a line feed.
#[must_use]
pub fn draw(status: &Status, style: Style) -> String {
    let mut text = String::new();
    if !status.volumes.is_empty() {
        let windows = status.volumes.iter().any(|r| r.window != Window::Shut);
        let all = if windows { WINDOW + 1 } else { WINDOW };
        let lines = lines(status, false, all);
        let wide = style.width.is_some_and(|w| width(&lines) > w);
        let lines = if wide {
            self::lines(status, true, all)
        } else {
            lines
        };
        put(&lines, style, &mut text);
    }
    for line in status.notes() {
        let _ = writeln!(text, "  {line}");
    }
    for mark in &status.marks {
        let line = (format!("! {}", mark.says), Paint::Wrong);
        paint(&line, line.0.len(), style, &mut text);
        text.push('\n');
    }
    text
}

impl Status {
    /// What is no disagreement and should be known.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut last = None;
        for row in &self.volumes {
            if row.resource.is_some() && row.resource == last {
                continue;
            }
            last.clone_from(&row.resource);
            let name = row.resource.as_deref().unwrap_or_default();
            if row.migrating {
                notes.push(format!("{name}: a live migration is under way"));
            }
            if row.busy {
                notes.push(format!(
                    "{name}: an add or a remove is at it, so nothing is settled"
                ));
            }
            if !row.suspended.is_empty() {
                let why = row.suspended.join(", ");
                notes.push(format!("{name}: I/O is suspended ({why})"));
            }
            if row.quorum == Some(false) {
                notes.push(format!("{name}: no quorum"));
            }
        }
        match self.drbd {
            None => notes.push("DRBD's kernel module is not loaded on this host".to_owned()),
            Some(_) if self.volumes.is_empty() => {
                let which = if self.up == 0 {
                    "no DRBD resource"
                } else {
                    "none of these resources"
                };
                notes.push(format!("{which} is up on this host"));
            }
            Some(_) => {}
        }
        match (self.guests, &self.why) {
            ("no-xen", _) => {
                notes.push("no xenstored on this host: there are no guests to tell of".to_owned());
            }
            (_, Some(why)) => notes.push(format!("guests are not known: {why}")),
            _ => {}
        }
        notes
    }
}

/// All lines, each a row of cells; guests on lines of their own where they would be `below`.
fn lines(status: &Status, below: bool, columns: usize) -> Vec<Line> {
    let heads = HEADS.iter().take(columns).enumerate();
    let heads = heads.filter(|(i, _)| !below || *i != GUEST);
    let mut lines = vec![Line {
        marked: false,
        cells: heads.map(|(_, h)| ((*h).to_owned(), Paint::Head)).collect(),
        rest: None,
    }];
    for row in &status.volumes {
        let count = row
            .peers
            .len()
            .max(1)
            .max(if below { 0 } else { users(row).len() });
        for number in 0..count {
            let mut cells = if number == 0 {
                here(row)
            } else {
                vec![plain(""); 4]
            };
            cells.extend(row.peers.get(number).map_or_else(no_peer(number), there));
            if !below {
                let user = users(row).get(number).cloned();
                cells.push(user.unwrap_or_else(|| plain(if number == 0 { "-" } else { "" })));
            }
            if columns > WINDOW {
                cells.push(if number == 0 { window(row) } else { plain("") });
            }
            lines.push(Line {
                marked: row.marked && number == 0,
                cells,
                rest: None,
            });
        }
        if below {
            lines.extend(users(row).into_iter().map(|user| Line {
                marked: false,
                cells: Vec::new(),
                rest: Some(user),
            }));
        }
    }
    lines
}

struct Line {
    marked: bool,
    cells: Vec<Cell>,
    /// Stands alone, beyond all columns.
    rest: Option<Cell>,
}

fn plain(text: &str) -> Cell {
    (text.to_owned(), Paint::Plain)
}

fn or_dash(text: Option<&str>) -> Cell {
    plain(text.unwrap_or("-"))
}

fn uneasy(text: &str, well: bool) -> Cell {
    let paint = if well { Paint::Plain } else { Paint::Uneasy };
    (text.to_owned(), paint)
}

/// The first cells: resource, device, role, disk.
fn here(row: &Row) -> Vec<Cell> {
    let device = row.device.as_deref();
    let disk = row.disk.as_deref().map(|d| uneasy(d, is_fine(d)));
    let paint = if row.marked {
        Paint::Wrong
    } else {
        Paint::Plain
    };
    vec![
        (row.shown(), paint),
        or_dash(device.map(|d| d.strip_prefix("/dev/").unwrap_or(d))),
        or_dash(row.role.as_deref()),
        disk.unwrap_or_else(|| plain("-")),
    ]
}

fn is_fine(disk: &str) -> bool {
    DiskState::from(disk) == DiskState::UpToDate
}

/// The cells of a peer.
fn there(peer: &Peer) -> Vec<Cell> {
    let known = Role::from(peer.role.as_str()) != Role::Unknown;
    let disk = peer.disk.as_deref().map(|d| uneasy(d, is_fine(d)));
    vec![
        plain(&peer.name),
        uneasy(&peer.role, known),
        disk.unwrap_or_else(|| plain("-")),
        uneasy(&peer.link(), peer.is_well_connected()),
    ]
}

fn no_peer(number: usize) -> impl FnOnce() -> Vec<Cell> {
    move || vec![plain(if number == 0 { "-" } else { "" }); 4]
}

/// Guests, and whatever else on this host has it.
fn users(row: &Row) -> Vec<Cell> {
    let settled = |d: &Disk| d.state == super::State::Attached && d.moves.is_none();
    let guests = row.guests.iter();
    let guests = guests.map(|d| uneasy(&d.to_string(), settled(d)));
    guests.chain(row.holders.iter().map(|h| plain(h))).collect()
}

fn window(row: &Row) -> Cell {
    match row.window {
        Window::Shut => plain("-"),
        Window::Configured => plain("configured"),
        Window::Allowed => plain("allowed"),
        Window::Open => uneasy("open", false),
    }
}

/// Width of each column.
fn widths(lines: &[Line]) -> Vec<usize> {
    let mut widths = Vec::new();
    for line in lines {
        widths.resize(widths.len().max(line.cells.len()), 0);
        for (width, (text, _)) in widths.iter_mut().zip(&line.cells) {
            *width = (*width).max(text.chars().count());
        }
    }
    widths
}

/// Columns that all of it takes: two for the mark, two between cells.
fn width(lines: &[Line]) -> usize {
    let widths = widths(lines);
    widths.iter().sum::<usize>() + 2 * widths.len()
}

fn put(lines: &[Line], style: Style, text: &mut String) {
    let widths = widths(lines);
    for line in lines {
        let sign = if line.marked {
            ("!".to_owned(), Paint::Wrong)
        } else {
            plain(" ")
        };
        paint(&sign, 1, style, text);
        if let Some(rest) = &line.rest {
            text.push_str("     ");
            paint(rest, 0, style, text);
        }
        // Nothing is padded behind the last word of a line.
        let end = line.cells.iter().rposition(|(word, _)| !word.is_empty());
        for (number, (cell, width)) in line.cells.iter().zip(&widths).enumerate() {
            if end.is_none_or(|end| number > end) {
                break;
            }
            text.push_str(if number == 0 { " " } else { "  " });
            let width = if end == Some(number) { 0 } else { *width };
            paint(cell, width, style, text);
        }
        text.push('\n');
    }
}

fn paint((word, paint): &Cell, width: usize, style: Style, text: &mut String) {
    let coloured = style.colour && *paint != Paint::Plain;
    if coloured {
        text.push_str(paint.code());
    }
    text.push_str(word);
    if coloured {
        text.push_str("\x1b[0m");
    }
    let length = word.chars().count();
    text.extend(std::iter::repeat_n(' ', width.saturating_sub(length)));
}
