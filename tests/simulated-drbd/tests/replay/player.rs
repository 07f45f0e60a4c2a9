//! Plays a recording against the simulation.

use crate::adoption;
use crate::kind::Kind;
use crate::masking;
use crate::recording::{Block, Recording, Step};
use crate::setup;
use crate::timers;
use simulated_drbd::{Generation, Opener, Resource, World};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How many commands were compared, and which not.
#[derive(Debug, Default)]
pub struct Tally {
    /// Equal word for word.
    pub exact: usize,
    /// Equal but for the counters.
    pub but_counters: usize,
    /// Not compared, with the reason.
    pub excluded: Vec<(String, &'static str)>,
    /// Compared and found different.
    pub differences: Vec<String>,
}

/// A remark seen as a block.
static NOTHING: Block = Block {
    host: String::new(),
    line: String::new(),
    stdout: String::new(),
    stderr: String::new(),
    exit: String::new(),
};

/// Plays a recording in a directory.
pub struct Player {
    pub world: World,
    pub generation: Generation,
    pub recording: String,
    /// The link is up again, but nobody has reconnected yet.
    pub returning: bool,
    /// Minors held open.
    pub held: Vec<(String, u32)>,
    /// Hosts whose activity log has the first extent.
    pub logged: Vec<(String, u32)>,
    pub demote_meanwhile: bool,
    /// The resource was set up anew before the next command.
    pub again: bool,
    /// A write that waits until I/O goes on: host and KiB.
    pub waiting: Option<(String, u64)>,
    pub tally: Tally,
}

/// Plays a recording in a directory and says how many commands were equal.
pub fn play(dir: &Path, generation: Generation, recording: &Recording) -> Tally {
    let world = World::create(dir, generation).unwrap();
    let commands = recording.steps.iter().filter_map(|step| match step {
        Step::Command(block) => Some(block.stdout.as_str()),
        Step::Remark(_) => None,
    });
    let texts: String = commands.collect();
    let multi = setup::multi_of(&recording.name, &texts);
    setup::prepare(&world, generation, &recording.name, multi);
    let mut player = Player {
        world,
        generation,
        recording: recording.name.clone(),
        returning: false,
        held: Vec::new(),
        logged: Vec::new(),
        demote_meanwhile: false,
        again: false,
        waiting: None,
        tally: Tally::default(),
    };
    player.begin(recording);
    for step in &recording.steps {
        match step {
            Step::Remark(remark) => player.remark(remark),
            Step::Command(block) => player.command(block),
        }
    }
    player.tally
}

impl Player {
    /// The counters at the beginning are whatever the recordings made before had left: those which the
    /// first block of each host shows, when nothing was written before it.
    fn begin(&self, recording: &Recording) {
        let untouched = recording.steps.iter().map_while(|step| match step {
            Step::Command(block) => {
                let action = matches!(Kind::of(block), Kind::Action | Kind::Open { .. });
                (!action).then_some(block)
            }
            Step::Remark(remark) if remark.contains("link") => None,
            Step::Remark(_) => Some(&NOTHING),
        });
        let mut seen: Vec<&str> = Vec::new();
        for block in untouched {
            if !seen.contains(&block.host.as_str())
                && adoption::adopt(&self.world, &block.host, &block.stdout)
            {
                seen.push(&block.host);
            }
        }
    }

    fn command(&mut self, block: &Block) {
        if std::mem::take(&mut self.again) {
            self.logged.clear();
            self.world
                .add_resource(Resource::simple("web-root", 1))
                .unwrap();
            self.edit(|resource| {
                for side in &mut resource.sides {
                    side.devices[0].counters.al_writes = if self.generation == Generation::V84 {
                        8
                    } else {
                        0
                    };
                }
            });
        }
        match Kind::of(block) {
            Kind::Excluded(reason) => self.tally.excluded.push((block.line.clone(), reason)),
            Kind::Action => {
                self.act(block);
                self.tally.excluded.push((
                    block.line.clone(),
                    "no tool of DRBD: done by the control functions",
                ));
            }
            Kind::Open {
                writer,
                minor,
                then,
            } => {
                let got = self.open(block, writer, minor, then);
                self.compare(block, &got);
            }
            Kind::Compared { commands, grep } => {
                if timers::transient(&block.stdout) {
                    let reason = "a state of some milliseconds within a handshake";
                    self.tally.excluded.push((block.line.clone(), reason));
                    return;
                }
                self.run_timers(block);
                let got = self.run(block, &commands, grep.as_deref());
                self.compare(block, &got);
            }
        }
    }

    fn open(&mut self, block: &Block, writer: bool, minor: u32, then: Option<String>) -> Block {
        let who = if writer {
            Opener::writer("sh", 7454)
        } else {
            Opener::reader("sh", 7454)
        };
        let opened = self.world.hold_open(&block.host, minor, who, None);
        let mut got = Block::default();
        if let Err(error) = &opened {
            let (_, reason) = error
                .to_string()
                .split_once(": ")
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .unwrap();
            got.stderr = format!("sh: 1: cannot open /dev/drbd{minor}: {reason}\n");
        } else {
            self.held.push((block.host.clone(), minor));
        }
        if let Some(then) = then {
            got.stdout = self.run(block, &[then], None).stdout;
            let device = format!("/dev/drbd{minor}\n");
            got.stdout.push_str(if opened.is_ok() {
                &device
            } else {
                "not open\n"
            });
        }
        "0".clone_into(&mut got.exit);
        got
    }

    /// Runs the tools as processes, with nothing in their environment, as the program under test does.
    fn run(&mut self, block: &Block, commands: &[String], grep: Option<&str>) -> Block {
        let root = self.world.host(&block.host);
        let mut got = Block::default();
        for command in commands {
            if let Some(path) = command.strip_prefix("cat ") {
                match std::fs::read_to_string(root.join(path.trim_start_matches('/'))) {
                    Ok(text) => got.stdout.push_str(&text),
                    Err(_) => got.stderr = format!("cat: {path}: No such file or directory\n"),
                }
                let exit = if got.stderr.is_empty() { "0" } else { "1" };
                exit.clone_into(&mut got.exit);
                continue;
            }
            let meanwhile =
                self.demote_meanwhile && block.host == "nodo2" && command.contains(" primary ");
            let demotion = meanwhile.then(|| {
                self.demote_meanwhile = false;
                self.world.set_ping_timeout(200).unwrap();
                let (world, generation) = (self.world.clone(), self.generation);
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(50));
                    let subject = if generation == Generation::V84 {
                        "1"
                    } else {
                        "web-root"
                    };
                    world
                        .run("nodo1", &["drbdsetup", "secondary", subject])
                        .unwrap();
                })
            });
            let mut words = command
                .split(' ')
                .map(|word| if word == "''" { "" } else { word });
            let tool = root.join("usr/sbin").join(words.next().unwrap());
            let run = Command::new(tool)
                .args(words)
                .env_clear()
                .stdin(Stdio::null())
                .output()
                .unwrap();
            if let Some(demotion) = demotion {
                demotion.join().unwrap();
                self.world.set_ping_timeout(2).unwrap();
            }
            got.stdout.push_str(&String::from_utf8(run.stdout).unwrap());
            got.stderr.push_str(&String::from_utf8(run.stderr).unwrap());
            got.exit = run.status.code().unwrap().to_string();
        }
        if commands.iter().any(|command| command.contains("resume-io")) {
            if let Some((host, kib)) = self.waiting.take() {
                self.world.write(&host, 1, kib, true).unwrap();
                self.release(&host);
            }
        }
        if let Some(pattern) = grep {
            let pattern = pattern.trim_start_matches("-E ").trim_matches('\'');
            let keep = |line: &&str| pattern.split('|').any(|part| line.contains(part));
            let kept: Vec<&str> = got.stdout.split_inclusive('\n').filter(keep).collect();
            got.stdout = kept.concat();
            let exit = if got.stdout.is_empty() { "1" } else { "0" };
            exit.clone_into(&mut got.exit);
            got.stderr.clear();
        }
        got
    }

    fn compare(&mut self, want: &Block, got: &Block) {
        let outcome = |block: &Block| {
            let text = masking::who_and_when(&format!("{}#stderr\n{}", block.stdout, block.stderr));
            (text, block.exit.clone())
        };
        let (wanted, found) = (outcome(want), outcome(got));
        if wanted == found {
            self.tally.exact += 1;
        } else if (masking::counters(&wanted.0), wanted.1) == (masking::counters(&found.0), found.1)
        {
            self.tally.but_counters += 1;
            adoption::adopt(&self.world, &want.host, &want.stdout);
        } else {
            self.tally.differences.push(format!(
                "{} {}$ {}\n--- recorded (exit {})\n{}{}--- simulated (exit {})\n{}{}",
                self.recording,
                want.host,
                want.line,
                want.exit,
                want.stdout,
                want.stderr,
                got.exit,
                got.stdout,
                got.stderr
            ));
        }
    }
}
