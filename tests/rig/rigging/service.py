"""The service that reaps, in nodes that boot systemd."""
import json

from .expect import eventually, expect

UNIT = "block-drbd-reap.service"
PATH = "block-drbd-reap.path"


def shown(node, unit, *properties):
    """Their values, as `systemctl show` has them."""
    lines = node.sh(["systemctl", "show", "--property", ",".join(properties), unit]).splitlines()
    values = dict(line.split("=", 1) for line in lines)
    return [values[p] for p in properties]


class Journal:
    """What a node's journal says from now on, or since its boot."""

    def __init__(self, node, since_boot=False):
        self.node = node
        self.cursor = None if since_boot else node.sh(
            "journalctl -q -n 0 --show-cursor").removeprefix("-- cursor: ")

    def entries(self, *matches):
        after = [f"--after-cursor={self.cursor}"] if self.cursor else ["--boot"]
        lines = self.node.sh(["journalctl", "-q", "-o", "json", *after, *matches]).splitlines()
        return [json.loads(line) for line in lines]

    def reaped(self, resource):
        """What reap has told about this resource, under its name."""
        found = self.entries("SYSLOG_IDENTIFIER=block-drbd", f"DRBD_RESOURCE={resource}")
        return [e["MESSAGE"] for e in found if e["MESSAGE"].startswith("reap: ")]

    def runs(self):
        """How often the service has run to its good end."""
        return sum(e.get("JOB_RESULT") == "done" for e in self.entries(f"UNIT={UNIT}"))


def disks(node):
    """Guests' disks that blkback has, those too that it is about to close: the bus has them no more."""
    return node.sh("ls -d /sys/devices/vbd-* 2>/dev/null || true").split()


def at_rest(node):
    """Waits until no guest's disk is there that could vanish yet, and the service has dealt with
    those that were."""
    def check():
        expect("disks", disks(node), [])
        expect("untold", node.sh("udevadm settle; ls /run/block-drbd/vanished 2>/dev/null || true"), "")
        expect(UNIT, shown(node, UNIT, "ActiveState", "Result"), ["inactive", "success"])
        return True
    eventually(f"{UNIT} has nothing to do", check, 90)
