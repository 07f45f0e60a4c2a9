"""A guest: its configuration, its life, and the numbers it writes to its disks."""
import re
from contextlib import contextmanager

from .check import foretold
from .expect import Failure, eventually, expect
from .layout import GUEST
from .node import NODES, nodo1
from .talk import RigError

WEB = ("drbd:web-root,xvda2,w", "drbd:web-swap,xvda1,w")
CONSOLES = "/var/log/xen/console"
# Direct boot takes a bzImage there, and the guest prints on the serial line that QEMU gives it.
HVM = {"kernel": "/boot/guest-vmlinuz", "cmdline": "console=ttyS0 quiet mitigations=off panic=1", "memory": 128,
       "vga": "none"}
PANIC = "Kernel panic - not syncing"
SLOWER = 1 if GUEST == "pv" else 3  # AMD-V is emulated, too
SEQ = re.compile(r"SEQ (\d+) up=[\d.]+ (ok|FAIL[^\r\n]*)[\r\n]")


class Guest:
    def __init__(self, name="web", disks=WEB, **settings):
        """`settings` replace or add to those of a guest that writes numbers (node/guest-init);
        None takes one away."""
        self.name = name
        self.settings = {
            "type": GUEST, "kernel": "/boot/guest-vmlinux", "ramdisk": "/boot/guest-initrd",
            "cmdline": "console=hvc0 quiet mitigations=off panic=1",
            "memory": 96, "vcpus": 1, "on_crash": "preserve",
            **({**HVM, "serial": f"file:{CONSOLES}/guest-{name}.log"} if GUEST == "hvm" else {}), **settings,
            "name": name, "disk": list(disks)}

    @property
    def config(self):
        return f"/run/rig/{self.name}.cfg"

    @property
    def text(self):
        return "".join(f"{k} = {v!r}\n" for k, v in self.settings.items() if v is not None)

    # ------------------------------------------------------------ life

    def put(self, node):
        """Its configuration, into the node."""
        node.write(self.config, self.text)

    def try_create(self, node, *options, limit=150, **beyond):
        """`xl create`, as the user calls it, foretold by `check`. beyond: what is not (check.foretold)."""
        self.put(node)
        return foretold(node, [self.config],
                        lambda: node.run(["xl", "create", *options, self.config], timeout=limit), **beyond)

    def create(self, node, *options, **beyond):
        """What xl said, too: a warning, or nothing of interest."""
        got = self.try_create(node, *options, **beyond)
        expect("xl create", reason(got) if got.status else "succeeded", "succeeded")
        return got.said

    def try_attach(self, node, disk, limit=150):
        """`xl block-attach`, foretold by `check`."""
        return foretold(node, ["--disk", disk], lambda: node.run(
            ["xl", "block-attach", self.name, disk], timeout=limit))

    def attach(self, node, disk):
        got = self.try_attach(node, disk)
        expect("xl block-attach", reason(got) if got.status else "succeeded", "succeeded")

    def restore(self, node, path, limit=150):
        """`xl restore` of what `xl save` has put there, foretold by `check`."""
        got = foretold(node, [self.config], lambda: node.run(["xl", "restore", path], timeout=limit))
        expect("xl restore", reason(got) if got.status else "succeeded", "succeeded")

    def xl(self, node, command, *words, limit=150):
        """An `xl` command about this guest that must succeed; what it said."""
        got = node.run(["xl", command, self.name, *words], timeout=limit)
        expect(f"xl {command}", reason(got) if got.status else "succeeded", "succeeded")
        return got.said

    def destroy(self, node):
        self.xl(node, "destroy")

    def try_migrate(self, source=nodo1, to=None, limit=600, **beyond):
        """Live migration, to the other host unless another is named, foretold by `check`; waits for
        the guest to go on somewhere."""
        to = to or source.peer
        self.put(source)
        return foretold(source, ["--migrate", to.name, self.config], lambda: source.run(
            ["xl", "migrate", self.name, to.name], timeout=limit), **beyond)

    def migrate(self, source=nodo1, to=None):
        got = self.try_migrate(source, to)
        expect("xl migrate", reason(got) if got.status else "succeeded", "succeeded")

    def gone(self, node, limit=120):
        """Waits until libxl has taken the domain away, its disks' `remove` included."""
        eventually(f"{self.name} gone from {node}", lambda: self.name not in domains(node), limit, 1)

    def domid(self, node):
        return domains(node).get(self.name)

    # ------------------------------------------------------------ what it writes

    @property
    def logs(self):
        return (f"{CONSOLES}/guest-{self.name}.log", f"{CONSOLES}/guest-{self.name}--incoming.log")

    def console(self, *nodes):
        """What it printed, in the order of the hosts it ran on."""
        logs = " ".join(self.logs)
        return "".join(node.sh(f"cat {logs} 2>/dev/null || true") + "\n" for node in nodes)

    def prints(self, node, what, check, limit=120):
        """Waits until what it has printed here satisfies check(text)."""
        with node.follow(*self.logs) as console:
            def holds():
                if PANIC in console.text:
                    raise RigError(f"{self.name}'s kernel panics")
                return check(console.text)
            eventually(f"{self.name} {what}", holds, limit * SLOWER, 0.1)

    def writes(self, node, more=3, limit=120):
        """Waits until it has written on, here."""
        before = len(acknowledged(self.console(node)))
        self.prints(node, f"writes on {node}",
                    lambda text: len(acknowledged(text)) >= before + more, limit)

    def numbers(self, *nodes, boots=1):
        """The numbers of its last boot, all acknowledged; Failure if one is missing, failed,
        or out of order, or if it booted more or less often than it should."""
        runs = runs_of(acknowledged(self.console(*nodes)))
        expect(f"{self.name}'s boots", len(runs), boots)
        for numbers in runs:
            wanted = list(range(1, len(numbers) + 1))
            if numbers != wanted:
                at = next(i for i, (n, w) in enumerate(zip(numbers, wanted)) if n != w)
                raise Failure(f"{self.name}'s numbers: {numbers[at]} follows {numbers[at - 1]}")
        return runs[-1]

    def numbers_of_journey(self):
        """The same of a guest that was on both hosts several times."""
        seen = [acknowledged(self.console(node)) for node in NODES]
        for node, numbers in zip(NODES, seen):
            expect(f"{self.name}'s numbers on {node} in their order", numbers == sorted(set(numbers)))
        numbers = sorted(sum(seen, []))
        wanted = list(range(1, len(numbers) + 1))
        expect(f"{self.name}'s numbers, missing or twice", sorted(set(numbers) ^ set(wanted)), [])
        expect(f"{self.name}'s numbers, each once", numbers == wanted)
        return numbers

    @contextmanager
    def unharmed(self, node):
        """It writes before, keeps its domain id, and goes on writing after."""
        self.writes(node)
        domid = self.domid(node)
        yield
        expect(f"{self.name}'s domain id on {node}", self.domid(node), domid)
        self.writes(node)
        self.numbers(node)


def acknowledged(console):
    """The numbers in a console's text. A failed write is a Failure at once."""
    found = SEQ.findall(console.replace("\r", ""))
    for number, verdict in found:
        if verdict != "ok":
            raise Failure(f"the guest's write {number} failed: {verdict.removeprefix('FAIL ')}")
    return [int(number) for number, _ in found]


def runs_of(numbers):
    """Split where it starts again from 1."""
    runs = []
    for n in numbers:
        if n == 1 or not runs:
            runs.append([])
        runs[-1].append(n)
    return runs


def domains(node):
    """{name: domain id} of the guests."""
    lines = node.sh("xl list").splitlines()[1:]
    return {line.split()[0]: int(line.split()[1]) for line in lines
            if line.split()[1] != "0"}


def reason(result):
    """What xl says of the cause: the script's own sentence, or else its first error."""
    script = re.search(r"script: (.*)", result.said)
    if script:
        return script[1].strip()
    error = re.search(r"error: \S+?:\d+:\S+?: (.*)", result.said)
    return (error[1] if error else result.said).strip()


def expect_refused(result, *words):
    """xl failed, and its own output has a reason with all these words. A tuple: any of them."""
    expect("the answer", "refused" if result.status else "not refused", "refused")
    script = re.findall(r"script: (.*(?:\n(?!libxl|migration|xl).*)*)", result.said)
    expect("the reason in xl's output", "given" if script else "none", "given")
    text = "\n".join(script)
    for word in words:
        any_of = word if isinstance(word, tuple) else (word,)
        if not any(w.lower() in text.lower() for w in any_of):
            raise Failure(f"the reason does not say {' or '.join(any_of)}: {script[0].strip()}")
