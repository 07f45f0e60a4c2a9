"""What must not start, and what the person at `xl` reads then."""
import re
from contextlib import contextmanager

from rigging import advice
from rigging.check import findings
from rigging.drbd import (AT_REST, VOLUMES, allow_two_primaries, demote, expect_on_disk, expect_roles,
                          noticed_cut, on_both, promote, reconnected, states, window_closed)
from rigging.expect import eventually, expect
from rigging.guest import Guest, domains, expect_refused, reason
from rigging.node import nodo1, nodo2
from rigging.pair import cut, mend
from rigging.scenario import scenario

PEER = ("nodo1", "10.77.2.1")  # 8.4 does not know its peer's name, only the address


@scenario
def double_start_on_the_other_host_is_refused():
    """The guest runs on nodo1. Starting it on nodo2 is refused, although two primaries
    are allowed, and names nodo1."""
    allow_two_primaries()
    web = Guest()
    web.create(nodo1)
    with web.unharmed(nodo1):
        again = Guest()
        expect_refused(again.try_create(nodo2), "web-", PEER, "Primary")
        expect("domains on nodo2", list(domains(nodo2)), [])
        expect_roles("Primary", "Secondary")
    web.destroy(nodo1)
    expect_on_disk(web.numbers(nodo1), "web-root")


@scenario(long=True)
def a_name_alone_makes_no_migration():
    """A guest that `xl create` starts by the name of an incoming one is a plain start: refused while the guest
    runs on nodo1, with no window opened, and started when it does not."""
    web = Guest()
    web.create(nodo1)
    named = Guest("web--incoming")
    with web.unharmed(nodo1):
        expect_refused(named.try_create(nodo2), "web-", PEER, "Primary")
        expect("domains on nodo2", list(domains(nodo2)), [])
        expect_roles("Primary", "Secondary")
        window_closed()
    web.destroy(nodo1)
    expect_on_disk(web.numbers(nodo1), "web-root")
    named.create(nodo2)
    expect_roles("Secondary", "Primary")
    window_closed()
    named.destroy(nodo2)


@scenario
def second_guest_on_the_same_host_is_refused():
    """The disks belong to a running guest. Another one is refused, and the first one's
    roles are not touched."""
    web = Guest()
    web.create(nodo1)
    with web.unharmed(nodo1):
        expect_refused(Guest("other").try_create(nodo1), "web-", "guest web")
        expect("domains on nodo1", list(domains(nodo1)), ["web"])
        expect_roles("Primary", "Secondary")
    web.destroy(nodo1)
    expect_on_disk(web.numbers(nodo1), "web-root")


@contextmanager
def held(by, end):
    """web-root is Primary on nodo1 and held by something in dom0; it still is afterwards."""
    promote(nodo1, "web-root")
    nodo1.sh(by)
    yield
    expect_roles("Primary", "Secondary", "web-root")
    expect_roles("Secondary", "Secondary", "web-swap")
    nodo1.sh(end)
    demote(nodo1, "web-root")


@scenario
def mounted_in_dom0_is_refused():
    """A file system on the device is mounted: refused, and the mount point is named."""
    with held("mke2fs -q /dev/drbd1 && mkdir -p /mnt/rig && mount /dev/drbd1 /mnt/rig && "
              "echo kept >/mnt/rig/file", "grep -q kept /mnt/rig/file && umount /mnt/rig"):
        expect_refused(Guest().try_create(nodo1), "web-root", "/mnt/rig")


@scenario
def held_by_device_mapper_is_refused():
    """A device-mapper target (as LVM's) stands on the device: refused, and it is named."""
    with held("dmsetup create rig-held --table "
              "\"0 $(cat /sys/block/drbd1/size) linear /dev/drbd1 0\"", "dmsetup remove rig-held"):
        expect_refused(Guest().try_create(nodo1), "web-root", "rig-held")


@scenario
def held_by_a_loop_device_is_refused():
    """A loop device stands on the device, which nothing else shows: refused, and it is named."""
    with held("losetup /dev/loop0 /dev/drbd1", "losetup -d /dev/loop0"):
        expect_refused(Guest().try_create(nodo1), "web-root", "loop0")


@scenario(long=True, migrates=True)
def a_refused_disk_is_detached_before_a_migration():
    """`xl` keeps a disk whose attachment was refused among the guest's, and would migrate it along, to a host where
    it looks as the guest's own. `check` tells of it; after what xl prints is done word for word, the guest moves
    without it, and the guest that has the disk keeps it."""
    web, other = Guest(disks=["drbd:web-root,xvda2,w"]), Guest("other", disks=["drbd:web-swap,xvdb,w"])
    web.create(nodo1)
    other.create(nodo1)
    with other.unharmed(nodo1):
        got = web.try_attach(nodo1, "drbd:web-swap,xvdb,w")
        expect_refused(got, "web-swap", "guest other", "block-detach")
        said = findings(nodo1.run(["block-drbd", "check", "--json", "--migrate", "nodo2", web.config], timeout=150))
        errors = [f["sentence"] for f in said if f["severity"] == "error"]
        expect("errors that check tells of", len(errors), 1)
        detach = re.search("`(xl block-detach [^`]+)`", reason(got))[1]
        expect("it names the same command", f"`{detach}`" in errors[0])
        nodo1.sh(detach)
        expect_roles("Primary", "Secondary", "web-swap")
        web.migrate()
        web.writes(nodo2)
        expect_roles("Primary", "Secondary", "web-swap")
        expect_roles("Secondary", "Primary", "web-root")
    web.destroy(nodo2)
    other.destroy(nodo1)
    expect_on_disk(web.numbers(nodo1, nodo2), "web-root")
    expect_on_disk(other.numbers(nodo1), "web-swap")


@scenario
def unknown_resource_is_told():
    """No such resource: xl's own output says so."""
    web = Guest(disks=["drbd:no-such,xvda2,w"])
    expect_refused(web.try_create(nodo1), "no-such", "not configured")


@scenario
def resource_that_is_down_is_told():
    """The resource is configured, but down: xl's own output says so, and how to bring it up."""
    nodo1.sh("drbdadm down web-root")
    try:
        expect_refused(Guest().try_create(nodo1), "web-root", "drbdadm up web-root")
        expect("web-root", 1 in states(nodo1) and states(nodo1)[1].disk not in ("-", "Diskless"), False)
        expect_roles("Secondary", "Secondary", "web-swap")
    finally:
        nodo1.sh("drbdadm up web-root")
    reconnected()


@scenario
def a_split_brain_is_refused_until_somebody_decides():
    """Both hosts wrote while apart. xl says what to do, and done word for word it makes one copy of the two,
    although the one that is lost is Primary still."""
    cut()
    noticed_cut()
    on_both(lambda node: promote(node, "web-root"))
    on_both(lambda node: node.sh("dd if=/dev/urandom of=/dev/drbd1 bs=4k count=1 seek=100 oflag=direct"))
    demote(nodo1, "web-root")
    mend()
    eventually("StandAlone", lambda: states(nodo1)[1].connection == "StandAlone")
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    refused = web.try_create(nodo1)
    expect_refused(refused, "web-root", "split brain")
    expect_roles("Secondary", "Primary", "web-root")
    (lost, _), (kept, _) = advice.COMMAND.findall(refused.said)
    nodo2.sh(lost)
    if states(nodo1)[1].connection == "StandAlone":
        nodo1.sh(kept)
    reconnected()
    web.create(nodo1)
    web.writes(nodo1)
    web.destroy(nodo1)
    expect_on_disk(web.numbers(nodo1), "web-root")


@scenario
def attach_that_is_refused_leaves_nothing():
    """After a refused `xl block-attach` libxl never calls `remove`: what the script promoted
    on the way it must demote itself."""
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    web.create(nodo1)
    with web.unharmed(nodo1):
        promote(nodo2, "web-swap")
        expect_refused(web.try_attach(nodo1, "drbd:web-swap,xvdb,w"), "web-swap", ("nodo2", "10.77.2.2"))
        expect_roles("Secondary", "Primary", "web-swap")
        demote(nodo2, "web-swap")
        expect("web-swap", states(nodo1)[VOLUMES[1].minor], AT_REST)
        nodo1.run("xl block-detach web xvdb", timeout=60)
        expect("web-swap", states(nodo1)[VOLUMES[1].minor], AT_REST)
    web.destroy(nodo1)
