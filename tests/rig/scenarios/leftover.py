"""What the toolstack left behind, cleared away without anybody's command: by systemd, udev and reap."""
from rigging import pair, program, service
from rigging.drbd import (demoted, expect_on_disk, expect_roles, noticed_by, reconnected, send_copies,
                          window_closed)
from rigging.expect import eventually, expect
from rigging.guest import Guest, domains
from rigging.node import nodo1, nodo2
from rigging.pair import cut, mend
from rigging.scenario import scenario
from rigging.status import agrees
from rigging.timing import noted, stopwatch

ROOT = "web-root"


def patient_with_dead_connections(node):
    """TCP gives up a connection that its owner has closed after some 100 s, and the pages with it,
    be the link back or not; here not so soon. node/reset ends it."""
    node.sh("echo 30 >/proc/sys/net/ipv4/tcp_orphan_retries")


@scenario(long=True, systemd=True)
def a_disk_left_primary_is_demoted_by_the_service():
    """The replication link is cut when a guest is destroyed: DRBD's unsent pages keep its backend
    from closing, libxl gives up and never calls `remove`. Once the link is back the disk vanishes,
    and udev's event, the path unit and the service demote it. Nobody runs a command."""
    patient_with_dead_connections(nodo1)
    web, journal = Guest(disks=["drbd:web-root,xvda2,w"]), service.Journal(nodo1)
    with stopwatch():
        web.create(nodo1)
        web.writes(nodo1)
        cut()
        noticed_by(nodo1, ROOT)
        web.writes(nodo1)
        numbers = web.numbers(nodo1)
        nodo1.run(["xl", "destroy", web.name], timeout=150)
        web.gone(nodo1)
        expect("calls of the script", [what for what, _ in noted(nodo1)], ["add"])
        expect("disks in xenstore", nodo1.sh(
            "xenstore-ls -f /local/domain/0/backend/vbd 2>/dev/null | grep params || true"), "")
        expect("disks in the kernel", len(service.disks(nodo1)), 1)
        expect_roles("Primary", "Secondary", ROOT)
        agrees("the disk left behind", nodo1=[f"{ROOT} primary-without-guest"])
        expect("reap's words", journal.reaped(ROOT), [])
        mend()
        eventually("the disk vanishes", lambda: not service.disks(nodo1), 240)
        demoted(nodo1, ROOT)
        service.at_rest(nodo1)
        expect("calls of the script", [what for what, _ in noted(nodo1)], ["add"])
    expect("reap's words", journal.reaped(ROOT), [f"reap: {ROOT}: demoted, its note dropped"])
    expect("a run of the service", journal.runs() > 0)
    reconnected()
    expect_roles("Secondary", "Secondary", ROOT)
    window_closed()
    expect_on_disk(numbers, ROOT)


@scenario(long=True, systemd=True)
def the_service_at_boot_touches_nothing():
    """A host has lost its power and boots while the guest runs on the other one: the service runs as
    soon as xenstored and DRBD are there, finds nothing, and waits for disks that vanish."""
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    send_copies(nodo2)
    web.create(nodo2)
    with web.unharmed(nodo2):
        nodo1.kill()
        pair.up(nodo1, package=program.package(program.installed()))
        program.install(program.installed(), nodo1)
        reconnected(180)
        journal = service.Journal(nodo1, since_boot=True)
        eventually("the service has run", journal.runs)
        service.at_rest(nodo1)
        expect("the path unit", service.shown(nodo1, service.PATH, "ActiveState", "SubState"),
               ["active", "waiting"])
        expect("reap's words", journal.reaped(ROOT), [])
        expect_roles("Secondary", "Primary", ROOT)
        window_closed()
    expect("domains on nodo1", list(domains(nodo1)), [])
    web.destroy(nodo2)
    service.at_rest(nodo2)
    expect_roles("Secondary", "Secondary", ROOT)
    expect_on_disk(web.numbers(nodo2), ROOT)
