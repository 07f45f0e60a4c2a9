//! What the administrator decided: `/etc/xen/block-drbd.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backend::Backend;
use crate::root::Root;
use crate::spec::check_name;

/// Where the configuration lies.
pub const FILE: &str = "/etc/xen/block-drbd.toml";

/// What to do when a guest starts while a peer is disconnected and does not wait for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disconnected {
    /// Start it and say nothing.
    Allow,
    /// Start it and say what is unknown, unless quorum or fencing rules it out.
    Warn,
    /// Do not start it.
    Refuse,
}

/// What to do when a guest starts while its local copy is still being filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resync {
    /// Start it: reads go over the network, and stop when the source is lost.
    Allow,
    /// Do not start it.
    Refuse,
}

/// Whether a resource may be Primary on two hosts, for a live migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DualPrimary {
    /// For the moment of the migration only, over a healthy connection; not configured otherwise.
    Window,
    /// As the resource is configured: `allow-two-primaries yes` has to stand there.
    Static,
    /// Never: live migrations are refused.
    Never,
}

/// The settings that hold for one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Start while disconnected.
    pub disconnected: Disconnected,
    /// Start while resyncing.
    pub resync: Resync,
    /// Two primaries.
    pub dual_primary: DualPrimary,
    /// A cluster file system is on it: several guests may write.
    pub shared: bool,
    /// Time for `add` or `remove` in all.
    pub deadline: Duration,
    /// How long a state that may pass by itself is waited for.
    pub patience: Duration,
    /// How long a peer's address gets to answer.
    pub probe: Duration,
    /// How long the writes of a migrating guest may go on arriving.
    pub drain: Duration,
}

impl Policy {
    /// Whether several guests may write: by policy, or by a `!` in the mode, which toolstacks before
    /// libxl could say.
    #[must_use]
    pub fn is_shared(&self, backend: &Backend) -> bool {
        self.shared || backend.mode.contains('!')
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            disconnected: Disconnected::Warn,
            resync: Resync::Refuse,
            dual_primary: DualPrimary::Window,
            shared: false,
            deadline: Duration::from_secs(30),
            patience: Duration::from_secs(5),
            probe: Duration::from_millis(300),
            drain: Duration::from_secs(10),
        }
    }
}

/// The configuration file. Every key may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Configuration {
    #[serde(default, deserialize_with = "seconds::<_, 2, 38>")]
    deadline: Option<Duration>,
    #[serde(default, deserialize_with = "seconds::<_, 0, 30>")]
    patience: Option<Duration>,
    #[serde(default, deserialize_with = "seconds::<_, 1, 30>")]
    drain: Option<Duration>,
    #[serde(default, deserialize_with = "milliseconds")]
    probe_milliseconds: Option<Duration>,
    disconnected: Option<Disconnected>,
    resync: Option<Resync>,
    dual_primary: Option<DualPrimary>,
    #[serde(default)]
    resource: BTreeMap<ResourceName, PerResource>,
}

/// A section `[resource.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PerResource {
    disconnected: Option<Disconnected>,
    resync: Option<Resync>,
    dual_primary: Option<DualPrimary>,
    #[serde(default)]
    shared: bool,
}

/// The name of a section: one that a resource can have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct ResourceName(String);

impl TryFrom<String> for ResourceName {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        check_name(&name).map_err(|e| format!("{name:?} names no resource: {e}"))?;
        Ok(Self(name))
    }
}

fn seconds<'de, D: serde::Deserializer<'de>, const MIN: u64, const MAX: u64>(
    input: D,
) -> Result<Option<Duration>, D::Error> {
    bounded(input, MIN, MAX, "seconds").map(|n| Some(Duration::from_secs(n)))
}

fn milliseconds<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
    bounded(input, 10, 5000, "milliseconds").map(|n| Some(Duration::from_millis(n)))
}

fn bounded<'de, D: serde::Deserializer<'de>>(
    input: D,
    min: u64,
    max: u64,
    unit: &str,
) -> Result<u64, D::Error> {
    let number = u64::deserialize(input)?;
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    Err(serde::de::Error::custom(format!(
        "{number} is not within {min} to {max} {unit}"
    )))
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// It is there and cannot be read.
    #[error("{FILE} cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is not valid: line, and what is wrong there.
    #[error("{FILE}, line {line}: {message}")]
    Content {
        /// Line number, from 1.
        line: usize,
        /// What is wrong, and with which key.
        message: String,
    },
}

impl Configuration {
    /// Reads the file; a missing one means that all defaults hold.
    ///
    /// # Errors
    /// When it is there and cannot be read or is not valid: defaults would then not be what the
    /// administrator decided.
    pub fn read(root: &Root) -> Result<Self, ConfigurationError> {
        match fs::read_to_string(root.join(FILE)) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Parses the text of the file.
    ///
    /// # Errors
    /// With line and key, when it is not valid.
    pub fn parse(text: &str) -> Result<Self, ConfigurationError> {
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |s| s.start.min(text.len()));
            let line = text[..start].matches('\n').count() + 1;
            let words = error.message().replace('\n', " ");
            let source = text.lines().nth(line - 1).unwrap_or_default().trim();
            ConfigurationError::Content {
                line,
                message: format!("{words}, at `{source}`"),
            }
        })
    }

    /// The resources that have a section of their own.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.resource.keys().map(|name| name.0.as_str())
    }

    /// What holds for that resource; `None` for settings that belong to none.
    #[must_use]
    pub fn policy(&self, resource: Option<&str>) -> Policy {
        let default = Policy::default();
        let own = resource.and_then(|name| self.resource.get(&ResourceName(name.to_owned())));
        Policy {
            disconnected: own
                .and_then(|o| o.disconnected)
                .or(self.disconnected)
                .unwrap_or(default.disconnected),
            resync: own
                .and_then(|o| o.resync)
                .or(self.resync)
                .unwrap_or(default.resync),
            dual_primary: own
                .and_then(|o| o.dual_primary)
                .or(self.dual_primary)
                .unwrap_or(default.dual_primary),
            shared: own.is_some_and(|o| o.shared),
            deadline: self.deadline.unwrap_or(default.deadline),
            patience: self.patience.unwrap_or(default.patience),
            probe: self.probe_milliseconds.unwrap_or(default.probe),
            drain: self.drain.unwrap_or(default.drain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Configuration::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        assert_eq!(
            Configuration::parse("").unwrap().policy(Some("web-root")),
            Policy::default()
        );
    }

    #[test]
    fn a_section_of_a_resource_goes_before_the_global_settings() {
        let text = "deadline = 20\ndisconnected = \"refuse\"\n[resource.web-root]\ndisconnected = \"allow\"\nshared = true\n[resource.\"a.b\"]\nresync = \"allow\"\n";
        let configuration = Configuration::parse(text).unwrap();
        let web = configuration.policy(Some("web-root"));
        assert_eq!((web.disconnected, web.shared), (Disconnected::Allow, true));
        assert_eq!(web.deadline, Duration::from_secs(20));
        let other = configuration.policy(Some("a.b"));
        assert_eq!(
            (other.disconnected, other.resync, other.shared),
            (Disconnected::Refuse, Resync::Allow, false)
        );
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_key() {
        for (text, line, key) in [
            ("deadline = 30\ndisconected = \"warn\"\n", 2, "disconected"),
            ("deadline = \"soon\"\n", 1, "deadline"),
            ("deadline = 1\n", 1, "deadline"),
            ("deadline = 39\n", 1, "deadline"),
            ("\nprobe-milliseconds = 0\n", 2, "probe-milliseconds"),
            ("[resource.web]\nshared = \"yes\"\n", 2, "shared"),
            ("[resource.web]\ndeadline = 3\n", 2, "deadline"),
            ("[resource.all]\nshared = true\n", 1, "all"),
            ("disconnected = \"maybe\"\n", 1, "disconnected"),
            ("dual-primary = \"always\"\n", 1, "dual-primary"),
            ("deadline = \n", 1, "deadline"),
            ("deadline = 3\ndeadline = 4\n", 2, "deadline"),
        ] {
            let error = error(text);
            assert!(
                error.contains(&format!("line {line}:")),
                "{text:?}: {error}"
            );
            assert!(error.contains(key), "{text:?}: {error}");
        }
    }
}
