"""What is tested: the Debian package of the program, or the shell script of drbd-utils."""
import io
import os
import subprocess
import tarfile
from pathlib import Path

from .drbd import on_both
from .layout import PROJECT
from .node import NODES
from .talk import RigError
from .tool import SCRIPT

PACKAGED = "packaged"  # the shell script of the node's own drbd-utils
NAME = "xen-block-drbd"
POLICY = "/etc/xen/block-drbd.toml"


def chosen():
    """BLOCK_DRBD, or what `prepare` has built."""
    path = os.environ.get("BLOCK_DRBD")
    if path == PACKAGED:
        return PACKAGED
    target = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
    built = [Path(path)] if path else [*(target / "dist").glob(f"{NAME}_*.deb")]
    if len(built) != 1 or built[0].suffix != ".deb" or not built[0].is_file():
        raise RigError(f"not one Debian package: {' '.join(map(str, built)) or target / 'dist'}")
    return built[0]


_in = {}  # node: what stands there


def forget():
    """After a boot: a node's root forgets everything."""
    _in.clear()


def installed():
    return next(iter(_in.values()))


def install(program, *nodes):
    """As an administrator does. The packaged script comes back when the program goes."""
    def one(node):
        if program == PACKAGED:
            node.sh(f"! test -e /var/lib/dpkg/info/{NAME}.list || dpkg --purge {NAME}", timeout=180)
        else:
            node.write("/tmp/program.deb", program.read_bytes())
            node.sh("dpkg --install /tmp/program.deb && rm /tmp/program.deb", timeout=180)
        expect_script(node, program)
        _in[node] = program

    if nodes:
        for node in nodes:
            one(node)
    elif any(_in.get(node) != program for node in NODES):
        on_both(one)


def expect_script(node, program):
    """Xen runs this one."""
    kind = node.sh(["stat", "-c", "%F", SCRIPT])
    if kind != ("regular file" if program == PACKAGED else "symbolic link"):
        raise RigError(f"{node}: {SCRIPT} is a {kind}")


def package(program):
    """The program's files, for a boot on which they are there already: {path: (content, mode)}. The
    packaged script has none."""
    if program == PACKAGED:
        return {}
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", program], check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(tar)) as files:
        return {path: (files.extractfile(f).read(), f.mode)
                for f in files if f.isfile() and (path := merged(f.name)).startswith("/usr")}


def merged(name):
    """Where a file of the package lies in a node, whose /lib is a link."""
    path = name.removeprefix(".")
    return f"/usr{path}" if path.startswith("/lib") else path


def policy(text):
    """The program's configuration, on both nodes."""
    on_both(lambda node: node.write(POLICY, text))
