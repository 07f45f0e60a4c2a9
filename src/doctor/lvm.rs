//! LVM: whether it looks into DRBD's devices, where guests may have volume groups of their own.

use std::fs;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::root::Root;

/// The later one goes before the earlier (`lvmconfig(8)`, "lvmlocal.conf").
const FILES: [&str; 2] = ["/etc/lvm/lvm.conf", "/etc/lvm/lvmlocal.conf"];
const PROGRAMS: [&str; 2] = ["/usr/sbin/lvm", "/sbin/lvm"];

/// What it is set to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lvm {
    /// It is installed.
    pub installed: bool,
    /// `filter` and `global_filter`, where they are set.
    pub filters: Vec<Vec<String>>,
    /// Lines of the devices file, where one is used: then nothing else is looked into.
    pub devices: Option<Vec<String>>,
}

impl Lvm {
    /// Reads it.
    #[must_use]
    pub fn read(root: &Root) -> Self {
        let mut settings = Settings::default();
        for file in FILES {
            let text = fs::read_to_string(root.join(file)).unwrap_or_default();
            settings.add(&text);
        }
        let name = settings.devicesfile.unwrap_or("system.devices".to_owned());
        let devices = fs::read_to_string(root.join(&format!("/etc/lvm/devices/{name}"))).ok();
        Self {
            installed: PROGRAMS.iter().any(|p| root.join(p).exists()),
            filters: [settings.filter, settings.global_filter]
                .into_iter()
                .flatten()
                .collect(),
            devices: devices
                .filter(|_| settings.use_devicesfile != Some(false))
                .map(|text| text.lines().map(str::to_owned).collect()),
        }
    }

    /// Whether it looks into a device that has all of these names.
    #[must_use]
    pub fn accepts(&self, names: &[String]) -> bool {
        if let Some(devices) = &self.devices {
            let listed = |name: &String| {
                let name = format!("={name}");
                devices.iter().any(|l| {
                    let mut words = l.split_ascii_whitespace();
                    !l.starts_with('#') && words.any(|w| w.ends_with(&name))
                })
            };
            return names.iter().any(listed);
        }
        self.filters.iter().all(|filter| passes(filter, names))
    }

    /// What is wrong with it, where resources have these names; each device has several.
    #[must_use]
    pub fn findings(&self, devices: &[Vec<String>]) -> Vec<Finding> {
        let seen = devices.iter().find(|names| self.accepts(names));
        let (true, Some(names)) = (self.installed, seen) else {
            return Vec::new();
        };
        let name = names.iter().find(|n| self.accepts(std::slice::from_ref(n)));
        let name = name.or(names.first()).map_or("DRBD", String::as_str);
        let fix = if self.devices.is_some() {
            format!("lvmdevices --deldev {name}")
        } else {
            // The devices of `by-res` and the others are links, so that a name alone does not do.
            "# in the section devices { } of /etc/lvm/lvm.conf, before what else stands in that list:\n# global_filter = [ \"r|^/dev/drbd|\" ]\nlvmconfig devices/global_filter".to_owned()
        };
        vec![Finding::warning(
            "lvm.conf",
            &format!("LVM of this host looks into DRBD's devices ({name}, say)"),
            "it may activate a guest's volume groups here, which hold the device open: it cannot be demoted then, and on 9 no peer can be promoted while it looks",
            &fix,
        )]
    }
}

/// The settings of the section `devices`.
#[derive(Debug, Default)]
struct Settings {
    filter: Option<Vec<String>>,
    global_filter: Option<Vec<String>>,
    use_devicesfile: Option<bool>,
    devicesfile: Option<String>,
}

impl Settings {
    /// Takes what a file sets (`lvm.conf(5)`): `devices { filter = [ "…" ] }` or `devices/filter = …`.
    fn add(&mut self, text: &str) {
        let tokens = tokens(text);
        let mut section: Vec<String> = Vec::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token.as_str() {
                "}" => {
                    section.pop();
                }
                "{" | "=" | "[" | "]" | "," => {}
                name if tokens.get(at).is_some_and(|t| t == "{") => section.push(name.to_owned()),
                name if tokens.get(at).is_some_and(|t| t == "=") => {
                    let mut values = Vec::new();
                    at += 1;
                    let list = tokens.get(at).is_some_and(|t| t == "[");
                    while let Some(value) = tokens.get(at) {
                        at += 1;
                        match value.as_str() {
                            "]" => break,
                            "[" | "," => {}
                            value => values.push(value.trim_start_matches('"').to_owned()),
                        }
                        if !list {
                            break;
                        }
                    }
                    let path = section.iter().map(String::as_str).chain([name]);
                    self.set(&path.collect::<Vec<_>>().join("/"), values);
                }
                _ => {}
            }
        }
    }

    fn set(&mut self, path: &str, values: Vec<String>) {
        let first = || values.first().cloned();
        match path {
            "devices/filter" => self.filter = Some(values),
            "devices/global_filter" => self.global_filter = Some(values),
            "devices/use_devicesfile" => {
                self.use_devicesfile = first().map(|v| v != "0");
            }
            "devices/devicesfile" => self.devicesfile = first().filter(|v| !v.is_empty()),
            _ => {}
        }
    }
}

/// Words, strings with the `"` in front of them, and what stands between.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for line in text.lines() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '#' => break,
                '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 1),
                '{' | '}' | '[' | ']' | '=' | ',' => 1,
                _ => {
                    let ends = |c: char| c.is_whitespace() || "{}[]=,#\"".contains(c);
                    rest.find(ends).unwrap_or(rest.len())
                }
            };
            tokens.push(rest[..length].to_owned());
            let skip = usize::from(first == '"' && length < rest.len());
            rest = rest[length + skip..].trim_start();
        }
    }
    tokens
}

/// Whether a device of these names passes (`lvm.conf(5)`): each name goes by the first pattern that
/// matches it; one that is accepted is enough, and a device without a match is accepted.
fn passes(filter: &[String], names: &[String]) -> bool {
    let patterns: Vec<(bool, Regex)> = filter.iter().filter_map(|p| pattern(p)).collect();
    let verdicts: Vec<bool> = names
        .iter()
        .filter_map(|name| {
            let first = patterns.iter().find(|(_, p)| p.is_match(name));
            first.map(|(accepts, _)| *accepts)
        })
        .collect();
    verdicts.is_empty() || verdicts.contains(&true)
}

/// `a|^/dev/sd|`: whether it accepts, and what. Brackets close themselves.
fn pattern(text: &str) -> Option<(bool, Regex)> {
    let mut chars = text.chars();
    let accepts = match chars.next()? {
        'a' => true,
        'r' => false,
        _ => return None,
    };
    let end = match chars.next()? {
        '[' => ']',
        '(' => ')',
        '{' => '}',
        other => other,
    };
    let inner = chars.as_str();
    let inner = &inner[..inner.rfind(end)?];
    Some((accepts, Regex::new(inner).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["/dev/drbd1", "/dev/drbd/by-res/web-root/0"]
            .map(str::to_owned)
            .to_vec()
    }

    /// Whether LVM looks into DRBD's devices under that configuration.
    fn looks(text: &str) -> bool {
        let mut settings = Settings::default();
        settings.add(text);
        let lvm = Lvm {
            installed: true,
            filters: [settings.filter, settings.global_filter]
                .into_iter()
                .flatten()
                .collect(),
            devices: None,
        };
        let found = lvm.findings(&[names()]);
        assert_eq!(found.len(), usize::from(lvm.accepts(&names())), "{text}");
        !found.is_empty()
    }

    #[test]
    fn a_filter_has_to_reject_every_name() {
        for (text, expected) in [
            ("", true),
            ("devices {\n  # filter = [ \"r|.*|\" ]\n}", true),
            ("devices { filter = [ \"r|^/dev/drbd|\" ] }", false),
            (
                "devices {\n global_filter=[\"r|/dev/drbd.*|\",\"a|.*|\"]\n}",
                false,
            ),
            ("devices/global_filter = \"r|^/dev/drbd|\"", false),
            ("devices { filter = [ \"a|^/dev/sd|\", \"r|.*|\" ] }", false),
            (
                "devices { filter = [ \"a|.*|\", \"r|^/dev/drbd|\" ] }",
                true,
            ),
            // The links are accepted by the second pattern, and they are the same device.
            (
                "devices { filter = [ \"r|^/dev/drbd[0-9]|\", \"a|.*|\" ] }",
                true,
            ),
            ("devices { filter = [ \"r{^/dev/drbd}\" ] }", false),
            ("backup { filter = [ \"r|.*|\" ] }", true),
            ("devices { filter = [ \"x\" ]", true),
        ] {
            assert_eq!(looks(text), expected, "{text}");
        }
    }

    #[test]
    fn a_devices_file_goes_before_the_filter() {
        let lvm = |lines: &[&str]| Lvm {
            installed: true,
            filters: Vec::new(),
            devices: Some(lines.iter().map(|l| (*l).to_owned()).collect()),
        };
        let sda = "IDTYPE=sys_wwid IDNAME=naa.5 DEVNAME=/dev/sda2 PVID=x";
        let drbd = "IDTYPE=devname IDNAME=/dev/drbd1 DEVNAME=/dev/drbd1 PVID=y";
        assert_eq!(lvm(&[sda]).findings(&[names()]), []);
        let found = lvm(&[sda, drbd]).findings(&[names()]);
        assert_eq!(found[0].fix, "lvmdevices --deldev /dev/drbd1");
    }

    #[test]
    fn a_host_without_lvm_or_devices_has_no_findings() {
        assert_eq!(Lvm::default().findings(&[names()]), []);
        let lvm = Lvm {
            installed: true,
            ..Lvm::default()
        };
        assert_eq!(lvm.findings(&[]), []);
    }
}
