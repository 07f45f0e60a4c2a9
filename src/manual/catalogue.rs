//! What each message means and what to do about it: the manual's section MESSAGES.

use crate::message::Code;

/// Messages that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The disk may not be attached.
    Refused,
    /// It may not be Primary on two hosts.
    Migration,
    /// Something went wrong.
    Failed,
    /// Attached all the same.
    Warning,
    /// Something stays behind.
    Left,
}

impl Group {
    /// Every group, in the order of the manual.
    pub const ALL: [Self; 5] = [
        Self::Refused,
        Self::Migration,
        Self::Failed,
        Self::Warning,
        Self::Left,
    ];

    /// Heading and introduction.
    #[must_use]
    pub fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Refused => (
                "The disk is refused",
                "Nothing was changed, or all of it was taken back. Exit status 3.",
            ),
            Self::Migration => (
                "Two primaries are refused",
                "For a guest that migrates here, and for a resource with `shared = true`. A guest that \
                 was to migrate goes on at its source. Exit status 3.",
            ),
            Self::Failed => (
                "Something went wrong",
                "Exit status 1, unless another is named.",
            ),
            Self::Warning => (
                "The disk is attached, and something is unknown",
                "Exit status 0. Printed to standard error as well.",
            ),
            Self::Left => (
                "Something stays behind",
                "Said by `remove`, by a failed `add` and by `reap`.",
            ),
        }
    }
}

/// An entry of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub group: Group,
    /// What it means.
    pub means: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// The entry of a code.
#[must_use]
#[allow(clippy::too_many_lines)] // one entry a code: a table, not a procedure
#[rustfmt::skip]
pub fn entry(code: Code) -> Entry {
    use Group::{Failed, Left, Migration, Refused, Warning};
    let (group, means, remedy) = match code {
        Code::Spec => (Refused, "What follows `drbd:` in the guest's configuration is no name of a DRBD device.", "Write one of the forms in NAMES OF DISKS."),
        Code::Kind => (Refused, "The toolstack chose another kind of backend than the kernel's (phy): blktap, say.", "Leave out backendtype= and use format=raw."),
        Code::NoModule => (Refused, "The module is not loaded, so no resource can be up. The program does not load it.", "Load it, and see that it is loaded at boot."),
        Code::NotConfigured => (Refused, "drbdadm knows no resource of that name on this host.", "Correct the name, or bring the resource's file in /etc/drbd.d here; it has to name this host."),
        Code::NotUp => (Refused, "The resource is configured and not running in the kernel.", "Bring it up, and enable drbd.service or the resource's target for the next boot."),
        Code::NoVolume => (Refused, "The resource is there, that volume of it is not.", "Correct the number behind the slash."),
        Code::WhichVolume => (Refused, "A resource with several volumes needs to be told which.", "Write RES/VOLUME."),
        Code::Suspended => (Refused, "DRBD has stopped the resource's I/O: by hand, for want of quorum, or until the peer is fenced.", "`drbdadm status` shows why. A guest would hang at its first request."),
        Code::FailingIo => (Refused, "`drbdsetup secondary --force` left openers whose I/O fails; their device cannot serve a guest.", "Close what still has it open: `fuser -v` with its device names processes, `dmsetup ls` and `losetup` what lies on top."),
        Code::NoQuorum => (Refused, "Too few of the resource's nodes are connected, so DRBD would suspend or fail its I/O.", "Reconnect the others."),
        Code::StandAlone => (Refused, "DRBD does not try to connect any more. Most of the time both sides were written to while apart: split brain.", "Decide whose copy is kept. The program never does. No guest may have the disk on the side that is lost: there `drbdadm disconnect`, `drbdadm secondary`, `drbdadm connect --discard-my-data`, each with the resource, whatever the first says; then `drbdadm connect` on the other, unless it is connecting by itself. If nothing was written on one side, `drbdadm connect` on both may be enough. If the kernel's log says that the two differ in allow-two-primaries, as after a host that died during a migration: first `drbdadm adjust` on both."),
        Code::Disk => (Refused, "The copy on this host is not UpToDate, so the guest would see old data or none.", "Connect it to a good copy and wait, or start the guest on the host that has one."),
        Code::Resync => (Refused, "The copy on this host is incomplete until the resync is through; if the peer is lost meanwhile, so is the guest.", "Wait, or set `resync`."),
        Code::Held => (Refused, "A mount, swap, or a device-mapper, md or loop device of this host is on it, or a process has it open to write. Beside a guest it would destroy the data.", "Unmount it, end the process, `losetup -d` the loop device, or keep LVM off DRBD's devices by `global_filter` in lvm.conf."),
        Code::Busy => (Refused, "Another guest of this host has the disk, and one of the two writes.", "Correct whichever configuration is wrong; guests that only read may share it. What a migration that was killed has left, as NAME--incoming or NAME--migratedaway: make sure where the guest runs, then `xl destroy` that."),
        Code::AttachedTwice => (Refused, "The domain has the disk under another name.", "Take one of the two out of its configuration."),
        Code::PeerPrimary => (Refused, "It was Primary there for the whole of `patience`. A second start would destroy the data, even where two primaries are allowed.", "`xl list` there. If no guest has it: `block-drbd reap` there."),
        Code::PeerAlive => (Refused, "The peer's DRBD runs and is not connected, so it cannot be known whether the guest runs there.", "Connect them. If they do not connect, see the kernel's log for the reason."),
        Code::Disconnected => (Refused, "The peer's DRBD does not wait for a connection, and the configuration forbids to start without it.", "Bring the peer back, or make sure of the guest and set `disconnected`."),
        Code::NoPeer => (Refused, "The resource runs here without any connection, as after `drbdadm disconnect`, and `disconnected = \"refuse\"` is set.", "Set the connections up again."),
        Code::Probe => (Refused, "Whether the peer is alive could not be found out, which is not the same as no answer.", "The reason is in parentheses: no address is known, say, or this host's own firewall forbids the question. `disconnected` does not help here."),
        Code::Worse => (Refused, "What was read after the promotion is worse than before: the link may have been lost in between. It was demoted again.", "See `drbdadm status`, then try again."),

        Code::Never => (Migration, "Live migration is forbidden by the configuration.", "Set `dual-primary`."),
        Code::NoSource => (Migration, "A guest is received, and no connected peer is Primary: the copy here may be old.", "See that the resource is connected on both hosts, then migrate again."),
        Code::TwoSources => (Migration, "Two peers are Primary, and only one of them can have the guest.", "`xl list` on both; `block-drbd reap` on the one without it."),
        Code::NotEstablished => (Migration, "A resync or a verify is under way, or replication is paused.", "Wait until `drbdadm status` shows nothing but UpToDate."),
        Code::PeerDisk => (Migration, "The guest runs on a bad or remote copy.", "Let it resync first."),
        Code::Protocol => (Migration, "Only protocol C confirms a write once it is on both copies.", "Change it on both hosts."),
        Code::Static => (Migration, "`dual-primary = \"static\"` opens no window, and the configuration of the resource allows none.", "One of the two has to be changed."),
        Code::TwoPrimaries => (Migration, "A shared resource stays Primary on two hosts for long, so no window is opened for it.", "Allow it in the resource's configuration."),
        Code::Settings => (Migration, "DRBD's settings of the connection could not be read or understood.", "Report the output of `drbdsetup show` as a bug if it looks right."),
        Code::LinkCut => (Migration, "DRBD still says Connected, yet the peer's replication address is silent: its timers have not run out.", "Repair the replication network; look at the firewall for that port."),
        Code::LinkLost => (Migration, "DRBD here still says Connected, yet the peer waits for a new connection.", "Wait until they have connected again."),
        Code::Writes => (Migration, "The source's last writes did not come to an end within `drain`. It is demoted again.", "A slow replication link: give it more time, or migrate when there is less to write."),

        Code::Vanished => (Failed, "The toolstack deleted the backend in the meantime: a guest that was destroyed while it started.", "Nothing, if that was meant."),
        Code::GivenUp => (Failed, "The toolstack took too long or gave up.", "`xl block-detach`, then attach again."),
        Code::OtherDevice => (Failed, "An earlier run published another device for this disk, and the guest may use it.", "`xl block-detach` the disk first."),
        Code::LostRole => (Failed, "Somebody demoted the resource under a guest that had just been given it.", "`xl block-detach` the disk first."),
        Code::Configuration => (Failed, "block-drbd.toml cannot be read or has a mistake. `remove` and `reap` go on with the defaults.", "Correct the line that is named; see block-drbd.toml(5)."),
        Code::Xenstore => (Failed, "xenstored does not run, closed the connection or refused a request.", "`systemctl status xenstored` (Debian: `service xen status`); in a driver domain, whether /dev/xen/xenbus is there."),
        Code::Tool => (Failed, "drbdsetup is missing or cannot be started.", "Install drbd-utils."),
        Code::Version => (Failed, "/proc/drbd begins with a version before 8.4 or with none.", "Load the module of DRBD 8.4 or 9."),
        Code::Answer => (Failed, "drbdsetup succeeded and printed nothing that can be its answer.", "Compare the versions of drbd-utils and of the module."),
        Code::Reading => (Failed, "drbdsetup refused to tell the state, or /proc/drbd cannot be read. The reason stands in the sentence.", "Run the command by hand."),
        Code::Promote => (Failed, "DRBD did not make the resource Primary. Its number and words stand in the sentence.", "See `drbdadm status` and the kernel's log; drbdsetup(8) explains the numbers."),
        Code::Node => (Failed, "The resource was Primary, and there is no /dev/drbdN for it. It was demoted again.", "The kernel makes the node where /dev is a devtmpfs; elsewhere `mknod -m 660 /dev/drbdN b 147 N`."),
        Code::Renamed => (Failed, "The resource changed while it was looked at, for five seconds.", "Try again."),
        Code::Host => (Failed, "A lock, a note or a descriptor cannot be had: /run is full or read-only, say.", "See the reason in the sentence."),
        Code::Signal => (Failed, "SIGTERM, SIGINT or SIGHUP came, and what had been done was taken back.", "Try again."),
        Code::Timeout => (Failed, "Something hung until `deadline`, and was killed. Exit status 4.", "`dmesg` and `drbdadm status`: on 8.4 a command may hang as long as I/O is frozen."),
        Code::Locked => (Failed, "Another run for the same resource, or another block script of Xen, kept its lock. Exit status 4.", "See what hangs: `ps -ef | grep block-`."),
        Code::XenbusPath => (Failed, "The program was called by hand, or by something that is no toolstack. Exit status 2.", "Use `xl block-attach`."),
        Code::Usage => (Failed, "The command line is wrong. Exit status 2.", "See SYNOPSIS."),
        Code::Operator => (Failed, "Only the part of the package that Xen needs is installed. Exit status 2.", "Install block-drbd-operator beside this program, in ../libexec/block-drbd from there or in /usr/libexec/block-drbd."),

        Code::StartedDisconnected => (Warning, "So that a failover works, a guest starts without its peer. If it still runs there, the copies part.", "Make sure of the other host. `disconnected` in block-drbd.toml(5) decides on this; quorum or fencing in DRBD make it safe."),
        Code::StartedAlone => (Warning, "The resource runs without any connection, so nobody knows of other copies.", "Set its connections up again."),
        Code::StartedResyncing => (Warning, "`resync = \"allow\"` is set: what is not here yet is read over the network.", "Do not stop the peer before the resync is through."),

        Code::StaysPrimary => (Left, "The demotion failed to the end, so no other host can have the disk.", "Close what has the device open, which is named if it shows; then demote it, or `block-drbd reap`."),
        Code::PrimaryTwice => (Left, "A guest migrated away, and another guest of this host has a volume of the same resource, or reads the same one.", "Migrate that guest, too, or stop it. Guests that are moved by themselves need resources of their own."),
        Code::Open => (Left, "The guest has gone, and a process still has the device open.", "Close it. `reap` is run again each minute by its service."),
        Code::Stray => (Left, "blkback has not let go: the guest's last writes may be on their way.", "Wait. If the replication link is cut, they end when it comes back or times out."),
        Code::ForeignPrimary => (Left, "Promoted by hand or by another program, and nothing shows that uses it.", "Demote it, unless something needs it."),
        Code::Promoting => (Left, "`drbdsetup primary` was killed and has not ended. The kernel may still complete it.", "Nothing where block-drbd-reap.service runs; else run `reap` again later."),
        Code::NoRole => (Left, "DRBD says neither Primary nor Secondary.", "See `drbdadm status`."),
        Code::Window => (Left, "A window of a migration cannot be closed while the two sides are apart: one alone would change, and they would never connect again.", "Reconnect them, then `block-drbd reap`."),
        Code::ForeignWindow => (Left, "Somebody ran `drbdsetup net-options --allow-two-primaries=yes`, or a migration is under way from here.", "`drbdadm adjust` sets back what is configured."),
    };
    Entry {
        group,
        means,
        remedy,
    }
}
