//! The syntax that `drbdsetup show` and `drbdadm dump` print: nested sections of words.
//!
//! ```text
//! resource web-root {
//!     net { protocol C; # default
//!     }
//! }
//! ```

/// One statement: its words, and what stands between braces after them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Words before the `;` or the `{`, without their quotes.
    pub words: Vec<String>,
    /// Statements inside the braces.
    pub inner: Vec<Section>,
}

/// Deeper nesting than DRBD ever prints is cut, so that no input exhausts the stack.
const DEPTH: usize = 16;

impl Section {
    /// Parses a whole text into one section without words. Never fails: what cannot be read is
    /// passed over.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self {
            words: Vec::new(),
            inner: statements(&mut Tokens(text), 0),
        }
    }

    /// The outermost statements, one after the other: the settings of a thousand resources are
    /// megabytes, and taken apart they would be a multiple of that.
    pub fn each(text: &str) -> impl Iterator<Item = Self> {
        let mut tokens = Tokens(text);
        std::iter::from_fn(move || statement(&mut tokens, 0))
    }

    /// Sections inside that begin with `name`.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Section> {
        self.inner
            .iter()
            .filter(move |s| s.words.first().is_some_and(|w| w == name))
    }

    /// The first section inside that begins with `name`.
    #[must_use]
    pub fn first<'s>(&'s self, name: &'s str) -> Option<&'s Section> {
        self.all(name).next()
    }

    /// The value of a setting: the words after `name`.
    #[must_use]
    pub fn value<'s>(&'s self, name: &'s str) -> Option<&'s str> {
        self.all(name).next()?.words.get(1).map(String::as_str)
    }

    /// A setting that is `yes` or `no`; a name alone means yes, as in a configuration file.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        let setting = self.all(name).next()?;
        Some(setting.words.get(1).is_none_or(|v| v == "yes"))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Open,
    Close,
    End,
}

fn statements(tokens: &mut Tokens<'_>, depth: usize) -> Vec<Section> {
    std::iter::from_fn(|| statement(tokens, depth)).collect()
}

/// The next statement; `None` after the last one between these braces.
fn statement(tokens: &mut Tokens<'_>, depth: usize) -> Option<Section> {
    let mut words = Vec::new();
    while let Some(token) = tokens.next() {
        let inner = match token {
            Token::Word(word) => {
                words.push(word);
                continue;
            }
            Token::End if words.is_empty() => continue,
            Token::End => Vec::new(),
            Token::Open if depth < DEPTH => statements(tokens, depth + 1),
            Token::Open => continue,
            Token::Close => break,
        };
        return Some(Section { words, inner });
    }
    None
}

/// What is left of a text.
struct Tokens<'t>(&'t str);

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let rest = self.0;
            let first = rest.chars().next()?;
            let (token, length) = match first {
                '#' => (None, rest.find('\n').unwrap_or(rest.len())),
                '"' => {
                    let end = rest[1..].find('"').map_or(rest.len(), |i| i + 1);
                    let word = Token::Word(rest[1..end].to_owned());
                    (Some(word), (end + 1).min(rest.len()))
                }
                '{' => (Some(Token::Open), 1),
                '}' => (Some(Token::Close), 1),
                ';' => (Some(Token::End), 1),
                c if c.is_whitespace() => (None, c.len_utf8()),
                _ => {
                    let ends = |c: char| c.is_whitespace() || "{};#\"".contains(c);
                    let end = rest.find(ends).unwrap_or(rest.len());
                    (Some(Token::Word(rest[..end].to_owned())), end)
                }
            };
            self.0 = &rest[length..];
            if token.is_some() {
                return token;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn comments_quotes_and_nesting_are_read() {
        let text = "resource \"web root\" {\n net {\n protocol C; # default\n allow-two-primaries\tyes;\n}\n}\n";
        let all = Section::parse(text);
        let resource = all.first("resource").unwrap();
        assert_eq!(resource.words[1], "web root");
        let net = resource.first("net").unwrap();
        assert_eq!(net.value("protocol"), Some("C"));
        assert_eq!(net.flag("allow-two-primaries"), Some(true));
        assert_eq!(net.flag("always-asbp"), None);
    }

    #[test]
    fn each_statement_comes_by_itself() {
        let text = "# head\nresource a { x 1; }\n;resource b { y { z; } } end";
        let all: Vec<Section> = Section::each(text).collect();
        let words: Vec<&str> = all.iter().map(|s| s.words[1].as_str()).collect();
        assert_eq!(words, ["a", "b"]);
        assert_eq!(all, Section::parse(text).inner);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_fail(text in "[ -~\\n\"{};#é]{0,400}") {
            let _ = Section::parse(&text);
        }

        #[test]
        fn braces_without_end_do_not_exhaust_the_stack(depth in 0_usize..100_000) {
            let _ = Section::parse(&"{".repeat(depth));
        }
    }
}
