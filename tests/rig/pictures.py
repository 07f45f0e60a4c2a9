"""pictures [NAME...]: what people see, taken from terminals in the rig, as SVG files in docs/."""
import argparse
import re
import sys
from itertools import dropwhile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from rigging import program, scenario  # noqa: E402
from rigging.drbd import promote  # noqa: E402
from rigging.expect import Failure, eventually, expect  # noqa: E402
from rigging.guest import Guest  # noqa: E402
from rigging.layout import PROJECT  # noqa: E402
from rigging.node import nodo1, nodo2  # noqa: E402
from rigging.picture import svg  # noqa: E402
from rigging.talk import RigError, say  # noqa: E402
from rigging.terminal import Terminal, plain  # noqa: E402

COLUMNS, LINES = 116, 30
HOME = "\x1b[H"  # where each look of --watch begins


def on_terminal(command):
    """An argv that runs it on a terminal of its own, which it takes for that of a person."""
    return ["env", "TERM=xterm", "script", "-qefc", f"stty cols {COLUMNS} rows {LINES}; exec {command}",
            "/dev/null"]


def prompt(node, command):
    return f"root@{node}:~# {command}"


def taken(node, command, status=0):
    """(caption, lines) of a command that exits with this status."""
    got = node.run(on_terminal(command), timeout=150)
    expect(f"exit status of {command}", got.status, status)
    return prompt(node, command), Terminal(COLUMNS).feed(got.out).shown()


def status():
    """A guest with two disks, and a resource that somebody has promoted by hand."""
    Guest().create(nodo1)
    promote(nodo1, "data")
    yield taken(nodo1, "block-drbd status", 5)


def refused():
    """A guest that runs on one host is started on the other."""
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    web.create(nodo1)
    nodo2.write("/root/web.cfg", web.text)
    yield taken(nodo2, "block-drbd check web.cfg", 3)
    yield taken(nodo2, "xl create web.cfg", 3)


# What the looks that are shown have, in this order; and the last one.
MOMENTS = (r"Secondary .* Primary", r"arriving", r"Primary .* Primary .* open")
SETTLED = r"Primary .* Secondary .* web \(\d+\)"


def migration():
    """A guest moves, as the host that it moves to shows it."""
    web = Guest(disks=["drbd:web-root,xvda2,w"])
    web.create(nodo1)
    web.writes(nodo1)
    command = "block-drbd status --watch web-root"
    with nodo2.output(*on_terminal(command)) as watched:
        eventually("it watches", lambda: watched.lines)
        web.migrate()
        eventually("the end", lambda: settled(watched.text.rpartition(HOME)[2]))
    looks = [Terminal(COLUMNS).feed(look).shown() for look in watched.text.split(HOME)[1:]]
    last, caption = looks[-1], prompt(nodo2, command)
    for moment in MOMENTS:
        looks = list(dropwhile(lambda look, m=moment: not re.search(m, plain(look)), looks))
        expect(f"a look with '{moment}'", bool(looks))
        yield caption, looks[0]
        caption = ""
    yield caption, last


def settled(look):
    """The guest is here, and two primaries are not allowed any more."""
    return re.search(SETTLED, look) and "open" not in look


PICTURES = {"status": status, "refused": refused, "migration": migration}


def main():
    parser = argparse.ArgumentParser(prog="pictures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"these only: {', '.join(PICTURES)}")
    args = parser.parse_args()
    if unknown := set(args.names) - set(PICTURES):
        parser.error(f"no such picture: {' '.join(sorted(unknown))}")
    script = program.chosen()
    folder = PROJECT / "docs"
    folder.mkdir(exist_ok=True)
    with scenario.rig(keep=False):
        for name in args.names or PICTURES:
            scenario.prepare(script)
            title = " ".join(PICTURES[name].__doc__.split())
            (folder / f"{name}.svg").write_text(svg(title, [*PICTURES[name]()]), encoding="utf-8")
            say(folder / f"{name}.svg")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failure, RigError) as e:
        say(e)
        sys.exit(1)
