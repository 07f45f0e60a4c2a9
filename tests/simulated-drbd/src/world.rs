//! The world as a test sees it: two hosts, a link between them, resources on both.

use crate::generation::Generation;
use crate::host::{Host, Place};
use crate::output::Output;
use crate::resource::Resource;
use crate::state::Role;
use crate::store::{State, Store};
use crate::tool::Tool;
use crate::tools;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The names of the hosts of every world.
pub const HOSTS: [&str; 2] = ["nodo1", "nodo2"];

/// Two hosts, a link between them, resources on both.
#[derive(Clone, Debug)]
pub struct World {
    dir: PathBuf,
    pub(crate) store: Store,
}

impl World {
    /// Makes a world in a directory, with the hosts' roots `nodo1` and `nodo2` below it.
    ///
    /// # Errors
    /// When it cannot be written, or the tools cannot be built.
    pub fn create(dir: &Path, generation: Generation) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        let dir = dir.canonicalize()?;
        let store = Store::new(&dir);
        let hosts = HOSTS.map(|name| Host::new(name, &dir.join(name)));
        for host in &hosts {
            tools::link(&host.root)?;
            let place = Place {
                world: dir.clone(),
                host: host.name.clone(),
            };
            std::fs::write(
                host.root.join("simulated-drbd.json"),
                serde_json::to_vec(&place)?,
            )?;
            let kernel = host.root.join("proc/sys/kernel");
            std::fs::create_dir_all(&kernel)?;
            std::fs::write(kernel.join("hostname"), format!("{}\n", host.name))?;
        }
        store.create(&State {
            generation,
            hosts,
            link_up: true,
            ping_timeout_ms: 50,
            next_up: 2,
        })?;
        let world = Self { dir, store };
        world.refresh()?;
        Ok(world)
    }

    /// The world which was made in this directory.
    #[must_use]
    pub fn open(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            store: Store::new(dir),
        }
    }

    /// The root directory of a host.
    #[must_use]
    pub fn host(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Adds a resource, or replaces it.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn add_resource(&self, mut resource: Resource) -> Result<()> {
        let mut locked = self.store.lock()?;
        for side in &mut resource.sides {
            if side.up.is_some() {
                side.up = Some(locked.state.next_up);
            }
        }
        locked.state.next_up += 1;
        locked.save_state()?;
        locked.commit(&resource)
    }

    /// A resource as it is now.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn resource(&self, name: &str) -> Result<Resource> {
        self.store
            .lock()?
            .resource(name)?
            .with_context(|| format!("no resource {name:?}"))
    }

    /// All resources as they are now.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn snapshot(&self) -> Result<Vec<Resource>> {
        self.store.lock()?.resources()
    }

    /// Changes a resource by hand.
    ///
    /// # Errors
    /// When there is none of this name, or it cannot be written.
    pub fn edit<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Resource, &State) -> Result<T>,
    ) -> Result<T> {
        let locked = self.store.lock()?;
        let mut resource = locked
            .resource(name)?
            .with_context(|| format!("no resource {name:?}"))?;
        let result = work(&mut resource, &locked.state)?;
        locked.commit(&resource)?;
        Ok(result)
    }

    pub(crate) fn edit_all(&self, work: impl Fn(&mut Resource, &State)) -> Result<()> {
        let locked = self.store.lock()?;
        for mut resource in locked.resources()? {
            work(&mut resource, &locked.state);
            locked.save(&resource)?;
        }
        locked.show_all(0)?;
        locked.show_all(1)
    }

    pub(crate) fn edit_state(&self, work: impl FnOnce(&mut State) -> Result<()>) -> Result<()> {
        let mut locked = self.store.lock()?;
        work(&mut locked.state)?;
        locked.save_state()
    }

    /// The role of a resource on a host.
    ///
    /// # Errors
    /// When there is no such host or resource.
    pub fn role(&self, host: &str, resource: &str) -> Result<Role> {
        let locked = self.store.lock()?;
        let index = locked.state.host(host)?;
        let resource = locked
            .resource(resource)?
            .with_context(|| format!("no resource {resource:?}"))?;
        Ok(resource.sides[index].role())
    }

    /// Writes the files of both hosts anew: counters and closed devices become visible there.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn refresh(&self) -> Result<()> {
        let locked = self.store.lock()?;
        locked.show_all(0)?;
        locked.show_all(1)
    }

    /// Runs a tool at a host without a process: `run("nodo1", &["drbdsetup", "primary", "1"])`.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn run(&self, host: &str, words: &[&str]) -> Result<Output> {
        let (name, rest) = words.split_first().context("no command")?;
        let rest: Vec<String> = rest.iter().map(|word| (*word).to_owned()).collect();
        Tool::at(&self.dir, host)?.run(name, &rest)
    }

    /// The calls of a host's tools so far, one line each: argv with blanks between.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn calls(&self, host: &str) -> Result<Vec<String>> {
        let path = self.host(host).join("simulated-drbd.calls");
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }
}
