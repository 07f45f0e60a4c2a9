//! Every message of the manual is said by the real program: one scenario a code. A code without one
//! does not compile.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

#[path = "support/disk.rs"]
#[allow(dead_code, reason = "tests/hotplug.rs uses the rest")]
mod disk;
#[path = "support/host.rs"]
#[allow(dead_code, reason = "tests/hotplug.rs uses the rest")]
mod host;
#[path = "support/ran.rs"]
#[allow(dead_code, reason = "tests/hotplug.rs uses the rest")]
mod ran;
#[path = "support/silence.rs"]
mod silence;
#[path = "support/xen.rs"]
mod xen;

#[path = "messages/failed.rs"]
mod failed;
#[path = "messages/left.rs"]
mod left;
#[path = "messages/migration.rs"]
mod migration;
#[path = "messages/refused.rs"]
mod refused;

use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use block_drbd::logging::CODE;
use block_drbd::manual::catalogue::{Group, entry};
use block_drbd::manual::examples::sentences;
use block_drbd::manual::placeholders::is_in;
use block_drbd::message::Code;
use simulated_drbd::Generation;

use crate::host::Host;

/// Brings the program to say it. What it printed comes back, in case it could not log.
type Scenario = fn(&Host) -> String;

/// Which scenario a code comes from.
fn scenario(code: Code) -> Scenario {
    match code {
        Code::Spec => refused::spec,
        Code::Kind => refused::kind,
        Code::NoModule => refused::no_module,
        Code::NotConfigured => refused::not_configured,
        Code::NotUp => refused::not_up,
        Code::NoVolume => refused::no_volume,
        Code::WhichVolume => refused::which_volume,
        Code::Suspended => refused::suspended,
        Code::FailingIo => refused::failing_io,
        Code::NoQuorum => refused::no_quorum,
        Code::StandAlone => refused::stand_alone,
        Code::Disk => refused::disk,
        Code::Resync => refused::resync,
        Code::Held => refused::held,
        Code::Busy => refused::busy,
        Code::AttachedTwice => refused::attached_twice,
        Code::PeerPrimary => refused::peer_primary,
        Code::PeerAlive => refused::peer_alive,
        Code::Disconnected => refused::disconnected,
        Code::NoPeer => refused::no_peer,
        Code::Probe => refused::probe,
        Code::Worse => refused::worse,
        Code::Never => migration::never,
        Code::NoSource => migration::no_source,
        Code::TwoSources => migration::two_sources,
        Code::NotEstablished => migration::not_established,
        Code::PeerDisk => migration::peer_disk,
        Code::Protocol => migration::protocol,
        Code::Static => migration::as_configured,
        Code::TwoPrimaries => migration::two_primaries,
        Code::Settings => migration::settings,
        Code::LinkCut => migration::link_cut,
        Code::LinkLost => migration::link_lost,
        Code::Writes => migration::writes,
        Code::Vanished => failed::vanished,
        Code::GivenUp => failed::given_up,
        Code::OtherDevice => failed::other_device,
        Code::LostRole => failed::lost_role,
        Code::Configuration => failed::configuration,
        Code::Xenstore => failed::xenstore,
        Code::Tool => failed::tool,
        Code::Version => failed::version,
        Code::Answer => failed::answer,
        Code::Reading => failed::reading,
        Code::Promote => failed::promote,
        Code::Node => failed::node,
        Code::Renamed => failed::renamed,
        Code::Host => failed::host,
        Code::Signal => failed::signal,
        Code::Timeout => failed::timeout,
        Code::Locked => failed::locked,
        Code::XenbusPath => failed::xenbus_path,
        Code::Usage => failed::usage,
        Code::Operator => failed::operator,
        Code::StartedDisconnected => left::started_disconnected,
        Code::StartedAlone => left::started_alone,
        Code::StartedResyncing => left::started_resyncing,
        Code::StaysPrimary => left::stays_primary,
        Code::PrimaryTwice => left::primary_twice,
        Code::Open => left::open,
        Code::Stray => left::stray,
        Code::ForeignPrimary => left::foreign_primary,
        Code::Promoting => left::promoting,
        Code::NoRole => left::no_role,
        Code::Window => left::window,
        Code::ForeignWindow => left::foreign_window,
    }
}

/// What was wrong with it, if anything.
fn produce(code: Code) -> Option<String> {
    let host = Host::new(Generation::V9);
    let socket = UnixDatagram::bind(host.path("/dev/log")).unwrap();
    socket.set_nonblocking(true).unwrap();
    let printed = scenario(code)(&host);
    let mut buffer = [0; 8192];
    let mut lines = Vec::new();
    while let Ok(length) = socket.recv(&mut buffer) {
        lines.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    let sentences = sentences(code);
    let says = |text: &String| {
        text.contains(&format!("[{code}]")) && sentences.iter().any(|s| is_in(s, text))
    };
    let field = format!(" {CODE}={code}");
    // Ahead of any log it can only be printed.
    let heard = if code == Code::Operator {
        says(&printed)
    } else {
        lines.iter().any(|l| l.ends_with(&field) && says(l))
    };
    (!heard).then(|| format!("{code}: none of {sentences:#?}\nin {lines:#?}\nnor {printed}"))
}

/// Several at a time: most of them wait for something.
#[test]
fn every_code_is_said_with_its_sentence() {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(code) = Code::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            wrong.extend(produce(*code));
        }
        wrong
    };
    let wrong: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The toolstack and the guest's owner read it there, code and all.
#[test]
fn hotplug_error_ends_in_the_code() {
    let host = Host::new(Generation::V9);
    let disk = host.disk(5, "nosuch");
    disk.add();
    let error = disk.get("hotplug-error").unwrap();
    assert!(
        error.ends_with("copy its configuration here [BD-NOT-CONFIGURED]"),
        "{error}"
    );
    assert!(
        error.starts_with("guest guest-5 (domain 5), xvda2: resource nosuch"),
        "{error}"
    );
}

/// What is refused exits 3, and so on: as the manual says of the group.
#[test]
fn refusals_have_the_exit_code_of_their_group() {
    assert_eq!(entry(Code::NotUp).group, Group::Refused);
    let host = Host::new(Generation::V9);
    assert_eq!(host.disk(5, "nosuch").add().code, Some(3));
}
