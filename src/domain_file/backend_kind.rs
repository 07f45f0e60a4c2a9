//! Which backend libxl chooses for a disk with a script, and what it then writes (xen:
//! `tools/libs/light/libxl_device.c` `disk_try_backend`, `libxl_disk.c` `device_disk_add`).

use super::disk::{BackendType, Disk, Format, Specification};

/// What stands in the backend's nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// `type`.
    pub kind: &'static str,
    /// `params`.
    pub params: String,
}

/// What libxl writes for a disk with a script.
///
/// # Errors
/// With a sentence, when libxl finds no backend for it.
pub fn nodes(disk: &Disk) -> Result<Nodes, String> {
    let target = disk.target.clone().unwrap_or_default();
    if disk.format == Format::Empty {
        return Err("an empty drive has no script".into());
    }
    let suitable = |backend| {
        let format = match backend {
            BackendType::Phy => disk.format == Format::Raw,
            // Since 4.19; before, libxl refuses it.
            BackendType::Tap => matches!(disk.format, Format::Raw | Format::Vhd),
            BackendType::Qdisk | BackendType::Standalone => false,
        };
        format && !disk.colo && disk.specification != Some(Specification::Virtio)
    };
    let choices = match disk.backend_type {
        Some(named) => vec![named],
        None => vec![BackendType::Phy, BackendType::Tap],
    };
    let chosen = choices.into_iter().find(|b| suitable(*b));
    match chosen {
        Some(BackendType::Tap) => {
            let prefix = if disk.format == Format::Vhd { "vhd" } else { "aio" };
            let params = format!("{prefix}:{target}");
            Ok(Nodes { kind: "vbd3", params })
        }
        Some(_) => Ok(Nodes { kind: "phy", params: target }),
        None => Err("xl finds no suitable backend for it: a disk with a script is raw, and has no other backendtype than phy".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(options: &str) -> Option<(&'static str, String)> {
        let text = format!("vdev=xvda,script=block-drbd,{options}target=web");
        let nodes = nodes(&Disk::parse(&text).unwrap()).ok()?;
        Some((nodes.kind, nodes.params))
    }

    #[test]
    fn a_disk_with_a_script_is_phy_or_nothing_that_can_be_served() {
        let phy = Some(("phy", "web".to_owned()));
        assert_eq!(kind(""), phy);
        assert_eq!(kind("format=raw,backendtype=phy,specification=xen,"), phy);
        assert_eq!(kind("backendtype=tap,"), Some(("vbd3", "aio:web".into())));
        assert_eq!(kind("format=vhd,"), Some(("vbd3", "vhd:web".into())));
        for options in [
            "format=qcow2,",
            "format=qed,",
            "backendtype=qdisk,",
            "backendtype=standalone,",
            "specification=virtio,",
            "colo,",
            "format=vhd,backendtype=phy,",
        ] {
            assert_eq!(kind(options), None, "{options}");
        }
    }
}
