//! Asks another host, reached as `xl migrate` reaches it (xen: `tools/xl/xl_migrate.c`, `main_migrate`).

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Finding, Severity, Subject};
use crate::words::short;

/// For the connection, a password typed by a person, and the answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// More than an answer has.
const ANSWER_MAX: u64 = 4 << 20;

/// The host that a guest would migrate to.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    /// Its name, as for `xl migrate`.
    pub host: &'a str,
    /// What reaches it, as for `xl migrate -s`.
    pub ssh: &'a str,
}

/// Asks whether that host would take in these disks of one guest, which runs here with that uuid, or
/// would run on this host, whose name is `from`. Every disk gets an answer.
#[must_use]
pub fn ask(
    other: Other<'_>,
    subjects: &[Subject],
    running: Option<&str>,
    from: &str,
    is_running: bool,
) -> Vec<Finding> {
    let mut words = vec!["block-drbd", "check", "--incoming", "--json"];
    if let Some(uuid) = running {
        words.extend(["--uuid", uuid]);
    }
    if !is_running {
        words.extend(["--from", from]);
    }
    let disks: Vec<String> = subjects.iter().map(specification).collect();
    for disk in &disks {
        words.extend(["--disk", disk]);
    }
    let command: Vec<String> = words.iter().map(|w| quoted(w)).collect();
    let answered = run(other, &command.join(" ")).and_then(|text| parse(&text));
    let told = |subject: &Subject, disk: &str| match &answered {
        Err(why) => vec![about(other, subject, Severity::Error, why)],
        Ok(found) => {
            let of_it = found.iter().filter(|f| f.file == disk);
            let mut of_it: Vec<Finding> = of_it
                .map(|f| Finding {
                    code: f.code.as_deref().map(|c| short(c, 40)),
                    ..about(other, subject, f.severity, &f.sentence)
                })
                .collect();
            if of_it.is_empty() {
                let why = "its answer says nothing of this disk";
                of_it.push(about(other, subject, Severity::Error, why));
            }
            of_it
        }
    };
    let pairs = subjects.iter().zip(&disks);
    pairs
        .flat_map(|(subject, disk)| told(subject, disk))
        .collect()
}

/// A finding of that host's, at the place that this one knows.
fn about(other: Other<'_>, subject: &Subject, severity: Severity, sentence: &str) -> Finding {
    Finding {
        host: Some(short(other.host, 100)),
        ..subject.place.finding(severity, sentence)
    }
}

/// The disk in a form that says the same there.
fn specification(subject: &Subject) -> String {
    format!(
        "vdev={},access={},script=block-drbd,target={}",
        subject.disk.vdev,
        subject.disk.mode(),
        subject.nodes.params
    )
}

/// Fit for the shell of the other host.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_=,./+:".contains(&b);
    if word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Runs it there; what it printed.
fn run(other: Other<'_>, command: &str) -> Result<String, String> {
    let Other { host, ssh } = other;
    // As xl does: the words behind -s are a shell's.
    let mut child = Command::new("/bin/sh")
        .args(["-c", &format!("exec {ssh} \"$@\""), "sh", host, command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{ssh} cannot be run: {error}"))?;
    let (sender, answer) = mpsc::channel();
    if let Some(pipe) = child.stdout.take() {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = pipe.take(ANSWER_MAX).read_to_end(&mut bytes);
            // Nobody listens any more after the patience is over.
            let _ = sender.send(read.map(|_| bytes));
        });
    }
    let end = Instant::now() + PATIENCE;
    let bytes = answer.recv_timeout(PATIENCE);
    let status = wait(&mut child, end);
    let late = || format!("no answer within {} s", PATIENCE.as_secs());
    let bytes = bytes.map_err(|_| late())?;
    let bytes = bytes.map_err(|error| format!("its answer was lost: {error}"))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match status.ok_or_else(late)?.code() {
        // Findings, or none; refused; a file that is not there.
        Some(0 | 1 | 3) if !text.is_empty() => Ok(text),
        Some(127) => Err("block-drbd is not installed there".into()),
        Some(2) => {
            Err("its block-drbd does not know the question: install the same version".into())
        }
        Some(code) => {
            let ssh = short(ssh, 100);
            Err(format!(
                "cannot be asked: `{ssh}` exited with status {code}"
            ))
        }
        None => Err("cannot be asked: a signal ended the connection".into()),
    }
}

/// Waits until then, and ends it.
fn wait(child: &mut Child, end: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(20)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

/// What a login prints before it is passed over.
fn parse(text: &str) -> Result<Vec<Finding>, String> {
    let mut lines = text.lines().map(str::trim);
    let answer = lines.find(|line| line.starts_with('['));
    let answer = answer.and_then(|line| serde_json::from_str(line).ok());
    answer.ok_or_else(|| "its answer cannot be understood: install the same version".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Group;

    fn subjects() -> Vec<Subject> {
        let text = "name='web'\ndisk=['drbd:web-root,xvda2,w',\n'drbd:data,xvdb,r']\n";
        Group::of_text("web.cfg".into(), text).subjects
    }

    /// What is said of the two disks when `ssh` is that piece of shell.
    fn said(ssh: &str) -> Vec<(Severity, String)> {
        let host = "nodo2";
        let other = Other { host, ssh };
        let found = ask(other, &subjects(), Some("u"), "nodo1", true);
        assert!(found.iter().all(|f| f.host.as_deref() == Some(host)));
        found
            .into_iter()
            .map(|f| (f.severity, f.sentence))
            .collect()
    }

    #[test]
    fn the_command_line_is_as_xl_builds_it_and_safe_in_a_shell() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("words");
        let ssh = format!(
            "sh -c 'printf \"%s\\n\" \"$@\" >{}' ssh -p 22",
            file.display()
        );
        said(&ssh);
        let words = std::fs::read_to_string(&file).unwrap();
        assert_eq!(
            words,
            "-p\n22\nnodo2\nblock-drbd check --incoming --json --uuid u \
             --disk vdev=xvda2,access=w,script=block-drbd,target=web-root \
             --disk vdev=xvdb,access=r,script=block-drbd,target=data\n"
        );
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("$(id)'x"), "'$(id)'\\''x'");
    }

    #[test]
    fn every_disk_gets_an_answer_whatever_the_host_says() {
        let both = |words: &str| vec![(Severity::Error, words.to_owned()); 2];
        let nothing = "its answer says nothing of this disk";
        assert_eq!(said("echo '[]' #"), both(nothing));
        let strange = "its answer cannot be understood: install the same version";
        assert_eq!(said("echo nonsense #"), both(strange));
        assert_eq!(said("printf '[\\001' #"), both(strange));
        assert_eq!(
            said("exit 127 #"),
            both("block-drbd is not installed there")
        );
        let status = said("sh -c 'exit 255' #");
        assert!(status[0].1.contains("exited with status 255"), "{status:?}");
        let old = said("sh -c 'exit 2' #");
        assert!(old[0].1.contains("install the same version"), "{old:?}");
    }

    #[test]
    fn what_the_host_says_is_put_where_it_belongs_and_made_fit_for_a_terminal() {
        let entry = r#"[{"file":"vdev=xvdb,access=r,script=block-drbd,target=data","severity":"warning","sentence":"bad \u001b[2J","new":1}]"#;
        let said = said(&format!("printf '%s\\n' 'Welcome!' '{entry}' #"));
        assert_eq!(said[0].0, Severity::Error);
        assert_eq!(said[1], (Severity::Warning, "bad ?[2J".to_owned()));
    }
}
