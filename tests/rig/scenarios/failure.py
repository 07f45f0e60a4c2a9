"""What goes wrong around the script: hosts die, tools hang, devices stay open."""
import threading
import time

from rigging import pair, program
from rigging.drbd import (demoted, expect_on_disk, expect_roles, reconnected, states)
from rigging.expect import eventually, expect
from rigging.guest import Guest, acknowledged, domains, expect_refused
from rigging.node import nodo1, nodo2
from rigging.scenario import scenario
from rigging.tool import hold, slow


@scenario
def held_open_at_destroy_is_demoted_once_closed():
    """A process in dom0 still has the device open when the guest goes: `remove` waits for it."""
    web = Guest()
    web.create(nodo1)
    web.writes(nodo1)
    hold(nodo1, "/dev/drbd1", 8)
    web.destroy(nodo1)
    expect_roles("Secondary", "Secondary")
    expect_on_disk(web.numbers(nodo1), "web-root")


@scenario
def crashed_host_guest_starts_on_the_peer():
    """The guest's host dies. The guest starts on the other one with all it had written, and
    the first host, when it is back, gets the rest."""
    web = Guest()
    web.create(nodo1)
    with nodo1.follow(*web.logs) as console:
        web.writes(nodo1)
        eventually("the console here", lambda: len(console.lines) > 5)
        nodo1.kill()
        numbers = acknowledged(console.text)
    expect_on_disk(numbers, "web-root", nodo2)
    expect_on_disk(numbers, "web-swap", nodo2)
    eventually("nodo2 notices", lambda: not any(s.connected for s in states(nodo2).values()))
    said = web.create(nodo2)
    expect("a warning that the peer is away", "web-root starts without nodo1" in said, True)
    expect("role on nodo2", states(nodo2)[1].role, "Primary")
    web.writes(nodo2)
    pair.up(nodo1)
    program.install(program.installed(), nodo1)
    reconnected(180)
    expect_roles("Secondary", "Primary")
    web.writes(nodo2)
    web.destroy(nodo2)
    expect_roles("Secondary", "Secondary")
    expect_on_disk(web.numbers(nodo2), "web-root")


@scenario
def remove_racing_add():
    """A guest is destroyed, its demotion takes long, and the next guest with the same disk
    starts meanwhile: it ends up with a living disk, Primary."""
    first = Guest("first", disks=["drbd:web-root,xvda2,w"])
    first.create(nodo1)
    first.writes(nodo1)
    second = Guest("second", disks=["drbd:web-root,xvda2,w"])
    with slow(nodo1, "secondary", 8):
        going = threading.Thread(target=nodo1.run, args=(["xl", "destroy", "first"],))
        going.start()
        eventually("the demotion begins", lambda: not nodo1.run(
            "pgrep -x -f 'sleep 8'").status)
        second.create(nodo1, passing="the demotion")
        going.join()
    expect_roles("Primary", "Secondary", "web-root")
    second.writes(nodo1)
    second.destroy(nodo1)
    expect_roles("Secondary", "Secondary", "web-root")
    expect_on_disk(second.numbers(nodo1), "web-root")


@scenario
def hanging_tool_is_given_up():
    """A promotion that hangs: `add` fails by its own deadline, with a reason, and the
    promotion does not come later either."""
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    with slow(nodo1, "primary", 50):
        began = time.monotonic()
        got = web.try_create(nodo1, later="the promotion hangs")
        expect_refused(got, "web-root")
        expect("domains on nodo1", list(domains(nodo1)), [])
        expect("tools left", nodo1.sh("pgrep -x -f 'sleep 50' || true"), "")
        while time.monotonic() - began < 65:
            expect_roles("Secondary", "Secondary", "web-root")
            time.sleep(3)


@scenario
def full_syslog_and_closed_terminal():
    """xl's terminal is gone and the log's disk is full: the guest starts and stops all the same."""
    web = Guest()
    web.create(nodo1)  # writes the configuration
    web.destroy(nodo1)
    nodo1.sh(f"xl create {web.config} >/dev/full 2>/dev/full || xl create {web.config} 2>&- >&-")
    eventually("the guest runs", lambda: web.domid(nodo1))
    expect_roles("Primary", "Secondary")
    web.writes(nodo1)
    nodo1.run("xl destroy web >/dev/full 2>/dev/full")
    web.gone(nodo1)
    demoted(nodo1)
