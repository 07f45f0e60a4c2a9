"""What goes wrong while two primaries are allowed for a migration. The guest is on exactly one host
then, with all that it was told to be written; what people are told brings the copies together."""
from rigging import advice, pair, program
from rigging.drbd import (demoted, expect_on_disk, expect_roles, noticed_by, on_both, reconnected,
                          send_copies, window_closed, window_open, windows)
from rigging.expect import eventually, expect
from rigging.guest import Guest, acknowledged, domains, expect_refused
from rigging.node import nodo1, nodo2
from rigging.pair import cut, mend
from rigging.scenario import scenario
from rigging.tool import gate, gate_after, gate_before

from .migration import CUT, migrating

ROOT = "web-root"
RECEIVED = "/var/log/xen/xl-web--incoming.log"


def running():
    """A guest with one disk, that writes on nodo1."""
    send_copies(nodo1)
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    web.create(nodo1)
    web.writes(nodo1)
    window_closed()
    return web


def written(web, host):
    return web.numbers(nodo1) if host is nodo1 else web.numbers(nodo1, nodo2)


def on_one_side(web, host):
    """It runs on this host and on no other, and all it was told to be written is there."""
    expect(f"domains on {host}", list(domains(host)), [web.name])
    eventually(f"nothing on {host.peer}", lambda: not domains(host.peer))
    web.writes(host)
    demoted(host.peer, ROOT)
    expect_on_disk(written(web, host), ROOT, host)


def together(web, host):
    """Both copies are one again, and none of its numbers is missing anywhere."""
    reconnected()
    expect_roles(*("Primary" if n is host else "Secondary" for n in (nodo1, nodo2)), ROOT)
    window_closed()
    web.writes(host)
    web.destroy(host)
    expect_on_disk(written(web, host), ROOT)


def by_the_words(result, here):
    """The link is back. What `here` has said to do is in its log and in what xl printed."""
    mend()
    told = advice.told(here, ROOT, "--discard-my-data")
    expect("advice in the log", "given" if told else "none", "given")
    expect("advice in xl's output", "--discard-my-data" in result.get().said)
    advice.follow(told[-1], here, ROOT, source=nodo1)


@scenario(migrates=True)
def cut_between_promotion_and_publication_is_refused():
    """The link is lost when the destination is Primary already: the guest goes on at its source."""
    web = running()
    with gate_after(nodo2, "primary") as destination, migrating(web, later=CUT) as result:
        destination.arrived()
        window_open(ROOT)
        cut()
        noticed_by(nodo2, ROOT)
        destination.open()
    expect_refused(result.get(), ROOT, "connection to nodo1 was lost", "goes on at its source")
    on_one_side(web, nodo1)
    by_the_words(result, nodo2)
    together(web, nodo1)


@scenario(migrates=True)
def cut_inside_the_window():
    """The link is lost when the guest runs on the destination and the source is Primary still."""
    web = running()
    with gate(nodo1, "remove") as source, migrating(web) as result:
        source.arrived()
        window_open(ROOT)
        cut()
        noticed_by(nodo1, ROOT)
        source.open()
    result.expect_success()
    on_one_side(web, nodo2)
    by_the_words(result, nodo1)
    together(web, nodo2)


@scenario(long=True, migrates=True)
def cut_inside_the_window_that_the_source_does_not_notice():
    """The same, and the source demotes before DRBD has noticed anything."""
    web = running()
    with gate(nodo1, "remove") as source, migrating(web) as result:
        source.arrived()
        cut()
        source.open()
    result.expect_success()
    on_one_side(web, nodo2)
    by_the_words(result, nodo1)
    together(web, nodo2)


@scenario(long=True, migrates=True)
def cut_before_the_promotion_that_nobody_notices():
    """The link is lost when two primaries are allowed and the destination is not yet Primary:
    DRBD promotes it all the same, and it has to go back."""
    refused_by_a_cut(lambda: gate_before(nodo2, "primary"))


@scenario(long=True, migrates=True)
def cut_before_the_window_that_nobody_notices():
    """The link is lost just before two primaries are allowed: they are on one side only, and the
    two would never connect again by themselves."""
    refused_by_a_cut(lambda: gate_before(nodo2, "net-options"))


def refused_by_a_cut(stopped):
    web = running()
    with stopped() as destination, migrating(web, later=CUT) as result:
        destination.arrived()
        cut()
        destination.open()
    expect_refused(result.get(), ROOT, "goes on at its source")
    on_one_side(web, nodo1)
    by_the_words(result, nodo2)
    together(web, nodo1)


@scenario(long=True, migrates=True)
def cut_before_publication_that_nobody_notices():
    """The link is lost when the destination is Primary, and DRBD has not noticed when all is read
    again: whichever way it goes, the guest is on one side, with all it had written."""
    web = running()
    with gate_after(nodo2, "primary") as destination, migrating(web, later=CUT) as result:
        destination.arrived()
        cut()
        destination.open()
    host, here = (nodo1, nodo2) if result.get().status else (nodo2, nodo1)
    on_one_side(web, host)
    by_the_words(result, here)
    together(web, host)


def booted(node):
    """It is back after a power-off, and does not connect: two primaries are allowed on the other
    side alone, whose reap says what to do. Its own, at boot, finds nothing."""
    said = node.peer.run("block-drbd reap").out
    pair.up(node)
    program.install(program.installed(), node)
    expect(f"reap at boot on {node}", node.sh("block-drbd reap"), "")
    if not advice.comes_back(ROOT, 10):
        advice.follow(said, node.peer, ROOT)


@scenario(migrates=True)
def destination_dies_in_the_window():
    """The destination loses its power when it is Primary and the guest has not come yet: the guest
    goes on at its source, once nobody waits for the destination any more."""
    send_copies(nodo1)
    web = running()
    with gate_after(nodo2, "primary") as destination, migrating(web, later="nodo2 dies") as result:
        destination.arrived()
        window_open(ROOT)
        nodo2.kill()
        nodo1.sh("pkill -x ssh")  # it would wait for hours
    expect("xl migrate", "failed" if result.get().status else "succeeded", "failed")
    expect("domains on nodo1", list(domains(nodo1)), ["web"])
    web.writes(nodo1)
    booted(nodo2)
    together(web, nodo1)


@scenario(migrates=True)
def source_dies_in_the_window():
    """The source loses its power when the guest runs on the destination already: it goes on there,
    and the source gets what was written meanwhile when it is back."""
    send_copies(nodo2)
    web = running()
    with gate(nodo1, "remove") as source, migrating(web):
        source.arrived()
        window_open(ROOT)
        before = acknowledged(web.console(nodo1))
        nodo1.kill()
    web.writes(nodo2)
    booted(nodo1)
    reconnected()
    expect_roles("Secondary", "Primary", ROOT)
    window_closed()
    web.writes(nodo2)
    web.destroy(nodo2)
    numbers = before + acknowledged(web.console(nodo2))
    expect("the guest's numbers without a gap", numbers == list(range(1, len(numbers) + 1)))
    expect_on_disk(numbers, ROOT)


@scenario(migrates=True)
def one_disk_is_refused_and_the_other_goes_back():
    """The destination gets one of two disks and is refused the other: what it has it gives back,
    and two primaries are not allowed any more on either."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    nodo2.sh("drbdadm down web-swap")
    expect_refused(web.try_migrate(), "web-swap", "not up")
    nodo2.sh("drbdadm up web-swap")
    expect("domains on nodo1", list(domains(nodo1)), ["web"])
    expect("domains on nodo2", list(domains(nodo2)), [])
    reconnected()
    expect_roles("Primary", "Secondary")
    window_closed()
    web.writes(nodo1)
    web.destroy(nodo1)
    numbers = web.numbers(nodo1)
    expect_on_disk(numbers, "web-root")
    expect_on_disk(numbers, "web-swap")


@scenario(long=True, migrates=True)
def ssh_dies_before_the_guest_goes_on():
    """The migration's ssh dies when the destination is Primary: the guest goes on at its source. What
    `xl migrate-receive` has built stays there, paused, and both hosts stay Primary until somebody destroys it
    (README): xl wants to tell the source first, and ends when it cannot (xen: tools/xl/xl_migrate.c)."""
    nodo2.sh(f"rm -f {RECEIVED}")
    web = running()
    with gate_after(nodo2, "primary") as destination, migrating(web, later="ssh dies") as result:
        destination.arrived()
        nodo1.sh("pkill -x ssh")
        eventually("nodo2 has seen it", lambda: nodo2.run("pgrep -f '^sshd: root'").status != 0)
        web.writes(nodo1)
        destination.open()
    expect("xl migrate", "failed" if result.get().status else "succeeded", "failed")
    eventually("nodo2 has built the domain", lambda: nodo2.run(f"grep -q 'to die' {RECEIVED}").status == 0)
    expect("domains on nodo2", list(domains(nodo2)), ["web--incoming"])
    web.writes(nodo1)
    expect_roles("Primary", "Primary", ROOT)
    nodo2.sh("xl destroy web--incoming")
    on_one_side(web, nodo1)
    eventually("two primaries are not allowed any more", lambda: not any(on_both(windows)))
    together(web, nodo1)
