//! The sentences of the catalogue: the program's own, with placeholders in capital letters.
//!
//! `tests/messages.rs` produces every one of them and compares.

use crate::backend::Access;
use crate::decision::{Failure, Warning};
use crate::drbd::{CommandError, DiskState, Error, ReplicationState};
use crate::execute::window::Open;
use crate::holders::Holder;
use crate::host::LockError;
use crate::message::{Code, Coded, Message};
use crate::observe::ObserveError;
use crate::policy::ConfigurationError;
use crate::probe::Probe;
use crate::process::RunError;
use crate::refusal::{Obstacle, Refusal};
use crate::request::PathError;

/// Stands for `N` where a number is asked for.
const NUMBER: u32 = 4_040_404_040;

/// The sentences that come with a code.
#[must_use]
pub fn sentences(code: Code) -> Vec<String> {
    let number = NUMBER.to_string();
    examples(code)
        .iter()
        .map(|m| m.words.replace(&number, "N"))
        .collect()
}

fn text(name: &str) -> String {
    name.to_owned()
}

fn res() -> String {
    text("RES")
}

fn peer() -> String {
    text("PEER")
}

/// Where a type of the program has the sentence, it is made from there.
#[allow(clippy::too_many_lines)] // one example a code: a table, not a procedure
fn examples(code: Code) -> Vec<Message> {
    let said = |words: &str| vec![Message::new(code, words)];
    let all = |words: &[&str]| words.iter().map(|w| Message::new(code, *w)).collect();
    let refused = |refusal: Refusal| vec![refusal.message()];
    let obstacle = |why: Obstacle| {
        let resource = res();
        vec![Refusal::Migration { resource, why }.message()]
    };
    match code {
        Code::Spec => refused(Refusal::Spec {
            params: text("TEXT"),
            why: text("WHY"),
        }),
        Code::Kind => refused(Refusal::Kind { kind: text("TEXT") }),
        Code::NoModule => refused(Refusal::NoModule),
        Code::NotConfigured => refused(Refusal::NotConfigured {
            resource: res(),
            words: text("WHY"),
        }),
        Code::NotUp => refused(Refusal::NotUp { resource: res() }),
        Code::NoVolume => {
            let volumes = vec![NUMBER];
            refused(Refusal::NoVolume {
                resource: res(),
                volume: NUMBER,
                have: volumes,
            })
        }
        Code::WhichVolume => refused(Refusal::WhichVolume {
            resource: res(),
            have: vec![NUMBER],
        }),
        Code::Suspended => refused(Refusal::Suspended {
            resource: res(),
            reasons: vec![text("WHY")],
        }),
        Code::FailingIo => refused(Refusal::FailingIo { resource: res() }),
        Code::NoQuorum => refused(Refusal::NoQuorum { resource: res() }),
        Code::StandAlone => refused(Refusal::StandAlone {
            resource: res(),
            peer: peer(),
        }),
        Code::Disk => {
            let disk = || DiskState::Unlisted(text("STATE"));
            let own = Refusal::Disk {
                resource: res(),
                volume: NUMBER,
                disk: disk(),
            };
            let migrating = obstacle(Obstacle::Disk {
                volume: NUMBER,
                disk: disk(),
            });
            [refused(own), migrating].concat()
        }
        Code::Resync => refused(Refusal::SyncTarget {
            resource: res(),
            volume: NUMBER,
            peer: peer(),
        }),
        Code::Held => {
            let device = Holder::Device {
                minor: NUMBER,
                name: text("DEVICE"),
            };
            let mount = Holder::Mount {
                minor: NUMBER,
                on: text("TEXT"),
            };
            let held = |by| {
                Refusal::Held {
                    resource: res(),
                    holders: vec![by],
                }
                .message()
            };
            let process = Holder::Process {
                minor: NUMBER,
                command: text("TEXT"),
                pid: NUMBER,
            };
            [mount, Holder::Swap { minor: NUMBER }, device, process]
                .map(held)
                .to_vec()
        }
        Code::Busy => refused(Refusal::Busy {
            resource: res(),
            guest: text("GUEST"),
            vdev: text("VDEV"),
            access: Access::ReadWrite,
            wanted: Access::ReadWrite,
        }),
        Code::AttachedTwice => refused(Refusal::AttachedTwice {
            resource: res(),
            vdev: text("VDEV"),
        }),
        Code::PeerPrimary => refused(Refusal::PeerPrimary {
            resource: res(),
            peer: peer(),
        }),
        Code::PeerAlive => refused(Refusal::PeerAlive {
            resource: res(),
            peer: peer(),
            address: text("ADDRESS"),
        }),
        Code::Disconnected => [true, false]
            .map(|alive| {
                Refusal::Disconnected {
                    resource: res(),
                    peer: peer(),
                    alive,
                }
                .message()
            })
            .to_vec(),
        Code::NoPeer => refused(Refusal::NoPeer { resource: res() }),
        Code::Probe => {
            let why = text("WHY");
            let unasked = Refusal::ProbeFailed {
                resource: res(),
                peer: peer(),
                why: why.clone(),
            };
            [
                refused(unasked),
                obstacle(Obstacle::NotAsked { peer: peer(), why }),
            ]
            .concat()
        }
        Code::Worse => [false, true]
            .map(|incoming| {
                Refusal::Worse {
                    resource: res(),
                    why: text("WHY"),
                    incoming,
                }
                .message()
            })
            .to_vec(),
        Code::Never => obstacle(Obstacle::Never),
        Code::NoSource => obstacle(Obstacle::NoSource {
            peers: vec![text("PEER: STATE")],
        }),
        Code::TwoSources => obstacle(Obstacle::TwoSources {
            peers: vec![peer(), peer()],
        }),
        Code::NotEstablished => {
            let replication = ReplicationState::Unlisted(text("STATE"));
            obstacle(Obstacle::NotEstablished {
                peer: peer(),
                volume: NUMBER,
                replication,
            })
        }
        Code::PeerDisk => {
            let disk = DiskState::Unlisted(text("STATE"));
            obstacle(Obstacle::PeerDisk {
                peer: peer(),
                volume: NUMBER,
                disk,
            })
        }
        Code::Protocol => obstacle(Obstacle::Protocol {
            protocol: text("N"),
        }),
        Code::Static => obstacle(Obstacle::Static { peer: peer() }),
        Code::TwoPrimaries => {
            let why = || Obstacle::TwoPrimaries { peer: peer() };
            let beside = Refusal::Beside {
                resource: res(),
                why: why(),
            };
            [refused(beside), obstacle(why())].concat()
        }
        Code::Settings => obstacle(Obstacle::Settings),
        Code::LinkCut => obstacle(Obstacle::LinkCut {
            peer: peer(),
            address: text("ADDRESS"),
        }),
        Code::LinkLost => obstacle(Obstacle::LinkLost {
            peer: peer(),
            address: text("ADDRESS"),
        }),
        Code::Writes => obstacle(Obstacle::Writes {
            seconds: NUMBER.into(),
        }),
        Code::Vanished => vec![Failure::Vanished.message()],
        Code::GivenUp => vec![
            Failure::State {
                state: text("N"),
                online: true,
            }
            .message(),
        ],
        Code::OtherDevice => vec![
            Failure::OtherDevice {
                found: text("DEVICE"),
                expected: text("DEVICE"),
                resource: res(),
            }
            .message(),
        ],
        Code::LostRole => vec![Failure::LostRole { resource: res() }.message()],
        Code::Configuration => {
            let line = NUMBER as usize;
            vec![
                ConfigurationError::Content {
                    line,
                    message: text("WHY"),
                }
                .message(),
            ]
        }
        Code::Xenstore => said("cannot reach xenstored: ADDRESS: WHY"),
        Code::Tool => {
            let program = text("TEXT");
            let source = std::io::Error::other("WHY");
            observed(RunError::Spawn { program, source }.into())
        }
        Code::Version => observed(Error::Version(text("TEXT"))),
        Code::Answer => observed(Error::Answer(text("TEXT"))),
        Code::Reading => {
            let refused = Error::Command(CommandError {
                command: String::new(),
                exit: None,
                code: None,
                text: text("WHY"),
            });
            [observed(refused), observed(Error::Unreadable(text("WHY")))].concat()
        }
        Code::Promote => said("DRBD did not promote RES: WHY; see `drbdadm status RES`"),
        Code::Node => said(
            "the device node of RES cannot be used (WHY): if it is missing, make it by mknod, with major 147",
        ),
        Code::Renamed => vec![Message::renamed()],
        Code::Host => all(&[
            "cannot lock TEXT: WHY",
            "cannot note TEXT of RES: WHY",
            "cannot watch for signals: WHY",
        ]),
        Code::Signal => all(&[
            "block-drbd was stopped by a signal: detach the disk and attach it again",
            "DRBD did not promote RES: TEXT was stopped by a signal; see `drbdadm status RES`",
        ]),
        Code::Timeout => all(&[
            "RES: TEXT did not finish in time, so it was given up; see `drbdadm status RES` and the kernel's log",
            "DRBD cannot be asked: TEXT did not finish in time; see `drbdadm status`",
        ]),
        Code::Locked => {
            let expired = crate::deadline::Expired::Deadline;
            let what = text("TEXT");
            let reaping = "left to another run: an add or a remove is at it";
            let waited = LockError::Expired { what, expired }.message();
            [vec![waited], said(reaping)].concat()
        }
        Code::XenbusPath => vec![
            PathError::Missing.message(),
            PathError::Form(text("TEXT")).message(),
        ],
        Code::Usage => said("called wrongly: TEXT"),
        Code::Operator => said(
            "`TEXT` is not `add` or `remove`, and the program for everything else cannot be run (WHY)",
        ),
        Code::StartedDisconnected => [Probe::Refused, Probe::Unanswered]
            .map(|probe| {
                let probe = Some(probe);
                Warning::Disconnected {
                    resource: res(),
                    peer: peer(),
                    probe,
                }
                .message()
            })
            .to_vec(),
        Code::StartedAlone => vec![Warning::NoPeer { resource: res() }.message()],
        Code::StartedResyncing => {
            vec![
                Warning::Resync {
                    resource: res(),
                    peer: peer(),
                }
                .message(),
            ]
        }
        Code::PrimaryTwice => said(
            "RES stays Primary here (TEXT) and is Primary on PEER, too: if their link is lost now, the copies part; move what uses it to PEER as well, or stop it",
        ),
        Code::StaysPrimary => all(&[
            "RES stays Primary here; TEXT; when it is closed, run `drbdadm secondary RES`",
            "RES could not be demoted again (WHY): run `drbdadm secondary RES`",
        ]),
        Code::Window => vec![
            Open {
                resource: res(),
                why: text("WHY"),
            }
            .message(),
        ],
        Code::Open
        | Code::Stray
        | Code::ForeignPrimary
        | Code::Promoting
        | Code::NoRole
        | Code::ForeignWindow => left(code),
    }
}

fn observed(error: Error) -> Vec<Message> {
    vec![ObserveError::Drbd(error).message()]
}

/// What `reap` says of a resource.
fn left(code: Code) -> Vec<Message> {
    use crate::decision::reap::Left;
    let kinds = [
        Left::Foreign,
        Left::Open(vec![text("TEXT")]),
        Left::Stray(vec![text("TEXT")]),
        Left::Promoting,
        Left::Unknown,
        Left::ForeignWindow,
    ];
    let mut messages = kinds.iter().filter(|l| l.code() == code);
    messages
        .next()
        .map(|l| Message::new(code, l.sentence("RES")))
        .into_iter()
        .collect()
}
