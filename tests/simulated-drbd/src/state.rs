//! The words DRBD uses for roles, disks, connections and replication.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An enumeration whose variants are printed and parsed as they are spelt.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($word:ident),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[allow(missing_docs)]
        pub enum $name { $($word),+ }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$word => stringify!($word)),+ })
            }
        }

        impl FromStr for $name {
            type Err = anyhow::Error;

            fn from_str(word: &str) -> anyhow::Result<Self> {
                match word {
                    $(stringify!($word) => Ok(Self::$word),)+
                    _ => anyhow::bail!("{word:?} is no {}", stringify!($name)),
                }
            }
        }
    };
}

words! {
    /// The role of a resource (9) or of a minor (8.4).
    Role { Unknown, Secondary, Primary }
}

words! {
    /// The state of a disk, from worst to best.
    Disk {
        Diskless, Attaching, Failed, Negotiating, Inconsistent, Outdated, DUnknown, Consistent,
        UpToDate,
    }
}

words! {
    /// The state of the connection to the peer.
    Connection {
        StandAlone, Disconnecting, Unconnected, Timeout, BrokenPipe, NetworkFailure,
        ProtocolError, TearDown, Connecting, Connected,
    }
}

words! {
    /// The state of the replication of one volume.
    Replication {
        Off, Established, StartingSyncS, StartingSyncT, WFBitMapS, WFBitMapT, WFSyncUUID,
        SyncSource, SyncTarget, PausedSyncS, PausedSyncT, VerifyS, VerifyT, Ahead, Behind,
    }
}

impl Replication {
    /// Whether a resynchronisation is going on, paused or not.
    #[must_use]
    pub fn is_syncing(self) -> bool {
        matches!(
            self,
            Self::SyncSource | Self::SyncTarget | Self::PausedSyncS | Self::PausedSyncT
        )
    }

    /// Whether this side receives the data of a resynchronisation.
    #[must_use]
    pub fn is_target(self) -> bool {
        matches!(self, Self::SyncTarget | Self::PausedSyncT)
    }
}
