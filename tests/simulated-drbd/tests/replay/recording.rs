//! A recording of real tools, block by block.

use std::path::{Path, PathBuf};

/// A command and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Block {
    pub host: String,
    pub line: String,
    pub stdout: String,
    pub stderr: String,
    pub exit: String,
}

/// A step of a recording.
#[derive(Clone, Debug)]
pub enum Step {
    /// What was done by other means than a command, or a remark.
    Remark(String),
    Command(Block),
}

/// A recording: its name and its steps.
pub struct Recording {
    pub name: String,
    pub steps: Vec<Step>,
}

/// The directory of all recordings.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../recordings")
}

impl Recording {
    /// Reads `GENERATION/NAME.txt`.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut steps = Vec::new();
        let mut current: Option<Block> = None;
        let mut to_stderr = false;
        for line in text.lines() {
            if let Some(command) = line.strip_prefix("### ") {
                steps.extend(current.take().map(Step::Command));
                let (host, line) = command.split_once("$ ").unwrap();
                current = Some(Block {
                    host: host.to_owned(),
                    line: line.to_owned(),
                    ..Block::default()
                });
            } else if let Some(mark) = line.strip_prefix("#> ") {
                let block = current.as_mut().unwrap();
                match mark {
                    "stdout" => to_stderr = false,
                    "stderr" => to_stderr = true,
                    "no newline" => {
                        let text = if to_stderr {
                            &mut block.stderr
                        } else {
                            &mut block.stdout
                        };
                        text.pop();
                    }
                    other => {
                        if let Some(exit) = other.strip_prefix("exit ") {
                            exit.clone_into(&mut block.exit);
                        }
                    }
                }
            } else if let Some(remark) = line.strip_prefix("## ") {
                steps.extend(current.take().map(Step::Command));
                steps.push(Step::Remark(remark.to_owned()));
            } else if let Some(block) = &mut current {
                let text = if to_stderr {
                    &mut block.stderr
                } else {
                    &mut block.stdout
                };
                text.push_str(line);
                text.push('\n');
            }
        }
        steps.extend(current.map(Step::Command));
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Self { name, steps }
    }
}
