"""How long things take in a node. Everything is slow there: only ratios mean anything."""
from contextlib import contextmanager

from .drbd import on_both
from .expect import eventually, expect
from .guest import SEQ, Guest
from .node import nodo1, nodo2
from .tool import SCRIPT

TIMES = "/run/rig-times"
# The script runs as its child, so the time is that of a whole process, from fork to exit.
STOPWATCH = f"""#!/bin/bash
begin=$EPOCHREALTIME
{SCRIPT}.rig-real "$@"
status=$?
end=$EPOCHREALTIME
echo "$1 $(((${{end/./}} - ${{begin/./}}) / 1000))" >>{TIMES}
exit $status
"""
TIMED = ('begin=$EPOCHREALTIME; "$@" >&2; status=$?; end=$EPOCHREALTIME; '
         'echo $(((${end/./} - ${begin/./}) / 1000)); exit $status')


@contextmanager
def stopwatch():
    """Notes the milliseconds of every call of the script."""
    def put_on(node):
        node.sh(f"rm -f {TIMES}; mv {SCRIPT} {SCRIPT}.rig-real")
        node.write(SCRIPT, STOPWATCH, 0o755)
    on_both(put_on)
    yield
    on_both(lambda node: node.sh(f"mv {SCRIPT}.rig-real {SCRIPT}"))


def noted(node):
    """[(add or remove, milliseconds)]"""
    lines = node.sh(f"cat {TIMES}").splitlines()
    return [(line.split()[0], int(line.split()[1])) for line in lines]


def timed(node, *argv):
    """The milliseconds of a command in the node that must succeed."""
    got = node.run(["bash", "-c", TIMED, "timed", *argv], timeout=240)
    expect(" ".join(argv[:2]), "succeeded" if got.status == 0 else got.err, "succeeded")
    return int(got.out)


def one_round():
    """{what: [milliseconds]} of a guest with one disk, then of one with two that migrates."""
    one = Guest(disks=["drbd:web-root,xvda2,w"])
    one.put(nodo1)
    with stopwatch():
        timed(nodo1, "xl", "create", one.config)
        one.writes(nodo1)
        one.destroy(nodo1)
        found = {}
        for what, ms in noted(nodo1):
            found.setdefault(what, []).append(ms)
    web = Guest()
    web.put(nodo1)
    found["xl create"] = [timed(nodo1, "xl", "create", web.config)]
    web.writes(nodo1)
    with nodo1.follow(*web.logs) as here, nodo2.follow(*web.logs) as there:
        found["xl migrate"] = [timed(nodo1, "xl", "migrate", web.name, nodo2.name)]
        eventually("the guest goes on", lambda: len(SEQ.findall(there.text)) > 2)
        last = [at for at, line in here.lines if line.startswith("SEQ ")][-1]
        first = next(at for at, line in there.lines if " ok" in line)
        found["guest's pause"] = [round((first - last) * 1000)]
    web.destroy(nodo2)
    return found
