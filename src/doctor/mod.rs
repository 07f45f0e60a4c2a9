//! What is wrong with this host, why that matters, and what to do about it.
//!
//! [`look`] reads everything there is to know into [`Facts`], [`examine`] finds by them, and only by
//! them, what is not as it should be, and [`report`] words it. Each noun has a module, which reads it
//! and judges it.

pub mod aside;
pub mod dpkg;
pub mod facts;
pub mod finding;
pub mod health;
pub mod holder;
pub mod leftover;
pub mod libvirt;
pub mod lock;
mod look;
pub mod lvm;
pub mod mark;
pub mod module;
pub mod multipath;
pub mod place;
pub mod policies;
pub mod report;
pub mod resource;
pub mod script;
pub mod units;
pub mod xen;

pub use facts::Facts;
pub use finding::{Finding, Severity};
pub use look::look;

use script::Script;

/// Everything that is wrong, the worst first. No I/O, no clock.
#[must_use]
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut found = facts.module.findings();
    let drbd = !facts.module.is_absent();
    found.extend(facts.xen.findings());
    let xen = !facts.xen.is_absent();
    // What nothing runs on needs nothing else.
    if xen {
        found.extend(Script::all_findings(
            &facts.scripts,
            &facts.place.program.to_string_lossy(),
        ));
    }
    let known = facts.known();
    found.extend(facts.policies.findings(known.as_ref()));
    match &facts.survey {
        Ok(survey) => found.extend(survey.resources.iter().flat_map(health::findings)),
        // A module that nobody knows is told of already, and that nothing can ask it.
        Err(_) if facts.module.generation.is_none() || !facts.module.tools => {}
        Err(words) => found.push(Finding::error(
            "DRBD",
            &format!("it cannot be asked: {words}"),
            "`add` cannot look at a resource either, so it fails",
            "drbdsetup status\ndmesg | tail",
        )),
    }
    if drbd {
        found.extend(leftover::findings(facts));
        found.extend(holder::findings(facts));
        found.extend(resource::findings(facts));
        found.extend(facts.lvm.findings(&facts.devices()));
        found.extend(facts.multipath.findings());
    }
    if xen {
        found.extend(facts.units.findings());
        found.extend(facts.libvirt.findings(&facts.place.hook.to_string_lossy()));
    }
    found.extend(facts.locks.iter().filter_map(lock::Lock::finding));
    found.extend(facts.marks.iter().map(mark::Mark::finding));
    found.sort_by_key(|f| f.severity);
    found
}
