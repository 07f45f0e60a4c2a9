//! What goes wrong with the tools and the module of a host.

use crate::fault::{Fault, Injected};
use crate::host::Module;
use crate::world::World;
use anyhow::Result;

impl World {
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
}
