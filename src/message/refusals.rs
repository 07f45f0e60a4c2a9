//! The codes of refusals, and of warnings where nothing was refused.

use super::{Code, Coded};
use crate::decision::Warning;
use crate::refusal::{Obstacle, Refusal};

impl Coded for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::Spec { .. } => Code::Spec,
            Self::Kind { .. } => Code::Kind,
            Self::NoModule => Code::NoModule,
            Self::NotConfigured { .. } => Code::NotConfigured,
            Self::NotUp { .. } => Code::NotUp,
            Self::NoVolume { .. } => Code::NoVolume,
            Self::WhichVolume { .. } => Code::WhichVolume,
            Self::Suspended { .. } => Code::Suspended,
            Self::FailingIo { .. } => Code::FailingIo,
            Self::NoQuorum { .. } => Code::NoQuorum,
            Self::StandAlone { .. } => Code::StandAlone,
            Self::Disk { .. } => Code::Disk,
            Self::SyncTarget { .. } => Code::Resync,
            Self::Held { .. } => Code::Held,
            Self::Busy { .. } => Code::Busy,
            Self::AttachedTwice { .. } => Code::AttachedTwice,
            Self::PeerPrimary { .. } => Code::PeerPrimary,
            Self::PeerAlive { .. } => Code::PeerAlive,
            Self::Disconnected { .. } => Code::Disconnected,
            Self::NoPeer { .. } => Code::NoPeer,
            Self::ProbeFailed { .. } => Code::Probe,
            Self::Worse { .. } => Code::Worse,
            // What is in the way says more than that something is.
            Self::Migration { why, .. } | Self::Beside { why, .. } => why.code(),
        }
    }
}

impl Coded for Obstacle {
    fn code(&self) -> Code {
        match self {
            Self::Never => Code::Never,
            Self::NoSource { .. } => Code::NoSource,
            Self::TwoSources { .. } => Code::TwoSources,
            Self::NotEstablished { .. } => Code::NotEstablished,
            Self::PeerDisk { .. } => Code::PeerDisk,
            Self::Disk { .. } => Code::Disk,
            Self::Protocol { .. } => Code::Protocol,
            Self::Static { .. } => Code::Static,
            Self::TwoPrimaries { .. } => Code::TwoPrimaries,
            Self::Settings => Code::Settings,
            Self::LinkCut { .. } => Code::LinkCut,
            Self::LinkLost { .. } => Code::LinkLost,
            Self::NotAsked { .. } => Code::Probe,
            Self::Writes { .. } => Code::Writes,
        }
    }
}

impl Coded for Warning {
    fn code(&self) -> Code {
        match self {
            Self::Disconnected { .. } => Code::StartedDisconnected,
            Self::NoPeer { .. } => Code::StartedAlone,
            Self::Resync { .. } => Code::StartedResyncing,
            Self::PrimaryTwice { .. } => Code::PrimaryTwice,
        }
    }
}
