//! What happens by itself as time goes by.

use crate::generation::Generation;
use crate::resource::Resource;
use crate::state::Role;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Openers whose time is over close the device; 9 then takes an automatic promotion back.
pub fn settle(resource: &mut Resource, generation: Generation, now: u64) {
    let mut closed = false;
    for host in [0, 1] {
        let mut demote = false;
        for device in &mut resource.sides[host].devices {
            let over = |until: Option<u64>| until.is_some_and(|until| until <= now);
            let promoted = device.openers.iter().any(|opener| opener.promoted);
            let before = device.openers.len();
            device.openers.retain(|opener| !over(opener.until_ms));
            closed |= device.openers.len() != before;
            demote |= promoted && !device.openers.iter().any(|opener| opener.promoted);
        }
        if demote && generation == Generation::V9 {
            for device in &mut resource.sides[host].devices {
                device.role = Role::Secondary;
            }
        }
    }
    if closed {
        resource.exchange();
    }
}
