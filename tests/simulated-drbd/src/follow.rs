//! `drbdsetup events2` without `--now`: goes on telling what changes.

use crate::arguments::Arguments;
use crate::tool::Tool;
use anyhow::Result;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Duration;

/// How often the world is looked at.
const PERIOD: Duration = Duration::from_millis(20);

/// Whether these words ask for it.
#[must_use]
pub fn is_asked_for(words: &[String]) -> bool {
    let arguments = Arguments::parse(words);
    arguments.command == "events2" && !arguments.has("now")
}

/// Tells, until nobody listens any more.
///
/// # Errors
/// When the world cannot be read.
pub fn run(tool: &Tool, name: &str, words: &[String]) -> Result<()> {
    let now = [words, &["--now".to_owned()]].concat();
    let mut known = BTreeSet::new();
    let mut first = true;
    loop {
        let text = tool.run(name, &now)?.stdout;
        let lines: BTreeSet<String> = text.lines().map(str::to_owned).collect();
        let mut out = String::new();
        for line in text.lines().filter(|l| first || !known.contains(*l)) {
            let changed = line.replacen("exists", "change", 1);
            out.push_str(if first { line } else { &changed });
            out.push('\n');
        }
        let mut stdout = std::io::stdout().lock();
        if stdout
            .write_all(out.as_bytes())
            .and_then(|()| stdout.flush())
            .is_err()
        {
            return Ok(());
        }
        known = lines;
        first = false;
        std::thread::sleep(PERIOD);
    }
}
