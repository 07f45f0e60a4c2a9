"""Disturbances in a node: slow tools, a script that waits at the gate, processes that hold
devices. node/reset takes all of them away."""
from contextlib import contextmanager
from typing import Any, NamedTuple

SCRIPT = "/etc/xen/scripts/block-drbd"

# drbdsetup hands over to drbdsetup-84 on DRBD 8.4, and a block script may call that one
# itself: both are disturbed, each call once.
TOOL = """#!/bin/sh
if [ "$1" = {verb} ] && [ -z "$RIG_DISTURBED" ]; then
    export RIG_DISTURBED=1
    {before}
    /run/rig-real/{name} "$@"
    status=$?
    {after}
    exit $status
fi
exec /run/rig-real/{name} "$@"
"""
WAIT = ": >/run/rig-at-the-gate; while [ -e /run/rig-gate ]; do sleep 0.2; done"
GATE = """#!/bin/bash
if [ "$1" = {action} ]; then
    {wait}
fi
exec {script}.rig-real "$@"
"""


class Gate(NamedTuple):
    """Where something waits in a node. libxl kills a script after 40 s, and the program gives
    up by itself after 30 s, of which it keeps 5 s for undoing: hold nothing up for long."""
    node: Any

    def arrived(self):
        """Waits until it waits there. Looking oftener takes time from what is waited for."""
        self.node.sh("while [ ! -e /run/rig-at-the-gate ]; do sleep 1; done", timeout=600)

    def open(self):
        self.node.sh("rm -f /run/rig-gate")


@contextmanager
def disturbed(node, verb, before=":", after=":"):
    """`drbdsetup VERB` does these things in shell, too."""
    for path in ("/usr/sbin/drbdsetup", "/lib/drbd/drbdsetup-84"):
        name = path.rpartition("/")[2]
        node.sh(f"test -e {path} && mkdir -p /run/rig-real && mv {path} /run/rig-real/ || true")
        node.write(path, TOOL.format(verb=verb, before=before, after=after, name=name), 0o755)
    yield
    if node.pid():
        node.sh("for f in /run/rig-real/*; do case $f in */drbdsetup) d=/usr/sbin;; *) d=/lib/drbd;; esac;"
                " test -e $f && mv $f $d/; done; rm -rf /run/rig-real")


def slow(node, verb, seconds):
    """`drbdsetup VERB` sleeps before it begins."""
    return disturbed(node, verb, before=f"sleep {seconds}")


@contextmanager
def gate(node, action="add"):
    """The script waits before its first instruction, until the gate is opened."""
    node.sh(f"mv {SCRIPT} {SCRIPT}.rig-real; touch /run/rig-gate")
    node.write(SCRIPT, GATE.format(action=action, wait=WAIT, script=SCRIPT), 0o755)
    yield Gate(node)
    if node.pid():
        node.sh(f"rm -f /run/rig-gate /run/rig-at-the-gate; mv {SCRIPT}.rig-real {SCRIPT}")


@contextmanager
def gate_before(node, verb):
    """`drbdsetup VERB` waits before it begins."""
    node.sh("touch /run/rig-gate")
    with disturbed(node, verb, before=WAIT):
        yield Gate(node)
    if node.pid():
        node.sh("rm -f /run/rig-gate /run/rig-at-the-gate")


@contextmanager
def gate_after(node, verb):
    """`drbdsetup VERB` is done, and waits with saying so."""
    node.sh("touch /run/rig-gate")
    with disturbed(node, verb, after=WAIT):
        yield Gate(node)
    if node.pid():
        node.sh("rm -f /run/rig-gate /run/rig-at-the-gate")


def hold(node, device, seconds):
    """A process that keeps the device open, and ends by itself."""
    node.sh(f"setsid sleep {seconds} <{device} >/dev/null 2>&1 &")
