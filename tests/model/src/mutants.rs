//! Every guard of the program with a model that shows what it is there for.

use crate::guard::Guard;
use crate::models;
use crate::program::Rules;
use crate::properties::{ALONE, KEPT, SEEN, TIDY, WHOLE};
use crate::setting::Setting;

/// A program without one of its guards.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// The guard.
    pub without: Guard,
    /// Where it is missed.
    pub setting: Setting,
    /// What no longer holds there.
    pub breaks: &'static str,
}

const fn mutant(without: Guard, setting: Setting, breaks: &'static str) -> Mutant {
    Mutant {
        without,
        setting,
        breaks,
    }
}

/// Two primaries stand in the configuration.
const fn configured(setting: Setting) -> Setting {
    Setting {
        rules: Rules::StaticRefuse,
        configured: true,
        ..setting
    }
}

/// All of them.
pub const ALL: [Mutant; 24] = [
    mutant(Guard::Probe, models::MIGRATION, SEEN),
    mutant(Guard::ProbeAtClosing, models::MIGRATION, TIDY),
    mutant(Guard::BothConfirmations, models::MIGRATION, WHOLE),
    mutant(Guard::BothConfirmations, configured(models::START), ALONE),
    mutant(Guard::SecondConfirmation, models::MIGRATION, SEEN),
    mutant(Guard::Drain, models::MIGRATION, ALONE),
    mutant(Guard::PeerPrimary, configured(models::BESIDE), ALONE),
    mutant(Guard::Disconnected, models::BESIDE, ALONE),
    mutant(Guard::Disk, models::MIGRATION, WHOLE),
    mutant(Guard::InStep, models::MIGRATION, TIDY),
    mutant(Guard::UsersAtAdd, models::HOST, ALONE),
    mutant(Guard::UsersAtRemove, models::HOST, KEPT),
    mutant(Guard::HoldersAtAdd, models::MOUNTED, ALONE),
    mutant(Guard::HoldersAtRemove, models::READ, KEPT),
    mutant(Guard::Arrival, models::BESIDE, ALONE),
    mutant(Guard::Lock, models::HOST, KEPT),
    mutant(Guard::Promoting, models::HANGING, TIDY),
    mutant(Guard::NoteOfPromotion, models::KILLED, TIDY),
    mutant(Guard::NoteOfWindow, models::KILLED, TIDY),
    mutant(Guard::UndoPromotion, models::LEFTOVERS, TIDY),
    mutant(Guard::UndoWindow, models::LEFTOVERS, TIDY),
    mutant(Guard::Demotion, models::LEFTOVERS, TIDY),
    mutant(Guard::Closing, models::LEFTOVERS, TIDY),
    mutant(Guard::ClosingConnected, models::MIGRATION, TIDY),
];

/// Guards that another one stands behind: without them the checker finds nothing, and why.
pub const SPARE: [(Guard, Setting, &str); 2] = [
    (
        Guard::FirstConfirmation,
        models::MIGRATION,
        "the second one sees it, too; it spares the suspended guest the wait for the source's writes",
    ),
    (
        Guard::StateAtPublication,
        models::HOST,
        "`remove` comes after it; it keeps the folder of a backend that is gone from being made anew",
    ),
];
