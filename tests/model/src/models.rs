//! The models: all with one resource of one volume, and two domains that may want it.
//!
//! Each goes through everything that can happen within its bounds, in every order. What can happen at
//! all stands in [`crate::event::Event`].

use crate::program::Rules;
use crate::setting::{Bounds, Setting};
use crate::world::Mount;

const NONE: Bounds = Bounds {
    starts: 0,
    stops: 0,
    moves: 0,
    writes: 0,
    cuts: 0,
    kills: 0,
    expiries: 0,
    hangs: 0,
    crashes: 0,
    lingers: 0,
    lapses: 0,
    races: 0,
    attaches: 0,
    disconnects: 0,
    reaps: 0,
};

/// The guest may run on either host; it runs nowhere yet.
const IDLE: Setting = Setting {
    name: "",
    nine: true,
    rules: Rules::WindowRefuse,
    configured: false,
    hosts: [0, 1],
    same_guest: true,
    running: false,
    mount: Mount::None,
    bounds: NONE,
};

/// It runs on the first.
const RUNNING: Setting = Setting {
    running: true,
    ..IDLE
};

/// Two guests of one host have the same disk.
const RIVALS: Setting = Setting {
    hosts: [0, 0],
    same_guest: false,
    ..IDLE
};

/// One guest of one host has it twice: while it reboots, or migrates to where it is.
const TWINS: Setting = Setting {
    hosts: [0, 0],
    ..RUNNING
};

const fn of_8_4(setting: Setting) -> Setting {
    Setting {
        nine: false,
        ..setting
    }
}

const fn configured(setting: Setting) -> Setting {
    Setting {
        rules: Rules::StaticRefuse,
        configured: true,
        ..setting
    }
}

/// A cluster file system, which two guests mount.
const fn shared(setting: Setting) -> Setting {
    Setting {
        rules: Rules::Shared,
        configured: true,
        same_guest: false,
        ..setting
    }
}

const fn named(name: &'static str, setting: Setting) -> Setting {
    Setting { name, ..setting }
}

/// Somebody starts the guest on both hosts, and stops it again.
pub const START: Setting = Setting {
    bounds: Bounds {
        starts: 3,
        stops: 2,
        writes: 1,
        cuts: 1,
        kills: 1,
        attaches: 1,
        ..NONE
    },
    ..IDLE
};

/// The same where a start without the peer is allowed, with a warning.
const WARNED: Setting = Setting {
    rules: Rules::Window,
    bounds: Bounds {
        starts: 2,
        stops: 1,
        writes: 1,
        cuts: 1,
        crashes: 1,
        ..NONE
    },
    ..IDLE
};

/// A migration with every way to fail that `xl` has, on a bad link.
pub const MIGRATION: Setting = Setting {
    bounds: Bounds {
        moves: 1,
        writes: 2,
        cuts: 2,
        expiries: 1,
        ..NONE
    },
    ..RUNNING
};

/// The same with a run that is killed, and cleared up after.
pub const KILLED: Setting = Setting {
    bounds: Bounds {
        moves: 1,
        writes: 1,
        cuts: 1,
        kills: 1,
        attaches: 1,
        reaps: 1,
        ..NONE
    },
    ..RUNNING
};

/// A migration and another one back.
const RETURN: Setting = Setting {
    bounds: Bounds {
        moves: 2,
        writes: 1,
        kills: 1,
        reaps: 1,
        ..NONE
    },
    ..RUNNING
};

/// A host crashes during a migration.
const CRASH: Setting = Setting {
    bounds: Bounds {
        moves: 1,
        writes: 1,
        kills: 1,
        crashes: 1,
        reaps: 1,
        ..NONE
    },
    ..RUNNING
};

/// Somebody disconnects a side during a migration, and the link is cut.
pub const DISCONNECT: Setting = Setting {
    bounds: Bounds {
        moves: 1,
        writes: 1,
        cuts: 1,
        disconnects: 1,
        reaps: 1,
        ..NONE
    },
    ..RUNNING
};

/// Somebody starts the guest a second time while it runs and moves.
pub const BESIDE: Setting = Setting {
    bounds: Bounds {
        starts: 1,
        stops: 1,
        moves: 1,
        writes: 1,
        cuts: 1,
        ..NONE
    },
    ..RUNNING
};

/// blkback does not close in time and the toolstack gives up early.
pub const LEFTOVERS: Setting = Setting {
    bounds: Bounds {
        writes: 1,
        moves: 1,
        lapses: 1,
        lingers: 1,
        races: 1,
        attaches: 1,
        reaps: 1,
        ..NONE
    },
    ..RUNNING
};

/// Two guests of one host.
pub const HOST: Setting = Setting {
    bounds: Bounds {
        starts: 2,
        stops: 2,
        lingers: 1,
        races: 1,
        attaches: 1,
        ..NONE
    },
    ..RIVALS
};

/// A guest that reboots on its host.
const REBOOT: Setting = Setting {
    bounds: Bounds {
        starts: 1,
        stops: 2,
        lingers: 1,
        kills: 1,
        reaps: 1,
        ..NONE
    },
    ..TWINS
};

/// A guest that migrates to the host that it runs on.
const LOCALHOST: Setting = Setting {
    bounds: Bounds {
        moves: 1,
        lingers: 1,
        kills: 1,
        reaps: 1,
        ..NONE
    },
    ..TWINS
};

/// The device is mounted in the host.
pub const MOUNTED: Setting = Setting {
    mount: Mount::Writer,
    bounds: Bounds {
        starts: 2,
        stops: 1,
        kills: 1,
        attaches: 1,
        reaps: 1,
        ..NONE
    },
    ..RIVALS
};

/// Read-only, which on DRBD 9 does not keep it from being demoted.
pub const READ: Setting = Setting {
    mount: Mount::Reader,
    ..MOUNTED
};

/// Two guests that share the resource.
const TOGETHER: Setting = Setting {
    bounds: Bounds {
        starts: 2,
        stops: 2,
        writes: 2,
        cuts: 1,
        kills: 1,
        lapses: 1,
        ..NONE
    },
    ..IDLE
};

/// The same on one host.
const CROWD: Setting = Setting {
    bounds: Bounds {
        starts: 2,
        stops: 2,
        writes: 1,
        kills: 1,
        attaches: 1,
        lapses: 1,
        reaps: 1,
        ..NONE
    },
    ..RIVALS
};

/// A promotion that hangs in the kernel outlives the `add` that gave it up.
pub const HANGING: Setting = Setting {
    bounds: Bounds {
        starts: 2,
        stops: 1,
        hangs: 1,
        expiries: 1,
        kills: 1,
        reaps: 1,
        ..NONE
    },
    ..IDLE
};

/// The same in a migration, which is tried again.
const STUCK: Setting = Setting {
    bounds: Bounds {
        moves: 2,
        hangs: 1,
        expiries: 1,
        reaps: 1,
        ..NONE
    },
    ..RUNNING
};

/// And on a bad link.
const STUCK_AND_CUT: Setting = Setting {
    bounds: Bounds {
        moves: 1,
        cuts: 1,
        ..STUCK.bounds
    },
    ..RUNNING
};

/// Everything that is gone through.
pub const ALL: [Setting; 34] = [
    named("two starts, 8.4", of_8_4(START)),
    named("two starts, 9", START),
    named(
        "two starts, two primaries configured, 8.4",
        configured(of_8_4(START)),
    ),
    named("two starts, two primaries configured, 9", configured(START)),
    named("starts without the peer, 8.4", of_8_4(WARNED)),
    named("starts without the peer, 9", WARNED),
    named("migration, 8.4", of_8_4(MIGRATION)),
    named("migration, 9", MIGRATION),
    named(
        "migration, two primaries configured, 8.4",
        configured(of_8_4(MIGRATION)),
    ),
    named(
        "migration, two primaries configured, 9",
        configured(MIGRATION),
    ),
    named("migration with a run killed, 8.4", of_8_4(KILLED)),
    named("migration with a run killed, 9", KILLED),
    named("there and back, 8.4", of_8_4(RETURN)),
    named("there and back, 9", RETURN),
    named("migration with a crash, 8.4", of_8_4(CRASH)),
    named("migration with a crash, 9", CRASH),
    named(
        "migration with a side disconnected, 8.4",
        of_8_4(DISCONNECT),
    ),
    named("migration with a side disconnected, 9", DISCONNECT),
    named("a start beside a migration, 8.4", of_8_4(BESIDE)),
    named("a start beside a migration, 9", configured(BESIDE)),
    named("leftovers, 8.4", of_8_4(LEFTOVERS)),
    named("leftovers, 9", LEFTOVERS),
    named("two guests of one host", HOST),
    named("a reboot", REBOOT),
    named("a migration to the same host", LOCALHOST),
    named("a mounted device, 8.4", of_8_4(MOUNTED)),
    named("a device mounted read-only, 9", READ),
    named(
        "a resource that two hosts share, 8.4",
        shared(of_8_4(TOGETHER)),
    ),
    named(
        "a resource that two guests of one host share, 9",
        shared(CROWD),
    ),
    named("a promotion that hangs, 8.4", of_8_4(HANGING)),
    named("a promotion that hangs, 9", HANGING),
    named("a migration whose promotion hangs, 8.4", of_8_4(STUCK)),
    named("a migration whose promotion hangs, 9", STUCK),
    named("the same on a bad link, 9", STUCK_AND_CUT),
];
