//! What a host's files show of DRBD: `/proc/drbd`, `/sys/module/drbd`, `/sys/block`, debugfs.

use crate::clock;
use crate::events::View;
use crate::generation::Generation;
use crate::host::Module;
use crate::proc_drbd::{self, Blocks};
use crate::resource::Resource;
use crate::state::{Connection, Disk};
use crate::store::Locked;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

impl Locked {
    /// The resource as this host sees it now.
    #[must_use]
    pub fn view<'a>(&'a self, resource: &'a Resource, host: usize) -> View<'a> {
        View {
            generation: self.state.generation,
            resource,
            host,
            peer_name: &self.state.hosts[1 - host].name,
            now_ms: clock::now_ms(),
        }
    }

    /// Keeps a resource and brings the files of both hosts up to date.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn commit(&self, resource: &Resource) -> Result<()> {
        self.save(resource)?;
        for host in [0, 1] {
            self.show_resource(resource, host)?;
        }
        Ok(())
    }

    /// Writes the files of a host anew, for all resources.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn show_all(&self, host: usize) -> Result<()> {
        let root = &self.state.hosts[host].root;
        let version = root.join("sys/module/drbd/version");
        if self.state.hosts[host].module != Module::Loaded {
            remove(&root.join("proc/drbd"))?;
            return remove(&version);
        }
        write(&version, &format!("{}\n", self.state.generation.version()))?;
        let mut blocks = Blocks::new();
        let mut tcp = false;
        for resource in self.resources()? {
            blocks.extend(self.view(&resource, host).proc_blocks());
            tcp |= resource.sides[host].up.is_some();
            self.show_devices(&resource, host)?;
        }
        self.write_proc(host, &blocks, tcp)
    }

    fn show_resource(&self, resource: &Resource, host: usize) -> Result<()> {
        if self.state.hosts[host].module != Module::Loaded {
            return Ok(());
        }
        let text =
            fs::read_to_string(self.state.hosts[host].root.join("proc/drbd")).unwrap_or_default();
        let mut blocks = proc_drbd::parse(&text);
        for volume in &resource.volumes {
            blocks.remove(&volume.minor);
        }
        blocks.extend(self.view(resource, host).proc_blocks());
        let tcp = text.contains("tcp") || resource.sides[host].up.is_some();
        self.write_proc(host, &blocks, tcp)?;
        self.show_devices(resource, host)
    }

    fn write_proc(&self, host: usize, blocks: &Blocks, tcp: bool) -> Result<()> {
        let mut text = proc_drbd::assemble(self.state.generation, blocks);
        if tcp && self.state.generation == Generation::V9 {
            text.truncate(text.trim_end().len());
            text.push_str(" tcp (9.2.16)\n");
        }
        write(&self.state.hosts[host].root.join("proc/drbd"), &text)
    }

    /// The block devices with their holders, and 9's openers.
    fn show_devices(&self, resource: &Resource, host: usize) -> Result<()> {
        let root = &self.state.hosts[host].root;
        let up = resource.sides[host].up.is_some();
        for (volume, device) in resource.volumes.iter().zip(&resource.sides[host].devices) {
            let block = root.join(format!("sys/block/drbd{}", volume.minor));
            let openers = root.join(format!(
                "sys/kernel/debug/drbd/resources/{}/volumes/{}/openers",
                resource.name, volume.number
            ));
            if !up {
                if block.exists() {
                    fs::remove_dir_all(&block).with_context(|| block.display().to_string())?;
                }
                remove(&openers)?;
                continue;
            }
            let holders = block.join("holders");
            if !holders.is_dir() {
                fs::create_dir_all(&holders).with_context(|| holders.display().to_string())?;
            }
            let alone = resource.sides[host].connection == Connection::StandAlone;
            let size = if alone && device.disk == Disk::Diskless {
                0
            } else {
                volume.size * 2
            };
            write(&block.join("size"), &format!("{size}\n"))?;
            if self.state.generation == Generation::V9 {
                let now = clock::now_ms();
                let lines = device.openers.iter().map(|opener| {
                    let since = now.saturating_sub(opener.since_ms);
                    format!("{}\t{}\t{since}\n", opener.process, opener.pid)
                });
                write(&openers, &lines.collect::<String>())?;
            }
        }
        Ok(())
    }
}

/// Writes a file unless it says so already.
fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let dir = path.parent().context("no directory")?;
    fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    let beside = path.with_extension("new");
    fs::write(&beside, text).with_context(|| beside.display().to_string())?;
    fs::rename(&beside, path).with_context(|| path.display().to_string())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| path.display().to_string())
        }
        _ => Ok(()),
    }
}
