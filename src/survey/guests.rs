//! Guests' disks, by what xenstore and the kernel say.

use std::collections::BTreeMap;
use std::io;

use super::{Survey, Unpublished};
use crate::backend::{Guest, access};
use crate::drbd::Resource;
use crate::host::Host;
use crate::occupant::{self, Occupant};
use crate::sharing::{self, Folder, Relation, Use};
use crate::spec::Spec;
use crate::store::Together;

/// What stands before the name of the program in `script`, and in `params` where it is not.
const PROGRAM: &str = "block-drbd";
const PREFIXES: [&str; 2] = ["drbd:", "/dev/drbd"];
/// Where qemu serves disks itself (xen: `tools/libs/light/libxl_disk.c`).
const QEMU: &str = "backend/qdisk";

/// What was read, before it is known which resources are up.
pub(super) struct Disks {
    occupants: Vec<Occupant>,
    unpublished: Vec<(Unpublished, Spec)>,
    qemu: Vec<(Box<str>, Use, Spec)>,
}

impl Disks {
    /// Walks over all backends.
    pub fn read(store: &impl Together, host: &impl Host) -> io::Result<Self> {
        let attached = host.attached();
        let all = sharing::all_uses(store, |_| true)?;
        let mut unpublished = Vec::new();
        for folder in &all.unpublished {
            unpublished.extend(read_unpublished(store, folder)?);
        }
        let mut qemu = Vec::new();
        for folder in sharing::folders(store, QEMU)? {
            qemu.extend(read_qemu(store, folder)?);
        }
        Ok(Self {
            occupants: occupant::join(all.published, attached, |_| true),
            unpublished,
            qemu,
        })
    }

    /// Puts it into the survey, whose resources are known.
    pub fn tell(self, survey: &mut Survey, host: &impl Host) {
        let places = Places::of(&survey.resources);
        survey.occupants = self.occupants;
        let qemu = self.qemu.into_iter().filter_map(|(device, user, spec)| {
            let minor = places.of_spec(&spec, host)?.2?;
            Some(Occupant {
                domid: user.guest.domid,
                device: device.into(),
                minor,
                published: Some(Use { minor, ..user }),
                attached: false,
            })
        });
        survey.occupants.extend(qemu);
        survey.occupants.sort_by_key(|o| (o.domid, o.minor));
        let unpublished = self.unpublished.into_iter();
        survey.unpublished = unpublished
            .filter_map(|(disk, spec)| {
                let (resource, volume, _) = places.of_spec(&spec, host)?;
                Some(Unpublished {
                    resource,
                    volume,
                    ..disk
                })
            })
            .collect();
        let published = survey.occupants.iter().filter_map(Occupant::known);
        let guests = published.map(|u| &u.guest);
        let guests = guests.chain(survey.unpublished.iter().map(|u| &u.guest));
        let arriving = guests.filter(|guest| {
            let marked = |uuid| host.is_received(uuid, guest.domid);
            guest.is_named_incoming() || guest.uuid().is_some_and(marked)
        });
        survey.arriving = arriving.map(|g| g.domid).collect();
    }
}

/// What a specification leads to: name, volume and minor, as far as they are known.
type Place = (Option<String>, Option<u32>, Option<u32>);

/// Where the volumes of the resources are.
struct Places {
    by_minor: BTreeMap<u32, (String, u32)>,
    by_name: BTreeMap<(String, u32), u32>,
}

impl Places {
    fn of(resources: &[Resource]) -> Self {
        let volumes = resources
            .iter()
            .flat_map(|r| r.volumes.iter().map(move |v| (&r.name, v.volume, v.minor)));
        let mut places = Self {
            by_minor: BTreeMap::new(),
            by_name: BTreeMap::new(),
        };
        for (name, volume, minor) in volumes {
            places.by_minor.insert(minor, (name.clone(), volume));
            places.by_name.insert((name.clone(), volume), minor);
        }
        places
    }

    fn of_spec(&self, spec: &Spec, host: &impl Host) -> Option<Place> {
        let minor = match spec {
            Spec::Resource { name, volume } => {
                let volume = volume.or_else(|| self.only_volume(name));
                let place = volume.map(|volume| (name.clone(), volume));
                let minor = place.and_then(|place| self.by_name.get(&place).copied());
                return Some((Some(name.clone()), volume, minor));
            }
            Spec::Minor(minor) => *minor,
            spec @ Spec::ByDisk(_) => host.minor_of(&spec.to_string()).ok()?,
        };
        let place = self.by_minor.get(&minor).cloned();
        let (name, volume) = place.unzip();
        Some((name, volume, Some(minor)))
    }

    /// The number of the volume of a resource that has but one.
    fn only_volume(&self, name: &str) -> Option<u32> {
        let range = (name.to_owned(), 0)..=(name.to_owned(), u32::MAX);
        let mut volumes = self.by_name.range(range).map(|((_, volume), _)| *volume);
        volumes.next().filter(|_| volumes.next().is_none())
    }
}

/// The disks of a domain whose `add` failed, and which nobody has detached since.
///
/// # Errors
/// When xenstored cannot be asked.
pub fn refused(store: &impl Together, domid: u32) -> io::Result<Vec<Unpublished>> {
    let all = sharing::all_uses(store, |_| true)?;
    let mut found = Vec::new();
    for folder in all.unpublished.iter().filter(|f| f.domid == domid) {
        let disk = read_unpublished(store, folder)?.map(|(disk, _)| disk);
        found.extend(disk.filter(|d| d.error.is_some()));
    }
    Ok(found)
}

/// A folder without a device, if it is one for this program.
fn read_unpublished(
    store: &impl Together,
    folder: &Folder,
) -> io::Result<Option<(Unpublished, Spec)>> {
    let Some(params) = folder.node(store, "params")? else {
        return Ok(None);
    };
    let script = folder.node(store, "script")?.unwrap_or_default();
    let ours = script.rsplit('/').next() == Some(PROGRAM);
    if !ours && !PREFIXES.iter().any(|p| params.starts_with(p)) {
        return Ok(None);
    }
    let Ok(spec) = Spec::parse(&params) else {
        return Ok(None);
    };
    let node = |name: &str| folder.node(store, name).map(Option::unwrap_or_default);
    let disk = Unpublished {
        guest: Guest::read(store, folder.domid)?,
        device: folder.device.to_string(),
        vdev: node("dev")?.into(),
        access: access(&node("mode")?),
        resource: None,
        volume: None,
        error: folder.node(store, "hotplug-error")?.map(String::from),
    };
    Ok(Some((disk, spec)))
}

/// A disk that qemu serves: `params` is the format, a colon and the path.
fn read_qemu(store: &impl Together, folder: Folder) -> io::Result<Option<(Box<str>, Use, Spec)>> {
    let params = folder.node(store, "params")?.unwrap_or_default();
    let path = params.split_once(':').map_or("", |(_, path)| path);
    if !path.starts_with("/dev/drbd") {
        return Ok(None);
    }
    let Ok(spec) = Spec::parse(path) else {
        return Ok(None);
    };
    let guest = Guest::read(store, folder.domid)?;
    let relation = sharing::relation(store, &guest, &Guest::default())?;
    let relation = match relation {
        Relation::Gone => Relation::Gone,
        _ => Relation::Other,
    };
    let user = folder.user(store, 0, guest, relation)?;
    Ok(user.map(|user| (folder.device, user, spec)))
}
