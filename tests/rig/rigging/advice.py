"""What the program tells people to do, taken at its word."""
import re
import time

from .drbd import connected
from .expect import Failure, expect
from .node import NODES

# A command between backticks, and the host that the text names after it.
COMMAND = re.compile(r"`((?:drbdadm|block-drbd) [^`]+)`(?: on (this host|both hosts|the peer|the source|"
                     r"the destination|nodo1|nodo2))?")


def told(node, *words):
    """The sentences of block-drbd in this node's log that have all these words."""
    lines = node.sh("grep 'block-drbd' /var/log/messages || true").splitlines()
    return [line for line in lines if all(word in line for word in words)]


def commands(text, here, source=None):
    """[(hosts, command)] as the text has them; `here`: the host whose program says so."""
    hosts = {None: [here], "this host": [here], "the peer": [here.peer], "both hosts": list(NODES),
             "the source": [source], "the destination": [source and source.peer],
             **{n.name: [n] for n in NODES}}
    return [(hosts[where or None], command) for command, where in COMMAND.findall(text)]


def follow(text, here, resource, source=None, patience=12):
    """Does what the text says about a resource that does not find its peer again, the link being
    back: adjusts if that is advised, reconnects if it is StandAlone, and reaps at the end."""
    said = commands(text, here, source)
    expect(f"{here}'s advice", "given" if said else "none in: " + text, "given")
    for step in ("adjust", "connect"):
        if not comes_back(resource, patience):
            for hosts, command in said:
                if command.startswith("drbdadm") and (step == "adjust") == (" adjust " in command):
                    for host in hosts:
                        host.sh(command)
    if not comes_back(resource, 60):
        raise Failure(f"{resource} does not come back by: {'; '.join(c for _, c in said)}")
    for hosts, command in said:
        if command == "block-drbd reap":
            for host in hosts:
                host.sh(command)


def comes_back(resource, patience):
    end = time.monotonic() + patience
    while not connected(resource):
        if time.monotonic() > end:
            return False
        time.sleep(1)
    return True
