//! What is asked about: the disks of a file, or a resource by itself.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::finding::{Finding, Place};
use crate::domain_file::{Disk, DomainFile, backend_kind, vdev};
use crate::spec::Spec;
use crate::words::short;

/// More than any guest's configuration has.
const FILE_MAX: u64 = 1 << 20;

/// One disk that this program would be run for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Where it stands.
    pub place: Place,
    /// What stands there.
    pub disk: Disk,
    /// What libxl would write for it.
    pub nodes: backend_kind::Nodes,
    /// Number of the virtual device.
    pub device: u32,
}

/// The disks that one guest has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Where its name stands.
    pub place: Place,
    /// Its disks that this program would be run for.
    pub subjects: Vec<Subject>,
    /// Disks that are DRBD devices, and served without this program.
    pub unserved: Vec<(Place, Disk)>,
    /// What can be said without looking at the host.
    pub findings: Vec<Finding>,
}

/// Whether an argument means a file, rather than a resource.
#[must_use]
pub fn is_file(argument: &Path) -> bool {
    let text = argument.to_string_lossy();
    if text.starts_with("/dev/drbd") {
        return false;
    }
    let exists = argument
        .metadata()
        .is_ok_and(|m| !m.is_dir() && !m.file_type().is_block_device());
    exists || text.ends_with(".cfg") || text.ends_with(".conf") || Spec::parse(&text).is_err()
}

impl Group {
    /// The disks of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(FILE_MAX + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_MAX {
            return Err(io::Error::other("it is larger than 1 MiB"));
        }
        let file = path.to_string_lossy().into_owned();
        Ok(Self::of_text(file, &String::from_utf8_lossy(&bytes)))
    }

    /// The disks in the text of a file.
    #[must_use]
    pub fn of_text(file: String, text: &str) -> Self {
        let mut group = Self {
            place: Place {
                file,
                ..Place::default()
            },
            ..Self::default()
        };
        let read = match DomainFile::parse(text) {
            Ok(read) => read,
            Err(mistake) => {
                let place = group.place.at(mistake.line);
                let words = format!("xl would refuse the file: {}", mistake.words);
                group.findings.push(place.error(words));
                return group;
            }
        };
        if let Some(name) = read.name {
            group.place.line = Some(name.line);
            group.place.guest = Some(name.text);
        } else {
            let words = "xl would refuse the file: no `name` is set";
            group.findings.push(group.place.error(words));
        }
        for passed_over in read.passed_over {
            let place = group.place.at(passed_over.line);
            group.findings.push(place.warning(passed_over.words));
        }
        let mut vdevs: Vec<(u32, usize)> = Vec::new();
        for disk in read.disks {
            let place = group.place.at(disk.line);
            if let Some(device) = group.take(place, &disk.text) {
                if let Some((_, first)) = vdevs.iter().find(|(known, _)| *known == device) {
                    let words = format!(
                        "the disk of line {first} is the same device of the guest, which gets only one of them"
                    );
                    let place = group.place.at(disk.line);
                    group.findings.push(place.warning(words));
                }
                vdevs.push((device, disk.line));
            }
        }
        group
    }

    /// One disk, as `xl block-attach` takes it.
    #[must_use]
    pub fn of_disk(text: &str) -> Self {
        let mut group = Self::default();
        text.clone_into(&mut group.place.file);
        group.take(group.place.clone(), text);
        group
    }

    /// A resource, as it is named behind `drbd:`.
    #[must_use]
    pub fn of_resource(text: &str) -> Self {
        let mut group = Self::of_disk(&format!("vdev=xvda,script=block-drbd,target={text}"));
        text.clone_into(&mut group.place.file);
        for subject in &mut group.subjects {
            text.clone_into(&mut subject.place.file);
            subject.place.vdev = None;
        }
        group
    }

    /// Sorts one disk in. Returns the number of its device.
    fn take(&mut self, mut place: Place, text: &str) -> Option<u32> {
        let disk = match Disk::parse(text) {
            Ok(disk) => disk,
            Err(words) => {
                let words = format!("xl would refuse this disk: {words}");
                self.findings.push(place.error(words));
                return None;
            }
        };
        place.vdev = Some(disk.vdev.clone());
        let Some(device) = vdev::number(&disk.vdev) else {
            let vdev = short(&disk.vdev, 40);
            let words = format!("xl would refuse this disk: there is no virtual device `{vdev}`");
            self.findings.push(place.error(words));
            return None;
        };
        if !disk.is_ours() {
            let target = disk.target.as_deref().unwrap_or_default();
            if disk.script.is_none() && target.starts_with("/dev/drbd") {
                self.unserved.push((place, disk));
            }
            return Some(device);
        }
        place.resource.clone_from(&disk.target);
        if let Some(domain) = &disk.backend {
            let domain = short(domain, 100);
            let words = format!("domain {domain} serves it: ask there");
            self.findings.push(place.note(words));
            return Some(device);
        }
        match backend_kind::nodes(&disk) {
            Ok(nodes) => self.subjects.push(Subject {
                place,
                disk,
                nodes,
                device,
            }),
            Err(words) => self.findings.push(place.error(words)),
        }
        Some(device)
    }
}
