//! `policy.rs`, the sample and block-drbd.toml(5) agree on every key and its default.

use block_drbd::manual::settings::{Setting, sample, settings};
use block_drbd::policy::{Configuration, Policy};

use crate::pages::page;

/// The keys that the parser itself takes, from what it says of one that it does not.
fn keys(text: &str) -> Vec<String> {
    let error = Configuration::parse(text).unwrap_err().to_string();
    let (_, listed) = error.split_once("expected").unwrap();
    let (listed, _) = listed.split_once(", at ").unwrap();
    let mut keys: Vec<String> = listed
        .split('`')
        .skip(1)
        .step_by(2)
        .map(Into::into)
        .collect();
    keys.sort_unstable();
    keys
}

fn documented(is: impl Fn(&Setting) -> bool) -> Vec<String> {
    let mut keys: Vec<String> = settings()
        .into_iter()
        .filter(is)
        .map(|s| s.key.to_owned())
        .collect();
    keys.sort_unstable();
    keys
}

#[test]
fn every_key_of_the_parser_is_documented_and_no_other() {
    let mut global = documented(|s| s.global);
    global.push("resource".to_owned());
    global.sort_unstable();
    assert_eq!(keys("nosuchkey = 1\n"), global);
    assert_eq!(
        keys("[resource.web-root]\nnosuchkey = 1\n"),
        documented(|s| s.in_section)
    );
}

#[test]
fn the_documented_defaults_are_those_that_hold() {
    for setting in settings() {
        let text = if setting.global {
            format!("{} = {}\n", setting.key, setting.default)
        } else {
            format!("[resource.r]\n{} = {}\n", setting.key, setting.default)
        };
        let configuration = Configuration::parse(&text).unwrap();
        assert_eq!(configuration.policy(Some("r")), Policy::default(), "{text}");
    }
}

#[test]
fn the_documented_bounds_and_words_are_those_of_the_parser() {
    for setting in settings() {
        let good =
            |value: &str| Configuration::parse(&format!("{} = {value}\n", setting.key)).is_ok();
        if let Some((least, most)) = setting.bounds {
            assert!(
                good(&least.to_string()) && good(&most.to_string()),
                "{}",
                setting.key
            );
            assert!(!good(&(most + 1).to_string()), "{}", setting.key);
            assert!(
                least == 0 || !good(&(least - 1).to_string()),
                "{}",
                setting.key
            );
        }
        if let Some((first, _)) = setting.values.first() {
            let error = Configuration::parse(&format!("{} = \"nosuchword\"\n", setting.key));
            let error = error.unwrap_err().to_string();
            for (value, _) in setting.values {
                assert!(good(&format!("\"{value}\"")), "{value}");
                assert!(error.contains(&format!("`{value}`")), "{error}");
            }
            let known = error.split("expected").nth(1).unwrap();
            let known = known.split(", at ").next().unwrap().matches('`').count() / 2;
            assert_eq!(known, setting.values.len(), "{first}: {error}");
        }
    }
}

/// `cargo run --features manual --bin block-drbd-manual -- FOLDER` writes it.
#[test]
fn the_sample_is_made_from_the_same_source() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/hotplug/block-drbd.toml");
    assert_eq!(std::fs::read_to_string(file).unwrap(), sample());
    // What stands behind a # is the default.
    let text: String = sample()
        .lines()
        .filter_map(|l| l.strip_prefix("# "))
        .filter(|l| l.contains(" = ") || l.starts_with('['))
        .fold(String::new(), |all, line| all + line + "\n");
    let configuration = Configuration::parse(&text).unwrap();
    assert_eq!(configuration.policy(Some("web-root")), Policy::default());
    assert_eq!(text.matches(" = ").count(), settings().len(), "{text}");
}

#[test]
fn the_page_has_every_setting_with_its_default() {
    let page = page("block-drbd.toml.5");
    for setting in settings() {
        let (_, rest) = page.split_once(&format!("\n{}\n", setting.key)).unwrap();
        let entry = rest.split("\n\u{a7}").next().unwrap();
        let default = format!("Default: {}.", setting.default);
        assert!(entry.contains(&default), "{default} in {entry}");
        for (value, _) in setting.values {
            assert!(
                entry.contains(&format!("\"{value}\":")),
                "{value} in {entry}"
            );
        }
    }
}
