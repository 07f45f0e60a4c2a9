//! A page of the manual, in roff.

use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::placeholders::PLACEHOLDERS;

/// A page that is being written. Words between backticks come out bold, placeholders in italics.
#[derive(Debug)]
pub struct Page {
    /// Finished.
    done: String,
    /// Begun.
    roff: Roff,
}

impl Page {
    /// Begins the page `NAME(SECTION)`.
    #[must_use]
    pub fn new(name: &str, section: &str, date: &str) -> Self {
        let source = concat!("block-drbd ", env!("CARGO_PKG_VERSION"));
        let mut roff = Roff::new();
        let title = name.to_uppercase();
        roff.control(
            "TH",
            [title.as_str(), section, date, source, "Xen and DRBD"],
        );
        let done = String::new();
        Self { done, roff }
    }

    /// A section.
    pub fn section(&mut self, title: &str) -> &mut Self {
        self.roff.control("SH", [title]);
        self
    }

    /// A subsection.
    pub fn subsection(&mut self, title: &str) -> &mut Self {
        self.roff.control("SS", [title]);
        self
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) -> &mut Self {
        self.roff.control("PP", []);
        self.text(text)
    }

    /// The text right below a heading.
    pub fn text(&mut self, text: &str) -> &mut Self {
        // A new sentence on a new line, as roff wants it.
        for sentence in text.split_inclusive(". ") {
            self.roff.text(inline(sentence.trim_end()));
        }
        self
    }

    /// A term, and what it means.
    pub fn term(&mut self, term: &str, text: &str) -> &mut Self {
        self.roff.control("TP", []);
        self.roff.text([bold(term)]);
        self.text(text)
    }

    /// One more paragraph of a term.
    pub fn more(&mut self, text: &str) -> &mut Self {
        self.roff.control("IP", []);
        self.text(text)
    }

    /// Lines as they are, right below a heading.
    pub fn literal(&mut self, lines: &[&str]) -> &mut Self {
        self.roff.control("nf", []).control("RS", ["4"]);
        for line in lines {
            self.roff.text([roman(*line)]);
        }
        self.roff.control("RE", []).control("fi", []);
        self
    }

    /// Lines as they are, below a paragraph.
    pub fn example(&mut self, lines: &[&str]) -> &mut Self {
        self.roff.control("PP", []);
        self.literal(lines)
    }

    /// What `clap_mangen` says of a command line's options, without a heading.
    ///
    /// # Errors
    /// When it cannot tell.
    pub fn options(&mut self, command: &clap::Command) -> std::io::Result<&mut Self> {
        let mut text = Vec::new();
        clap_mangen::Man::new(command.clone()).render_options_section(&mut text)?;
        self.finish();
        let text = String::from_utf8_lossy(&text);
        for line in text.lines().skip_while(|l| !l.starts_with(".TP")) {
            for (n, part) in line.split('`').enumerate() {
                let part = if n % 2 == 1 {
                    format!(r"\fB{part}\fR")
                } else {
                    part.to_owned()
                };
                self.done.push_str(&part);
            }
            self.done.push('\n');
        }
        Ok(self)
    }

    /// The page.
    #[must_use]
    pub fn render(mut self) -> String {
        self.finish();
        self.done
    }

    /// What was begun goes behind what is done; the definitions at the top are needed once.
    fn finish(&mut self) {
        let begun = std::mem::take(&mut self.roff).render();
        let head = Roff::new().render();
        let begun = match begun.strip_prefix(head.as_str()) {
            Some(rest) if !self.done.is_empty() => rest,
            _ => &begun,
        };
        self.done.push_str(begun);
    }
}

/// Bold between backticks; placeholders in italics.
fn inline(text: &str) -> Vec<Inline> {
    let mut parts = Vec::new();
    for (n, part) in text.split('`').enumerate() {
        if n % 2 == 1 {
            parts.push(bold(part));
            continue;
        }
        for word in part.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            if PLACEHOLDERS.contains(&bare) {
                parts.push(italic(bare));
                parts.push(roman(&word[bare.len()..]));
            } else {
                parts.push(roman(word));
            }
        }
    }
    parts
}
