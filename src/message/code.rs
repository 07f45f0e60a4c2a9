//! What a message is called, so that it is found again: in the log, in the manual, by a search.

use std::fmt;

/// Makes the enum, the list of all and their texts from one list.
macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// The code of a refusal, a failure or a warning. It names the cause, is never given to another,
        /// and is a word rather than a number: that says something by itself, and nobody has to keep a
        /// list of the numbers that are taken. `block-drbd`(8) explains each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])* $name,)* }

        impl Code {
            /// Every code, in the order of the manual.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As it is printed.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// The specification is no DRBD device.
    Spec = "BD-SPEC",
    /// Another kind of backend.
    Kind = "BD-KIND",
    /// The module is not loaded.
    NoModule = "BD-NO-MODULE",
    /// Not in the configuration of this host.
    NotConfigured = "BD-NOT-CONFIGURED",
    /// Down.
    NotUp = "BD-NOT-UP",
    /// No such volume.
    NoVolume = "BD-NO-VOLUME",
    /// Several volumes, and none was named.
    WhichVolume = "BD-WHICH-VOLUME",
    /// I/O is suspended.
    Suspended = "BD-SUSPENDED",
    /// Forced demotion left it failing.
    FailingIo = "BD-FAILING-IO",
    /// No quorum.
    NoQuorum = "BD-NO-QUORUM",
    /// A connection that DRBD has given up.
    StandAlone = "BD-STANDALONE",
    /// A disk that must not be used.
    Disk = "BD-DISK",
    /// The local copy is being filled.
    Resync = "BD-RESYNC",
    /// Something on this host holds the device.
    Held = "BD-HELD",
    /// Another guest has it.
    Busy = "BD-BUSY",
    /// The same guest has it already.
    AttachedTwice = "BD-ATTACHED-TWICE",
    /// A peer is Primary.
    PeerPrimary = "BD-PEER-PRIMARY",
    /// Disconnected, and the peer's DRBD is alive.
    PeerAlive = "BD-PEER-ALIVE",
    /// Disconnected, and the policy forbids a start.
    Disconnected = "BD-DISCONNECTED",
    /// No peer is set up, and the policy forbids a start.
    NoPeer = "BD-NO-PEER",
    /// The peer could not be asked.
    Probe = "BD-PROBE",
    /// The promotion brought something worse to light.
    Worse = "BD-WORSE",

    /// `dual-primary = "never"`.
    Never = "BD-NEVER",
    /// No peer is Primary and connected.
    NoSource = "BD-NO-SOURCE",
    /// More than one is.
    TwoSources = "BD-TWO-SOURCES",
    /// Replication to the source is not in its normal state.
    NotEstablished = "BD-NOT-ESTABLISHED",
    /// The source's copy is not good.
    PeerDisk = "BD-PEER-DISK",
    /// Not protocol C.
    Protocol = "BD-PROTOCOL",
    /// `dual-primary = "static"`, and two primaries are not allowed.
    Static = "BD-STATIC",
    /// Two primaries are not allowed.
    TwoPrimaries = "BD-TWO-PRIMARIES",
    /// The settings could not be read.
    Settings = "BD-SETTINGS",
    /// The link is cut, and DRBD has not noticed.
    LinkCut = "BD-LINK-CUT",
    /// The source has noticed that the link was lost, this host has not.
    LinkLost = "BD-LINK-LOST",
    /// The source's writes did not stop arriving.
    Writes = "BD-WRITES",

    /// The backend's folder is gone.
    Vanished = "BD-VANISHED",
    /// The toolstack has given the backend up.
    GivenUp = "BD-GIVEN-UP",
    /// Another device is published.
    OtherDevice = "BD-OTHER-DEVICE",
    /// Published, but the role was lost since.
    LostRole = "BD-LOST-ROLE",
    /// The configuration cannot be used.
    Configuration = "BD-CONFIGURATION",
    /// xenstored cannot be asked.
    Xenstore = "BD-XENSTORE",
    /// A tool of DRBD cannot be run.
    Tool = "BD-TOOL",
    /// A version of DRBD that is not known.
    Version = "BD-VERSION",
    /// A tool of DRBD printed what cannot be the answer.
    Answer = "BD-ANSWER",
    /// DRBD did not tell its state.
    Reading = "BD-READING",
    /// DRBD refused to promote.
    Promote = "BD-PROMOTE",
    /// The device node is missing.
    Node = "BD-NODE",
    /// The resource came up or was renamed just now.
    Renamed = "BD-RENAMED",
    /// A file or a facility of this host cannot be had.
    Host = "BD-HOST",
    /// A signal came.
    Signal = "BD-SIGNAL",
    /// Not finished in time.
    Timeout = "BD-TIMEOUT",
    /// Another run kept a lock.
    Locked = "BD-LOCKED",
    /// `XENBUS_PATH` is missing or of another form.
    XenbusPath = "BD-XENBUS-PATH",
    /// The command line is wrong.
    Usage = "BD-USAGE",
    /// The program with the commands for people is missing.
    Operator = "BD-OPERATOR",

    /// It starts, and a peer is disconnected.
    StartedDisconnected = "BD-STARTED-DISCONNECTED",
    /// It starts, and has no peer.
    StartedAlone = "BD-STARTED-ALONE",
    /// It starts on a copy that is still being filled.
    StartedResyncing = "BD-STARTED-RESYNCING",

    /// It could not be demoted.
    StaysPrimary = "BD-STAYS-PRIMARY",
    /// Guests of two hosts use it, and nobody meant them to share it.
    PrimaryTwice = "BD-PRIMARY-TWICE",
    /// Promoted by this program and used by no guest, but a process has it open.
    Open = "BD-OPEN",
    /// The guest is gone, but the kernel still has its disk.
    Stray = "BD-STRAY",
    /// Primary and unused, and this program did not promote it.
    ForeignPrimary = "BD-FOREIGN-PRIMARY",
    /// A promotion that was given up may still come.
    Promoting = "BD-PROMOTING",
    /// DRBD does not tell its role.
    NoRole = "BD-NO-ROLE",
    /// Two primaries stay allowed.
    Window = "BD-WINDOW",
    /// Two primaries are allowed at run time, by another hand.
    ForeignWindow = "BD-FOREIGN-WINDOW",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_short_distinct_and_never_part_of_another() {
        for (n, code) in Code::ALL.iter().enumerate() {
            let text = code.as_str();
            let word = text.strip_prefix("BD-").unwrap();
            assert!(text.len() <= 24, "{text}");
            assert!(
                word.bytes().all(|b| b.is_ascii_uppercase() || b == b'-'),
                "{text}"
            );
            assert!(!Code::ALL[..n].iter().any(|c| c.as_str() == text), "{text}");
        }
    }
}
