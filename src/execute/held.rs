//! Who has a resource open that is to be demoted.

use super::StepError;
use crate::drbd::{Generation, Resource};
use crate::host::{Host, openers};
use crate::observe::World;
use crate::words::list;

impl<S, R, H: Host> World<'_, S, R, H> {
    /// 9 takes the device from those who only read (drbd: `drbd/drbd_state.c`, `writable`); 8.4 refuses
    /// as long as anybody has it open.
    pub(super) fn check_openers(&self, resource: &Resource) -> Result<(), StepError> {
        if resource.generation == Generation::V84 {
            return Ok(());
        }
        let openers = self.host.openers(&resource.name, &resource.devices());
        let minors: Vec<u32> = resource.minors().collect();
        // The kernel's list has what is mounted, too; but it may not be had.
        if openers.is_empty() && self.host.mounts_elsewhere(&minors).is_empty() {
            return Ok(());
        }
        Err(StepError::Open {
            resource: resource.name.clone(),
            who: self.who_holds(resource),
        })
    }

    /// The same in words, for one that could not be demoted: mounts that only others see included.
    pub(crate) fn who_holds(&self, resource: &Resource) -> String {
        let openers = self.host.openers(&resource.name, &resource.devices());
        let minors: Vec<u32> = resource.minors().collect();
        let mounts = self.host.mounts_elsewhere(&minors);
        if mounts.is_empty() {
            return openers::words(&openers);
        }
        let openers = openers.iter().map(ToString::to_string);
        let all = openers.chain(mounts.iter().map(ToString::to_string));
        list(&all.collect::<Vec<_>>())
    }
}
