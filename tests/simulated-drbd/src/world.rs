//! The world as a test sees it: two hosts, a link between them, resources on both.

use crate::clock;
use crate::device::Flow;
use crate::fault::{Fault, Injected};
use crate::generation::Generation;
use crate::handshake;
use crate::host::{Host, Module, Place};
use crate::opener::Opener;
use crate::output::Output;
use crate::resource::Resource;
use crate::state::{Connection, Disk, Role};
use crate::store::{State, Store};
use crate::tool::Tool;
use crate::tools;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// The names of the hosts of every world.
pub const HOSTS: [&str; 2] = ["nodo1", "nodo2"];

/// Two hosts, a link between them, resources on both.
#[derive(Clone, Debug)]
pub struct World {
    dir: PathBuf,
    store: Store,
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

    fn edit_all(&self, work: impl Fn(&mut Resource, &State)) -> Result<()> {
        let locked = self.store.lock()?;
        for mut resource in locked.resources()? {
            work(&mut resource, &locked.state);
            locked.save(&resource)?;
        }
        locked.show_all(0)?;
        locked.show_all(1)
    }

    fn edit_state(&self, work: impl FnOnce(&mut State) -> Result<()>) -> Result<()> {
        let mut locked = self.store.lock()?;
        work(&mut locked.state)?;
        locked.save_state()
    }

    /// Cuts the replication link; both sides notice at once.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn cut_link(&self) -> Result<()> {
        self.cut_link_unnoticed()?;
        self.notice()
    }

    /// Cuts the replication link; both sides go on believing that they are connected.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn cut_link_unnoticed(&self) -> Result<()> {
        self.edit_state(|state| {
            state.link_up = false;
            Ok(())
        })
    }

    /// Both sides notice that the link is cut.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn notice(&self) -> Result<()> {
        HOSTS.iter().try_for_each(|host| self.notice_on(host))
    }

    /// One side notices that the link is cut, or the peer gone.
    ///
    /// # Errors
    /// When there is no such host, or the world cannot be read or written.
    pub fn notice_on(&self, host: &str) -> Result<()> {
        let index = self.store.lock()?.state.host(host)?;
        self.edit_all(|resource, state| {
            if !state.reaches() {
                handshake::lose_peer(resource, index, state.generation);
            }
        })
    }

    /// The link works again; whoever looks for its peer finds it.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn restore_link(&self) -> Result<()> {
        self.edit_state(|state| {
            state.link_up = true;
            Ok(())
        })?;
        self.meet()
    }

    fn meet(&self) -> Result<()> {
        self.edit_all(|resource, state| {
            handshake::meet(resource, state.generation, state.reaches());
        })
    }

    /// Powers a host off without warning; the other one has not noticed yet.
    ///
    /// # Errors
    /// When there is no such host, or the world cannot be read or written.
    pub fn crash(&self, host: &str) -> Result<()> {
        self.edit_state(|state| {
            let index = state.host(host)?;
            state.hosts[index].crashed = true;
            Ok(())
        })
    }

    /// Boots a crashed host again: its resources are Secondary and look for their peer.
    ///
    /// # Errors
    /// When there is no such host, or the world cannot be read or written.
    pub fn boot(&self, host: &str) -> Result<()> {
        let mut index = 0;
        self.edit_state(|state| {
            index = state.host(host)?;
            state.hosts[index].crashed = false;
            Ok(())
        })?;
        self.edit_all(|resource, state| {
            let mut booted = state.clone();
            let side = &mut resource.sides[index];
            if let Some(number) = side.up.take() {
                side.connection = Connection::StandAlone;
                booted.next_up = number;
                // The other side has long noticed by the time this one is back.
                handshake::lose_peer(resource, 1 - index, state.generation);
                crate::administration::up(resource, &mut booted, index);
            }
        })
    }

    /// Somebody opens a device, until he is released or for so many milliseconds. As the kernel does, a
    /// Secondary's device is refused on 8.4; on 9 a writer promotes.
    ///
    /// # Errors
    /// `Wrong medium type` and the like when the kernel would not open the device.
    pub fn hold_open(
        &self,
        host: &str,
        minor: u32,
        mut opener: Opener,
        for_ms: Option<u64>,
    ) -> Result<()> {
        let now = clock::now_ms();
        opener.since_ms = now;
        opener.until_ms = for_ms.map(|ms| now + ms);
        self.on_minor(host, minor, |resource, state, host, volume| {
            let device = &resource.sides[host].devices[volume];
            if device.role != Role::Primary {
                let taken =
                    state.generation == Generation::V84 || device.peer_role == Role::Primary;
                if taken {
                    let reason = if opener.writer {
                        "Read-only file system"
                    } else {
                        "Wrong medium type"
                    };
                    bail!("/dev/drbd{minor}: {reason}");
                }
                if opener.writer {
                    for device in &mut resource.sides[host].devices {
                        device.role = Role::Primary;
                    }
                    opener.promoted = true;
                    if state.reaches() {
                        resource.exchange();
                    }
                }
            }
            resource.sides[host].devices[volume].openers.push(opener);
            Ok(())
        })
    }

    /// Everybody who had the device open closes it.
    ///
    /// # Errors
    /// When there is no such device, or the world cannot be written.
    pub fn release(&self, host: &str, minor: u32) -> Result<()> {
        self.on_minor(host, minor, |resource, state, host, volume| {
            for opener in &mut resource.sides[host].devices[volume].openers {
                opener.until_ms = Some(0);
            }
            clock::settle(resource, state.generation, clock::now_ms());
            Ok(())
        })
    }

    fn on_minor(
        &self,
        host: &str,
        minor: u32,
        work: impl FnOnce(&mut Resource, &State, usize, usize) -> Result<()>,
    ) -> Result<()> {
        let locked = self.store.lock()?;
        let host = locked.state.host(host)?;
        let mut resource = locked
            .resource_of_minor(minor)?
            .with_context(|| format!("no minor {minor}"))?;
        let volume = resource
            .volume_of_minor(minor)
            .with_context(|| format!("no minor {minor}"))?;
        work(&mut resource, &locked.state, host, volume)?;
        locked.commit(&resource)
    }

    /// Sets a disk's state; the peer hears of it when the link works.
    ///
    /// # Errors
    /// When there is no such device, or the world cannot be written.
    pub fn set_disk(&self, host: &str, minor: u32, disk: Disk) -> Result<()> {
        self.on_minor(host, minor, |resource, state, host, volume| {
            resource.sides[host].devices[volume].disk = disk;
            if state.reaches() {
                resource.exchange();
            }
            Ok(())
        })
    }

    /// A guest writes so many KiB; `extent` when the activity log takes note of it.
    ///
    /// # Errors
    /// When there is no such device, or the world cannot be written.
    pub fn write(&self, host: &str, minor: u32, kib: u64, extent: bool) -> Result<()> {
        self.on_minor(host, minor, |resource, state, host, volume| {
            crate::traffic::write(resource, state, host, volume, kib, extent);
            Ok(())
        })
    }

    /// The host's data begin to be copied to the other; so much differs.
    ///
    /// # Errors
    /// When there is no such device, or the world cannot be written.
    pub fn start_resync(&self, source: &str, minor: u32, kib: u64) -> Result<()> {
        self.on_minor(source, minor, |resource, _, source, volume| {
            resource.slow_resync = true;
            for side in &mut resource.sides {
                side.devices[volume].counters.out_of_sync = kib;
            }
            handshake::begin_resync(resource, volume, source);
            Ok(())
        })
    }

    /// The resync of a device ends.
    ///
    /// # Errors
    /// When there is no such device, or the world cannot be written.
    pub fn finish_resync(&self, minor: u32) -> Result<()> {
        self.on_minor(HOSTS[0], minor, |resource, state, _, volume| {
            handshake::finish_resync(resource, volume, state.generation);
            Ok(())
        })
    }

    /// A guest on this host writes `rate` KiB a second for so many milliseconds, `waiting` requests at a
    /// time; the counters of both sides show it.
    ///
    /// # Errors
    /// When there is no such device, or the world cannot be written.
    pub fn in_flight(
        &self,
        source: &str,
        minor: u32,
        rate: u64,
        waiting: u64,
        for_ms: Option<u64>,
    ) -> Result<()> {
        let since_ms = clock::now_ms();
        self.on_minor(source, minor, |resource, _, source, volume| {
            for host in [0, 1] {
                let until_ms = for_ms.map(|ms| since_ms + ms);
                let device = &mut resource.sides[host].devices[volume];
                device.counters = device.counters_at(since_ms);
                device.flow = Some(Flow {
                    since_ms,
                    until_ms,
                    rate,
                    waiting,
                    source: host == source,
                });
            }
            Ok(())
        })
    }

    /// Injects a fault for every command with these words, so many times or always.
    ///
    /// # Errors
    /// When there is no such host, or the world cannot be written.
    pub fn fault(&self, host: &str, command: &str, fault: Fault, times: Option<u32>) -> Result<()> {
        let injected = Injected {
            command: command.to_owned(),
            fault,
            times,
        };
        self.edit_state(|state| {
            let index = state.host(host)?;
            state.hosts[index].faults.push(injected);
            Ok(())
        })
    }

    /// Takes all faults of a host away.
    ///
    /// # Errors
    /// When there is no such host, or the world cannot be written.
    pub fn clear_faults(&self, host: &str) -> Result<()> {
        self.edit_state(|state| {
            let index = state.host(host)?;
            state.hosts[index].faults.clear();
            Ok(())
        })
    }

    /// Loads a host's module, unloads it, or takes it away for good.
    ///
    /// # Errors
    /// When there is no such host, or the world cannot be written.
    pub fn set_module(&self, host: &str, module: Module) -> Result<()> {
        self.edit_state(|state| {
            let index = state.host(host)?;
            state.hosts[index].module = module;
            Ok(())
        })?;
        if module != Module::Loaded {
            let index = self.store.lock()?.state.host(host)?;
            self.edit_all(|resource, state| {
                if resource.sides[index].up.is_some() {
                    crate::administration::disconnect(resource, state, index);
                    resource.sides[index].up = None;
                }
            })?;
        }
        self.refresh()
    }

    /// How long a promotion waits for the peer's answer.
    ///
    /// # Errors
    /// When the world cannot be written.
    pub fn set_ping_timeout(&self, ms: u64) -> Result<()> {
        self.edit_state(|state| {
            state.ping_timeout_ms = ms;
            Ok(())
        })
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
