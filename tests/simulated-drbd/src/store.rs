//! Where the world is kept: small JSON files, one a resource, under one lock.

use crate::clock;
use crate::generation::Generation;
use crate::host::Host;
use crate::resource::Resource;
use anyhow::{Context, Result};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What the world keeps beside its resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The generation both hosts run.
    pub generation: Generation,
    /// Both hosts.
    pub hosts: [Host; 2],
    /// Whether the replication link carries packets.
    pub link_up: bool,
    /// How long a tool waits for a peer's answer, in milliseconds.
    pub ping_timeout_ms: u64,
    /// The number of the next resource that is brought up.
    pub next_up: u64,
}

impl State {
    /// The index of the host of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn host(&self, name: &str) -> Result<usize> {
        let mut names = self.hosts.iter().map(|host| host.name.as_str());
        names
            .position(|known| known == name)
            .with_context(|| format!("no host {name:?}"))
    }

    /// Whether packets from this host reach the other one.
    #[must_use]
    pub fn reaches(&self) -> bool {
        self.link_up && !self.hosts[0].crashed && !self.hosts[1].crashed
    }
}

/// The world's directory.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

/// The world, locked for as long as this lives.
pub struct Locked {
    dir: PathBuf,
    /// What the world keeps beside its resources.
    pub state: State,
    _lock: Flock<File>,
}

impl Store {
    /// The world in this directory.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// Makes the directory and the first state.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn create(&self, state: &State) -> Result<()> {
        for part in ["resources", "minors"] {
            let path = self.dir.join(part);
            fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        }
        write_json(&self.dir.join("world.json"), state)
    }

    /// Waits for the lock and reads the world.
    ///
    /// # Errors
    /// When there is no world, or it cannot be read.
    pub fn lock(&self) -> Result<Locked> {
        let path = self.dir.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let file = file.with_context(|| path.display().to_string())?;
        let lock = Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, error)| anyhow::anyhow!("lock {}: {error}", path.display()))?;
        let state = read_json(&self.dir.join("world.json"))?
            .with_context(|| format!("{}: no world here", self.dir.display()))?;
        Ok(Locked {
            dir: self.dir.clone(),
            state,
            _lock: lock,
        })
    }
}

impl Locked {
    /// The resource of this name, as it is by now.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn resource(&self, name: &str) -> Result<Option<Resource>> {
        if name.is_empty()
            || name.starts_with('.')
            || name.contains(['/', '\0'])
            || name.len() > 200
        {
            return Ok(None);
        }
        let resource: Option<Resource> = read_json(&self.resource_path(name))?;
        Ok(resource.map(|mut resource| {
            clock::settle(&mut resource, self.state.generation, clock::now_ms());
            resource
        }))
    }

    /// The resource this minor belongs to.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn resource_of_minor(&self, minor: u32) -> Result<Option<Resource>> {
        let name: Option<String> = read_json(&self.dir.join("minors").join(minor.to_string()))?;
        name.map_or(Ok(None), |name| self.resource(&name))
    }

    /// The names of all resources, sorted.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.dir.join("resources"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            names.extend(name.strip_suffix(".json").map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// All resources, by name.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn resources(&self) -> Result<Vec<Resource>> {
        let mut all = Vec::new();
        for name in self.names()? {
            all.extend(self.resource(&name)?);
        }
        Ok(all)
    }

    /// Keeps a resource.
    ///
    /// # Errors
    /// When its files cannot be written.
    pub fn save(&self, resource: &Resource) -> Result<()> {
        for volume in &resource.volumes {
            let path = self.dir.join("minors").join(volume.minor.to_string());
            if !path.exists() {
                write_json(&path, &resource.name)?;
            }
        }
        write_json(&self.resource_path(&resource.name), resource)
    }

    /// Keeps what stands beside the resources.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_state(&self) -> Result<()> {
        write_json(&self.dir.join("world.json"), &self.state)
    }

    fn resource_path(&self, name: &str) -> PathBuf {
        self.dir.join("resources").join(format!("{name}.json"))
    }
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(
            serde_json::from_slice(&text).with_context(|| path.display().to_string())?,
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Writes beside and renames, so that a killed tool leaves no half file.
fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, serde_json::to_vec(value)?).with_context(|| beside.display().to_string())?;
    fs::rename(&beside, path).with_context(|| path.display().to_string())
}
