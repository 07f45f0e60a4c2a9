//! A Xen block script for guest disks that are DRBD resources.
//!
//! One way leads through it:
//!
//! ```text
//! argv + XENBUS_PATH ──> Request ──> Facts ──> Decision ──> Plan ──> Outcome
//!                        (parse)     (read)    (pure)       (do)     (xenstore, exit code, log)
//! ```
//!
//! [`hotplug`] holds the one loop around it; [`reap`] goes the same way for what was left behind, once
//! for each resource. The outside stands behind three seams: the store
//! ([`xenstore_rs::Xs`] and its transactions), [`drbd::Replication`] and [`host::Host`].

pub mod arrival;
pub mod backend;
pub mod check;
pub mod cli;
pub mod command;
pub mod completion;
pub mod deadline;
pub mod decision;
pub mod doctor;
pub mod domain_file;
pub mod drbd;
pub mod execute;
pub mod explain;
pub mod facts;
pub mod holders;
pub mod host;
pub mod hotplug;
pub mod logging;
#[cfg(feature = "manual")]
pub mod manual;
pub mod message;
pub mod observe;
pub mod occupant;
pub mod outcome;
pub mod plan;
pub mod policy;
pub mod probe;
pub mod process;
pub mod reap;
pub mod refusal;
pub mod request;
pub mod root;
pub mod sharing;
pub mod spec;
pub mod status;
pub mod store;
pub mod survey;
pub mod words;
