//! The settings of a guest's configuration (xen: `tools/libs/util/libxlu_cfg_y.y`).

use super::Mistake;
use super::lexer::{Lexer, Token};

/// Lists within lists beyond which a file is refused; xl itself uses two.
const DEPTH_MAX: usize = 32;

/// `name = value` or `name += value`.
pub(super) struct Setting {
    pub(super) name: String,
    /// `+=`.
    pub(super) adds: bool,
    pub(super) value: Value,
}

/// What stands behind the sign.
pub(super) struct Value {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

/// Numbers are strings here, as they are for xl.
pub(super) enum Kind {
    Text(String),
    List(Vec<Value>),
}

/// All settings, in order.
///
/// # Errors
/// With the first mistake.
pub(super) fn settings(text: &str) -> Result<Vec<Setting>, Mistake> {
    let mut parser = Parser {
        lexer: Lexer::new(text),
    };
    let mut settings = Vec::new();
    loop {
        match parser.next()? {
            None => return Ok(settings),
            Some((_, Token::Newline | Token::Semicolon)) => {}
            Some((_, Token::Identifier(name))) => settings.push(parser.setting(name)?),
            Some((line, found)) => return Err(unexpected(line, Some(&found), "a setting")),
        }
    }
}

struct Parser<'t> {
    lexer: Lexer<'t>,
}

impl Parser<'_> {
    fn next(&mut self) -> Result<Option<(usize, Token)>, Mistake> {
        self.lexer.next()
    }

    /// A word that has to be there.
    fn need(&mut self, what: &str) -> Result<(usize, Token), Mistake> {
        let found = self.next()?;
        found.ok_or_else(|| unexpected(self.lexer.line(), None, what))
    }

    /// The same, on this line or a later one.
    fn need_beyond_lines(&mut self, what: &str) -> Result<(usize, Token), Mistake> {
        loop {
            match self.need(what)? {
                (_, Token::Newline) => {}
                found => return Ok(found),
            }
        }
    }

    fn setting(&mut self, name: String) -> Result<Setting, Mistake> {
        let adds = match self.need("`=`")? {
            (_, Token::Assign) => false,
            (_, Token::Add) => true,
            (line, found) => return Err(unexpected(line, Some(&found), "`=`")),
        };
        let first = self.need("a value")?;
        let value = self.value(first, 0)?;
        match self.next()? {
            None | Some((_, Token::Newline | Token::Semicolon)) => {
                Ok(Setting { name, adds, value })
            }
            Some((line, found)) => Err(unexpected(line, Some(&found), "the end of the line")),
        }
    }

    fn value(&mut self, (line, first): (usize, Token), depth: usize) -> Result<Value, Mistake> {
        let kind = match first {
            Token::Quoted(text) | Token::Number(text) => Kind::Text(text),
            Token::Open if depth == DEPTH_MAX => {
                return Err(Mistake::new(line, "lists are nested too deep"));
            }
            Token::Open => Kind::List(self.list(depth + 1)?),
            found => return Err(unexpected(line, Some(&found), "a value")),
        };
        Ok(Value { line, kind })
    }

    /// What follows a `[`.
    fn list(&mut self, depth: usize) -> Result<Vec<Value>, Mistake> {
        let mut items = Vec::new();
        loop {
            let first = self.need_beyond_lines("`]`")?;
            if first.1 == Token::Close {
                return Ok(items);
            }
            items.push(self.value(first, depth)?);
            match self.need_beyond_lines("`]`")? {
                (_, Token::Comma) => {}
                (_, Token::Close) => return Ok(items),
                (line, found) => return Err(unexpected(line, Some(&found), "`,` or `]`")),
            }
        }
    }
}

fn unexpected(line: usize, found: Option<&Token>, wanted: &str) -> Mistake {
    let found = found.map_or_else(|| "the end of the file".into(), Token::describe);
    Mistake::new(line, format!("{found} stands where {wanted} should"))
}
