"""What is tested: the block script that stands in both nodes."""
import os
import stat
from pathlib import Path

from .drbd import on_both
from .layout import HERE
from .node import NODES
from .talk import RigError
from .tool import SCRIPT

PACKAGED = "packaged"  # the shell script of the node's own drbd-utils
KEPT = "/etc/xen/scripts/block-drbd.packaged"
POLICY = "/etc/xen/block-drbd.toml"


def chosen():
    """BLOCK_DRBD, or what `cargo build --release` has made."""
    path = os.environ.get("BLOCK_DRBD")
    if path == PACKAGED:
        return PACKAGED
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target"))
    program = Path(path) if path else target / "release/block-drbd"
    if not program.is_file() or not program.stat().st_mode & stat.S_IXUSR:
        raise RigError(f"no program: {program}")
    return program


_in = {}  # node: what stands there


def forget():
    """After a boot: a node's root forgets everything."""
    _in.clear()


def installed():
    return next(iter(_in.values()))


def install(program, *nodes):
    """As a real file: what a package would do, and what `mv` in a scenario expects."""
    def one(node):
        node.sh(f"test -e {KEPT} || cp -p {SCRIPT} {KEPT}")
        if program == PACKAGED:
            node.sh(f"cp -p {KEPT} {SCRIPT}.new && mv {SCRIPT}.new {SCRIPT}")
        else:
            node.write(f"{SCRIPT}.new", Path(program).read_bytes(), 0o755)
            node.sh(f"mv {SCRIPT}.new {SCRIPT}")
        _in[node] = program

    if nodes:
        for node in nodes:
            one(node)
    elif any(_in.get(node) != program for node in NODES):
        on_both(one)


def policy(text):
    """The program's configuration, on both nodes."""
    on_both(lambda node: node.write(POLICY, text))
