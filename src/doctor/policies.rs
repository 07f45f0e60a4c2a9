//! `/etc/xen/block-drbd.toml`: whether it can be read, and whether it is about resources that exist.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::policy::{Configuration, ConfigurationError, FILE, Policy};

/// What holds, for which resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies {
    /// Why the file cannot be used.
    pub error: Option<String>,
    /// For every resource without a section.
    pub general: Policy,
    /// For each resource with one.
    pub sections: BTreeMap<String, Policy>,
}

impl Policies {
    /// By what came of reading the file.
    #[must_use]
    pub fn of(read: &Result<Configuration, ConfigurationError>) -> Self {
        let configuration = match read {
            Ok(configuration) => configuration,
            Err(error) => {
                return Self {
                    error: Some(error.to_string()),
                    ..Self::default()
                };
            }
        };
        let section = |name: &str| (name.to_owned(), configuration.policy(Some(name)));
        Self {
            error: None,
            general: configuration.policy(None),
            sections: configuration.sections().map(section).collect(),
        }
    }

    /// What holds for that resource.
    #[must_use]
    pub fn of_resource(&self, name: &str) -> &Policy {
        self.sections.get(name).unwrap_or(&self.general)
    }

    /// What is wrong with the file; `known` are all resources, where that is known.
    #[must_use]
    pub fn findings(&self, known: Option<&BTreeSet<&str>>) -> Vec<Finding> {
        if let Some(error) = &self.error {
            return vec![Finding::error(
                FILE,
                error.strip_prefix(&format!("{FILE}, ")).unwrap_or(error),
                "every `add` fails with these words, so no guest gets its disk; `remove` and `reap` go on with the defaults",
                &format!("# correct it, or move it away for the defaults\n$EDITOR {FILE}"),
            )];
        }
        let Some(known) = known else {
            return Vec::new();
        };
        let names = self.sections.keys();
        let strange = names.filter(|name| !known.contains(name.as_str()));
        strange
            .map(|name| {
                Finding::warning(
                    FILE,
                    &format!(
                        "[resource.{name}] is about a resource that is not configured on this host"
                    ),
                    "a resource whose name is spelled otherwise goes by the general settings",
                    "drbdadm sh-resources",
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{Error, Warning};

    fn of(text: &str) -> Policies {
        Policies::of(&Configuration::parse(text))
    }

    #[test]
    fn a_mistake_stands_with_its_line() {
        let found = of("deadline = 30\nx = 1\n").findings(None);
        assert_eq!((found.len(), found[0].severity), (1, Error));
        assert!(found[0].what.starts_with("line 2: "), "{found:?}");
    }

    #[test]
    fn a_section_has_to_name_a_resource() {
        let policies = of("[resource.web]\nshared = true\n[resource.wbe]\nshared = true\n");
        assert!(policies.of_resource("web").shared && !policies.of_resource("x").shared);
        let known = BTreeSet::from(["web", "data"]);
        let found = policies.findings(Some(&known));
        assert_eq!((found.len(), found[0].severity), (1, Warning));
        assert!(found[0].what.contains("[resource.wbe]"));
        assert_eq!(policies.findings(None), []);
        assert_eq!(of("").findings(Some(&known)), []);
    }
}
