"""`block-drbd status` in many situations, on both nodes: every volume, guest and window as the other
tools have them, and marks where they do not agree."""
from rigging.drbd import (allow_two_primaries, allow_two_primaries_now, configure, demote, demoted, expect_roles,
                          noticed_cut, on_both, promote, reconnected, slow_resync, states, window_closed)
from rigging.expect import eventually, expect
from rigging.guest import Guest, expect_refused
from rigging.node import nodo1, nodo2
from rigging.pair import cut, mend
from rigging.scenario import scenario
from rigging.status import Watching, agrees
from rigging.tool import gate, gate_after

from .migration import migrating

ROOT, SWAP = 1, 2  # minors


@scenario(long=True)
def status_of_guests_on_both_hosts():
    """Guests with one disk, with several, with one volume of two; refused, detached, sharing, gone."""
    agrees("at rest")
    web, two = Guest(), Guest("two", disks=["drbd:data/0,xvdb,w"])
    web.create(nodo1)
    agrees("a guest with two disks on nodo1")
    two.create(nodo2)
    agrees("a guest with one volume of two on nodo2")
    web.writes(nodo1)
    two.writes(nodo2)
    two.attach(nodo2, "drbd:data/1,xvdc,w")
    agrees("a guest with both volumes")
    expect_refused(two.try_attach(nodo2, "drbd:web-swap,xvdd,w"), "web-swap", "Primary")
    agrees("a disk that was not attached", nodo2=["web-swap not-attached"])
    nodo2.run("xl block-detach two xvdd")
    agrees("its remains detached")
    expect_refused(Guest().try_create(nodo2), "web-", "Primary")
    agrees("a double start that was refused")
    web.destroy(nodo1)
    two.destroy(nodo2)
    agrees("both guests gone")
    readers = [Guest(name, disks=["drbd:web-root,xvda2,r"]) for name in ("one", "other")]
    for reader in readers:
        reader.create(nodo1)
    agrees("two guests that only read")
    readers[0].destroy(nodo1)
    agrees("one of them gone")
    readers[1].destroy(nodo1)


@scenario(long=True)
def status_of_what_is_done_by_hand():
    """Promoted without a guest, mounted, mapped, down; two primaries configured, or allowed at run time
    only."""
    promote(nodo1, "web-root")
    alone = ["web-root primary-without-guest"]
    agrees("promoted by hand", nodo1=alone)
    nodo1.sh("mke2fs -q /dev/drbd1 && mkdir -p /mnt/rig && mount /dev/drbd1 /mnt/rig")
    seen = agrees("mounted")
    expect("its holders", seen[nodo1]["rows"][ROOT]["holders"], ["mounted on /mnt/rig"])
    promote(nodo1, "web-swap")
    nodo1.sh("dmsetup create rig-held --table \"0 $(cat /sys/block/drbd2/size) linear /dev/drbd2 0\"")
    held = agrees("mapped")[nodo1]["rows"][SWAP]["holders"]
    expect("its holder is named", any("rig-held" in word for word in held))

    allow_two_primaries_now("web-root")
    window = ["web-root open-window"]
    agrees("two primaries allowed by hand", nodo1=window, nodo2=window)
    promote(nodo2, "web-root")
    twice = ["web-root two-primaries"]
    agrees("two primaries by hand", nodo1=twice, nodo2=alone + twice)
    demote(nodo2, "web-root")
    on_both(lambda node: node.sh("drbdadm adjust web-root"))
    window_closed()
    agrees("adjusted")
    allow_two_primaries("web-root")
    agrees("two primaries configured")
    promote(nodo2, "web-root")
    agrees("two primaries as configured", nodo1=twice, nodo2=alone + twice)
    demote(nodo2, "web-root")
    nodo1.sh("umount /mnt/rig; dmsetup remove rig-held")
    demote(nodo1, "web-root")
    demote(nodo1, "web-swap")

    promote(nodo2, "data")
    agrees("two volumes", nodo2=["data primary-without-guest"])
    nodo2.sh("mke2fs -q /dev/drbd4 && mkdir -p /mnt/rig && mount /dev/drbd4 /mnt/rig")
    agrees("one of two volumes mounted")
    nodo1.sh("drbdadm down data")
    seen = agrees("down on nodo1")
    expect("volumes of nodo1", sorted(seen[nodo1]["rows"]), [ROOT, SWAP])
    got = nodo1.run("block-drbd status data")
    expect("status of what is down", (got.status, "drbdadm up data" in got.err), (1, True))
    nodo1.sh("drbdadm up data")
    nodo2.sh("umount /mnt/rig")
    demote(nodo2, "data")
    reconnected()


@scenario(long=True)
def status_of_connections_and_disks():
    """The link cut, before and after DRBD notices; StandAlone, a resync, a disk that is detached,
    outdated, suspended; a guest has it all the while."""
    configure("s/ping-int 3/ping-int 120/")  # so that nobody notices
    reader = Guest("reader", disks=["drbd:web-root,xvda2,r"])
    reader.create(nodo1)
    cut()
    seen = agrees("the link is cut, unnoticed")
    expect("unnoticed", [rows["rows"][ROOT]["peers"][0]["connection"] for rows in seen.values()], ["Connected"] * 2)
    mend()
    configure("s/ping-int 120/ping-int 3/")
    on_both(lambda node: node.sh("drbdadm disconnect all && drbdadm connect all"))  # who waits goes on waiting
    reconnected()
    cut()
    noticed_cut()
    agrees("the link is cut")
    mend()
    reconnected()
    agrees("the link is back")

    nodo1.sh("drbdadm disconnect web-root")
    eventually("StandAlone", lambda: states(nodo1)[ROOT].connection == "StandAlone")
    agrees("StandAlone")
    nodo1.sh("drbdadm connect web-root")
    reconnected()
    nodo2.sh("drbdadm disconnect web-swap && drbdsetup outdate 2")  # drbdadm's fails on DRBD 9
    agrees("Outdated")
    nodo2.sh("drbdadm connect web-swap")
    reconnected()

    slow_resync("web-root")
    nodo2.sh("drbdadm invalidate web-root")
    eventually("a resync", lambda: states(nodo2)[ROOT].connection == "SyncTarget")
    for node, said in agrees("a resync").items():
        done = said["rows"][ROOT]["peers"][0]["done"]
        expect(f"done of the resync, by {node}", done is not None and 0 <= done < 100)
    nodo2.sh("drbdadm pause-sync web-root")
    eventually("a pause", lambda: states(nodo1)[ROOT].connection == "PausedSyncS")
    agrees("a resync that pauses")
    nodo2.sh("drbdadm resume-sync web-root")
    on_both(lambda node: node.sh("drbdadm adjust web-root"))
    reconnected(180)

    for node in (nodo2, nodo1):
        node.sh("drbdadm detach web-root")
        eventually("a detached disk", lambda: states(node)[ROOT].disk == "Diskless")
        agrees(f"detached on {node}")
        node.sh("drbdadm attach web-root")
        reconnected()
    nodo1.sh("drbdadm suspend-io web-swap")
    seen = agrees("I/O suspended")
    expect("why it is suspended", seen[nodo1]["rows"][SWAP]["suspended"], ["user"])
    nodo1.sh("drbdadm resume-io web-swap")
    agrees("I/O goes on")
    reader.writes(nodo1)
    reader.destroy(nodo1)


def moving():
    """A guest with one disk, that writes on nodo1."""
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    web.create(nodo1)
    web.writes(nodo1)
    return web


@scenario(long=True, migrates=True)
def status_in_the_middle_of_a_migration():
    """When the destination has promoted, before its `add`, and before `remove` at the source, which
    cannot know of a guest that leaves until it has."""
    web = moving()
    with gate_after(nodo2, "primary") as destination, migrating(web) as result:
        destination.arrived()
        seen = agrees("promoted and not yet published", nodo1=["web-root two-primaries"])
        expect_migrating(seen, False, True, "open")
        expect("busy", [said["rows"][ROOT]["busy"] for said in seen.values()], [False, True])
        destination.open()
    result.expect_success()
    agrees("after a migration")
    with gate(nodo1) as destination, gate(nodo2, "remove") as source, migrating(web, nodo2) as result:
        destination.arrived()
        seen = agrees("before add")
        expect_migrating(seen, True, False, "shut")
        destination.open()
        source.arrived()
        seen = agrees("before remove")
        expect_migrating(seen, True, True, "open")
        source.open()
    result.expect_success()
    agrees("after another one")
    web.destroy(nodo1)
    demoted(nodo1, "web-root")


def expect_migrating(seen, first, second, window):
    """What nodo1 and nodo2 say of web-root."""
    rows = [said["rows"][ROOT] for said in seen.values()]
    expect("migrating", [row["migrating"] for row in rows], [first, second])
    expect("window", [row["window"] for row in rows], [window, window])


@scenario(long=True, migrates=True)
def watching_a_migration():
    """`status --watch` on both hosts while a guest moves: the window is seen to open and to close, the
    roles to change in their order, and the guest by its name."""
    web = moving()
    with Watching(nodo1, "web-root") as here, Watching(nodo2, "web-root") as there:
        eventually("both watch", lambda: here.looks() and there.looks())
        web.migrate()
        eventually("the guest has left", lambda: ends(here, "Secondary", "Primary", []), 20)
        eventually("the guest has come", lambda: ends(there, "Primary", "Secondary", ["web"]), 20)
        first, second = here.looks(), there.looks()
    expect("roles on nodo1", roles(first), ["Primary/Secondary", "Primary/Primary", "Secondary/Primary"])
    expect("roles on nodo2", roles(second), ["Secondary/Primary", "Primary/Primary", "Primary/Secondary"])
    for looks in (first, second):
        expect("the window", changes(row["window"] for row in looks), ["shut", "open", "shut"])
        both = next(row for row in looks if summary(row)[:2] == ("Primary", "Primary"))
        expect("the window, once both are Primary", both["window"], "open")
        expect("a migration is told", any(row["migrating"] for row in looks))
    expect("the guest on nodo1", guests(first), ["web", "web--migratedaway out", ""])
    expect("the guest on nodo2", guests(second)[-1], "web")
    expect("the guest arrives on nodo2", "web--incoming in" in guests(second))
    web.destroy(nodo2)
    expect_roles("Secondary", "Secondary", "web-root")


def ends(watching, *wanted):
    """What it shows now: roles, two primaries not allowed, and guests by name."""
    row = watching.looks()[-1]
    return (*summary(row), [d["name"] for d in row["guests"]]) == (*wanted[:2], "shut", wanted[2])


def summary(row):
    return row["role"], row["peers"][0]["role"], row["window"]


def roles(looks):
    return changes("/".join(summary(row)[:2]) for row in looks)


def guests(looks):
    """Who has the disk, and which way it moves."""
    return changes(" ".join(f"{d['name']} {d['moves'] or ''}".strip() for d in row["guests"]) for row in looks)


def changes(values):
    """Without repetitions of the last one."""
    found = []
    for value in values:
        if found[-1:] != [value]:
            found.append(value)
    return found
