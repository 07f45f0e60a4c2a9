//! What of this host has a device that a guest has, too.

use super::facts::Facts;
use super::finding::{Finding, quoted};
use crate::holders::Holder;
use crate::occupant::Occupant;

/// What is wrong with all devices.
#[must_use]
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let Ok(survey) = &facts.survey else {
        return Vec::new();
    };
    let using = || survey.occupants.iter().filter(|o| o.is_using());
    let of_one = |holder: &Holder| {
        let occupant = using().find(|o| o.minor == holder.minor())?;
        Some(finding(occupant, holder))
    };
    facts.holders.iter().filter_map(of_one).collect()
}

/// Of a device that both have.
#[must_use]
pub fn finding(occupant: &Occupant, holder: &Holder) -> Finding {
    let device = format!("/dev/drbd{}", holder.minor());
    let guest = occupant.to_string();
    let stays = "it cannot be demoted when the guest ends, so the guest cannot start on a peer";
    let both = "this host and the guest do not know of each other's writes: the data are destroyed, be it that one of them only reads";
    match holder {
        Holder::Mount { on, .. } => Finding::error(
            &device,
            &format!("mounted here on {on}, and {guest} has it"),
            both,
            &format!("umount {}", quoted(on)),
        ),
        Holder::Swap { .. } => Finding::error(
            &device,
            &format!("swap space of this host, and {guest} has it"),
            both,
            &format!("swapoff {device}"),
        ),
        Holder::Process { .. } => Finding::warning(
            &device,
            &format!("{} here, and {guest} has it", holder.short()),
            stays,
            &format!("lsof {device}"),
        ),
        Holder::Device { name, .. } => Finding::warning(
            &device,
            &format!("held here by {name}, and {guest} has it"),
            stays,
            &release(&device, name),
        ),
    }
}

/// `dm-3 (vg-lv)`: a mapping goes by the name behind it (`dmsetup(8)`).
fn release(device: &str, name: &str) -> String {
    let mapping = name.split_once(" (").and_then(|(_, n)| n.strip_suffix(')'));
    match mapping {
        Some(mapping) => format!("dmsetup remove {}", quoted(mapping)),
        None => format!("lsblk {device}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{Error, Warning};

    #[test]
    fn each_holder_has_its_finding() {
        let occupant = Occupant {
            domid: 5,
            device: "51714".into(),
            minor: 1,
            published: None,
            attached: true,
        };
        let named = |name: &str| Holder::Device {
            minor: 1,
            name: name.into(),
        };
        let mount = Holder::Mount {
            minor: 1,
            on: "/mnt/a b".into(),
        };
        for (holder, severity, what, fix) in [
            (
                mount,
                Error,
                "mounted here on /mnt/a b",
                "umount '/mnt/a b'",
            ),
            (
                Holder::Swap { minor: 1 },
                Error,
                "swap space",
                "swapoff /dev/drbd1",
            ),
            (
                named("dm-3 (vg-lv)"),
                Warning,
                "dm-3 (vg-lv)",
                "dmsetup remove vg-lv",
            ),
            (
                named("md1"),
                Warning,
                "held here by md1",
                "lsblk /dev/drbd1",
            ),
        ] {
            let found = finding(&occupant, &holder);
            assert_eq!((found.severity, found.fix.as_str()), (severity, fix));
            assert!(
                found.what.contains(what) && found.what.contains("vbd-5-51714"),
                "{found:?}"
            );
        }
    }
}
