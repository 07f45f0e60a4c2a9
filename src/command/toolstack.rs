//! `add` and `remove`, as Xen's toolstack runs them.

use std::time::{Duration, Instant};

use super::warn_of_test;
use crate::deadline::Deadline;
use crate::drbd::tools::Tools;
use crate::host::{Caller, Host, Linux};
use crate::hotplug::{self, Ended, Time};
use crate::logging::{PERSON, about};
use crate::message::{Code, Coded, Message};
use crate::observe::World;
use crate::outcome::{ExitCode, Outcome, report};
use crate::policy::{Configuration, Policy};
use crate::request::{Action, BackendPath};
use crate::root::Root;
use crate::store::{Store, Timed};

/// `xl devd` waits 10 s at the most (xen: `tools/libs/light/libxl_device.c`).
const DRIVER_DOMAIN: Duration = Duration::from_secs(9);

/// For telling the toolstack why, when nothing is left of the time for everything else.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Carries it out for the backend that `XENBUS_PATH` names, and tells everybody how it ended.
///
/// # Errors
/// When not even xenstored can be reached.
pub fn run(action: Action, root: Root) -> Result<ExitCode, Message> {
    let variable = std::env::var_os("XENBUS_PATH").map(|v| v.to_string_lossy().into_owned());
    let path = match BackendPath::parse(variable.as_deref()) {
        Ok(path) => path,
        Err(error) => {
            let said = error.message();
            log::error!(target: PERSON, code = said.code.as_str(); "{said}");
            return Ok(ExitCode::Usage);
        }
    };
    about("XENBUS_PATH", path.to_string());
    about("XEN_DOMID", path.frontend_id.to_string());
    warn_of_test(&root);
    let host = Linux::new(root.clone());
    let configuration = Configuration::read(&root);
    let wanted = configuration
        .as_ref()
        .map_or_else(|_| Policy::default().deadline, |c| c.policy(None).deadline);
    let caller = host.caller();
    let limit = if caller == Caller::DriverDomain {
        wanted.min(DRIVER_DOMAIN)
    } else {
        wanted
    };
    let all = Deadline::within_or_signal(limit)
        .map_err(|e| Message::new(Code::Host, format!("cannot watch for signals: {e}")))?;
    // A `remove` goes on whatever comes: nobody calls it a second time.
    let all = if action == Action::Remove {
        all.deaf()
    } else {
        all
    };
    let time = Time::of(action, &all);
    let store = Store::open(time.work.end()).map_err(|e| Message::no_store(&e))?;
    let configuration = match configuration {
        Ok(configuration) => configuration,
        Err(error) if action == Action::Add => {
            let outcome = Outcome::Failed(error.message());
            let ended = Ended {
                outcome,
                facts: None,
                asked: None,
            };
            return Ok(finish(action, caller, &path, &ended, &store, &all));
        }
        // What was promoted under a good file is demoted under a broken one, too.
        Err(error) => {
            let code = error.code();
            log::error!(code = code.as_str(); "{error}; its defaults hold for this remove [{code}]");
            Configuration::default()
        }
    };
    let replication = Tools::new(root);
    let world = World {
        store: &store,
        replication: &replication,
        host: &host,
    };
    let ended = hotplug::run(&world, action, &path, &configuration, &time);
    Ok(finish(action, caller, &path, &ended, &store, &all))
}

/// Tells everybody concerned how it ended.
fn finish(
    action: Action,
    caller: Caller,
    path: &BackendPath,
    ended: &Ended,
    store: &Store,
    all: &Deadline,
) -> ExitCode {
    let code = ended.outcome.code();
    let facts = ended.facts.as_ref().map(|f| (&f.guest, &f.backend));
    let asked = || ended.asked.as_ref().map(|a| (&a.guest, &a.backend));
    let device = format!("device {}", path.device);
    let subject = match facts.or_else(asked) {
        Some((guest, backend)) if backend.vdev.is_empty() => format!("{guest}, {device}"),
        Some((guest, backend)) => format!("{guest}, {}", crate::words::short(&backend.vdev, 40)),
        None => format!("domain {}, {device}", path.frontend_id),
    };
    if let Outcome::Done(warnings) = &ended.outcome {
        for warning in warnings {
            let said = warning.message().about(&subject);
            let level = if warning.is_error() {
                log::Level::Error
            } else {
                log::Level::Warn
            };
            log::log!(target: PERSON, level, code = said.code.as_str(); "{said}");
        }
    }
    let Some(said) = ended.outcome.message() else {
        log::info!("{action}: {subject}: {}", ended.outcome);
        return code;
    };
    let mut said = said.about(&subject);
    if action == Action::Add && caller == Caller::BlockAttach && path.frontend_id != 0 {
        said = said.and(&left_behind(
            path,
            facts.or_else(asked).map(|(_, b)| b.vdev.as_str()),
        ));
    }
    log::error!(code = said.code.as_str(); "{action} failed: {said}");
    let until = all.end().max(Instant::now() + LAST_WORDS);
    store.set_deadline(until);
    let status = ended.outcome.status();
    let told = report(store, path, &said, status, until);
    // libxl prints hotplug-error for `add`; what nobody else will show is shown here.
    if !matches!(told, Ok(true)) || action == Action::Remove {
        log::error!(target: PERSON, code = said.code.as_str(); "{action} failed: {said}");
    }
    code
}

/// libxl keeps the disk of a failed `xl block-attach` among those of the domain, and `xl migrate` sends it along
/// (xen: `tools/libs/light/libxl_domain.c`, `libxl_retrieve_domain_configuration`). There it looks as the disk
/// of a guest that is received, whoever has it here.
fn left_behind(path: &BackendPath, vdev: Option<&str>) -> String {
    let vdev = vdev.filter(|v| !v.is_empty());
    let vdev = vdev.map_or_else(|| path.device.to_string(), |v| crate::words::short(v, 40));
    let domid = path.frontend_id;
    format!(
        "before it migrates, run `xl block-detach {domid} {vdev}`: the disk would go along, and the guest might get it there"
    )
}
