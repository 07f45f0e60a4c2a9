//! One disk's specification, as `xl` understands it (xen: `tools/libs/util/libxlu_disk.c`,
//! `libxlu_disk_l.l`; xl-disk-configuration(5)).

use super::scanner::{Part, next};
use crate::words::short;

/// Format of what is behind a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // they are xl's own words
pub enum Format {
    Raw,
    Qcow,
    Qcow2,
    Vhd,
    Qed,
    Empty,
}

/// Who serves a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BackendType {
    Phy,
    Tap,
    Qdisk,
    Standalone,
}

/// Which protocol the guest speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Specification {
    Xen,
    Virtio,
}

/// One disk of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// What the script makes of it, or a path; only a drive for CDs may have none.
    pub target: Option<String>,
    /// Name in the guest.
    pub vdev: String,
    /// Format.
    pub format: Format,
    /// The guest may write.
    pub writable: bool,
    /// A drive for CDs.
    pub cdrom: bool,
    /// The script, as named.
    pub script: Option<String>,
    /// `backendtype`, where it is named.
    pub backend_type: Option<BackendType>,
    /// `backend`, where it is named: the driver domain.
    pub backend: Option<String>,
    /// `specification`, where it is named.
    pub specification: Option<Specification>,
    /// Replicated by COLO.
    pub colo: bool,
}

impl Disk {
    /// Reads a specification.
    ///
    /// # Errors
    /// With a sentence, when `xl` would refuse it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut draft = Draft {
            writable: true,
            ..Draft::default()
        };
        let mut rest = text;
        while !rest.is_empty() {
            let (part, length) = next(rest);
            draft.take(part, rest)?;
            rest = &rest[length..];
        }
        draft.finish()
    }

    /// `xl` runs this program for it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        let script = self.script.as_deref();
        script.is_some_and(|s| s.rsplit('/').next() == Some("block-drbd"))
    }

    /// `mode`, as libxl writes it (xen: `tools/libs/light/libxl_disk.c`).
    #[must_use]
    pub fn mode(&self) -> &'static str {
        if self.writable { "w" } else { "r" }
    }
}

/// What has been read so far. An empty string counts as not given, and may be given again.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // each is a flag of the syntax
struct Draft {
    target: Option<String>,
    vdev: Option<String>,
    format: Option<Format>,
    writable: bool,
    cdrom: bool,
    script: Option<String>,
    backend_type: Option<BackendType>,
    backend: Option<String>,
    specification: Option<Specification>,
    colo: bool,
    /// A prefix was there: then the format is no positional parameter.
    prefixed: bool,
    /// The access was given by its position.
    access: bool,
}

impl Draft {
    fn take(&mut self, part: Part<'_>, rest: &str) -> Result<(), String> {
        match part {
            Part::Pair(key, value) => self.pair(key, value)?,
            Part::Flag("cdrom") => self.cdrom = true,
            Part::Flag("colo") => self.colo = true,
            Part::Flag("no-colo") => self.colo = false,
            Part::Blank | Part::Flag(_) => {}
            Part::Target(value) => set("target", &mut self.target, value)?,
            Part::FormatPrefix(word) => {
                self.prefixed = true;
                self.format(word)?;
            }
            Part::ScriptPrefix(word) => {
                self.prefixed = true;
                set("script", &mut self.script, &format!("block-{word}"))?;
            }
            Part::DroppedPrefix => self.prefixed = true,
            Part::Positional(value) => self.positional(value)?,
            Part::UnknownKey => return Err(wrong("unknown parameter", rest)),
            Part::UnknownPrefix => return Err(wrong("unknown prefix", rest)),
            Part::Bad => return Err(wrong("bad disk syntax", rest)),
        }
        Ok(())
    }

    fn pair(&mut self, key: &'static str, value: &str) -> Result<(), String> {
        match key {
            "format" => self.format(value),
            "devtype" => {
                self.cdrom = devtype(value)?;
                Ok(())
            }
            "access" => self.access(value),
            "backend" => set(key, &mut self.backend, value),
            "backendtype" => {
                let known = match value {
                    "phy" => BackendType::Phy,
                    "tap" => BackendType::Tap,
                    "qdisk" => BackendType::Qdisk,
                    "standalone" => BackendType::Standalone,
                    _ => return Err(wrong("unknown value for backendtype", value)),
                };
                once(key, &mut self.backend_type, known)
            }
            "specification" => {
                let known = match value {
                    "xen" => Specification::Xen,
                    "virtio" => Specification::Virtio,
                    _ => return Err(wrong("unknown value for specification", value)),
                };
                once(key, &mut self.specification, known)
            }
            "vdev" => set(key, &mut self.vdev, value),
            "script" => set(key, &mut self.script, value),
            "colo-port" if !is_port(value) => Err(wrong("unknown value for colo-port", value)),
            _ => Ok(()),
        }
    }

    fn positional(&mut self, value: &str) -> Result<(), String> {
        let Some(target) = &self.target else {
            self.target = Some(value.to_owned());
            return Ok(());
        };
        if !self.prefixed && self.format.is_none() {
            if target.is_empty() && self.vdev_and_devtype(value)? {
                self.format = Some(Format::Empty);
                return Ok(());
            }
            return self.format(value);
        }
        if self.vdev.is_none() {
            if !self.vdev_and_devtype(value)? {
                self.vdev = Some(value.to_owned());
            }
            return Ok(());
        }
        if self.access {
            return Err(wrong("too many positional parameters", value));
        }
        self.access = true;
        self.access(value)
    }

    /// `hdc:cdrom`.
    fn vdev_and_devtype(&mut self, value: &str) -> Result<bool, String> {
        let Some((vdev, kind)) = value.rsplit_once(':') else {
            return Ok(false);
        };
        set("vdev", &mut self.vdev, vdev)?;
        self.cdrom = devtype(kind)?;
        Ok(true)
    }

    fn format(&mut self, value: &str) -> Result<(), String> {
        let known = match value {
            "" | "raw" => Format::Raw,
            "qcow" => Format::Qcow,
            "qcow2" => Format::Qcow2,
            "vhd" => Format::Vhd,
            "empty" => Format::Empty,
            "qed" => Format::Qed,
            _ => return Err(wrong("unknown value for format", value)),
        };
        once("format", &mut self.format, known)
    }

    fn access(&mut self, value: &str) -> Result<(), String> {
        self.writable = match value {
            "r" | "ro" => false,
            "w" | "rw" | "" => true,
            _ => return Err(wrong("unknown value for access", value)),
        };
        Ok(())
    }

    fn finish(mut self) -> Result<Disk, String> {
        let empty = self.target.as_deref().is_none_or(str::is_empty);
        if self.cdrom {
            self.writable = false;
            if empty {
                self.format = Some(Format::Empty);
            }
        }
        let Some(vdev) = self.vdev else {
            return Err("no vdev is named (behind target=, all is the target's)".into());
        };
        if self.target.is_none() && !self.cdrom {
            return Err("no target is named".into());
        }
        Ok(Disk {
            target: self.target,
            vdev,
            format: self.format.unwrap_or(Format::Raw),
            writable: self.writable,
            cdrom: self.cdrom,
            script: self.script.filter(|s| !s.is_empty()),
            backend_type: self.backend_type,
            backend: self.backend.filter(|b| !b.is_empty()),
            specification: self.specification,
            colo: self.colo,
        })
    }
}

/// A string that may be given once.
fn set(what: &str, place: &mut Option<String>, value: &str) -> Result<(), String> {
    if place.as_deref().is_some_and(|p| !p.is_empty()) {
        return Err(wrong(&format!("{what} is given twice"), value));
    }
    *place = Some(value.to_owned());
    Ok(())
}

/// A choice that may be made once, or again alike.
fn once<T: Copy + PartialEq>(what: &str, place: &mut Option<T>, value: T) -> Result<(), String> {
    if place.is_some_and(|p| p != value) {
        return Err(format!("{what} is given twice, and differently"));
    }
    *place = Some(value);
    Ok(())
}

fn devtype(value: &str) -> Result<bool, String> {
    match value {
        "cdrom" => Ok(true),
        "disk" => Ok(false),
        _ => Err(wrong("unknown value for devtype", value)),
    }
}

/// What `atoi` does not take for 0.
fn is_port(value: &str) -> bool {
    let digits = value.trim_start().trim_start_matches(['+', '-']);
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].contains(|c| c != '0')
}

fn wrong(what: &str, near: &str) -> String {
    format!("{what}: `{}`", short(near, 60))
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
