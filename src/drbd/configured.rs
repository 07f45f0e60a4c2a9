//! What the configuration files say of each resource, and drbd-utils of itself: off the guest's way.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::section::Section;
use super::tools::Tools;
use crate::deadline::Deadline;
use crate::words::short;

/// A resource as it is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configured {
    /// It is not for this host.
    pub elsewhere: bool,
    /// Two primaries are allowed on a connection.
    pub two_primaries: bool,
    /// The protocols of its connections; empty where none is named, which means C.
    pub protocols: BTreeSet<String>,
    /// There is a handler that fences the peer.
    pub fence_peer: bool,
}

impl Configured {
    /// Parses what `drbdadm --dry-run --verbose dump` prints, which tells inherited settings, too.
    #[must_use]
    pub fn parse_all(text: &str) -> BTreeMap<String, Self> {
        let mut all = BTreeMap::new();
        for resource in Section::each(text, |_| true) {
            if let [word, name, ..] = resource.words.as_slice() {
                if word == "resource" {
                    all.insert(name.clone(), Self::of(&resource));
                }
            }
        }
        // `# resource web-root on nodo1: ignored, not stacked` (drbd-utils: user/v9/drbdadm_dump.c).
        let remarks = text.lines().filter_map(|l| l.strip_prefix("# resource "));
        for remark in remarks.filter(|r| r.contains(": ignored,")) {
            let name = remark.split(" on ").next().unwrap_or_default();
            if let Some(resource) = all.get_mut(name) {
                resource.elsewhere = true;
            }
        }
        all
    }

    fn of(resource: &Section) -> Self {
        let inner = || resource.all("connection").flat_map(|c| c.all("net"));
        let mut nets = resource.all("net").chain(inner());
        // What a connection says for itself counts, where it says something.
        let mut protocols = protocols(inner());
        if protocols.is_empty() {
            protocols = self::protocols(resource.all("net"));
        }
        let handlers = resource.first("handlers");
        Self {
            elsewhere: false,
            two_primaries: nets.any(|n| n.flag("allow-two-primaries") == Some(true)),
            protocols,
            fence_peer: handlers.is_some_and(|h| h.first("fence-peer").is_some()),
        }
    }
}

fn protocols<'s>(nets: impl Iterator<Item = &'s Section>) -> BTreeSet<String> {
    let values = nets.filter_map(|n| n.value("protocol"));
    values.map(str::to_owned).collect()
}

impl Tools {
    /// Every resource of the configuration, by name.
    ///
    /// # Errors
    /// With drbdadm's words, when it does not take the configuration or cannot be run.
    pub fn configuration(
        &self,
        deadline: &Deadline,
    ) -> Result<BTreeMap<String, Configured>, String> {
        // Neither option changes anything: see `Tools::dump`.
        let output = self.drbdadm(&["--dry-run", "--verbose", "dump"], deadline);
        let output = output.map_err(|e| e.to_string())?;
        let all = Configured::parse_all(&output.stdout);
        if output.code == Some(0) || output.stderr.contains("no resources defined") {
            return Ok(all);
        }
        let lines = output.stderr.lines().map(str::trim);
        // It asks for the module's version by the way.
        let lines: Vec<&str> = lines
            .filter(|l| !l.is_empty() && !l.contains("modinfo"))
            .collect();
        Err(short(&lines.join(" "), 300))
    }

    /// Version of drbd-utils, as `drbdadm --version` prints it: `DRBDADM_VERSION=9.22.0`.
    #[must_use]
    pub fn version(&self, deadline: &Deadline) -> Option<String> {
        let output = self.drbdadm(&["--version"], deadline).ok()?;
        let mut lines = output.stdout.lines();
        let version = lines.find_map(|l| l.strip_prefix("DRBDADM_VERSION="))?;
        Some(short(version, 40))
    }

    /// Whether the two programs are there that everything is asked of.
    #[must_use]
    pub fn are_present(&self) -> bool {
        let names = ["drbdsetup", "drbdadm"];
        names.iter().all(|name| self.program(name).exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As drbd-utils 9.22 prints it, shortened.
    const DUMP: &str = "# resource web on nodo1: not ignored, not stacked
# defined at /etc/drbd.d/web.res:3
resource web {
    on nodo1 {
        node-id 1;
        device           /dev/drbd1 minor 1;
    }
    connection {
        net {
            protocol       C;
            allow-two-primaries yes;
            fencing      resource-only;
        }
    }
    net {
        protocol           A;
    }
    handlers {
        fence-peer       /usr/lib/drbd/crm-fence-peer.9.sh;
    }
}

# resource other on nodo1: ignored, not stacked
resource other {
    on nodo3 {
        device           /dev/drbd2 minor 2;
    }
    net {
        allow-two-primaries  no;
        protocol           A;
    }
}
";

    #[test]
    fn a_dump_of_several_resources_is_read() {
        let all = Configured::parse_all(DUMP);
        let web = Configured {
            two_primaries: true,
            protocols: ["C".to_owned()].into(),
            fence_peer: true,
            elsewhere: false,
        };
        let other = Configured {
            protocols: ["A".to_owned()].into(),
            elsewhere: true,
            ..Configured::default()
        };
        let expected = [("other".to_owned(), other), ("web".to_owned(), web)];
        assert_eq!(all, BTreeMap::from(expected));
        assert_eq!(Configured::parse_all(""), BTreeMap::new());
    }
}
