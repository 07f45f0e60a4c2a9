"""Disturbances in a node: slow tools, a script that waits at the gate, processes that hold
devices. node/reset takes all of them away."""
from contextlib import contextmanager

SCRIPT = "/etc/xen/scripts/block-drbd"

# drbdsetup hands over to drbdsetup-84 on DRBD 8.4, and a block script may call that one
# itself: both are slowed, each call once.
SLOW = """#!/bin/sh
if [ "$1" = {verb} ] && [ -z "$RIG_SLOWED" ]; then
    export RIG_SLOWED=1
    sleep {seconds}
fi
exec /run/rig-real/{name} "$@"
"""
GATE = """#!/bin/bash
if [ "$1" = add ]; then
    : >/run/rig-at-the-gate
    while [ -e /run/rig-gate ]; do sleep 0.2; done
fi
exec {script}.rig-real "$@"
"""


@contextmanager
def slow(node, verb, seconds):
    """`drbdsetup VERB` sleeps before it begins."""
    for path in ("/usr/sbin/drbdsetup", "/lib/drbd/drbdsetup-84"):
        name = path.rpartition("/")[2]
        node.sh(f"test -e {path} && mkdir -p /run/rig-real && mv {path} /run/rig-real/ || true")
        node.write(path, SLOW.format(verb=verb, seconds=seconds, name=name), 0o755)
    yield
    unslow(node)


def unslow(node):
    node.sh("for f in /run/rig-real/*; do case $f in */drbdsetup) d=/usr/sbin;; *) d=/lib/drbd;; esac;"
            " test -e $f && mv $f $d/; done; rmdir /run/rig-real")


@contextmanager
def gate(node):
    """The script's `add` waits before its first instruction, until the gate opens:
    yields a function that waits for that, and one that opens it."""
    node.sh(f"mv {SCRIPT} {SCRIPT}.rig-real; touch /run/rig-gate")
    node.write(SCRIPT, GATE.format(script=SCRIPT), 0o755)
    arrived = "while [ ! -e /run/rig-at-the-gate ]; do sleep 0.2; done"
    yield (lambda: node.sh(arrived, timeout=300),
           lambda: node.sh("rm -f /run/rig-gate"))
    node.sh(f"rm -f /run/rig-gate /run/rig-at-the-gate; mv {SCRIPT}.rig-real {SCRIPT}")


def hold(node, device, seconds):
    """A process that keeps the device open, and ends by itself."""
    node.sh(f"setsid sleep {seconds} <{device} >/dev/null 2>&1 &")
