"""Live migration, with two primaries configured."""
from concurrent.futures import ThreadPoolExecutor

from rigging.drbd import expect_on_disk, expect_roles, noticed_cut, reconnected
from rigging.expect import eventually, expect
from rigging.guest import Guest, domains, expect_refused
from rigging.node import nodo1, nodo2
from rigging.pair import cut, mend
from rigging.scenario import scenario
from rigging.tool import gate

PEER = ("nodo1", "10.77.2.1")  # 8.4 does not know its peer's name, only the address


class migrating:
    """`xl migrate` going on beside; its Result afterwards, from get()."""

    def __init__(self, web):
        self.pool = ThreadPoolExecutor(1)
        self.future = self.pool.submit(web.try_migrate)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pool.shutdown(wait=True)

    def get(self):
        return self.future.result()


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


@scenario
def live_migration():
    """The guest moves to the other host without losing a write; the roles move with it."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    expect_roles("Primary", "Secondary")
    web.migrate()
    expect_roles("Secondary", "Primary")
    expect("domains on nodo1", list(domains(nodo1)), [])
    web.writes(nodo2)
    web.destroy(nodo2)
    expect_roles("Secondary", "Secondary")
    numbers = web.numbers(nodo1, nodo2)
    expect_on_disk(numbers, "web-root")
    expect_on_disk(numbers, "web-swap")


@scenario
def migration_with_the_link_cut_is_refused():
    """The replication link is down, and DRBD knows: the copy over there is stale."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    cut()
    noticed_cut()
    web.writes(nodo1)
    refused_and_whole(web, web.try_migrate(), "web-", PEER)


@scenario
def migration_with_a_cut_during_the_copy_is_refused():
    """The link breaks while the guest's memory is being copied."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    with migrating(web) as result:
        eventually("the domain on nodo2", lambda: domains(nodo2), 120)
        cut()
    refused_and_whole(web, result.get(), "web-", PEER)


@scenario
def migration_with_an_unnoticed_cut_is_refused():
    """The link breaks in the instant before `add`: DRBD still says Connected and UpToDate."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    with gate(nodo2) as (arrived, open_gate), migrating(web) as result:
        arrived()
        cut()
        open_gate()
    refused_and_whole(web, result.get(), "web-", PEER)


@scenario(long=True)
def there_and_back_three_times():
    """Six migrations in a row."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    here, there = nodo1, nodo2
    for _ in range(6):
        got = here.run(["xl", "migrate", "web", there.name], timeout=240)
        expect("xl migrate", got.status, 0)
        here, there = there, here
        expect_roles(*("Primary" if n is here else "Secondary" for n in (nodo1, nodo2)))
    web.writes(here)
    web.destroy(here)
    expect_roles("Secondary", "Secondary")
