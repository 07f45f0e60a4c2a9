//! Reads everything, in one place. Nothing is changed: no lock is taken, no module loaded.
//!
//! Its cost does not hang on how many resources there are, but for the size of the answers.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use super::facts::Facts;
use super::libvirt::Libvirt;
use super::lock::Lock;
use super::lvm::Lvm;
use super::mark::Mark;
use super::module::Module;
use super::multipath::Multipath;
use super::place::Place;
use super::policies::Policies;
use super::script::Script;
use super::units::Units;
use super::xen::{self, Xen};
use crate::deadline::Deadline;
use crate::drbd::Resource;
use crate::drbd::tools::Tools;
use crate::host::{Host, Linux, Opener, openers, promoting};
use crate::policy::Configuration;
use crate::root::Root;
use crate::store::Store;
use crate::survey::{self, Guests, Survey};

/// For what DRBD has to tell; the rest of the time is for everything else.
const DRBD: Duration = Duration::from_secs(10);

/// Looks at this host.
#[must_use]
pub fn look(root: &Root, store: &io::Result<Store>, deadline: &Deadline) -> Facts {
    let tools = Tools::new(root.clone());
    let host = Linux::new(root.clone());
    let read = Configuration::read(root);
    let policies = Policies::of(&read);
    let configuration = read.unwrap_or_default();
    let module = Module::read(root, &tools, deadline);
    let mut xen = Xen::read(root, store.as_ref());
    let within = deadline.at_most(DRBD);
    let survey = survey::read(store.as_ref(), &tools, &host, &configuration, &within);
    let survey = survey.map_err(|error| error.to_string());
    if let (
        Ok(Survey {
            guests: Guests::Unknown(why),
            ..
        }),
        Ok(_),
    ) = (&survey, store)
    {
        xen.store = xen::Store::Failed(why.clone());
    }
    let up = survey.as_ref().map_or(&[][..], |s| &s.resources);
    let primaries: Vec<&Resource> = up.iter().filter(|r| r.has_primary()).collect();
    let minors: Vec<u32> = primaries.iter().flat_map(|r| r.minors()).collect();
    Facts {
        xen,
        configured: module.tools.then(|| tools.configuration(deadline)),
        holders: host.holders(&minors),
        openers: openers_of_unused(root, &survey, &primaries),
        promoting: still_promoting(root, &survey),
        place: Place::read(),
        scripts: Script::read(root, deadline),
        lvm: Lvm::read(root),
        multipath: Multipath::read(root, deadline),
        units: Units::read(root),
        libvirt: Libvirt::read(root),
        locks: Lock::read(root),
        marks: Mark::read(root),
        module,
        survey,
        policies,
    }
}

/// Who has a device open that is Primary and that no guest uses.
fn openers_of_unused(
    root: &Root,
    survey: &Result<Survey, String>,
    primaries: &[&Resource],
) -> Vec<Opener> {
    let Ok(survey) = survey else {
        return Vec::new();
    };
    let using = survey.occupants.iter().filter(|o| o.is_using());
    let used: BTreeSet<u32> = using.map(|o| o.minor).collect();
    let unused = primaries
        .iter()
        .filter(|r| !r.minors().any(|m| used.contains(&m)));
    let unused: Vec<_> = unused.map(|r| (r.name.as_str(), r.devices())).collect();
    openers::of_all(root, &unused)
}

/// Those with a note that are not Primary, although a program still promotes them.
fn still_promoting(root: &Root, survey: &Result<Survey, String>) -> BTreeSet<String> {
    let Ok(survey) = survey else {
        return BTreeSet::new();
    };
    let noted = survey.promotion_noted.iter();
    let waiting: Vec<&String> = noted
        .filter(|name| !survey.resource(name).is_some_and(Resource::has_primary))
        .collect();
    if waiting.is_empty() {
        return BTreeSet::new();
    }
    let commands: Vec<String> = promoting::commands(root).collect();
    let runs = |name: &&&String| {
        let minors: Vec<u32> = survey
            .resource(name)
            .map(|r| r.minors().collect())
            .unwrap_or_default();
        commands
            .iter()
            .any(|line| promoting::promotes(line, name, &minors))
    };
    waiting
        .iter()
        .filter(runs)
        .map(|name| (*name).clone())
        .collect()
}
