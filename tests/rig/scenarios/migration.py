"""Live migration, and the link cut before and during it."""
from concurrent.futures import ThreadPoolExecutor

from rigging.drbd import (allow_two_primaries, configure, expect_on_disk, expect_roles, noticed_cut,
                          on_both, reconnected, send_copies, slow_resync, window_closed, window_open)
from rigging.expect import eventually, expect
from rigging.guest import Guest, domains, expect_refused, reason
from rigging.node import nodo1, nodo2
from rigging.pair import cut, mend
from rigging.program import policy
from rigging.scenario import scenario
from rigging.tool import gate

PEER = ("nodo1", "10.77.2.1")  # 8.4 does not know its peer's name, only the address
CUT = "the link is cut"


class migrating:
    """`xl migrate` going on beside; its Result afterwards, from get()."""

    def __init__(self, web, source=nodo1, **beyond):
        self.pool = ThreadPoolExecutor(1)
        self.future = self.pool.submit(web.try_migrate, source, **beyond)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pool.shutdown(wait=True)

    def get(self):
        return self.future.result()

    def expect_success(self):
        got = self.get()
        expect("xl migrate", reason(got) if got.status else "succeeded", "succeeded")


def writing():
    """A guest that writes on nodo1, with a link that can be cut: 8.4 must not lend the guest's own
    pages to a connection that dies, or blkback never gives them back (rig README)."""
    send_copies(nodo1)
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    return web


def refused_and_whole(web, result, *words):
    """After a refused migration: the guest never left, wrote all the time, and when the
    link is back the copies find together."""
    expect_refused(result, *words)
    expect("domains on nodo2", list(domains(nodo2)), [])
    web.writes(nodo1)
    mend()
    reconnected()
    expect_roles("Primary", "Secondary")
    web.writes(nodo1)
    expect("domains on nodo2", list(domains(nodo2)), [])
    web.destroy(nodo1)
    expect_roles("Secondary", "Secondary")
    numbers = web.numbers(nodo1)
    expect_on_disk(numbers, "web-root")
    expect_on_disk(numbers, "web-swap")


@scenario(migrates=True)
def live_migration():
    """The guest moves to the other host without losing a write, and the roles move with it.
    Two primaries are allowed from there until the source has demoted, on these disks only."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    expect_roles("Primary", "Secondary")
    window_closed()
    with gate(nodo1, "remove") as source, migrating(web) as result:
        source.arrived()
        expect_roles("Primary", "Primary")
        window_open("web-root", "web-swap")
        source.open()
    result.expect_success()
    expect_roles("Secondary", "Primary")
    window_closed()
    expect("domains on nodo1", list(domains(nodo1)), [])
    web.writes(nodo2)
    web.destroy(nodo2)
    expect_roles("Secondary", "Secondary")
    numbers = web.numbers(nodo1, nodo2)
    expect_on_disk(numbers, "web-root")
    expect_on_disk(numbers, "web-swap")


@scenario(migrates=True)
def migration_with_the_link_cut_is_refused():
    """The replication link is down, and DRBD knows: the copy over there is stale."""
    web = writing()
    cut()
    noticed_cut()
    web.writes(nodo1)
    refused_and_whole(web, web.try_migrate(), "web-", PEER)


@scenario(migrates=True)
def migration_with_a_cut_during_the_copy_is_refused():
    """The link breaks while the guest's memory is being copied."""
    web = writing()
    with migrating(web, later=CUT) as result:
        eventually("the domain on nodo2", lambda: domains(nodo2), 120)
        cut()
    refused_and_whole(web, result.get(), "web-", PEER)


@scenario(migrates=True)
def migration_with_an_unnoticed_cut_is_refused():
    """The link breaks in the instant before `add`: DRBD still says Connected and UpToDate."""
    web = writing()
    with gate(nodo2) as destination, migrating(web, later=CUT) as result:
        destination.arrived()
        cut()
        destination.open()
    refused_and_whole(web, result.get(), "web-", PEER)


@scenario(long=True, migrates=True)
def there_and_back_ten_times():
    """Twenty migrations in a row; two primaries are allowed in each for its moment only."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    here = nodo1
    for _ in range(20):
        window_closed()
        web.migrate(here)
        window_closed()
        here = here.peer
        web.writes(here, 1)
        expect_roles(*("Primary" if n is here else "Secondary" for n in (nodo1, nodo2)))
    web.destroy(here)
    expect_roles("Secondary", "Secondary")
    numbers = web.numbers_of_journey()
    expect_on_disk(numbers, "web-root")
    expect_on_disk(numbers, "web-swap")


@scenario(long=True, migrates=True)
def static_and_never_open_no_window():
    """dual-primary = "never" refuses, "static" leaves it to the configuration: refused without two
    primaries there, and with them the guest moves; nothing is changed at run time."""
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    web.create(nodo1)
    web.writes(nodo1)
    for setting, words in (("never", ["never"]), ("static", ["static", "allow-two-primaries yes"])):
        policy(f'dual-primary = "{setting}"\n')
        expect_refused(web.try_migrate(), "web-root", *words, "goes on at its source")
        window_closed()
        expect_roles("Primary", "Secondary", "web-root")
        web.writes(nodo1)
    allow_two_primaries("web-root")
    web.migrate()
    window_open("web-root")
    expect_roles("Secondary", "Primary", "web-root")
    web.writes(nodo2)
    web.destroy(nodo2)
    expect_on_disk(web.numbers(nodo1, nodo2), "web-root")


@scenario(long=True, migrates=True)
def protocol_a_is_refused():
    """What the source was told to be written may not have arrived by protocol A."""
    configure("s/protocol C/protocol A/")
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    web.create(nodo1)
    web.writes(nodo1)
    expect_refused(web.try_migrate(), "web-root", "protocol A", "protocol C", "goes on at its source")
    window_closed()
    web.writes(nodo1)
    web.destroy(nodo1)
    expect_on_disk(web.numbers(nodo1), "web-root")


@scenario(long=True, migrates=True)
def migration_during_a_resync_is_refused():
    """The copy over there is being filled; once it is full, the same guest moves."""
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    web.create(nodo1)
    web.writes(nodo1)
    slow_resync("web-root")
    nodo2.sh("drbdadm invalidate web-root")
    expect_refused(web.try_migrate(), "web-root", "Inconsistent", "resync")
    window_closed()
    web.writes(nodo1)
    on_both(lambda node: node.sh("drbdadm adjust web-root"))
    reconnected(180)
    web.migrate()
    web.writes(nodo2)
    web.destroy(nodo2)
    expect_on_disk(web.numbers(nodo1, nodo2), "web-root")


@scenario(long=True, migrates=True)
def migration_to_the_same_host():
    """`xl migrate` to the host where the guest is: both domains have the disk for a moment, it
    stays Primary, and no window is opened."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    domid = web.domid(nodo1)
    web.migrate(to=nodo1)
    expect("a new domain id", web.domid(nodo1) != domid)
    expect_roles("Primary", "Secondary")
    window_closed()
    web.writes(nodo1)
    web.destroy(nodo1)
    expect_roles("Secondary", "Secondary")
    expect_on_disk(web.numbers(nodo1), "web-root")


@scenario(long=True, migrates=True)
def two_guests_in_opposite_directions():
    """One guest leaves for the host that the other one comes from, at the same time."""
    one = Guest("one", disks=["drbd:web-root,xvda2,w"])
    two = Guest("two", disks=["drbd:web-swap,xvda2,w"])
    one.create(nodo1)
    two.create(nodo2)
    one.writes(nodo1)
    two.writes(nodo2)
    with migrating(one) as first, migrating(two, nodo2) as second:
        pass
    first.expect_success()
    second.expect_success()
    expect_roles("Secondary", "Primary", "web-root")
    expect_roles("Primary", "Secondary", "web-swap")
    window_closed()
    one.writes(nodo2)
    two.writes(nodo1)
    one.destroy(nodo2)
    two.destroy(nodo1)
    expect_on_disk(one.numbers(nodo1, nodo2), "web-root")
    expect_on_disk(two.numbers(nodo2, nodo1), "web-swap")
