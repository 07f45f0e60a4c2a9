"""A guest's ordinary life on one host."""
from rigging.drbd import (AT_REST, VOLUMES, demoted, expect_on_disk, expect_roles, number_at,
                          on_both, states)
from rigging.expect import Failure, expect
from rigging.guest import Guest
from rigging.node import nodo1, nodo2
from rigging.scenario import scenario


@scenario
def create_and_destroy():
    """`xl create` promotes both disks on this host only, `xl destroy` demotes them."""
    web = Guest()
    web.create(nodo1)
    expect_roles("Primary", "Secondary")
    web.writes(nodo1)
    web.destroy(nodo1)
    expect_roles("Secondary", "Secondary")
    numbers = web.numbers(nodo1)
    expect_on_disk(numbers, "web-root")
    expect_on_disk(numbers, "web-swap")


@scenario
def shutdown_from_inside():
    """A guest that powers itself off leaves both disks demoted."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    web.xl(nodo1, "shutdown", "-w")
    web.gone(nodo1)
    demoted(nodo1)
    expect_roles("Secondary", "Secondary")
    expect_on_disk(web.numbers(nodo1), "web-root")


@scenario
def attach_and_detach_by_hand():
    """A disk comes to and goes from a running guest, in both notations, promoted just as long."""
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    web.create(nodo1)
    web.writes(nodo1)
    for times, spec in enumerate(("drbd:web-swap,xvdb,w",
                                  "vdev=xvdb,access=rw,script=block-drbd,target=web-swap"), 1):
        web.attach(nodo1, spec)
        expect_roles("Primary", "Secondary", "web-swap")
        web.prints(nodo1, "writes to the new disk", lambda text, n=times: text.count("NEW xvdb") == n)
        web.xl(nodo1, "block-detach", "xvdb")
        expect_roles("Secondary", "Secondary", "web-swap")
        web.prints(nodo1, "sees it go", lambda text, n=times: text.count("GONE xvdb") == n)
        number = int(web.console(nodo1).split("NEW xvdb ")[-1].split()[0])
        for node in (nodo1, nodo2):
            expect(f"number on {node}'s web-swap", number_at(node, "web-swap", number % 1000), number)
    expect_roles("Primary", "Secondary", "web-root")
    web.writes(nodo1)
    web.destroy(nodo1)
    expect_on_disk(web.numbers(nodo1), "web-root")


@scenario
def guest_reboot():
    """A rebooting guest comes back with its disks on the same host, under a new domain id."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    domid = web.domid(nodo1)
    web.xl(nodo1, "reboot")
    web.prints(nodo1, "boots again", lambda text: text.count("SEQ 1 ") == 2, 180)
    expect("a new domain id", web.domid(nodo1) != domid)
    expect_roles("Primary", "Secondary")
    web.writes(nodo1)
    web.destroy(nodo1)
    expect_roles("Secondary", "Secondary")
    expect_on_disk(web.numbers(nodo1, boots=2), "web-root")


@scenario
def save_and_restore():
    """`xl save` demotes, `xl restore` promotes again, and the guest misses nothing."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    web.xl(nodo1, "save", "/tmp/rig.save")
    expect_roles("Secondary", "Secondary")
    web.restore(nodo1, "/tmp/rig.save")
    expect_roles("Primary", "Secondary")
    web.writes(nodo1)
    web.destroy(nodo1)
    expect_on_disk(web.numbers(nodo1), "web-root")


@scenario(long=True)
def twenty_attaches_leave_nothing():
    """A disk attached and detached twenty times in a row leaves no trace."""
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    web.create(nodo1)
    web.writes(nodo1)
    for times in range(1, 21):
        web.attach(nodo1, "drbd:web-swap,xvdb,w")
        # `xl block-attach` does not wait for the guest. A detach at the same moment is lost: blkback writes
        # Connected over libxl's Closing (Linux: drivers/block/xen-blkback/xenbus.c, connect).
        web.prints(nodo1, "writes to the new disk", lambda text, n=times: text.count("NEW xvdb") == n)
        web.xl(nodo1, "block-detach", "xvdb")
        # Or a guest that looks seldom takes the next one for the same.
        web.prints(nodo1, "misses the disk", lambda text, n=times: text.count("GONE xvdb") == n)
        for seen in on_both(states):
            if seen[VOLUMES[1].minor] != AT_REST:
                raise Failure(f"web-swap after block-detach: {seen[VOLUMES[1].minor]}")
    web.destroy(nodo1)
    web.numbers(nodo1)
