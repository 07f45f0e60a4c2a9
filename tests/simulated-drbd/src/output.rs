//! What a tool prints and returns.

/// What a tool prints and returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// What stands on stdout.
    pub stdout: String,
    /// What stands on stderr.
    pub stderr: String,
    /// The exit code.
    pub code: i32,
}

impl Output {
    /// Done, nothing to say.
    #[must_use]
    pub fn done() -> Self {
        Self::default()
    }

    /// Done, with this to print.
    #[must_use]
    pub fn print(stdout: impl Into<String>) -> Self {
        Self {
            stdout: stdout.into(),
            ..Self::default()
        }
    }

    /// Failed, with this on stderr.
    #[must_use]
    pub fn fail(code: i32, stderr: impl Into<String>) -> Self {
        Self {
            stdout: String::new(),
            stderr: stderr.into(),
            code,
        }
    }

    /// The words and the code of a refused change of state; `info` is what the kernel adds.
    #[must_use]
    pub fn refused(subject: &str, refusal: i32, info: &str) -> Self {
        let text = match refusal {
            -1 => "Multiple primaries not allowed by config",
            -2 => "Need access to UpToDate data",
            -4 => "Local disk not available",
            -7 => "Refusing to be Primary while peer is not outdated",
            -10 => "State change was refused by peer node",
            -12 => "Device is held open by someone",
            -16 => "Disk state is lower than outdated",
            -20 => "Other vol primary on peer not allowed by config",
            -25 => "No quorum",
            _ => "Unknown error",
        };
        let code = match refusal {
            -2 => 17,
            -4 => 16,
            -16 => 5,
            _ => 11,
        };
        let head = format!("{subject}: State change failed: ({refusal}) {text}\n");
        Self::fail(code, head + &kernel_info(info))
    }

    /// The words of a refused configuration request.
    #[must_use]
    pub fn failure(subject: &str, number: u32, info: &str) -> Self {
        let text = match number {
            102 => "Local address(port) already in use.",
            127 => "Device minor not allocated",
            139 => "Protocol C required",
            158 => "Unknown resource",
            162 => "Invalid configuration request",
            164 => "Can not clear allow_two_primaries as long as\nthere a primaries on both sides",
            _ => "Unknown error",
        };
        let head = format!("{subject}: Failure: ({number}) {text}\n");
        Self::fail(10, head + &kernel_info(info))
    }

    /// Appends another output, whose code becomes that of the whole.
    pub fn append(&mut self, other: &Self) {
        self.stdout.push_str(&other.stdout);
        self.stderr.push_str(&other.stderr);
        self.code = other.code;
    }
}

fn kernel_info(info: &str) -> String {
    match info {
        "" => String::new(),
        info => format!("additional info from kernel:\n{info}"),
    }
}
