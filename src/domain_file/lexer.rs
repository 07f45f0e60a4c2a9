//! The words of a guest's configuration (xen: `tools/libs/util/libxlu_cfg_l.l`).

use super::Mistake;
use crate::words::short;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Identifier(String),
    Number(String),
    Quoted(String),
    Comma,
    Open,
    Close,
    Assign,
    Add,
    Semicolon,
    Newline,
}

impl Token {
    /// How it is called in a message.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Identifier(text) | Self::Number(text) => format!("`{}`", short(text, 40)),
            Self::Quoted(text) => format!("the string '{}'", short(text, 40)),
            Self::Comma => "`,`".into(),
            Self::Open => "`[`".into(),
            Self::Close => "`]`".into(),
            Self::Assign => "`=`".into(),
            Self::Add => "`+=`".into(),
            Self::Semicolon => "`;`".into(),
            Self::Newline => "the end of the line".into(),
        }
    }
}

/// Splits a text into words, each with its line.
pub(super) struct Lexer<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            rest: text,
            line: 1,
        }
    }

    /// The line that has been reached.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The next word; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Token)>, Mistake> {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        let line = self.line;
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        let mut length = 1;
        let token = match first {
            ',' => Token::Comma,
            '[' => Token::Open,
            ']' => Token::Close,
            '=' => Token::Assign,
            ';' => Token::Semicolon,
            '+' if self.rest.starts_with("+=") => {
                length = 2;
                Token::Add
            }
            '\n' => {
                self.line += 1;
                Token::Newline
            }
            '#' => {
                let Some(end) = self.rest.find('\n') else {
                    let words = "a comment in the last line has to end with a newline for xl";
                    return Err(Mistake::new(line, words));
                };
                length = end + 1;
                self.line += 1;
                Token::Newline
            }
            'a'..='z' => {
                let word = self.run(|b| matches!(b, b'.' | b'_' | b'0'..=b'9' | b'a'..=b'z'));
                length = word.len();
                Token::Identifier(word.to_owned())
            }
            '0'..='9' => {
                let word = self.run(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'x'));
                length = word.len();
                Token::Number(word.to_owned())
            }
            '\'' | '"' => {
                let (text, end) = quoted(self.rest).map_err(|words| Mistake::new(line, words))?;
                length = end;
                Token::Quoted(text)
            }
            other => return Err(Mistake::new(line, foreign(other, self.rest))),
        };
        self.rest = &self.rest[length..];
        Ok(Some((line, token)))
    }

    fn run(&self, fits: impl Fn(u8) -> bool) -> &'t str {
        let end = self.rest.bytes().position(|b| !fits(b));
        &self.rest[..end.unwrap_or(self.rest.len())]
    }
}

/// Why xl does not know what begins with that character.
fn foreign(first: char, rest: &str) -> String {
    match first {
        '\0' => "a NUL byte: this is no guest's configuration".into(),
        '\r' => "a carriage return: xl takes no DOS line ends".into(),
        _ => {
            let word = rest.split([' ', '\t', '\n']).next().unwrap_or_default();
            format!("xl's syntax has no `{}`", short(word, 40))
        }
    }
}

/// The string that begins here, and its length in the file with its quotes.
fn quoted(text: &str) -> Result<(String, usize), String> {
    let quote = text.chars().next();
    let mut decoded = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            c if Some(c) == quote => return Ok((decoded, at + 1)),
            '\0' => return Err("a NUL byte: this is no guest's configuration".into()),
            '\n' => break,
            '\\' => match chars.next().map(|(_, c)| c) {
                Some(c @ ('"' | '\'' | '\\')) => decoded.push(c),
                Some('a') => decoded.push('\x07'),
                Some('b') => decoded.push('\x08'),
                Some('f') => decoded.push('\x0c'),
                Some('n') => decoded.push('\n'),
                Some('r') => decoded.push('\r'),
                Some('t') => decoded.push('\t'),
                Some('v') => decoded.push('\x0b'),
                // xl wants two more digits, and drops the character that they name (xen:
                // tools/libs/util/libxlu_cfg.c, NUMERIC_CHAR; seen with 4.17).
                Some('0'..='7') => {
                    let mut digits = 0;
                    while digits < 3 && chars.next_if(|(_, c)| c.is_ascii_digit()).is_some() {
                        digits += 1;
                    }
                    if digits < 2 {
                        return Err("xl does not read a number after a backslash so".into());
                    }
                }
                Some('\n') | None => break,
                Some(c) => {
                    return Err(format!(
                        "xl knows no \\{} in a string",
                        short(&c.to_string(), 4)
                    ));
                }
            },
            c => decoded.push(c),
        }
    }
    Err("a string does not end on its line".into())
}
