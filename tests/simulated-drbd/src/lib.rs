//! A stand-in for `drbdsetup` and `drbdadm`, with the state of two hosts behind it.
//!
//! Both generations, DRBD 8.4.11 and 9.2.16 with drbd-utils 9.22.0, word for word as recorded
//! from real ones (`tests/recordings`). Tests make a [`World`], put its tools where the program
//! under test finds them, and cut links, hold devices open and inject faults as they need.

pub mod administration;
pub mod arguments;
pub mod clock;
pub mod control;
pub mod device;
pub mod drbdadm;
pub mod drbdsetup;
pub mod events;
pub mod fault;
pub mod follow;
pub mod generation;
pub mod guest;
pub mod handshake;
pub mod host;
pub mod link;
pub mod mishap;
pub mod net_options;
pub mod opener;
pub mod options;
pub mod options84;
pub mod options9;
pub mod output;
pub mod proc_drbd;
pub mod promotion;
pub mod query;
pub mod request;
pub mod resource;
pub mod show;
pub mod show_json;
pub mod side;
pub mod state;
pub mod status;
pub mod status_json;
pub mod store;
pub mod stuck;
pub mod tool;
pub mod tools;
pub mod traffic;
pub mod views;
pub mod world;
pub mod wrapped;

pub use device::{Counters, Device, Flow};
pub use fault::Fault;
pub use generation::Generation;
pub use host::Module;
pub use opener::Opener;
pub use output::Output;
pub use resource::{Resource, Volume};
pub use state::{Connection, Disk, Replication, Role};
pub use world::World;
