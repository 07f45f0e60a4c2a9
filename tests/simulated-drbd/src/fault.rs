//! What goes wrong on purpose.

use serde::{Deserialize, Serialize};

/// What a tool does instead of, or before, its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// Waits so many milliseconds first; killed meanwhile, it does nothing.
    Delay(u64),
    /// Never returns and does nothing.
    Hang,
    /// The same, and once it was killed its parent cannot reap it for so many milliseconds: as in the
    /// kernel's uninterruptible sleep (8.4 with frozen I/O).
    Stuck(u64),
    /// Prints this to stderr and exits with this code, nothing done.
    Fail {
        /// The exit code.
        code: i32,
        /// What stands on stderr.
        stderr: String,
    },
    /// Waits so many milliseconds, then does it, even when the caller was killed meanwhile:
    /// the orphan's promotion.
    ApplyLate(u64),
}

/// A fault with the commands it befalls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injected {
    /// Consecutive words of the command line: `primary`, `drbdsetup primary 1`.
    pub command: String,
    /// What happens.
    pub fault: Fault,
    /// How many times more; `None` is always.
    pub times: Option<u32>,
}

impl Injected {
    /// Whether the fault befalls this command line.
    #[must_use]
    pub fn befalls(&self, words: &[String]) -> bool {
        let wanted: Vec<&str> = self.command.split_whitespace().collect();
        self.times != Some(0)
            && !wanted.is_empty()
            && words
                .windows(wanted.len())
                .any(|window| window.iter().zip(&wanted).all(|(word, want)| word == want))
    }
}
