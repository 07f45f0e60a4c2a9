"""The resources as both nodes see them, and their data as they stand on the disks."""
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from .expect import Failure, eventually, expect
from .node import NODES, nodo1, nodo2
from .talk import RigError


class Volume(NamedTuple):
    resource: str
    minor: int
    disk: str  # its backing disk in layout.DISKS; the data begin at its start


VOLUMES = (Volume("web-root", 1, "web-root"), Volume("web-swap", 2, "web-swap"),
           Volume("data", 3, "data-0"), Volume("data", 4, "data-1"))
RESOURCES = tuple(dict.fromkeys(v.resource for v in VOLUMES))
SECTOR = 512


class State(NamedTuple):
    """One volume, seen from one node. 8.4's words, which 9 shares but for Connected."""
    connected: bool
    role: str
    peer_role: str
    disk: str
    peer_disk: str
    connection: str

    def __str__(self):
        return f"{self.connection} {self.role}/{self.peer_role} {self.disk}/{self.peer_disk}"


AT_REST = State(True, "Secondary", "Secondary", "UpToDate", "UpToDate", "Connected")


def states(node):
    """{minor: State} of all that is configured in the kernel."""
    text = node.sh(["cat", "/proc/drbd"])
    if not is_9(text):
        found = re.finditer(r"^ *(\d+): cs:(\S+)(?: ro:(\S+)/(\S+) ds:(\S+)/(\S+))?", text, re.M)
        return {int(m[1]): State(m[2] == "Connected", *(x or "-" for x in m.groups()[2:]), m[2])
                for m in found}
    states9 = {}
    for resource in status9(node):
        for device in resource["devices"]:
            connection = next(iter(resource["connections"]), None)
            peer = next((p for p in connection["peer_devices"] if p["volume"] == device["volume"]),
                        None) if connection else None
            replication = peer["replication-state"] if peer else "Off"
            cs = connection["connection-state"] if connection else "StandAlone"
            connected = cs == "Connected" and replication == "Established"
            states9[device["minor"]] = State(
                connected, resource["role"], connection["peer-role"] if connection else "-",
                device["disk-state"], peer["peer-disk-state"] if peer else "-",
                "Connected" if connected else replication if cs == "Connected" else cs)
    return states9


def is_9(text):
    """What /proc/drbd has is of DRBD 9, whose drbdsetup takes other names."""
    return "version: 9" in text


def status9(node):
    return json.loads(node.sh("drbdsetup status --json || true") or "[]")


def connection_of(node, resource):
    """How drbdsetup calls the resource's connection to the other node."""
    if is_9(node.sh(["cat", "/proc/drbd"])):
        found = next(r for r in status9(node) if r["name"] == resource)
        return f"{resource} {found['connections'][0]['peer-node-id']}"
    port = re.search(rf"^resource {resource} .*?:(\d+);", node.sh(["cat", CONFIGURATION]), re.M | re.S)[1]
    here, there = (n.number for n in (node, *(n for n in NODES if n is not node)))
    return f"ipv4:10.77.2.{here}:{port} ipv4:10.77.2.{there}:{port}"


def slow_resync(resource):
    """From now on a resync of this resource takes minutes, until `drbdadm adjust`."""
    def slow(node):
        rate = "--resync-rate=100k"
        if is_9(node.sh(["cat", "/proc/drbd"])):
            node.sh(f"drbdsetup peer-device-options {connection_of(node, resource)} 0 {rate}")
        else:
            node.sh(f"drbdsetup disk-options {minors(resource)[0]} {rate}")
    on_both(slow)


def on_both(action):
    """action(node) on both nodes at once."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(action, NODES))


def minors(resource):
    """Those of `web-root`, `data`, or `data/1`."""
    name, _, volume = resource.partition("/")
    found = [v.minor for v in VOLUMES if v.resource == name]
    return [found[int(volume)]] if volume else found


def roles(*resources):
    """For each, (nodo1's, nodo2's) own word; of several volumes one word, if they agree."""
    seen = on_both(states)
    return [tuple("+".join(sorted({of[m].role if m in of else "down" for m in minors(resource)}))
                  for of in seen) for resource in resources]


def expect_roles(first, second, *resources):
    """The roles on nodo1 and nodo2, of the guest's two resources unless others are named."""
    resources = resources or ("web-root", "web-swap")
    for resource, found in zip(resources, roles(*resources)):
        expect(f"roles of {resource}", found, (first, second))


def demoted(node, *resources, limit=60):
    """Waits until the resources are Secondary here."""
    def check():
        seen = states(node)
        for resource in resources or ("web-root", "web-swap"):
            for minor in minors(resource):
                expect(f"{resource} on {node}", seen[minor].role, "Secondary")
        return True
    eventually("demotion", check, limit)


def promote(node, resource):
    node.sh(f"drbdadm primary {resource}")


def demote(node, resource):
    node.sh(f"drbdadm secondary {resource}")


# ---------------------------------------------------------------- two primaries

CONFIGURATION = "/etc/drbd.d/rig.res"
ALLOW = "net { allow-two-primaries yes; }"


def configure(*commands):
    """Edits the configuration on both nodes, by sed, and brings it into force."""
    for node in NODES:  # one after the other: each tells its peer
        node.sh(["sed", "-i", *(word for c in commands for word in ("-e", c)), CONFIGURATION])
    for node in NODES:
        node.sh("drbdadm adjust all")


def allow_two_primaries(*resources):
    """Configures that on both nodes: of the guest's two resources unless others are named."""
    configured = allowing(nodo1.sh(["cat", CONFIGURATION]))
    if wanted := set(resources or ("web-root", "web-swap")) - configured:
        configure(*(f"/^resource {r} /a {ALLOW}" for r in wanted))


def allow_two_primaries_now(resource):
    """Allows that at run time only, on one node, and DRBD carries it to the other."""
    nodo1.sh(f"drbdsetup net-options {connection_of(nodo1, resource)} --allow-two-primaries=yes")


def allowing(text):
    """The resources in a configuration's text that may be Primary on two hosts."""
    parts = re.split(r"^resource \"?([^\s\"]+)", text, flags=re.M)  # DRBD 9 quotes names
    return {name for name, body in zip(parts[1::2], parts[2::2])
            if re.search(r"allow-two-primaries(\s+yes)?;", body)}


def windows(node):
    """The resources with two primaries allowed here, at run time."""
    return allowing(node.sh("drbdsetup show | grep -E '^resource|allow-two-primaries' || true"))


def off_configuration(node):
    """What is in force here, and configured differently, or the other way round."""
    configured = allowing(node.sh(["cat", CONFIGURATION]))
    in_force = windows(node)
    return [f"two primaries are {'' if r in in_force else 'not '}allowed on {r} on {node}"
            for r in sorted(configured ^ in_force)]


def window_closed():
    """Two primaries are allowed as configured, on both nodes."""
    expect("two primaries", "; ".join(sum(on_both(off_configuration), [])) or "as configured", "as configured")


def window_open(*resources):
    """Two primaries are allowed on these resources, on both nodes, and on no other."""
    for node, found in zip(NODES, on_both(windows)):
        expect(f"two primaries allowed on {node}", " ".join(sorted(found)), " ".join(sorted(resources)))


def send_copies(node):
    """Pages of a guest stay with a connection whose peer died, and keep its backend from closing
    (README, "What does not work"). DRBD 8.4 then sends copies of them; node/reset ends it."""
    node.sh("p=/sys/module/drbd/parameters/disable_sendpage; [ ! -e $p ] || echo Y >$p")


def noticed_cut():
    """Waits until both nodes know that the link is cut."""
    eventually("both nodes notice the cut", lambda: not any(
        s.connected for seen in on_both(states) for s in seen.values()), 60)


def noticed_by(node, resource):
    """Waits until this node knows that the resource's link is cut."""
    eventually(f"{node} notices the cut", lambda: not any(
        states(node)[minor].connected for minor in minors(resource)), 30, 0.2)


def connected(resource):
    """Connected and UpToDate, both nodes say."""
    of = [seen.get(minor) for seen in on_both(states) for minor in minors(resource)]
    return all(s and s.connected and (s.disk, s.peer_disk) == ("UpToDate", "UpToDate") for s in of)


def reconnected(limit=120):
    """Waits until all is Connected and UpToDate again; a StandAlone never will be."""
    def check():
        for node, seen in zip(NODES, on_both(states)):
            for v in VOLUMES:
                s = seen.get(v.minor)
                if s is None or not s.connected or (s.disk, s.peer_disk) != ("UpToDate", "UpToDate"):
                    raise Failure(f"{v.resource} on {node}: {s or 'down'}")
                if s.connection == "StandAlone":
                    raise Failure(f"split brain: {v.resource} on {node}: {s}")
        return True
    eventually("reconnection", check, limit)


def at_rest():
    """What is not as between two scenarios: nothing, one hopes."""
    wrong = [f"{v.resource} on {node}: {seen.get(v.minor, 'down')}"
             for node, seen in zip(NODES, on_both(states)) for v in VOLUMES
             if seen.get(v.minor) != AT_REST]
    return wrong or sum(on_both(off_configuration), [])


def ready(limit=300):
    """After a boot on new disks: skips the first synchronisation, waits for the rest."""
    begun = set()

    def check():
        seen = states(nodo1)
        for resource in RESOURCES:
            of = [seen.get(m) for m in minors(resource)]
            if resource not in begun and all(s and s.connected and s.disk == s.peer_disk == "Inconsistent"
                                             for s in of):
                for number in range(len(of)):
                    volume = f"{resource}/{number}" if len(of) > 1 else resource
                    nodo1.sh(f"drbdadm new-current-uuid --clear-bitmap {volume}")
                begun.add(resource)
        return not at_rest()
    try:
        eventually("DRBD Connected UpToDate/UpToDate", check, limit)
    except Failure as e:
        raise RigError(f"{e}: {'; '.join(at_rest())}") from None


# ---------------------------------------------------------------- data

sizes = {}


def size(volume):
    """Bytes of data: what the meta-data, where it is internal, leaves of the disk."""
    if volume.minor not in sizes:
        sizes[volume.minor] = int(nodo1.sh(f"cat /sys/block/drbd{volume.minor}/size")) * SECTOR
    return sizes[volume.minor]


def expect_equal_copies():
    """Both nodes' data areas, byte by byte."""
    for v in VOLUMES:
        with open(nodo1.disk(v.disk), "rb") as a, open(nodo2.disk(v.disk), "rb") as b:
            left = size(v)
            while left:
                n = min(left, 1 << 20)
                if a.read(n) != b.read(n):
                    raise Failure(f"the copies of minor {v.minor} ({v.resource}) differ")
                left -= n


def number_at(node, disk, sector):
    """The sequence number that a guest wrote there; 0: none."""
    with open(node.disk(disk), "rb") as f:
        f.seek(sector * SECTOR)
        word = f.read(16).split(b" ")[0]
        return int(word) if word.isdigit() else 0


def expect_on_disk(numbers, disk, *nodes, start=0):
    """Every acknowledged number that later ones have not overwritten is on these nodes' disks.
    start: the first sector that the guest writes to."""
    for node in nodes or (nodo1, nodo2):
        lost = [n for n in numbers[-900:] if number_at(node, disk, start + n % 1000) < n]
        expect(f"lost on {node}'s {disk}, acknowledged", lost, [])
