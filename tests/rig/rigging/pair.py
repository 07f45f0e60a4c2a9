"""Both nodes together: their power and the links between them."""
import time

from . import drbd
from .layout import IMAGE, NETS
from .node import NODES
from .talk import RigError, say


def up(*nodes, package=None):
    """Both nodes on new disks, or the given ones on those they had, until DRBD is ready. package:
    as of Node.start."""
    if not (IMAGE / "root.ext4").exists():
        raise RigError("no image: run 'rig build' first")
    fresh, began = not nodes, time.monotonic()
    if fresh:
        down()
        drbd.sizes.clear()
    for node in nodes or NODES:
        if node.pid():
            raise RigError(f"{node} is already up")
        node.start(fresh, package)
    for node in nodes or NODES:
        node.wait()
        say(f"{node} up after {time.monotonic() - began:.1f} s")
    if fresh:
        drbd.ready()
        say(f"DRBD ready after {time.monotonic() - began:.1f} s")


def down():
    for node in NODES:
        node.kill()


def link(state, net="repl"):
    if state not in ("up", "down") or net not in NETS:
        raise RigError("link up|down [repl|mig]")
    for node in NODES:
        if node.pid():
            node.link(net, state == "up")


def cut():
    """Cuts the replication link: packets vanish, nobody is told."""
    link("down")


def mend():
    link("up")
