//! Takes the files apart, as their README describes them.

use std::fs;
use std::path::Path;

use block_drbd::drbd::Generation;

/// One command and what became of it.
#[derive(Clone, Debug)]
pub struct Block {
    pub generation: Generation,
    /// Name of the file.
    pub situation: String,
    pub node: String,
    pub command: String,
    pub stdout: String,
    pub stderr: String,
    /// `None` after a time-out.
    pub exit: Option<i32>,
}

impl Block {
    /// A reading of the state, and nothing else.
    pub fn is_events(&self) -> bool {
        self.command.starts_with("drbdsetup events2 --now") && self.exit == Some(0)
    }
}

/// Lines that begin so.
pub fn count(text: &str, start: &str) -> usize {
    text.lines().filter(|l| l.starts_with(start)).count()
}

/// Every block of every file.
pub fn all() -> Vec<Block> {
    let mut blocks = Vec::new();
    for (folder, generation) in [("8.4", Generation::V84), ("9", Generation::V9)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/recordings")
            .join(folder);
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for file in files {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            blocks.extend(parse(&fs::read_to_string(file).unwrap(), generation, &name));
        }
    }
    blocks
}

/// The blocks of one file, in the order of execution.
pub fn situation(generation: Generation, name: &str) -> Vec<Block> {
    let mut blocks = all();
    blocks.retain(|b| b.generation == generation && b.situation == name);
    assert!(!blocks.is_empty(), "no recording {name} of {generation:?}");
    blocks
}

fn parse(text: &str, generation: Generation, situation: &str) -> Vec<Block> {
    enum Part {
        None,
        Stdout,
        Stderr,
    }
    let mut blocks: Vec<Block> = Vec::new();
    let mut part = Part::None;
    for line in text.lines() {
        if let Some((node, command)) = line.strip_prefix("### ").and_then(|l| l.split_once("$ ")) {
            blocks.push(Block {
                generation,
                situation: situation.into(),
                node: node.into(),
                command: command.into(),
                stdout: String::new(),
                stderr: String::new(),
                exit: None,
            });
            part = Part::None;
        } else if let Some(mark) = line.strip_prefix("#> ") {
            part = match mark {
                "stdout" => Part::Stdout,
                "stderr" => Part::Stderr,
                "no newline" => part,
                _ => Part::None,
            };
            if let (Some(code), Some(block)) = (mark.strip_prefix("exit "), blocks.last_mut()) {
                block.exit = code.parse().ok();
            }
        } else if let Some(block) = blocks.last_mut() {
            let text = match part {
                Part::Stdout => &mut block.stdout,
                Part::Stderr => &mut block.stderr,
                Part::None => continue,
            };
            text.push_str(line);
            text.push('\n');
        }
    }
    blocks
}
