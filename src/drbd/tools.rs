//! The real DRBD: its tools, run with an argument vector, never through a shell.
//!
//! `drbdsetup` alone stands on the way of `add` and `remove`; `drbdadm` parses the configuration
//! of every resource, so it is asked only to word a refusal.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use super::configured::Configured;
use super::error::CommandError;
use super::proc_drbd::ProcDrbd;
use super::resource::{Generation, Resource};
use super::section::Section;
use super::settings::{ConnectionSettings, Settings, devices_of_84};
use super::words::Role;
use super::{Absence, Error, InFlight, Name, Replication, events2};
use crate::deadline::Deadline;
use crate::process::{self, Output, RunError, Stream};
use crate::root::Root;

/// What drbdsetup itself runs when the module is 8.4 (drbd-utils: user/v9/drbdsetup.c). Called
/// directly it saves an exec each time.
const DRBDSETUP_84: &str = "/lib/drbd/drbdsetup-84";
/// For questions whose answer only makes a message better.
const SHORT: Duration = Duration::from_secs(6);

/// DRBD's tools on this host.
#[derive(Debug)]
pub struct Tools {
    root: Root,
    setup: OnceCell<PathBuf>,
}

impl Tools {
    /// The tools below that root.
    #[must_use]
    pub fn new(root: Root) -> Self {
        Self {
            root,
            setup: OnceCell::new(),
        }
    }

    /// `/proc/drbd`, or `None` while the module is not loaded: running drbdsetup would load it.
    fn proc_drbd(&self) -> Result<Option<ProcDrbd>, Error> {
        match std::fs::read(self.root.join("/proc/drbd")) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let first = text.lines().next().unwrap_or_default().to_owned();
                ProcDrbd::parse(&text)
                    .map(Some)
                    .ok_or(Error::Version(first))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::Unreadable(error.to_string())),
        }
    }

    fn drbdsetup(&self, generation: Generation) -> &PathBuf {
        // One module is loaded for all of a run, so its generation does not change.
        self.setup.get_or_init(|| {
            let direct = self.root.join(DRBDSETUP_84);
            if generation == Generation::V84 && direct.exists() {
                direct
            } else {
                self.program("drbdsetup")
            }
        })
    }

    /// Whatever changes from now on, as long as somebody listens; `None` while the module is not
    /// loaded. What it says is not read: that it says something tells that it is time to look.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn events(&self) -> Result<Option<Stream>, Error> {
        let Some(file) = self.proc_drbd()? else {
            return Ok(None);
        };
        let program = self.drbdsetup(file.generation);
        Ok(Some(Stream::start(program, &["events2"])?))
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
            .iter()
            .map(|folder| self.root.join(&format!("{folder}/{name}")))
            .find(|path| path.exists())
            .unwrap_or_else(|| self.root.join(&format!("/usr/sbin/{name}")))
    }

    /// Runs drbdsetup; an exit code other than 0 is an error.
    fn run(
        &self,
        generation: Generation,
        args: &[&str],
        deadline: &Deadline,
    ) -> Result<Output, Error> {
        let output = process::run(self.drbdsetup(generation), args, deadline)?;
        log::debug!("drbdsetup {} exited {:?}", args.join(" "), output.code);
        if output.code == Some(0) {
            return Ok(output);
        }
        let command = format!("drbdsetup {}", args.join(" "));
        Err(CommandError::new(command, output.code, &output.stderr).into())
    }

    /// One resource, or all.
    fn resources(&self, only: Option<&str>, deadline: &Deadline) -> Result<Vec<Resource>, Error> {
        let Some(before) = self.proc_drbd()? else {
            return Ok(Vec::new());
        };
        let generation = before.generation;
        let mut args = vec!["events2", "--now", "--statistics"];
        args.extend(only);
        let output = self.run(generation, &args, deadline)?;
        if !output.stdout.contains("exists -") {
            return Err(Error::Answer(format!("drbdsetup {}", args.join(" "))));
        }
        let mut resources = events2::parse(&output.stdout, generation);
        // Read after events2, so that a role is never older than the rest; 9 has told all of it.
        if generation == Generation::V84 {
            if let Some(after) = self.proc_drbd()? {
                for resource in &mut resources {
                    after.complete(resource);
                }
            }
        }
        Ok(resources)
    }

    /// The settings in force, as text.
    fn show(
        &self,
        generation: Generation,
        name: &str,
        deadline: &Deadline,
    ) -> Result<String, Error> {
        let args = ["show", name, "--show-defaults"];
        Ok(self.run(generation, &args, deadline)?.stdout)
    }

    /// Which resources the configuration allows two primaries; all, or one.
    fn dump(&self, only: Option<&str>, deadline: &Deadline) -> Option<BTreeMap<String, bool>> {
        // Without both options it leaves out what a resource inherits. They change nothing.
        let mut args = vec!["--dry-run", "--verbose", "dump"];
        args.extend(only);
        let output = self.drbdadm(&args, deadline).ok()?;
        let all = Configured::parse_all(&output.stdout).into_iter();
        let allowed: BTreeMap<_, _> = all.map(|(name, c)| (name, c.two_primaries)).collect();
        (!allowed.is_empty()).then_some(allowed)
    }

    pub(super) fn drbdadm(&self, args: &[&str], deadline: &Deadline) -> Result<Output, RunError> {
        process::run(&self.program("drbdadm"), args, &deadline.at_most(SHORT))
    }
}

impl Replication for Tools {
    fn read(&self, name: &Name, deadline: &Deadline) -> Result<Option<Resource>, Error> {
        let only = match name {
            Name::Resource(name) => Some(name.as_str()),
            Name::Minor(_) => None,
        };
        let resources = self.resources(only, deadline)?;
        Ok(resources.into_iter().find(|r| match name {
            Name::Resource(name) => r.name == *name,
            Name::Minor(minor) => r.minors().any(|m| m == *minor),
        }))
    }

    /// On 8.4 the settings name the volumes, and the kernel's own file tells of them what is healthy.
    fn read_with_settings(
        &self,
        name: &Name,
        deadline: &Deadline,
    ) -> Result<Option<(Resource, Option<Settings>)>, Error> {
        let plainly = |settings| Ok(self.read(name, deadline)?.map(|r| (r, settings)));
        let Name::Resource(named) = name else {
            return plainly(None);
        };
        if self.proc_drbd()?.map(|f| f.generation) != Some(Generation::V84) {
            return plainly(None);
        }
        let text = match self.show(Generation::V84, named, deadline) {
            Ok(text) => text,
            // It may not be up: the reading tells.
            Err(Error::Command(_)) => return plainly(None),
            Err(error) => return Err(error),
        };
        let settings = Settings::parse(&text);
        let now = self.proc_drbd()?;
        match now.and_then(|file| file.resource(named, &devices_of_84(&text))) {
            Some(resource) => Ok(Some((resource, settings))),
            None => plainly(settings),
        }
    }

    fn generation(&self) -> Result<Option<Generation>, Error> {
        Ok(self.proc_drbd()?.map(|file| file.generation))
    }

    fn all(&self, deadline: &Deadline) -> Result<Vec<Resource>, Error> {
        self.resources(None, deadline)
    }

    fn all_settings(&self, deadline: &Deadline) -> Result<Vec<(String, Settings)>, Error> {
        let Some(file) = self.proc_drbd()? else {
            return Ok(Vec::new());
        };
        // 8.4 takes an option for the name where none is given.
        let args = ["show", "all", "--show-defaults"];
        let output = self.run(file.generation, &args, deadline)?;
        Ok(Settings::parse_all(&output.stdout))
    }

    /// On 8.4 the kernel's own file tells as much of what is healthy: no program is needed.
    fn read_again(
        &self,
        before: &Resource,
        deadline: &Deadline,
    ) -> Result<Option<Resource>, Error> {
        if before.generation == Generation::V84 {
            if let Some(now) = self.proc_drbd()?.and_then(|file| file.again(before)) {
                return Ok(Some(now));
            }
        }
        self.read(&Name::Resource(before.name.clone()), deadline)
    }

    fn settings(&self, resource: &Resource, deadline: &Deadline) -> Result<Settings, Error> {
        let name = &resource.name;
        let text = self.show(resource.generation, name, deadline)?;
        Settings::parse(&text)
            .ok_or_else(|| Error::Answer(format!("drbdsetup show {name} --show-defaults")))
    }

    fn promote(&self, resource: &Resource, deadline: &Deadline) -> Result<(), Error> {
        if resource.generation == Generation::V9 {
            self.run(Generation::V9, &["primary", &resource.name], deadline)?;
            return Ok(());
        }
        let mut promoted: Vec<String> = Vec::new();
        for volume in resource.volumes.iter().filter(|v| v.role != Role::Primary) {
            let minor = volume.minor.to_string();
            if let Err(error) = self.run(Generation::V84, &["primary", &minor], deadline) {
                for minor in promoted.iter().rev() {
                    let undone = self.run(Generation::V84, &["secondary", minor], deadline);
                    if let Err(left) = undone {
                        log::error!(
                            "minor {minor} was promoted and could not be demoted again: {left}"
                        );
                    }
                }
                return Err(error);
            }
            promoted.push(minor);
        }
        Ok(())
    }

    fn demote(&self, resource: &Resource, deadline: &Deadline) -> Result<(), Error> {
        if resource.generation == Generation::V9 {
            self.run(Generation::V9, &["secondary", &resource.name], deadline)?;
            return Ok(());
        }
        let mut first = Ok(());
        for volume in resource
            .volumes
            .iter()
            .filter(|v| v.role != Role::Secondary)
        {
            let demoted = self.run(
                Generation::V84,
                &["secondary", &volume.minor.to_string()],
                deadline,
            );
            first = first.and(demoted.map(drop));
        }
        first
    }

    fn is_secondary(&self, resource: &Resource, deadline: &Deadline) -> Result<bool, Error> {
        if resource.generation == Generation::V84 {
            if let Some(file) = self.proc_drbd()? {
                let secondary = |minor| file.role(minor) == Some(&Role::Secondary);
                if resource.minors().all(secondary) {
                    return Ok(true);
                }
            }
        }
        let now = self.read(&Name::Resource(resource.name.clone()), deadline)?;
        Ok(now.is_none_or(|r| r.is_secondary()))
    }

    fn allow_two_primaries(
        &self,
        resource: &Resource,
        connection: &ConnectionSettings,
        allow: bool,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let which = match (resource.generation, connection.paths.first()) {
            (Generation::V9, _) => {
                vec![resource.name.clone(), connection.peer_node_id.to_string()]
            }
            (Generation::V84, Some(path)) => vec![path.local.full(), path.peer.full()],
            (Generation::V84, None) => {
                return Err(Error::Answer("drbdsetup show".into()));
            }
        };
        let setting = format!("--allow-two-primaries={}", if allow { "yes" } else { "no" });
        let mut args = vec!["net-options"];
        args.extend(which.iter().map(String::as_str));
        args.push(&setting);
        self.run(resource.generation, &args, deadline).map(drop)
    }

    fn configured_two_primaries(&self, resource: &Resource, deadline: &Deadline) -> Option<bool> {
        let configured = self.dump(Some(&resource.name), deadline)?;
        configured.get(&resource.name).copied()
    }

    fn all_configured_two_primaries(&self, deadline: &Deadline) -> Option<BTreeMap<String, bool>> {
        self.dump(None, deadline)
    }

    fn in_flight(&self, resource: &Resource, deadline: &Deadline) -> Result<InFlight, Error> {
        if resource.generation == Generation::V84 {
            let file = self.proc_drbd()?;
            let counters: Option<Vec<_>> =
                file.and_then(|f| resource.minors().map(|minor| f.counters(minor)).collect());
            if let Some(counters) = counters {
                return Ok(InFlight {
                    received: counters.iter().map(|c| c.received).collect(),
                    idle: counters
                        .iter()
                        .all(|c| c.unacked == 0 && c.lower_pending == 0),
                    resource: None,
                });
            }
        }
        let name = Name::Resource(resource.name.clone());
        let now = self
            .read(&name, deadline)?
            .ok_or_else(|| Error::Answer("drbdsetup events2".into()))?;
        let peers = || now.connections.iter().flat_map(|c| &c.peer_devices);
        let received = peers().map(|d| d.received).collect();
        let idle =
            peers().all(|d| d.unacked == 0) && now.volumes.iter().all(|v| v.lower_pending == 0);
        Ok(InFlight {
            received,
            idle,
            resource: Some(now),
        })
    }

    fn absence(&self, name: &Name, deadline: &Deadline) -> Absence {
        if !self.root.join("/proc/drbd").exists() {
            return Absence::NoModule;
        }
        let Name::Resource(name) = name else {
            return Absence::NotUp;
        };
        match self.drbdadm(&["sh-minor", name], deadline) {
            Ok(output) if output.stderr.contains("not defined in your config") => {
                Absence::NotConfigured(
                    output
                        .stderr
                        .lines()
                        .next()
                        .unwrap_or_default()
                        .trim()
                        .to_owned(),
                )
            }
            _ => Absence::NotUp,
        }
    }

    fn peer_name(&self, resource: &Resource, deadline: &Deadline) -> Option<String> {
        let output = self.drbdadm(&["dump", &resource.name], deadline).ok()?;
        let own = std::fs::read_to_string(self.root.join("/proc/sys/kernel/hostname")).ok()?;
        let all = Section::parse(&output.stdout);
        let hosts = all
            .all("resource")
            .filter(|r| r.words.get(1) == Some(&resource.name))
            .flat_map(|r| r.all("on"))
            .filter_map(|on| on.words.get(1..));
        let others: Vec<&String> = hosts.flatten().filter(|h| **h != own.trim()).collect();
        match others.as_slice() {
            [other] => Some((*other).clone()),
            _ => None,
        }
    }
}
