"""Resources that are in use on both hosts, or by two guests, for good."""
from contextlib import contextmanager

from rigging import status
from rigging.drbd import (allow_two_primaries, demote, expect_on_disk, expect_roles, on_both, promote,
                          window_closed, window_open)
from rigging.expect import expect
from rigging.guest import Guest, domains, expect_refused
from rigging.node import NODES, nodo1, nodo2
from rigging.program import policy
from rigging.scenario import scenario

ROOT = "web-root"
APART = 2000  # sectors between what two guests write


def two_guests():
    """As on a cluster file system: both write, each to sectors of its own."""
    policy("[resource.web-root]\nshared = true\n")
    return [Guest(name, disks=["drbd:web-root,xvda2,w"],
                  cmdline=f"console=hvc0 quiet mitigations=off panic=1 rig.start={start}")
            for name, start in (("one", 0), ("two", APART))]


@scenario(long=True)
def shared_by_guests_on_two_hosts():
    """Two guests write to a shared resource, one on each host: only with two primaries configured,
    for no window is opened for so long. The first to leave takes its host's role along."""
    one, two = two_guests()
    one.create(nodo1)
    one.writes(nodo1)
    expect_refused(two.try_create(nodo2), ROOT, "shared", "allow-two-primaries yes")
    window_closed()
    expect_roles("Primary", "Secondary", ROOT)
    allow_two_primaries(ROOT)
    two.create(nodo2)
    two.writes(nodo2)
    one.writes(nodo1)
    expect_roles("Primary", "Primary", ROOT)
    one.destroy(nodo1)
    expect_roles("Secondary", "Primary", ROOT)
    two.writes(nodo2)
    two.destroy(nodo2)
    expect_roles("Secondary", "Secondary", ROOT)
    expect_on_disk(one.numbers(nodo1), ROOT)
    expect_on_disk(two.numbers(nodo2), ROOT, start=APART)


@scenario(long=True)
def shared_by_guests_on_one_host():
    """Two guests of one host write to a shared resource: Primary until the last one has left."""
    one, two = two_guests()
    one.create(nodo1)
    two.create(nodo1)
    one.writes(nodo1)
    two.writes(nodo1)
    one.destroy(nodo1)
    expect_roles("Primary", "Secondary", ROOT)
    two.writes(nodo1)
    two.destroy(nodo1)
    expect_roles("Secondary", "Secondary", ROOT)
    expect_on_disk(one.numbers(nodo1), ROOT)
    expect_on_disk(two.numbers(nodo1), ROOT, start=APART)


@scenario(long=True, migrates=True)
def one_of_two_guests_of_a_resource_moves():
    """Two guests have a volume of one resource each. When one of them migrates, the resource has to stay
    Primary on both hosts, which is told as an error and marked, until the other one follows."""
    one, two = (Guest(name, disks=[f"drbd:data/{volume},xvdb,w"]) for volume, name in enumerate(("one", "two")))
    for guest in (one, two):
        guest.create(nodo1)
        guest.writes(nodo1)
    one.migrate(nodo1)
    expect_roles("Primary", "Primary", "data/0", "data/1")
    window_open("data")
    told = nodo1.sh("grep -c 'BD-PRIMARY-TWICE' /var/log/messages || true").strip()
    expect("times that `remove` tells of it", told, "1")
    status.agrees("one guest has moved, the other one has not", nodo1=["data two-primaries"])
    one.writes(nodo2)
    two.writes(nodo1)
    two.migrate(nodo1)
    expect_roles("Secondary", "Primary", "data/0", "data/1")
    window_closed()
    one.writes(nodo2)
    two.writes(nodo2)
    for guest in (one, two):
        guest.destroy(nodo2)
    expect_roles("Secondary", "Secondary", "data/0", "data/1")
    expect_on_disk(one.numbers(nodo1, nodo2), "data-0")
    expect_on_disk(two.numbers(nodo1, nodo2), "data-1")


@contextmanager
def volume_group():
    """web-root is Primary on both hosts, and a logical volume lies on it: the device-mapper target
    that LVM would make, by its name and with LVM's mark in its uuid."""
    allow_two_primaries(ROOT)
    for node in NODES:
        promote(node, ROOT)
    on_both(lambda node: node.sh(
        "dmsetup create rig-web --uuid LVM-rigrigrigwebwebweb --table "
        "\"0 $(cat /sys/block/drbd1/size) linear /dev/drbd1 0\""))
    yield
    expect_roles("Primary", "Primary", ROOT)
    on_both(lambda node: node.sh("dmsetup remove rig-web"))
    on_both(lambda node: demote(node, ROOT))


@scenario(long=True, migrates=True)
def primary_on_both_hosts_for_lvm_is_left_alone():
    """A resource is Primary on both hosts and held by LVM there. A guest with a logical volume of
    it (`phy:`) comes, moves and goes; one that wants the resource itself is refused. Its roles
    are never touched."""
    with volume_group():
        web = Guest(disks=["phy:/dev/mapper/rig-web,xvda2,w"])
        web.create(nodo1)
        web.writes(nodo1)
        wrong = Guest("wrong", disks=["drbd:web-root,xvda2,w"])
        expect_refused(wrong.try_create(nodo2), ROOT, "rig-web")
        expect("domains on nodo2", list(domains(nodo2)), [])
        expect_roles("Primary", "Primary", ROOT)
        web.migrate()
        expect_roles("Primary", "Primary", ROOT)
        web.writes(nodo2)
        web.destroy(nodo2)
        expect_on_disk(web.numbers(nodo1, nodo2), ROOT)
