//! Says beforehand what `add` would decide, here and where a guest would migrate to. Nothing is changed
//! and nothing locked: the facts are read as `add` reads them, of a backend that does not exist, and the
//! decision is its own.

mod answer;
mod finding;
mod mirror;
mod remote;
mod subject;

use std::io;

use crate::arrival::Supposed;
use crate::backend::Guest;
use crate::deadline::Deadline;
use crate::drbd::Replication;
use crate::host::Host;
use crate::observe::World;
use crate::policy::Configuration;
use crate::store::Together;
use crate::survey;

pub use finding::{Finding, Place, Severity};
pub use remote::{Other, ask};
pub use subject::{Group, Subject, is_file};

/// A domain that cannot be: the first number that Xen keeps for itself (xen:
/// `xen/include/public/xen.h`, `DOMID_FIRST_RESERVED`).
pub const NOBODY: u32 = 0x7ff0;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether it would start here; whether it could then migrate, as far as that is seen from here.
    Start,
    /// Whether it would start here; another host is asked about the migration.
    StartOnly,
    /// Whether this host would take it in from the other one.
    Receive {
        /// The guest's uuid, where it runs there.
        uuid: Option<String>,
        /// Name of the source, where the guest does not run yet.
        from: Option<String>,
    },
}

impl Question {
    fn supposed(&self) -> Supposed<'_> {
        match self {
            Self::Start | Self::StartOnly => Supposed::Start,
            Self::Receive { from: None, .. } => Supposed::Received,
            Self::Receive {
                from: Some(from), ..
            } => Supposed::ReceivedFrom(from),
        }
    }
}

/// What was found of one guest.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The findings.
    pub findings: Vec<Finding>,
    /// The guest runs here.
    pub running: Option<Guest>,
    /// The disks that nothing here keeps from migrating.
    pub movable: Vec<Subject>,
}

/// A disk that has been seen: two writers of one resource are told of.
#[derive(Debug)]
struct Seen {
    /// The device, or what names it.
    device: String,
    place: Place,
    group: usize,
    writable: bool,
}

/// Asks about guests, one after the other.
#[derive(Debug)]
pub struct Check<'c, S, R, H> {
    world: &'c World<'c, S, R, H>,
    configuration: &'c Configuration,
    deadline: &'c Deadline,
    question: Question,
    seen: Vec<Seen>,
    groups: usize,
}

impl<'c, S: Together, R: Replication, H: Host> Check<'c, S, R, H> {
    /// Begins.
    #[must_use]
    pub fn new(
        world: &'c World<'c, S, R, H>,
        configuration: &'c Configuration,
        deadline: &'c Deadline,
        question: Question,
    ) -> Self {
        Self {
            world,
            configuration,
            deadline,
            question,
            seen: Vec::new(),
            groups: 0,
        }
    }

    /// The disks of one guest.
    ///
    /// # Errors
    /// When xenstored cannot be asked.
    pub fn group(&mut self, group: &Group) -> io::Result<Answer> {
        self.groups += 1;
        let mut answer = Answer::default();
        let receiving = matches!(self.question, Question::Receive { .. });
        if let Some(name) = group.place.guest.as_deref().filter(|_| !receiving) {
            answer.running = self.running(name)?;
        }
        if let Some(guest) = &answer.running {
            let words = format!(
                "{guest} runs here, so that xl would not start it again: what counts is whether it can migrate"
            );
            answer.findings.push(group.place.note(words));
            for disk in survey::refused(self.world.store, guest.domid)? {
                let vdev = if disk.vdev.is_empty() {
                    &disk.device
                } else {
                    &disk.vdev
                };
                let (vdev, domid) = (crate::words::short(vdev, 40), guest.domid);
                let words = format!(
                    "{guest} was refused {vdev}, and a migration would take it along all the same: `xl block-detach {domid} {vdev}`"
                );
                answer.findings.push(group.place.error(words));
            }
        }
        let guest = answer
            .running
            .clone()
            .unwrap_or_else(|| self.imagined(group));
        for (place, disk) in &group.unserved {
            answer.findings.push(self.unserved(place, disk));
        }
        for subject in &group.subjects {
            self.subject(subject, &guest, &mut answer)?;
        }
        Ok(answer)
    }

    /// A guest that has not come yet.
    fn imagined(&self, group: &Group) -> Guest {
        let uuid = match &self.question {
            Question::Receive { uuid, .. } => uuid.as_ref(),
            _ => None,
        };
        Guest {
            domid: NOBODY,
            name: group.place.guest.clone(),
            vm: uuid.map(|u| format!("/vm/{u}")),
            target_vm: None,
        }
    }

    /// The domain of that name. `xl` would not make a second one (xen:
    /// `tools/libs/light/libxl_domain.c`, `libxl__domain_rename`).
    fn running(&self, name: &str) -> io::Result<Option<Guest>> {
        let domains = match self.world.store.directory("/local/domain") {
            Ok(domains) => domains,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        for domain in domains {
            let Ok(domid) = domain.parse() else {
                continue;
            };
            let guest = Guest::read(self.world.store, domid)?;
            if guest.name.as_deref() == Some(name) {
                return Ok(Some(guest));
            }
        }
        Ok(None)
    }

    /// Tells of another disk of the same device, where one of the two is written to.
    fn same_device(&mut self, device: String, subject: &Subject) -> Option<Finding> {
        let writable = subject.disk.writable;
        let mut others = self.seen.iter();
        let other = others.find(|o| o.device == device && (o.writable || writable));
        let finding = other.map(|other| {
            let what = format!(
                "the same device as {} of {}",
                vdev(&other.place),
                other.place
            );
            if other.group == self.groups {
                subject
                    .place
                    .error(format!("{what}: a guest cannot have it twice"))
            } else {
                let words = "only one of the two guests can have it at a time";
                subject.place.warning(format!("{what}: {words}"))
            }
        });
        self.seen.push(Seen {
            device,
            place: subject.place.clone(),
            group: self.groups,
            writable,
        });
        finding
    }
}

fn vdev(place: &Place) -> String {
    let vdev = place.vdev.as_deref().unwrap_or("the disk");
    crate::words::short(vdev, 40)
}
