//! What the program asks of the outside, and what becomes of it.

use super::Outside;

/// Something that the program asks of the outside, other than of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Read,
    Settings,
    Promote,
    Demote,
    OpenWindow,
    CloseWindow,
    Configured,
    InFlight,
    PeerName,
    LockResource,
    LockBlock,
    CheckNode,
    Probe,
    Note,
    Forget,
    Pause,
}

impl Call {
    /// Whether it runs a tool of DRBD.
    pub fn is_drbd(self) -> bool {
        use Call::{
            CloseWindow, Configured, Demote, InFlight, OpenWindow, PeerName, Promote, Read,
            Settings,
        };
        matches!(
            self,
            Read | Settings
                | Promote
                | Demote
                | OpenWindow
                | CloseWindow
                | Configured
                | InFlight
                | PeerName
        )
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// DRBD refuses with that number, having done nothing.
    Refused(i32),
    /// DRBD does it, and says otherwise.
    DoneAndRefused(i32),
    /// The deadline passes, and nothing was done.
    Expired,
    /// The deadline passes; it was done all the same.
    DoneAndExpired,
    /// An error of the system.
    Broken,
    /// Something happens just before, and the call goes on.
    Before(fn(&Outside)),
    /// Something happens just after.
    After(fn(&Outside)),
}

/// When a fault strikes.
#[derive(Clone, Copy, Debug)]
pub struct Strike {
    pub call: Call,
    /// At the n-th such call, from 1 on.
    pub nth: u32,
    /// And at all later ones.
    pub always: bool,
    pub fault: Fault,
}

/// One call as it was made.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    pub call: Call,
    pub nth: u32,
    pub resource_locked: bool,
}
