//! Text broken at 80 columns, as `drbdsetup status` prints it.

/// Text broken at 80 columns; each item begins with its own blank.
pub struct Wrapped<'a> {
    out: &'a mut String,
    column: usize,
}

impl<'a> Wrapped<'a> {
    /// Goes on after what stands there.
    pub fn new(out: &'a mut String) -> Self {
        Self { out, column: 0 }
    }

    /// Begins a line with this.
    pub fn line(&mut self, indent: usize, text: &str) {
        if self.column > 0 {
            self.out.push('\n');
        }
        self.out.push_str(&" ".repeat(indent));
        self.out.push_str(text);
        self.column = indent + text.len();
    }

    /// Adds an item, on the next line when this one is full.
    pub fn item(&mut self, indent: usize, text: &str) {
        if self.column + 1 + text.len() > 79 {
            self.line(indent, text);
        } else {
            self.out.push(' ');
            self.out.push_str(text);
            self.column += 1 + text.len();
        }
    }

    /// Ends the last line.
    pub fn end(self) {
        self.out.push('\n');
    }
}
