//! The settings of each resource: those in force, those configured, and what block-drbd needs.

use super::facts::Facts;
use super::finding::Finding;
use crate::drbd::{Configured, Settings};
use crate::policy::{Disconnected, DualPrimary, FILE, Policy};

/// What is wrong with all of them.
#[must_use]
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let configured = match &facts.configured {
        None => None,
        Some(Ok(all)) => Some(all),
        Some(Err(words)) => {
            found.push(Finding::error(
                "drbd.conf",
                &format!("drbdadm does not take the configuration: {words}"),
                "no resource can be brought up or adjusted until it does",
                "drbdadm dump",
            ));
            None
        }
    };
    let Ok(survey) = &facts.survey else {
        return found;
    };
    for (name, settings) in &survey.settings {
        let policy = facts.policies.of_resource(name);
        let configured = configured.and_then(|c| c.get(name));
        found.extend(of_one(name, settings, configured, policy));
    }
    if let Some(all) = configured.filter(|_| survey.generation.is_some()) {
        let here = all.iter().filter(|(_, c)| !c.elsewhere);
        let down = here.filter(|(name, _)| survey.resource(name).is_none());
        found.extend(down.map(|(name, _)| {
            Finding::warning(
                name,
                "configured for this host, and not up",
                "a guest that has it as a disk cannot start here, and nothing is replicated to this host",
                &format!("drbdadm up {name}"),
            )
        }));
    }
    found
}

/// What is wrong with one that is up.
#[must_use]
pub fn of_one(
    name: &str,
    settings: &Settings,
    configured: Option<&Configured>,
    policy: &Policy,
) -> Vec<Finding> {
    let mut found: Vec<Finding> = two_primaries(name, settings, configured, policy)
        .into_iter()
        .chain(protocol(name, settings, configured, policy))
        .collect();
    let fencing = settings.connections.iter().any(|c| c.fencing);
    if fencing && configured.is_some_and(|c| !c.fence_peer) {
        found.push(Finding::warning(
            name,
            "fencing is set, and no fence-peer handler",
            "while a peer is not connected DRBD refuses to promote it: a guest cannot start after the other host has died",
            &format!("# in its configuration, on both hosts: handlers {{ fence-peer \"…\"; }}, or fencing dont-care; then\ndrbdadm adjust {name}"),
        ));
    }
    if !fencing && !settings.quorum && policy.disconnected != Disconnected::Refuse {
        found.push(Finding::note(
            name,
            "neither fencing nor quorum is set",
            "when the link is cut, nothing but a person's care keeps a guest from being started on both hosts",
            &format!("# disconnected = \"refuse\" in {FILE}, or see fencing and quorum in drbd.conf\nman 5 drbd.conf"),
        ));
    }
    found
}

fn two_primaries(
    name: &str,
    settings: &Settings,
    configured: Option<&Configured>,
    policy: &Policy,
) -> Option<Finding> {
    let configured = configured?.two_primaries;
    let meant = policy.shared || policy.dual_primary == DualPrimary::Static;
    let adjust = format!("drbdadm adjust {name}");
    if configured && !meant {
        return Some(Finding::warning(
            name,
            "allow-two-primaries is configured",
            "DRBD itself never refuses a second Primary then, whoever promotes it, and after a cut link both copies may have changed",
            &format!(
                "# take allow-two-primaries out of its configuration on both hosts (or say dual-primary = \"static\" in {FILE}), then on both\n{adjust}"
            ),
        ));
    }
    if !configured && meant {
        let wanted = if policy.shared {
            "shared = true"
        } else {
            "dual-primary = \"static\""
        };
        return Some(Finding::warning(
            name,
            &format!("{wanted} holds for it, and allow-two-primaries is not configured"),
            "live migrations, and guests on both hosts, are refused",
            &format!(
                "# net {{ allow-two-primaries yes; }} in its configuration on both hosts, then on both\n{adjust}"
            ),
        ));
    }
    let refused = |c: &crate::drbd::ConnectionSettings| c.two_primaries == Some(false);
    (configured && settings.connections.iter().any(refused)).then(|| {
        Finding::warning(
            name,
            "allow-two-primaries is configured, and not in force",
            "the next live migration is refused; and where a peer has it in force, the two do not connect again",
            &format!("# on both hosts\n{adjust}"),
        )
    })
}

fn protocol(
    name: &str,
    settings: &Settings,
    configured: Option<&Configured>,
    policy: &Policy,
) -> Option<Finding> {
    let mut others = settings
        .connections
        .iter()
        .filter_map(|c| c.protocol.as_deref());
    let other = others.find(|p| *p != "C")?;
    if policy.dual_primary == DualPrimary::Never && !policy.shared {
        return None;
    }
    let only = |c: &&Configured| c.protocols.iter().all(|p| p == "C");
    let (what, first) = if configured.is_some_and(|c| only(&c)) {
        (
            format!("protocol {other} is in force, and C is configured"),
            "# on both hosts",
        )
    } else {
        (
            format!("its protocol is {other}"),
            "# net { protocol C; } in its configuration on both hosts, then on both",
        )
    };
    Some(Finding::warning(
        name,
        &what,
        "two primaries need protocol C, so live migrations are refused; and a write that a guest takes for done may be lost with its host",
        &format!("{first}\ndrbdadm adjust {name}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{self, Note, Warning};
    use crate::drbd::ConnectionSettings;

    fn settings() -> Settings {
        Settings {
            quorum: true,
            connections: vec![ConnectionSettings {
                peer_node_id: 1,
                protocol: Some("C".into()),
                two_primaries: Some(false),
                fencing: false,
                transport: String::new(),
                paths: Vec::new(),
            }],
        }
    }

    type Change = fn(&mut Settings, &mut Configured, &mut Policy);

    fn after(change: Change) -> Vec<(Severity, String, String)> {
        let (mut settings, mut configured, mut policy) =
            (settings(), Configured::default(), Policy::default());
        change(&mut settings, &mut configured, &mut policy);
        let found = of_one("web", &settings, Some(&configured), &policy);
        found
            .into_iter()
            .map(|f| (f.severity, f.what, f.fix))
            .collect()
    }

    #[test]
    fn what_agrees_has_no_findings() {
        let sound: [Change; 4] = [
            |_, _, _| {},
            |s, _, _| s.connections[0].two_primaries = None,
            |s, c, p| {
                s.connections[0].two_primaries = Some(true);
                c.two_primaries = true;
                p.dual_primary = DualPrimary::Static;
            },
            |s, _, p| {
                s.quorum = false;
                s.connections[0].protocol = Some("A".into());
                p.dual_primary = DualPrimary::Never;
                p.disconnected = Disconnected::Refuse;
            },
        ];
        for change in sound {
            assert_eq!(after(change), []);
        }
    }

    #[test]
    fn each_finding_has_its_cause() {
        let rows: [(Change, Severity, &str, &str); 8] = [
            (
                |_, c, _| c.two_primaries = true,
                Warning,
                "is configured",
                "dual-primary = \"static\"",
            ),
            (
                |_, _, p| p.dual_primary = DualPrimary::Static,
                Warning,
                "not configured",
                "allow-two-primaries yes",
            ),
            (
                |_, _, p| p.shared = true,
                Warning,
                "shared = true",
                "drbdadm adjust web",
            ),
            (
                |_, c, p| (c.two_primaries, p.dual_primary) = (true, DualPrimary::Static),
                Warning,
                "not in force",
                "drbdadm adjust web",
            ),
            (
                |s, c, _| {
                    s.connections[0].protocol = Some("A".into());
                    c.protocols = ["A".to_owned()].into();
                },
                Warning,
                "protocol is A",
                "protocol C",
            ),
            (
                |s, _, _| s.connections[0].protocol = Some("B".into()),
                Warning,
                "B is in force",
                "adjust",
            ),
            (
                |s, _, _| s.connections[0].fencing = true,
                Warning,
                "fence-peer",
                "handlers",
            ),
            (
                |s, _, _| s.quorum = false,
                Note,
                "neither fencing",
                "man 5 drbd.conf",
            ),
        ];
        for (change, severity, what, fix) in rows {
            let found = after(change);
            let [(is, says, command)] = found.as_slice() else {
                panic!("{what}: {found:?}");
            };
            assert_eq!(*is, severity, "{what}");
            assert!(says.contains(what) && command.contains(fix), "{found:?}");
        }
    }

    /// Without drbdadm's word nothing is known of the configuration.
    #[test]
    fn an_unknown_configuration_is_no_reproach() {
        assert_eq!(of_one("web", &settings(), None, &Policy::default()), []);
    }
}
