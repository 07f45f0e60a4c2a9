//! What the program asks of the outside, and what it can be answered: short words, since a state of
//! the model is compared and stored millions of times.

use block_drbd::host::Note;

/// What a run of the program is for. It decides, with the answers, everything that the run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// `add`, `remove` or `reap`.
    pub task: Task,
    /// Whose disk: index of the slot.
    pub slot: u8,
    /// The domain looks like one that `xl migrate-receive` makes.
    pub incoming: bool,
    /// Both domains of the model are the same guest.
    pub same_guest: bool,
    /// DRBD 9, or 8.4.
    pub nine: bool,
    /// Two primaries are configured.
    pub configured: bool,
    /// What the administrator decided.
    pub rules: Rules,
}

/// What the program is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// A guest is about to use the disk.
    Add,
    /// A guest has let go of it.
    Remove,
    /// Whatever was left on this host.
    Reap,
}

/// The settings that make a difference here, as `block-drbd.toml` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rules {
    /// The defaults: a guest may start while the peer is disconnected, with a warning.
    Window,
    /// A window, and no start while disconnected.
    WindowRefuse,
    /// Two primaries as configured, and no start while disconnected.
    StaticRefuse,
    /// The same, and a cluster file system: several guests may write.
    Shared,
}

/// A question to the outside, or something to do there: the points at which a run can be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Everything that is done in xenstore between two other calls, at once.
    Store,
    /// The resource's lock.
    Lock,
    /// The whole state of the resource.
    Read,
    /// Whether it is Secondary, after a demotion.
    IsSecondary,
    /// Its settings in force.
    Settings,
    /// `drbdsetup primary`.
    Promote,
    /// `drbdsetup secondary`.
    Demote,
    /// `drbdsetup net-options --allow-two-primaries`.
    Allow(bool),
    /// The counters of what arrives.
    InFlight,
    /// The peer's replication address.
    Probe,
    /// Writes a note.
    Note(Noted),
    /// Drops it.
    Forget(Noted),
    /// Whether it stands.
    IsNoted(Noted),
    /// Mounts and the like.
    Holders,
    /// What blkback serves.
    Attached,
    /// Whether a promotion outlives the command that asked for it.
    IsPromoting,
    /// The few milliseconds between two readings of the counters.
    Nap,
    /// A pause before another try.
    Pause,
}

/// [`Note`], which cannot be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Noted {
    /// The promotion.
    Promotion,
    /// The window.
    Window,
}

impl From<Note> for Noted {
    fn from(note: Note) -> Self {
        match note {
            Note::Promotion => Self::Promotion,
            Note::Window => Self::Window,
        }
    }
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Done, or had.
    Done,
    /// The deadline came first.
    Expired,
    /// DRBD refuses, with that number.
    Refused(i32),
    /// To [`Call::Store`]: what stands there.
    Store([Folder; 2]),
    /// To [`Call::Read`].
    Read(View),
    /// To [`Call::Settings`]: `allow-two-primaries`, where a connection has settings.
    Settings(Option<bool>),
    /// To [`Call::InFlight`]: how much has arrived.
    Arrived(u8),
    /// To [`Call::Probe`].
    Probe(Echo),
    /// To [`Call::Attached`]: of each domain, and of one that is forgotten.
    Attached([bool; 3]),
    /// To a question.
    Is(bool),
}

/// What stands in xenstore of one domain and its backend on this host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Folder {
    /// `state`; `None` where there is no such backend.
    pub state: Option<u8>,
    /// `online`.
    pub online: bool,
    /// `physical-device` is there.
    pub published: bool,
}

/// What DRBD says on one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// Primary here.
    pub primary: bool,
    /// The local copy is complete and current, as far as DRBD knows.
    pub up_to_date: bool,
    /// The connection.
    pub link: Link,
    /// The peer is Primary, while connected.
    pub peer_primary: bool,
    /// The peer's copy is `UpToDate`, while connected.
    pub peer_up_to_date: bool,
    /// What replication does.
    pub sync: Sync,
}

/// The state of the connection, as one side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// It is there, or its loss was not noticed yet.
    Connected,
    /// The peer is looked for.
    Connecting,
    /// Given up.
    StandAlone,
}

/// Replication, while connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sync {
    /// Both copies are the same.
    Established,
    /// This copy is filled from the peer's.
    Target,
    /// The peer's from this one.
    Source,
}

/// What the peer's address answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Echo {
    /// Somebody listens.
    Accepted,
    /// Nobody listens, on a host that is alive.
    Refused,
    /// Silence.
    Unanswered,
}
