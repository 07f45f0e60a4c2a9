//! The program's guards, each of which can be taken away: the program is then answered as if all were
//! well, or told that it did what it did not. The checker has to find what becomes of that.

use crate::program::{Answer, Call, Echo, Info, Link, Next, Noted, Sync, Task, View};

/// A guard that is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The peer's address always answers as that of a living, connected peer does.
    Probe,
    /// It does so before a window is closed.
    ProbeAtClosing,
    /// The readings after a promotion show what the one before it showed.
    BothConfirmations,
    /// Only the first of the two that a migration has does.
    FirstConfirmation,
    /// Only the second does.
    SecondConfirmation,
    /// The source's writes seem to have stopped arriving at once.
    Drain,
    /// No peer seems to be Primary when a guest starts.
    PeerPrimary,
    /// A peer that is away seems to be connected, and Secondary.
    Disconnected,
    /// The local copy seems to be good, and in step.
    Disk,
    /// The source seems to be connected when a guest is received, and to answer.
    InStep,
    /// `remove` sees no other guest's use of the resource.
    UsersAtRemove,
    /// `add` sees none.
    UsersAtAdd,
    /// `remove` sees no mount.
    HoldersAtRemove,
    /// `add` sees none.
    HoldersAtAdd,
    /// A start is taken for an incoming migration.
    Arrival,
    /// Nothing is locked.
    Lock,
    /// No earlier promotion seems to be under way any more.
    Promoting,
    /// The promotion is not noted.
    NoteOfPromotion,
    /// The window is not noted.
    NoteOfWindow,
    /// A failed `add` leaves the resource Primary.
    UndoPromotion,
    /// A failed `add` leaves the window open.
    UndoWindow,
    /// `remove` does not demote.
    Demotion,
    /// `remove` does not close the window.
    Closing,
    /// The window is closed whatever the connection is like.
    ClosingConnected,
    /// `add` publishes although the toolstack has given the backend up.
    StateAtPublication,
}

/// All of them.
pub const ALL: [Guard; 25] = [
    Guard::Probe,
    Guard::ProbeAtClosing,
    Guard::BothConfirmations,
    Guard::FirstConfirmation,
    Guard::SecondConfirmation,
    Guard::Drain,
    Guard::PeerPrimary,
    Guard::Disconnected,
    Guard::Disk,
    Guard::InStep,
    Guard::UsersAtRemove,
    Guard::UsersAtAdd,
    Guard::HoldersAtRemove,
    Guard::HoldersAtAdd,
    Guard::Arrival,
    Guard::Lock,
    Guard::Promoting,
    Guard::NoteOfPromotion,
    Guard::NoteOfWindow,
    Guard::UndoPromotion,
    Guard::UndoWindow,
    Guard::Demotion,
    Guard::Closing,
    Guard::ClosingConnected,
    Guard::StateAtPublication,
];

impl Guard {
    /// What is answered in place of the world, which then hears nothing of it.
    #[must_use]
    pub fn instead(self, info: &Info, call: Call) -> Option<Answer> {
        let add = info.kind.task == Task::Add;
        let remove = info.kind.task == Task::Remove;
        let idle = match (self, call) {
            (Self::Lock, Call::Lock)
            | (Self::NoteOfPromotion, Call::Note(Noted::Promotion))
            | (Self::NoteOfWindow, Call::Note(Noted::Window))
            | (Self::Drain, Call::Nap) => true,
            (Self::UndoPromotion, Call::Demote) | (Self::UndoWindow, Call::Allow(false)) => add,
            (Self::Demotion, Call::Demote) | (Self::Closing, Call::Allow(false)) => remove,
            _ => false,
        };
        if idle {
            return Some(Answer::Done);
        }
        let is = match (self, call) {
            (Self::UndoPromotion, Call::IsSecondary) if add => true,
            (Self::Demotion, Call::IsSecondary) if remove => true,
            (Self::HoldersAtAdd, Call::Holders) if add => false,
            (Self::HoldersAtRemove, Call::Holders) if !add => false,
            (Self::Drain, Call::InFlight) => return Some(Answer::Arrived(0)),
            (Self::Probe, Call::Probe) => return Some(Answer::Probe(Echo::Refused)),
            (Self::Promoting, Call::IsPromoting) => false,
            (Self::ProbeAtClosing, Call::Probe) if !add || info.past.demoted => {
                return Some(Answer::Probe(Echo::Refused));
            }
            (Self::InStep, Call::Probe) if info.kind.incoming => {
                return Some(Answer::Probe(Echo::Refused));
            }
            _ => return None,
        };
        Some(Answer::Is(is))
    }

    /// What the program is told in place of the truth.
    #[must_use]
    pub fn colour(self, info: &Info, answer: Answer) -> Answer {
        match answer {
            Answer::Read(view) => Answer::Read(self.reading(info, view)),
            Answer::Store(mut folders) => {
                let own = usize::from(info.kind.slot);
                let add = info.kind.task == Task::Add;
                let hidden = match self {
                    Self::UsersAtAdd => add,
                    Self::UsersAtRemove => !add,
                    _ => false,
                };
                if hidden {
                    folders[1 - own].published = false;
                }
                if self == Self::StateAtPublication && info.past.promoted {
                    folders[own].state = folders[own].state.map(|_| 2);
                    folders[own].online = true;
                }
                Answer::Store(folders)
            }
            other => other,
        }
    }

    fn reading(self, info: &Info, view: View) -> View {
        let past = &info.past;
        let starting = info.kind.task == Task::Add && !info.kind.incoming;
        let again = past.promoted && !past.demoted && info.next == Next::Ask(Call::Read);
        let healthy = |peer_primary| View {
            link: Link::Connected,
            sync: Sync::Established,
            up_to_date: true,
            peer_up_to_date: true,
            peer_primary,
            ..view
        };
        match self {
            Self::BothConfirmations if again => confirmed(past.first, view),
            Self::FirstConfirmation if again && !past.drained => confirmed(past.first, view),
            Self::SecondConfirmation if again && past.drained => confirmed(past.first, view),
            Self::PeerPrimary if starting => View {
                peer_primary: false,
                ..view
            },
            Self::Disconnected if starting && view.link != Link::Connected => healthy(false),
            Self::Disk if view.link == Link::Connected => healthy(view.peer_primary),
            Self::InStep if info.kind.incoming && !past.promoted => healthy(true),
            Self::ClosingConnected if past.demoted || info.kind.task == Task::Reap => {
                healthy(view.peer_primary)
            }
            _ => view,
        }
    }
}

/// What a second reading would show if nothing had changed but the role.
fn confirmed(first: Option<View>, view: View) -> View {
    View {
        primary: view.primary,
        ..first.unwrap_or(view)
    }
}
