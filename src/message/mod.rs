//! A sentence for a person, and the code under which the manual explains it.

mod code;
mod failures;
mod left;
mod refusals;

use std::error::Error;
use std::fmt;

pub use code::Code;

use crate::words::{ERROR_MAX, printable, short};

/// Something with a sentence of its own, which the manual explains.
pub trait Coded: fmt::Display {
    /// Under which code.
    fn code(&self) -> Code;

    /// The two together.
    fn message(&self) -> Message {
        Message::new(self.code(), self.to_string())
    }
}

/// A sentence and its code. Printed as `web-root is Primary on nodo1: … [BD-PEER-PRIMARY]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The code.
    pub code: Code,
    /// The sentence.
    pub words: String,
}

impl Message {
    /// A sentence that no type of its own stands for.
    #[must_use]
    pub fn new(code: Code, words: impl Into<String>) -> Self {
        let words = words.into();
        Self { code, words }
    }

    /// The same, with the guest and its disk before it.
    #[must_use]
    pub fn about(&self, subject: &str) -> Self {
        Self::new(self.code, format!("{subject}: {}", self.words))
    }

    /// The same, with more behind it, which is not cut off from a line of [`ERROR_MAX`] bytes.
    #[must_use]
    pub fn and(&self, more: &str) -> Self {
        let end = format!("; {more}");
        let code = format!(" [{}]", self.code);
        let room = ERROR_MAX.saturating_sub(end.len() + code.len());
        Self::new(self.code, short(&self.words, room) + &end)
    }

    /// One printable line of at most `max` bytes. The code is never cut off.
    #[must_use]
    pub fn line(&self, max: usize) -> String {
        let code = format!(" [{}]", self.code);
        let room = max.saturating_sub(code.len());
        format!("{}{code}", short(&self.words, room))
    }

    /// The code of an error, where a message is among what led to it.
    #[must_use]
    pub fn code_of(error: &(dyn Error + 'static)) -> Option<Code> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(message) = error.downcast_ref::<Self>() {
                return Some(message.code);
            }
            next = error.source();
        }
        None
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", printable(&self.words), self.code)
    }
}

impl Error for Message {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_15_a_long_sentence_keeps_its_code() {
        let message = Message::new(Code::Promote, "ä".repeat(2000)).about("guest web");
        let line = message.line(1000);
        assert!(line.len() <= 1000 && line.starts_with("guest web: ä"));
        assert!(line.ends_with("... [BD-PROMOTE]"), "{line}");
        let line = message.and("do this").line(ERROR_MAX);
        assert!(line.len() <= ERROR_MAX, "{line}");
        assert!(line.ends_with("...; do this [BD-PROMOTE]"), "{line}");
        let message = Message::new(Code::NotUp, "one\ntwo");
        assert_eq!(message.line(1000), "one?two [BD-NOT-UP]");
        assert_eq!(message.to_string(), message.line(1000));
    }

    #[test]
    fn a_message_is_found_behind_a_context() {
        let error = anyhow::Error::new(Message::new(Code::Xenstore, "gone")).context("asking");
        assert_eq!(Message::code_of(error.as_ref()), Some(Code::Xenstore));
        assert_eq!(Message::code_of(anyhow::anyhow!("other").as_ref()), None);
    }
}
