//! The words of a command line, options apart.

use crate::options::Options;

/// A command with its arguments and options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The command: `primary`.
    pub command: String,
    /// What is no option.
    pub subjects: Vec<String>,
    /// The long options, `yes` for those without a value.
    pub options: Options,
    /// `-v`, `-d` and the like.
    pub flags: Vec<String>,
}

impl Arguments {
    /// Takes a command line apart, the tool's name left out.
    #[must_use]
    pub fn parse(words: &[String]) -> Self {
        let mut all = Self::default();
        let mut named = false;
        for word in words {
            if let Some(option) = word.strip_prefix("--") {
                let (name, value) = option.split_once('=').unwrap_or((option, "yes"));
                all.options.insert(name.to_owned(), value.to_owned());
            } else if word.starts_with('-') && word.len() > 1 {
                all.flags.push(word.clone());
            } else if named {
                all.subjects.push(word.clone());
            } else {
                all.command.clone_from(word);
                named = true;
            }
        }
        all
    }

    /// Whether the option was given.
    #[must_use]
    pub fn has(&self, option: &str) -> bool {
        self.options.contains_key(option)
    }

    /// The first option which is not among the known ones.
    #[must_use]
    pub fn unknown(&self, known: &[&str]) -> Option<&str> {
        let mut given = self.options.keys().map(String::as_str);
        given.find(|option| !known.contains(option))
    }
}
