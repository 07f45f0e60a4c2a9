//! DRBD on two hosts, as the recordings show it (`tests/recordings`, and `tests/simulated-drbd`, whose
//! rules these are, in short).

use super::{Life, Mount, Side, World};
use crate::program::{Answer, Echo, Link, Sync};
use crate::setting::Setting;

/// "Multiple primaries not allowed by config".
const TWO_PRIMARIES: i32 = -1;
/// "Need access to `UpToDate` data".
const NO_DISK: i32 = -2;
/// "Device is held open by someone".
const HELD_OPEN: i32 = -12;
/// "Cannot clear `allow_two_primaries` when connected and both are Primary".
const BOTH_PRIMARY: i32 = 164;

impl World {
    /// Whether packets get through, and both hosts are alive.
    #[must_use]
    pub fn reaches(&self) -> bool {
        self.link && self.sides.iter().all(|s| s.up)
    }

    /// Replication works, and does not only seem to.
    #[must_use]
    pub fn works(&self) -> bool {
        self.reaches() && self.sides.iter().all(|s| s.link == Link::Connected)
    }

    /// One side finds its peer gone.
    pub fn lose(&mut self, host: usize, setting: &Setting) {
        let runs = self.lives_on(setting, host, &[Life::Running]);
        let waits = self.lives_on(setting, host, &[Life::Suspended]);
        if self.sides[host].link != Link::Connected {
            return;
        }
        // Guests that share it go on on both sides, each without the other's writes, unless DRBD fences.
        let both = self.sides.iter().all(|s| s.primary);
        self.marks.apart |= setting.is_shared() && both;
        let side = &mut self.sides[host];
        side.link = Link::Connecting;
        side.peer_primary = false;
        side.sync = Sync::Established;
        // 8.4 begins a new generation when a Primary loses its peer, 9 at the first write after.
        side.fresh |= !setting.nine && side.primary && side.up_to_date;
        let alone = std::mem::take(&mut side.in_flight);
        side.fresh |= alone != 0;
        if runs {
            self.acked |= alone;
        } else if waits {
            self.held |= alone;
        }
    }

    /// One side may notice that the connection is gone.
    #[must_use]
    pub fn can_notice(&self, host: usize) -> bool {
        self.sides[host].up && self.sides[host].link == Link::Connected && !self.works()
    }

    /// Each hears of the other's role.
    fn exchange(&mut self) {
        if self.works() {
            for host in [0, 1] {
                self.sides[host].peer_primary = self.sides[1 - host].primary;
            }
        }
    }

    /// Nothing is under way that would arrive when the link comes back before anybody noticed. That it
    /// does come back with a write under way is left out of the models: no reading on one side can tell
    /// such a write from none, and it may arrive when the guest runs on the other side already.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let [one, other] = &self.sides;
        let known =
            |here: &Side, there: &Side| here.in_flight == 0 && here.peer_primary == there.primary;
        one.two == other.two && known(one, other) && known(other, one)
    }

    /// Both look for each other, and can meet.
    #[must_use]
    pub fn can_meet(&self) -> bool {
        self.reaches() && self.sides.iter().all(|s| s.link == Link::Connecting)
    }

    /// The handshake.
    pub fn meet(&mut self, setting: &Setting) {
        let [one, other] = self.sides;
        if one.two != other.two {
            // 8.4: a lone Primary gives up, and the other goes on knocking; else both give up.
            for host in [0, 1] {
                let (own, peer) = (self.sides[host].primary, self.sides[1 - host].primary);
                if setting.nine || own || !peer {
                    self.stand_alone(host, setting);
                }
            }
            return;
        }
        let overwritten = |here: &Side, there: &Side| here.primary && newer(there, here);
        let both = one.primary && other.primary && !one.two;
        let parted = one.fresh && other.fresh;
        if parted || both || overwritten(&one, &other) || overwritten(&other, &one) {
            self.stand_alone(0, setting);
            self.stand_alone(1, setting);
            return;
        }
        for side in &mut self.sides {
            side.link = Link::Connected;
        }
        for host in [0, 1] {
            if newer(&self.sides[host], &self.sides[1 - host]) {
                self.sides[host].sync = Sync::Source;
                self.sides[1 - host].sync = Sync::Target;
                self.sides[1 - host].up_to_date = false;
                break;
            }
        }
        self.exchange();
    }

    /// One side gives the connection up. 8.4 forgets its settings: the next connection has those of
    /// the configuration (recordings, surprise 4).
    pub fn stand_alone(&mut self, host: usize, setting: &Setting) {
        let side = &mut self.sides[host];
        side.link = Link::StandAlone;
        if !setting.nine {
            side.two = setting.configured;
        }
    }

    /// The copies are the same again.
    pub fn finish_sync(&mut self) {
        for host in [0, 1] {
            if self.sides[host].sync == Sync::Target {
                self.sides[host].data = self.sides[1 - host].data;
                self.sides[host].up_to_date = true;
            }
        }
        for side in &mut self.sides {
            side.sync = Sync::Established;
            (side.fresh, side.crashed) = (false, false);
        }
    }

    /// A write of the guest on that host.
    pub fn write(&mut self, host: usize, bit: u8) {
        let side = &mut self.sides[host];
        side.data |= bit;
        if side.link == Link::Connected {
            side.in_flight = bit;
        } else {
            side.fresh = true;
            self.acked |= bit;
        }
    }

    /// It reaches the peer, and the guest hears of it.
    pub fn arrive(&mut self, host: usize, setting: &Setting) {
        let bit = std::mem::take(&mut self.sides[host].in_flight);
        self.sides[1 - host].data |= bit;
        if self.lives_on(setting, host, &[Life::Running]) {
            self.acked |= bit;
        } else {
            if self.lives_on(setting, host, &[Life::Suspended]) {
                self.held |= bit;
            }
            self.marks.late |= self.lives_on(setting, 1 - host, &[Life::Running]);
        }
    }

    /// `drbdsetup primary`. With the link cut and not noticed it pings the peer, finds it gone, and
    /// succeeds (recordings, surprise 1).
    pub fn promote(&mut self, host: usize, setting: &Setting) -> Answer {
        if self.sides[host].primary {
            return Answer::Done;
        }
        if self.can_notice(host) {
            self.lose(host, setting);
        }
        let side = &mut self.sides[host];
        let connected = side.link == Link::Connected;
        if connected && side.peer_primary && !side.two {
            return Answer::Refused(TWO_PRIMARIES);
        }
        if !side.up_to_date && !connected {
            return Answer::Refused(NO_DISK);
        }
        side.primary = true;
        side.fresh |= !setting.nine && !connected;
        self.exchange();
        Answer::Done
    }

    /// `drbdsetup secondary`.
    pub fn demote(&mut self, host: usize, setting: &Setting) -> Answer {
        let opened = self
            .slots
            .iter()
            .zip(setting.hosts)
            .any(|(s, on)| s.open && on == host);
        let mounted = match self.mount {
            Mount::Writer => true,
            Mount::Reader => !setting.nine,
            Mount::None => false,
        };
        let side = &mut self.sides[host];
        if side.primary && (opened || side.leaked || (mounted && host == 0)) {
            return Answer::Refused(HELD_OPEN);
        }
        (side.primary, side.foreign) = (false, false);
        self.exchange();
        Answer::Done
    }

    /// `drbdsetup net-options --allow-two-primaries`. It reaches the peer only over a connection that
    /// works.
    pub fn allow(&mut self, host: usize, allow: bool) -> Answer {
        let works = self.works();
        let side = &mut self.sides[host];
        if side.two && !allow && side.primary && side.peer_primary {
            return Answer::Refused(BOTH_PRIMARY);
        }
        side.two = allow;
        let seems = side.seen && !side.silent;
        if works {
            self.sides[1 - host].two = allow;
        }
        let differ = self.sides[0].two != self.sides[1].two;
        self.marks.parted |= differ && seems;
        self.marks.alone |= differ && !seems;
        Answer::Done
    }

    /// What the settings in force say there.
    #[must_use]
    pub fn two_primaries(&self, host: usize, setting: &Setting) -> Option<bool> {
        let side = &self.sides[host];
        (setting.nine || side.link != Link::StandAlone).then_some(side.two)
    }

    /// What the peer's replication address answers.
    #[must_use]
    pub fn probe(&self, host: usize) -> Echo {
        match self.sides[1 - host].link {
            _ if !self.reaches() => Echo::Unanswered,
            Link::Connecting => Echo::Accepted,
            Link::Connected | Link::StandAlone => Echo::Refused,
        }
    }

    /// The host dies; its peer has not noticed.
    pub fn crash(&mut self, host: usize, setting: &Setting) {
        let side = &mut self.sides[host];
        *side = Side {
            up: false,
            primary: false,
            link: Link::Connecting,
            peer_primary: false,
            sync: Sync::Established,
            in_flight: 0,
            crashed: side.crashed || side.primary,
            two: setting.configured,
            noted: [false; 2],
            hanging: false,
            foreign: false,
            seen: false,
            silent: false,
            leaked: false,
            ..*side
        };
        self.marks.parted |= self.sides[1 - host].two != setting.configured;
    }
}

/// Whether the first copy has to be taken for the second.
fn newer(this: &Side, that: &Side) -> bool {
    let since_crash = this.crashed && !that.fresh;
    this.up_to_date && (this.fresh || since_crash || !that.up_to_date)
}
