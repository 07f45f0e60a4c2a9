//! Who uses the devices: openers, writes, and what a resync makes of them.

use crate::clock;
use crate::device::Flow;
use crate::generation::Generation;
use crate::handshake;
use crate::opener::Opener;
use crate::resource::Resource;
use crate::state::{Disk, Role};
use crate::store::State;
use crate::world::{HOSTS, World};
use anyhow::{Context, Result, bail};
use std::thread;
use std::time::Duration;

impl World {
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
        if let Some(ms) = for_ms {
            // debugfs tells it at once, whether or not a tool is run.
            let world = self.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(ms));
                // The world may be gone by then.
                let _ = world.refresh();
            });
        }
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

    /// Two Primaries write the same blocks at once: 9 drops the connection until [`World::retry`].
    ///
    /// # Errors
    /// When there is no such device, or the world cannot be written.
    pub fn collide(&self, minor: u32, kib: u64) -> Result<()> {
        self.on_minor(HOSTS[0], minor, |resource, state, _, volume| {
            handshake::collide(resource, volume, kib, state.generation);
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

    /// Has a host do without a disk of its own, as `disk none` in the configuration of DRBD 9 says.
    ///
    /// # Errors
    /// When there is no such device, or the world cannot be written.
    pub fn make_client(&self, host: &str, minor: u32) -> Result<()> {
        self.on_minor(host, minor, |resource, state, host, volume| {
            let device = &mut resource.sides[host].devices[volume];
            device.disk = Disk::Diskless;
            device.client = true;
            if state.reaches() {
                resource.exchange();
            }
            Ok(())
        })
    }
}
