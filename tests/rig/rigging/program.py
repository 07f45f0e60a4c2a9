"""What is tested: the block script that stands in both nodes."""
import os
import stat
from pathlib import Path

from .drbd import on_both
from .layout import PROJECT
from .node import NODES
from .talk import RigError
from .tool import SCRIPT

PACKAGED = "packaged"  # the shell script of the node's own drbd-utils
PROGRAM = "/usr/sbin/block-drbd"
OPERATOR = "/usr/libexec/block-drbd/block-drbd-operator"  # what PROGRAM hands `reap` over to
KEPT = f"{SCRIPT}.drbd-utils"  # where README's diversion puts the packaged script
POLICY = "/etc/xen/block-drbd.toml"


def chosen():
    """BLOCK_DRBD, or what `cargo build --release` has made."""
    path = os.environ.get("BLOCK_DRBD")
    if path == PACKAGED:
        return PACKAGED
    target = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
    program = Path(path) if path else target / "release/block-drbd"
    for path in (program, operator(program)):
        if not path.is_file() or not path.stat().st_mode & stat.S_IXUSR:
            raise RigError(f"no program: {path}")
    return program


def operator(program):
    """The other program, which cargo puts beside."""
    return Path(program).with_name("block-drbd-operator")


_in = {}  # node: what stands there


def forget():
    """After a boot: a node's root forgets everything."""
    _in.clear()


def installed():
    return next(iter(_in.values()))


def install(program, *nodes):
    """As README does."""
    def one(node):
        node.sh(f"test -e {KEPT} || mv {SCRIPT} {KEPT}")
        if program == PACKAGED:
            node.sh(f"rm -f {PROGRAM} {OPERATOR}; cp -p {KEPT} {SCRIPT}.new && mv {SCRIPT}.new {SCRIPT}")
        else:
            for source, path in ((program, PROGRAM), (operator(program), OPERATOR)):
                node.write(f"{path}.new", Path(source).read_bytes(), 0o755)
                node.sh(f"mv {path}.new {path}")
            node.sh(f"ln -sf {PROGRAM} {SCRIPT}")
        _in[node] = program

    if nodes:
        for node in nodes:
            one(node)
    elif any(_in.get(node) != program for node in NODES):
        on_both(one)


def package(program):
    """What README puts on a host apart from SCRIPT, for a boot: {path: (content, mode)}. The packaged
    script has no units."""
    if program == PACKAGED:
        return {}
    files = {PROGRAM: (program, 0o755), OPERATOR: (operator(program), 0o755)}
    for name in ("block-drbd-reap.service", "block-drbd-reap.path"):
        files[f"/etc/systemd/system/{name}"] = (PROJECT / "hotplug" / name, 0o644)
    rule = "90-block-drbd.rules"
    files[f"/etc/udev/rules.d/{rule}"] = (PROJECT / "udev-rules" / rule, 0o644)
    return {path: (Path(source).read_bytes(), mode) for path, (source, mode) in files.items()}


def policy(text):
    """The program's configuration, on both nodes."""
    on_both(lambda node: node.write(POLICY, text))
