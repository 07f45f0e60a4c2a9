//! A guest's configuration, as `xl create` reads it (xen: `tools/libs/util/libxlu_cfg.c`,
//! `tools/xl/xl_parse.c`): its name and its disks, each with its line.
//!
//! Whatever else stands there is read past, but has to be of the same syntax: `xl` takes a file whole or
//! not at all.

pub mod backend_kind;
pub mod disk;
mod lexer;
mod parser;
mod scanner;
pub mod vdev;

use std::collections::HashMap;

use parser::{Kind, Setting, Value};

pub use disk::Disk;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line number, from 1.
    pub line: usize,
    /// A sentence.
    pub words: String,
}

impl Mistake {
    fn new(line: usize, words: impl Into<String>) -> Self {
        let words = words.into();
        Self { line, words }
    }
}

/// A string, and the line on which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Line number, from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

/// What is of interest here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainFile {
    /// `name`.
    pub name: Option<Text>,
    /// The items of `disk`, not yet understood: see [`Disk::parse`].
    pub disks: Vec<Text>,
    /// What `xl` passes over although it was meant for a disk.
    pub passed_over: Vec<Mistake>,
}

impl DomainFile {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// With the first mistake that makes `xl` refuse the file.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let mut values = store(parser::settings(text)?)?;
        let mut file = Self::default();
        if let Some(name) = values.remove("name") {
            match name.kind {
                Kind::Text(text) => {
                    let line = name.line;
                    file.name = Some(Text { line, text });
                }
                Kind::List(_) => {
                    return Err(Mistake::new(name.line, "`name` is a list, not a string"));
                }
            }
        }
        let Some(disk) = values.remove("disk") else {
            return Ok(file);
        };
        let Kind::List(items) = disk.kind else {
            let words =
                "`disk` is a string, not a list: the guest gets no disk; write disk = [ '…' ]";
            file.passed_over.push(Mistake::new(disk.line, words));
            return Ok(file);
        };
        for item in items {
            let line = item.line;
            match item.kind {
                Kind::Text(text) => file.disks.push(Text { line, text }),
                // As xl does (xen: tools/xl/xl_parse.c, the loop over "disk").
                Kind::List(_) => {
                    let words =
                        "a list stands among the disks: from here on xl reads no more of them";
                    file.passed_over.push(Mistake::new(line, words));
                    break;
                }
            }
        }
        Ok(file)
    }
}

/// The value that each name has in the end: the last one counts, and `+=` continues what was there (xen:
/// `tools/libs/util/libxlu_cfg.c`, `xlu__cfg_set_store`).
fn store(settings: Vec<Setting>) -> Result<HashMap<String, Value>, Mistake> {
    let mut values: HashMap<String, Value> = HashMap::new();
    for setting in settings {
        let Setting { name, adds, value } = setting;
        let value = match values.remove(&name) {
            Some(before) if adds => joined(before, value)?,
            _ => value,
        };
        values.insert(name, value);
    }
    Ok(values)
}

fn joined(before: Value, added: Value) -> Result<Value, Mistake> {
    let line = added.line;
    let kind = match (before.kind, added.kind) {
        (Kind::Text(a), Kind::Text(b)) => Kind::Text(a + &b),
        (Kind::List(mut a), Kind::List(b)) => {
            a.extend(b);
            Kind::List(a)
        }
        _ => {
            let words = "a list cannot be added to a string, nor a string to a list";
            return Err(Mistake::new(line, words));
        }
    };
    Ok(Value { line, kind })
}

#[cfg(test)]
mod tests;
