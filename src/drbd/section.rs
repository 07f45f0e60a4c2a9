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
            inner: statements(&mut Tokens(text), &|_| true, 0),
        }
    }

    /// The outermost statements, one after the other, and of the settings within only those with a
    /// wanted name: those of a thousand resources are megabytes, of which next to nothing is asked.
    pub fn each<'t>(
        text: &'t str,
        wanted: impl Fn(&str) -> bool + 't,
    ) -> impl Iterator<Item = Self> + 't {
        let mut tokens = Tokens(text);
        std::iter::from_fn(move || statement(&mut tokens, &wanted, 0))
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
enum Token<'t> {
    Word(&'t str),
    Open,
    Close,
    End,
}

type Wanted<'w> = &'w dyn Fn(&str) -> bool;

fn statements(tokens: &mut Tokens<'_>, wanted: Wanted<'_>, depth: usize) -> Vec<Section> {
    std::iter::from_fn(|| statement(tokens, wanted, depth)).collect()
}

/// The next statement; `None` after the last one between these braces.
fn statement(tokens: &mut Tokens<'_>, wanted: Wanted<'_>, depth: usize) -> Option<Section> {
    let mut words = Vec::new();
    while let Some(token) = tokens.next() {
        let inner = match token {
            Token::Word(word) => {
                words.push(word);
                continue;
            }
            Token::End if words.first().is_none_or(|name| !wanted(name)) => {
                words.clear();
                continue;
            }
            Token::End => Vec::new(),
            Token::Open if depth < DEPTH => statements(tokens, wanted, depth + 1),
            Token::Open => continue,
            Token::Close => break,
        };
        let words = words.into_iter().map(str::to_owned).collect();
        return Some(Section { words, inner });
    }
    None
}

/// What is left of a text.
struct Tokens<'t>(&'t str);

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    /// By bytes: what has a meaning is ASCII.
    fn next(&mut self) -> Option<Token<'t>> {
        loop {
            let rest = self.0;
            let until = |ends: fn(u8) -> bool| rest.bytes().position(ends).unwrap_or(rest.len());
            let (token, length) = match rest.bytes().next()? {
                b'#' => (None, until(|b| b == b'\n')),
                b'"' => {
                    let end = rest[1..].find('"').map_or(rest.len(), |i| i + 1);
                    (Some(Token::Word(&rest[1..end])), (end + 1).min(rest.len()))
                }
                b'{' => (Some(Token::Open), 1),
                b'}' => (Some(Token::Close), 1),
                b';' => (Some(Token::End), 1),
                b if b.is_ascii_whitespace() => (None, until(|b| !b.is_ascii_whitespace())),
                _ => {
                    let end = until(|b| {
                        b.is_ascii_whitespace() || matches!(b, b'{' | b'}' | b';' | b'#' | b'"')
                    });
                    (Some(Token::Word(&rest[..end])), end)
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
        let all: Vec<Section> = Section::each(text, |_| true).collect();
        let words: Vec<&str> = all.iter().map(|s| s.words[1].as_str()).collect();
        assert_eq!(words, ["a", "b"]);
        assert_eq!(all, Section::parse(text).inner);
        let few: Vec<Section> = Section::each(text, |name| name == "z").collect();
        assert!(few[0].inner.is_empty() && few[1] == all[1]);
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
