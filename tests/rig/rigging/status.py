"""`block-drbd status`, held against what DRBD, Xen, xenstore and the kernel say at the same moment."""
import json
import re
from collections import defaultdict
from typing import NamedTuple

from . import program
from .drbd import CONFIGURATION, VOLUMES, allowing, on_both, states
from .expect import Failure, expect
from .guest import domains
from .node import NODES

DRBD_MAJOR = 147
KEY = re.compile(r"^/local/domain/0/backend/vbd/(\d+)/(\d+)/(\S+) = \"(.*)\"", re.M)
LOOK = """xenstore-ls -f /local/domain/0/backend/vbd 2>/dev/null; echo @
for d in /sys/bus/xen-backend/devices/vbd-*; do [ -e $d ] && echo ${d##*/} $(cat $d/physical_device); done
echo @; drbdsetup show; echo @; cat """ + CONFIGURATION
# What DRBD 8.4 and the tools of 9 call differently (drbd-utils: user/shared/drbd_strings.c).
CONNECTING = {"WFConnection": "Connecting", "WFReportParams": "Connected"}
APART = {"StandAlone", "Disconnecting", "Unconnected", "Timeout", "BrokenPipe", "NetworkFailure",
         "ProtocolError", "TearDown", "Connecting", *CONNECTING}
CLOSING, CLOSED = "5", "6"  # of a backend (xen: xen/include/public/io/xenbus.h)


class Disk(NamedTuple):
    """A guest's disk, whichever tool tells of it."""
    guest: str
    domid: int
    vdev: str
    mode: str
    state: str
    moves: str


class Seen(NamedTuple):
    """What one node's other tools say."""
    states: dict   # of the minors
    disks: dict    # minor: [Disk]
    windows: dict  # resource: as status calls it


def seen(node):
    """All of it, as it is now."""
    of, names = states(node), {number: name for name, number in domains(node).items()}
    xenstore, kernel, in_force, configured = node.sh(LOOK).split("@\n")
    return Seen(of, disks(xenstore, kernel, names), windows(allowing(in_force), allowing(configured)))


def windows(in_force, configured):
    return {v.resource: "shut" if v.resource not in in_force else
            "configured" if v.resource in configured else "open" for v in VOLUMES}


def disks(xenstore, kernel, names):
    """The disks of guests, by what xenstore says, and those that the kernel alone still has."""
    folders, found = defaultdict(dict), defaultdict(list)
    for domid, device, key, value in KEY.findall(xenstore):
        folders[int(domid), device][key] = value
    bus = {}
    for line in kernel.splitlines():
        name, _, device = line.partition(" ")
        bus[int(name.split("-")[1]), name.split("-")[2]] = number(device)
    for (domid, device), folder in folders.items():
        minor = number(folder["physical-device"]) if "physical-device" in folder else named(folder["params"])
        name = names.get(domid)
        state = how(folder, name is not None, (domid, device) in bus)
        found[minor].append(Disk(name, domid, folder["dev"], folder["mode"], state, moves(name or "")))
    for domid, device in bus.keys() - folders.keys():
        found[bus[domid, device]].append(Disk(None, domid, device, None, "stray", None))
    return {minor: sorted(of, key=str) for minor, of in found.items() if minor is not None}


def how(folder, lives, in_kernel):
    """How far a disk is attached, in status' words."""
    if "physical-device" not in folder:
        return "not-attached"
    if not lives:
        return "stray" if in_kernel else "gone"
    if folder["state"] == CLOSING or (folder["state"] == CLOSED and in_kernel):
        return "closing"
    return "closed" if folder["state"] == CLOSED else "attached"


def number(device):
    """The minor of a DRBD device, of a number as xenstore has it."""
    major, _, minor = device.partition(":")
    return int(minor, 16) if minor and int(major, 16) == DRBD_MAJOR else None


def named(params):
    """The minor of RES or RES/VOL."""
    name, _, volume = params.removeprefix("drbd:").partition("/")
    found = [v.minor for v in VOLUMES if v.resource == name]
    return found[int(volume or 0)] if found else None


def moves(name):
    return "in" if name.endswith("--incoming") else "out" if name.endswith("--migratedaway") else None


def link(word):
    """(connection, replication) in status' words, of the one that /proc/drbd has."""
    if word in APART:
        return CONNECTING.get(word, word), "Off"
    return "Connected", "Established" if word == "Connected" else word


# ---------------------------------------------------------------- held against each other

def agrees(situation, nodo1=(), nodo2=()):
    """{node: what status says}: on both nodes what the other tools say too, volume for volume. nodo1,
    nodo2: the marks there, 'RESOURCE KIND' each; the exit status is 5 if there is one."""
    wanted = dict(zip(NODES, (nodo1, nodo2)))
    return dict(zip(NODES, on_both(lambda node: agrees_on(node, situation, wanted[node]))))


def agrees_on(node, situation, marks):
    where = f"status of {node}, {situation}"
    for _ in range(8):
        before = seen(node)
        got = node.run(["block-drbd", "status", "--json"])
        if before == seen(node):
            break
    else:
        raise Failure(f"{where}: nothing stands still")
    said = parsed(got, where)
    expect(f"{where}: guests", said["guests"], "known")
    rows = {int(row["device"].removeprefix("/dev/drbd")): row for row in said["volumes"] if row["device"]}
    expect(f"{where}: minors", sorted(rows), sorted(before.states))
    for volume in VOLUMES:
        if volume.minor in rows:
            compare(where, volume, rows[volume.minor], before)
    expect(f"{where}: marks", sorted(f"{m['resource']} {m['kind']}" for m in said["marks"]), sorted(marks))
    concerned = {minor for minor, row in rows.items() for m in said["marks"]
                 if m["resource"] == row["resource"] and m["volume"] in (None, row["volume"])}
    expect(f"{where}: marked minors", sorted(m for m, row in rows.items() if row["marked"]), sorted(concerned))
    expect(f"{where}: exit status", got.status, 5 if marks else 0)
    return {**said, "rows": rows}


def compare(where, volume, row, truth):
    """One volume."""
    where = f"{where}: minor {volume.minor}"
    state = truth.states[volume.minor]
    connection, replication = link(state.connection)
    peer = row["peers"][0]
    expect(f"{where}: resource", row["resource"], volume.resource)
    for what, said, known in (
            ("role", row["role"], state.role), ("disk", row["disk"], state.disk),
            ("connection", peer["connection"], connection), ("replication", peer["replication"], replication),
            ("peer's role", peer["role"], state.peer_role), ("peer's disk", peer["disk"], state.peer_disk),
            ("window", row["window"], truth.windows[volume.resource])):
        expect(f"{where}: {what}", said, known)
    said = [Disk(d["name"], d["domid"], d["vdev"], d["mode"], d["state"], d["moves"]) for d in row["guests"]]
    expect(f"{where}: guests", [*map(tuple, sorted(said, key=str))],
           [*map(tuple, truth.disks.get(volume.minor, []))])


def parsed(got, where):
    try:
        return json.loads(got.out)
    except ValueError:
        raise Failure(f"{where}: exit {got.status}: {got.said.strip()}") from None


def at_rest():
    """Nothing disagrees, says status on both nodes."""
    if program.installed() != program.PACKAGED:
        for node, got in zip(NODES, on_both(lambda n: n.run(["block-drbd", "status"]))):
            expect(f"status of {node} at the end", got.said.strip() if got.status else "agrees", "agrees")


class Watching:
    """`block-drbd status --watch --json RESOURCE` in a node, from now on."""

    def __init__(self, node, resource):
        self.follow = node.output("block-drbd", "status", "--watch", "--json", resource)

    def looks(self):
        """Each line's row of the one volume, in order."""
        return [json.loads(line)["volumes"][0] for _, line in self.follow.lines]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.follow.close()
