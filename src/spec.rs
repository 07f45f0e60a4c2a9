//! What a guest's configuration says after `drbd:`, as it stands in the backend's `params`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A disk specification that has been checked: safe to hand to DRBD's tools as an argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spec {
    /// `RES`, `RES/VOL`, or the same below `/dev/drbd/by-res/`.
    Resource {
        /// Name of the resource.
        name: String,
        /// Number of the volume; may be left out where there is only one.
        volume: Option<u32>,
    },
    /// `/dev/drbdN`.
    Minor(u32),
    /// `/dev/drbd/by-disk/…`: a link that udev made, followed when the host is looked at.
    ByDisk(String),
}

/// Why a specification is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Nothing there.
    #[error("no resource is named")]
    Empty,
    /// Bytes that are no text, which came as U+FFFD.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// Longer than the 127 bytes that DRBD takes (H9 `T_ctx_resource_name`, drbd-headers).
    #[error("the name is longer than DRBD allows (127 characters)")]
    TooLong,
    /// A character that DRBD 9 does not take in names either (drbd: `drbd/drbd_main.c` `strict_names`).
    #[error(
        "a resource's name has only letters, digits and + . _ - in it, and does not begin with -"
    )]
    Characters,
    /// A name that drbdadm takes for something else.
    #[error("this is not a resource's name for drbdadm, but a word with a meaning of its own")]
    Reserved,
    /// Something after the `/` that is no number.
    #[error("the volume after the / is not a number from 0 to 65535")]
    Volume,
    /// A path to something that is no DRBD device.
    #[error(
        "not a DRBD device: write RES, RES/VOL, /dev/drbdN, /dev/drbd/by-res/RES or /dev/drbd/by-disk/DISK"
    )]
    NotDrbd,
}

/// Longer than any specification that can be valid.
const LENGTH_MAX: usize = 1024;

impl Spec {
    /// Reads `params`. One leading `drbd:` is dropped: SUSE's libvirt leaves it there (drbd-utils
    /// commit deb3b38c).
    ///
    /// # Errors
    /// When it names no DRBD device, or could be taken for anything but a name.
    pub fn parse(params: &str) -> Result<Self, SpecError> {
        let text = params.strip_prefix("drbd:").unwrap_or(params);
        if text.is_empty() {
            return Err(SpecError::Empty);
        }
        if text.len() > LENGTH_MAX {
            return Err(SpecError::TooLong);
        }
        if text.contains(char::REPLACEMENT_CHARACTER) {
            return Err(SpecError::NotUtf8);
        }
        if let Some(rest) = text.strip_prefix("/dev/drbd/by-res/") {
            return resource(rest);
        }
        if let Some(disk) = text.strip_prefix("/dev/drbd/by-disk/") {
            return by_disk(disk);
        }
        if let Some(minor) = text.strip_prefix("/dev/drbd") {
            return number(minor)
                .filter(|m| *m < 1 << 20)
                .map(Self::Minor)
                .ok_or(SpecError::NotDrbd);
        }
        if text.starts_with('/') {
            return Err(SpecError::NotDrbd);
        }
        resource(text)
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource {
                name,
                volume: Some(volume),
            } => write!(f, "{name}/{volume}"),
            Self::Resource { name, volume: None } => f.write_str(name),
            Self::Minor(minor) => write!(f, "/dev/drbd{minor}"),
            Self::ByDisk(disk) => write!(f, "/dev/drbd/by-disk/{disk}"),
        }
    }
}

/// `RES` or `RES/VOL`.
fn resource(text: &str) -> Result<Spec, SpecError> {
    let (name, volume) = match text.split_once('/') {
        None => (text, None),
        Some((name, volume)) => {
            let volume = number(volume)
                .filter(|v| *v <= 0xffff)
                .ok_or(SpecError::Volume)?;
            (name, Some(volume))
        }
    };
    check_name(name)?;
    Ok(Spec::Resource {
        name: name.to_owned(),
        volume,
    })
}

/// Whether DRBD and drbdadm take this for the name of one resource.
///
/// # Errors
/// When they would not.
pub fn check_name(name: &str) -> Result<(), SpecError> {
    if name.is_empty() {
        return Err(SpecError::Empty);
    }
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"+._-".contains(&b);
    if name.starts_with('-') || !name.bytes().all(legal) {
        return Err(SpecError::Characters);
    }
    if name.len() > 127 {
        return Err(SpecError::TooLong);
    }
    let minor = name
        .strip_prefix("minor-")
        .is_some_and(|n| number(n).is_some());
    if matches!(name, "all" | "." | "..") || minor {
        return Err(SpecError::Reserved);
    }
    Ok(())
}

/// A link below `/dev/drbd/by-disk/`, which cannot lead out of it.
fn by_disk(disk: &str) -> Result<Spec, SpecError> {
    let part = |p: &str| !p.is_empty() && p != "." && p != "..";
    if disk.is_empty() {
        return Err(SpecError::Empty);
    }
    if disk.chars().any(char::is_control) {
        return Err(SpecError::Characters);
    }
    if !disk.split('/').all(part) {
        return Err(SpecError::NotDrbd);
    }
    Ok(Spec::ByDisk(disk.to_owned()))
}

/// Digits only: no sign, no blank, no `0x`.
fn number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(name: &str, volume: Option<u32>) -> Spec {
        Spec::Resource {
            name: name.into(),
            volume,
        }
    }

    #[test]
    fn every_documented_form_is_read() {
        for (text, expected) in [
            ("web-root", named("web-root", None)),
            ("drbd:web-root", named("web-root", None)),
            ("web-root/1", named("web-root", Some(1))),
            ("/dev/drbd/by-res/web-root", named("web-root", None)),
            ("/dev/drbd/by-res/web-root/0", named("web-root", Some(0))),
            ("/dev/drbd7", Spec::Minor(7)),
            (
                "/dev/drbd/by-disk/vg/web-root",
                Spec::ByDisk("vg/web-root".into()),
            ),
            ("vm+1_a.b-c", named("vm+1_a.b-c", None)),
        ] {
            assert_eq!(Spec::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_hostile_specification_is_refused() {
        let long = "x".repeat(300);
        let longer = format!("/dev/drbd/by-disk/{}", "x".repeat(5000));
        for text in [
            "",
            "drbd:",
            "drbd:drbd:x",
            "-f",
            "--force",
            "-",
            "all",
            "drbd:all",
            ".",
            "..",
            "../x",
            "a/../b",
            "minor-5",
            "web-root\0",
            "web\nroot",
            "web\troot",
            "web-root ",
            " web-root",
            "web root",
            &long,
            &longer,
            "$(reboot)",
            "`id`",
            "a;b",
            "a|b",
            "a&b",
            "'x'",
            "\"x\"",
            "a\\b",
            "web-root/",
            "web-root/x",
            "web-root/-1",
            "web-root/1/2",
            "web-root/99999",
            "web-root/+1",
            "/",
            "/dev/sda",
            "/dev/drbd",
            "/dev/drbd1x",
            "/dev/drbd-1",
            "/dev/drbd99999999999",
            "/dev/drbd_data",
            "/dev/drbd/by-res/",
            "/dev/drbd/by-res/../../sda",
            "/dev/drbd/by-disk/",
            "/dev/drbd/by-disk/../../sda",
            "/dev/drbd/by-disk//x",
            "/dev/mapper/x",
            "ä",
            "a:b",
            "a,b",
            "a=b",
        ] {
            assert!(Spec::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_safe_as_an_argument(text in "\\PC{0,60}") {
            if let Ok(Spec::Resource { name, .. }) = Spec::parse(&text) {
                prop_assert!(!name.starts_with('-') && !name.contains('/') && !name.is_empty());
                prop_assert!(name.is_ascii() && name != "all");
            }
        }

        #[test]
        fn a_specification_survives_being_printed(text in "[a-z+._-]{1,20}(/[0-9]{1,5})?") {
            if let Ok(spec) = Spec::parse(&text) {
                prop_assert_eq!(Spec::parse(&spec.to_string()), Ok(spec));
            }
        }
    }
}
