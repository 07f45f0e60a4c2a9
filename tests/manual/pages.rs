//! The pages: nothing is missing, nothing is left over, and roff has nothing against them.

use std::io::Write;
use std::process::{Command, Stdio};

use block_drbd::manual::catalogue::entry;
use block_drbd::manual::examples::sentences;
use block_drbd::manual::files;
use block_drbd::manual::program::DISKS;
use block_drbd::message::Code;
use block_drbd::outcome::ExitCode;
use block_drbd::spec::Spec;

fn source(name: &str) -> String {
    let files = files("2026-01-01").unwrap();
    let found = files.into_iter().find(|(n, _)| *n == name);
    found.unwrap().1
}

/// What a page says, without its markup; an entry begins with a paragraph sign.
pub fn page(name: &str) -> String {
    let mut text = String::new();
    for line in source(name).lines() {
        if line.starts_with(".TP") {
            text.push('\u{a7}');
        } else if !line.starts_with('.') {
            text.push_str(line);
        }
        text.push('\n');
    }
    for (markup, plain) in [
        ("\\fB", ""),
        ("\\fI", ""),
        ("\\fR", ""),
        ("\\-", "-"),
        ("\\*(Aq", "'"),
        ("\\&", ""),
        ("\\\\", "\\"),
    ] {
        text = text.replace(markup, plain);
    }
    text
}

/// What stands in one entry, in one line.
fn described(page: &str, term: &str) -> String {
    let entries: Vec<&str> = page
        .split('\u{a7}')
        .filter_map(|e| e.trim_start().strip_prefix(term))
        .filter(|rest| rest.starts_with('\n'))
        .collect();
    assert_eq!(entries.len(), 1, "{term} is described {entries:?}");
    entries[0].split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_code_is_explained_once_with_its_sentences() {
    let page = page("block-drbd.8");
    for code in Code::ALL {
        let text = described(&page, code.as_str());
        let entry = entry(*code);
        for part in sentences(*code)
            .iter()
            .map(String::as_str)
            .chain([entry.means, entry.remedy])
        {
            let part = part.replace('`', "");
            assert!(text.contains(&part), "{code}: no `{part}` in {text}");
        }
        assert!(entry.means.len() > 20 && entry.remedy.len() > 8, "{code}");
    }
    // Every code that the pages, README and the examples name is one of them.
    let readme = include_str!("../../README.md");
    for word in [page.as_str(), readme]
        .concat()
        .split(|c: char| !c.is_ascii_uppercase() && c != '-')
    {
        let code = word.trim_end_matches('-');
        let known = Code::ALL.iter().any(|c| c.as_str() == code);
        assert!(!code.starts_with("BD-") || known, "{code} is no code");
    }
}

#[test]
fn every_sentence_is_one_and_says_what_to_do() {
    for code in Code::ALL {
        let sentences = sentences(*code);
        assert!(!sentences.is_empty(), "{code}");
        for sentence in sentences {
            assert!(
                !sentence.ends_with('.') && !sentence.contains('\n'),
                "{code}: {sentence}"
            );
            assert!(sentence.len() < 400, "{code}: {sentence}");
        }
    }
}

#[test]
fn exit_codes_stand_in_the_page() {
    let page = page("block-drbd.8");
    for code in ExitCode::ALL {
        let text = described(&page, &(code as u8).to_string());
        assert!(text.starts_with(code.means()), "{text}");
    }
}

#[test]
fn every_form_of_a_name_is_one_that_the_program_takes() {
    for (name, _) in DISKS {
        Spec::parse(name).unwrap();
    }
}

/// Every command and every option that clap knows.
#[test]
fn commands_and_options_stand_in_the_page() {
    use clap::CommandFactory;
    let page = page("block-drbd.8");
    let cli = block_drbd::cli::Cli::command();
    for command in cli.get_subcommands().filter(|c| !c.is_hide_set()) {
        let heading = format!(".SS {}\n", command.get_name());
        assert!(source("block-drbd.8").contains(&heading), "{heading}");
        for option in command.get_opts().filter(|o| !o.is_hide_set()) {
            let name = format!("--{}", option.get_long().unwrap());
            assert!(page.contains(&name), "{name}");
        }
    }
}

/// Nothing where roff is missing: the program does not need it.
#[test]
fn roff_has_nothing_against_the_pages() {
    for name in ["block-drbd.8", "block-drbd.toml.5"] {
        for (program, arguments) in [
            ("groff", ["-man", "-ww", "-Tutf8"].as_slice()),
            ("mandoc", &["-T", "lint", "-W", "warning"]),
        ] {
            let child = Command::new(program)
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn();
            let Ok(mut child) = child else { continue };
            let mut input = child.stdin.take().unwrap();
            input.write_all(source(name).as_bytes()).unwrap();
            drop(input);
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{name}: {said}");
            if program == "mandoc" {
                assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{name}");
            }
        }
    }
}
