//! DRBD's own words for roles and states, as its tools print them.
//!
//! A word that this program does not know is kept as it is and never counts as healthy
//! (drbd-utils: `user/shared/drbd_strings.c` lists the known ones).

/// Defines an enum of DRBD's words, with `Unlisted` for those of versions to come.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($word:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        #[allow(missing_docs)] // the variants are DRBD's words, spelled as DRBD spells them
        pub enum $name { $($word,)+ Unlisted(String) }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word { $(stringify!($word) => Self::$word,)+ other => Self::Unlisted(other.to_owned()) }
            }
        }
        impl From<String> for $name {
            fn from(word: String) -> Self { Self::from(word.as_str()) }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self { value.to_string() }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$word => stringify!($word),)+ Self::Unlisted(word) => word })
            }
        }
    };
}

words! {
    /// The role of a resource (of one volume on DRBD 8.4) on a node.
    Role { Primary, Secondary, Unknown }
}

words! {
    /// The state of one volume's disk.
    DiskState {
        Diskless, Attaching, Detaching, Failed, Negotiating, Inconsistent, Outdated, DUnknown,
        Consistent, UpToDate,
    }
}

words! {
    /// The state of the connection to one peer.
    ConnectionState {
        StandAlone, Disconnecting, Unconnected, Timeout, BrokenPipe, NetworkFailure, ProtocolError,
        TearDown, Connecting, Connected,
    }
}

words! {
    /// What the replication of one volume to one peer is doing.
    ReplicationState {
        Off, Established, StartingSyncS, StartingSyncT, WFBitMapS, WFBitMapT, WFSyncUUID,
        SyncSource, SyncTarget, PausedSyncS, PausedSyncT, VerifyS, VerifyT, Ahead, Behind,
    }
}

impl DiskState {
    /// A state that passes by itself within moments: attaching, or agreeing with the peer.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Attaching | Self::Negotiating)
    }
}

impl ReplicationState {
    /// The local copy is being filled from this peer.
    #[must_use]
    pub fn is_sync_target(&self) -> bool {
        matches!(
            self,
            Self::SyncTarget
                | Self::PausedSyncT
                | Self::StartingSyncT
                | Self::WFBitMapT
                | Self::WFSyncUUID
                | Self::Behind
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_later_version_is_kept_and_is_not_healthy() {
        let state = DiskState::from("Fresh");
        assert_eq!(state, DiskState::Unlisted("Fresh".into()));
        assert_eq!(state.to_string(), "Fresh");
        assert_ne!(state, DiskState::UpToDate);
    }

    #[test]
    fn words_are_spelled_as_drbd_spells_them() {
        assert_eq!(
            ReplicationState::from("PausedSyncT").to_string(),
            "PausedSyncT"
        );
        assert_eq!(
            ConnectionState::from("Connected"),
            ConnectionState::Connected
        );
        assert_eq!(Role::from("Primary"), Role::Primary);
    }
}
