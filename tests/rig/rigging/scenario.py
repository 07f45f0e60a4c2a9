"""Runs scenarios: each from the standard state, each back to it."""
import fcntl
import importlib
import shutil
import subprocess
import time
from contextlib import contextmanager

from . import drbd, image, pair, program, status
from .expect import Failure, eventually, expect
from .layout import CACHE, GUEST, LOGS, SUITE
from .node import NODES
from .talk import RigError, say

GROUPS = ("lifecycle", "migration", "window", "shared", "refusal", "shape", "failure", "leftover", "status",
          "probes", "driver")
SCENARIOS, LONG, SYSTEMD, MIGRATES = {}, set(), set(), set()


def scenario(function=None, *, long=False, systemd=False, migrates=False, guests=("pv", "pvh")):
    """Registers a scenario; its name is its function's, its docstring says what it shows.
    long: run with --all only. systemd: in nodes that boot it, with the program's units. migrates: a guest
    does. guests: the types of guests (RIG_GUEST) that it is about."""
    def register(f):
        name = f.__name__.replace("_", "-")
        if GUEST in guests:
            SCENARIOS[name] = f
        for wanted, names in ((long, LONG), (systemd, SYSTEMD), (migrates, MIGRATES)):
            if wanted:
                names.add(name)
        return f
    return register(function) if function else register


def impossible(name):
    """Why it cannot be had here, or None."""
    if name in MIGRATES and SUITE == "trixie" and GUEST == "pv":
        return "Debian's Xen 4.20 has no log of dirty pages for PV guests"
    return None


def load():
    if GUEST not in ("pv", "pvh", "hvm"):
        raise RigError(f"RIG_GUEST: no such type of guest: {GUEST}")
    for group in GROUPS:
        importlib.import_module(f"scenarios.{group}")


def named(names, everything):
    if unknown := [n for n in names if n not in SCENARIOS]:
        raise RigError(f"no such scenario: {' '.join(unknown)}")
    return list(names) or [n for n in SCENARIOS if everything or n not in LONG]


# ---------------------------------------------------------------- the standard state

def boot(script, package=None):
    pair.up(package=package)
    program.forget()
    program.install(script)


@contextmanager
def rig(keep):
    """The nodes, for prepare to boot. keep: they stay, and are used again."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RigError(f"another run uses {CACHE}") from None
        image.ensure()
        shutil.rmtree(LOGS, ignore_errors=True)
        LOGS.mkdir(parents=True)
        try:
            if not keep:
                pair.down()
            yield
        finally:
            if not keep:
                pair.down()


def prepare(script, static=False, systemd=False):
    """The standard state, the quick way if that will do, else by a fresh boot. static: with two
    primaries configured, as the packaged script needs them."""
    package = program.package(script) if systemd else None
    try:
        if all(n.runs(package) for n in NODES):
            pair.mend()
            drbd.on_both(lambda n: n.sh("bash /etc/rig/reset", timeout=150))
            eventually("standard state", lambda: not drbd.at_rest(), 15, 1)
            program.install(script)
        else:
            boot(script, package)
    except (Failure, RigError, OSError) as e:
        say(f"not in the standard state ({e})")
        boot(script, package)
    if static or script == program.PACKAGED:
        drbd.allow_two_primaries()


def end_state():
    """What must hold after every scenario: nothing runs, nothing is left, no copy differs."""
    def at_rest():
        wrong = drbd.at_rest()
        expect("at the end", "; ".join(wrong) or "at rest", "at rest")
        return True
    for node, left in zip(NODES, drbd.on_both(leftovers)):
        expect(f"left on {node}", left, "")
    eventually("the standard state at the end", at_rest, 30, 1)
    status.at_rest()
    drbd.expect_equal_copies()


def leftovers(node):
    """Domains, backends, notes and processes that should have gone. udev's rules run DRBD's tools, too."""
    return node.sh("udevadm settle; xl list | awk 'NR > 2 {print \"domain\", $1}';"
                   "xenstore-ls -f /local/domain/0/backend/vbd 2>/dev/null | grep params;"
                   "find /run/block-drbd/promoted /run/block-drbd/window -type f 2>/dev/null;"
                   "ps -eo comm= | grep -E '^(block-drbd|drbd(adm|setup))' || true")


# ---------------------------------------------------------------- running

def trial(name, script):
    """Runs one scenario. What went wrong, or None."""
    with open(LOGS / "commands", "a", encoding="utf-8") as log:
        log.write(f"\n======== {name}\n")
    try:
        prepare(script, systemd=name in SYSTEMD)
        SCENARIOS[name]()
        end_state()
        return None
    except Failure as e:
        wrong = str(e)
    except TimeoutError:
        wrong = "a command hangs"
    except (RigError, OSError, subprocess.SubprocessError) as e:
        wrong = f"{type(e).__name__}: {e}"
    collect(name)
    return " ".join(wrong.split())


def run(names, script):
    """(passed, failed), told line by line."""
    passed = failed = 0
    for name in names:
        if why := impossible(name):
            print(f"none {name}: {why}", flush=True)
            continue
        began = time.monotonic()
        wrong = trial(name, script)
        if wrong and emulation_failed(name):
            say(f"{name}: a double fault in the guest's kernel, which emulated AMD-V makes now and then: once more")
            wrong = trial(name, script)
        took = f"{time.monotonic() - began:.0f} s"
        if wrong is None:
            passed += 1
            print(f"ok   {name} ({took})", flush=True)
        else:
            failed += 1
            print(f"FAIL {name} ({took}): {wrong}", flush=True)
    return passed, failed


def emulation_failed(name):
    """A guest died of QEMU's AMD-V, before anything of the scenario mattered to it."""
    consoles = [LOGS / name / node.name / "consoles" for node in NODES]
    return GUEST != "pv" and any("PANIC: double fault" in c.read_text() for c in consoles if c.exists())


KEPT = {
    "messages": "cat /var/log/messages", "hotplug.log": "cat /var/log/xen/xen-hotplug.log",
    "xl.log": "tail -n +1 /var/log/xen/xl-*.log", "consoles": "tail -n +1 /var/log/xen/console/*",
    "qemu.log": "tail -n +1 /var/log/xen/qemu-dm-*.log", "dmesg": "dmesg", "xl-dmesg": "xl dmesg", "domains": "xl list",
    "drbd": "cat /proc/drbd; drbdsetup status", "xenstore": "xenstore-ls -f",
    "processes": "ps axww -o pid,ppid,pgid,stat,etime,wchan:24,args", "boot": "cat /var/log/rig.log",
    "run": "ls -lR /run/block-drbd; head -n 50 /run/block-drbd/*"}


def collect(name):
    """Keeps what the nodes know about a failure."""
    for node in NODES:
        folder = LOGS / name / node.name
        folder.mkdir(parents=True, exist_ok=True)
        if (node.dir / "console.log").exists():
            shutil.copy(node.dir / "console.log", folder)
        for file, command in KEPT.items() if node.pid() else ():
            try:
                (folder / file).write_text(node.run(f"{command} 2>&1", timeout=20).out)
            except OSError as e:
                (folder / file).write_text(f"{e}\n")
