"""A node: one Xen host in QEMU. Boots, dies, runs commands, takes and gives files."""
import io
import json
import os
import signal
import socket
import stat
import struct
import subprocess
import tarfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from .cpio import Cpio
from .layout import CPU, DISKS, HERE, IMAGE, LOGS, NETS, NODE_NAMES, RUN
from .talk import RigError

CPUS = {"svm": "qemu64,+svm,+npt,+ssse3,+sse4.1,+sse4.2,+popcnt"}  # AMD-V: PVH and HVM guests

# What systemd need not start in a node: it would only take time, of which coldplugging takes most.
MASKED = ("systemd-udev-trigger.service", "systemd-binfmt.service", "systemd-random-seed.service",
          "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service",
          "systemd-user-sessions.service", "systemd-journal-flush.service",
          "systemd-sysusers.service", "systemd-modules-load.service", "timers.target",
          "getty.target", "xendomains.service", "e2scrub_reap.service")


class Result(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def said(self):
        """What a person at a terminal sees."""
        return self.out + self.err


class Node:
    def __init__(self, name):
        self.name = name
        self.number = NODE_NAMES.index(name) + 1
        self.dir = RUN / name

    def __repr__(self):
        return self.name

    # ------------------------------------------------------------ power

    def pid(self):
        try:
            p = int((self.dir / "pid").read_text())
            return p if b"qemu" in Path(f"/proc/{p}/cmdline").read_bytes() else None
        except (OSError, ValueError):
            return None

    def start(self, fresh, package=None):
        """Boots the node; fresh: on new, empty disks. package: {path: (content, mode)} of what is
        installed there already; it boots systemd then, and busybox's init else."""
        self.dir.mkdir(parents=True, exist_ok=True)
        for name, mb in DISKS.items():
            if fresh:
                self.disk(name).unlink(missing_ok=True)
            with open(self.disk(name), "ab") as f:
                f.truncate(mb << 20)
        (self.dir / "booted").write_text(booted(package))
        (self.dir / "initrd").write_bytes(self.initrd(package or {}))
        port = free_port()
        (self.dir / "port").write_text(str(port))
        subprocess.run([str(a) for a in self.qemu(port, systemd=package is not None)], check=True)

    def runs(self, package):
        """It is on, and was booted with this (start)."""
        word = self.dir / "booted"
        return bool(self.pid()) and word.exists() and word.read_text() == booted(package)

    def initrd(self, package):
        """The image's, and node/ as it is now: it becomes the node's /etc/rig."""
        boot = Cpio((IMAGE / "initrd.base").read_bytes(), {"bin", "dev", "modules"})
        for f in sorted((HERE / "node").rglob("*")):
            if f.is_file():
                boot.add(f"rig/{f.relative_to(HERE / 'node')}", f.read_bytes(),
                         stat.S_IFREG | f.stat().st_mode & 0o777)
        for path, (content, mode) in package.items():
            boot.add(f"rig/package{path}", content, stat.S_IFREG | mode)
        return boot.end()

    def qemu(self, port, systemd):
        xen = ("com1=115200,8n1 console=com1 loglvl=info guest_loglvl=info noreboot=0 "
               "dom0_mem=768M,max:768M dom0_max_vcpus=1 spec-ctrl=no xpti=off pcid=off "
               "smep=0 smap=0 sched=credit")
        dom0 = ("console=hvc0 net.ifnames=0 mitigations=off quiet panic=1 "
                f"rig.node={self.number}")
        if systemd:
            dom0 += " rig.init=systemd" + "".join(f" systemd.mask={unit}" for unit in MASKED)
        argv = ["qemu-system-x86_64", "-accel", "tcg,thread=multi,tb-size=256",
                "-M", "pc,usb=off", "-cpu", CPUS.get(CPU, CPU),
                "-m", os.environ.get("RIG_MEM", "1536"), "-smp", os.environ.get("RIG_CPUS", "1"),
                "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-daemonize", "-pidfile", self.dir / "pid",
                "-serial", f"file:{self.dir}/console.log",
                "-qmp", f"unix:{self.dir}/qmp,server=on,wait=off",
                "-kernel", IMAGE / "xen.elf", "-append", xen,
                "-initrd", f"{IMAGE}/vmlinux {dom0},{self.dir}/initrd",
                "-drive", f"file={IMAGE}/root.ext4,if=virtio,format=raw,readonly=on"]
        for name in DISKS:
            argv += ["-drive", f"file={self.disk(name)},if=virtio,format=raw,cache=unsafe"]
        argv += ["-netdev", f"user,id=ctl,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:7",
                 "-device", "virtio-net-pci,netdev=ctl,romfile="]
        for k, net in enumerate(NETS, 1):
            argv += ["-netdev", f"dgram,id={net},"
                                f"local.type=unix,local.path={self.dir}/{net},"
                                f"remote.type=unix,remote.path={self.peer.dir}/{net}",
                     "-device", f"virtio-net-pci,netdev={net},romfile=,"
                                f"mac=52:54:00:00:0{k}:0{self.number}"]
        return argv

    def wait(self, limit=600):
        """Until the node runs commands."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if not self.pid():
                raise RigError(f"{self} died; see {self.dir}/console.log")
            try:
                if self.run("true", timeout=3).status == 0:
                    return
            except OSError:
                time.sleep(0.2)
        raise RigError(f"{self} did not come up in {limit} s")

    def kill(self):
        """Power-off without warning. The disks stay, all the rest is in RAM."""
        p = self.pid()
        if p:
            os.kill(p, signal.SIGKILL)
            while alive(p):
                time.sleep(0.02)
        (self.dir / "pid").unlink(missing_ok=True)

    def link(self, net, up):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.dir / "qmp"))
            f = s.makefile("rw")
            f.readline()
            for command, arguments in (("qmp_capabilities", {}), ("set_link", {"name": net, "up": up})):
                f.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
                f.flush()
                while (reply := json.loads(f.readline())).keys().isdisjoint(("return", "error")):
                    pass
                if "error" in reply:
                    raise RigError(f"{self}: {command}: {reply['error']}")

    # ------------------------------------------------------------ commands

    def run(self, command, stdin=b"", timeout=60, out=None, err=None):
        """Runs an argv, or one string by sh. stdin: bytes or a file; out, err: files
        to stream to, or the texts come back in the Result. TimeoutError after
        `timeout` seconds of silence; the command is killed then."""
        argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
        began = time.monotonic()
        bufs = {b"O": out or io.BytesIO(), b"R": err or io.BytesIO()}
        port = int((self.dir / "port").read_text())
        with socket.create_connection(("127.0.0.1", port), 10) as s:
            s.settimeout(timeout)
            send(s, b"C", json.dumps({"argv": argv}).encode())
            threading.Thread(target=feed, args=(s, stdin), daemon=True).start()
            with s.makefile("rb") as f:
                while True:
                    kind, data = recv(f)
                    if kind == b"X":
                        break
                    bufs[kind].write(data)
                    bufs[kind].flush()
        texts = [b.getvalue().decode(errors="replace") if isinstance(b, io.BytesIO) else ""
                 for b in bufs.values()]
        result = Result(struct.unpack(">i", data)[0], *texts)
        self.note(command, result, began)
        return result

    def note(self, command, result, began):
        """Every command and what came of it, for whoever must understand a failure."""
        if LOGS.is_dir():
            now = time.monotonic()
            with open(LOGS / "commands", "a", encoding="utf-8") as log:
                log.write(f"{began:.1f} {self} {now - began:.2f} s, exit {result.status}: {command}\n"
                          + "".join(f"    {line}\n" for line in result.said.splitlines()))

    def sh(self, command, stdin=b"", timeout=60):
        """The stdout of a command that must succeed."""
        got = self.run(command, stdin, timeout)
        if got.status:
            raise RigError(f"{self}: {command!r} exited {got.status}: {got.said.strip()}")
        return got.out.strip()

    def write(self, path, text, mode=0o644):
        data = text.encode() if isinstance(text, str) else text
        self.sh(["sh", "-c", f'mkdir -p "${{0%/*}}" && cat >"$0" && chmod {mode:o} "$0"', path], data)

    def push(self, src, dst):
        """A file, or a folder's contents."""
        buf, src = io.BytesIO(), Path(src)
        with tarfile.open(fileobj=buf, mode="w") as tar:
            tar.add(src, "." if src.is_dir() else Path(dst).name)
        where = dst if src.is_dir() else str(Path(dst).parent)
        self.sh(["sh", "-c", 'mkdir -p "$0" && tar -xmoC "$0"', where], buf.getvalue())

    def pull(self, src, dst):
        with open(Path(dst, Path(src).name) if Path(dst).is_dir() else dst, "wb") as f:
            got = self.run(["cat", src], out=f)
        if got.status:
            raise RigError(got.err.strip())

    def follow(self, *paths):
        """The lines of files as they come, each with this machine's time. Costs the node
        far less than asking again and again."""
        # On the node's overlay tail cannot wait for a change: it looks each second, if not told otherwise.
        return self.output("tail", "-q", "-s", "0.1", "-n", "+1", "-F", *paths)

    def output(self, *argv):
        """The same of the lines that a command prints. It ends when nobody follows any more."""
        return Follow(self, argv)

    # ------------------------------------------------------------ others

    @property
    def peer(self):
        return nodo2 if self is nodo1 else nodo1

    def disk(self, name):
        """The file behind a disk. The node's writes are in it as soon as they are done."""
        return self.dir / f"{name}.img"


class Follow:
    def __init__(self, node, argv):
        self.lines, self._rest = [], ""  # (seconds, line)
        self._socket = socket.create_connection(
            ("127.0.0.1", int((node.dir / "port").read_text())), 10)
        self._socket.settimeout(None)
        send(self._socket, b"C", json.dumps({"argv": argv}).encode())
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            with self._socket.makefile("rb") as f:
                while True:
                    kind, data = recv(f)
                    if kind == b"X":
                        return
                    if kind == b"O":
                        now = time.monotonic()
                        *lines, self._rest = (self._rest + data.decode(errors="replace")).split("\n")
                        self.lines += [(now, line.rstrip("\r")) for line in lines]
        except (OSError, ValueError):
            pass

    @property
    def text(self):
        return "".join(line + "\n" for _, line in self.lines)

    def close(self):
        """Hangs up, which ends the command in the node."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---------------------------------------------------------------- wire (see node/runner)

def send(sock, kind, data=b""):
    sock.sendall(struct.pack(">cI", kind, len(data)) + data)


def recv(f):
    head = f.read(5)
    if len(head) < 5:
        raise ConnectionError("node went away")
    kind, size = struct.unpack(">cI", head)
    return kind, f.read(size)


def feed(sock, src):
    try:
        src = io.BytesIO(src) if isinstance(src, bytes) else src
        while chunk := src.read(65536):
            send(sock, b"I", chunk)
        send(sock, b"E")
    except OSError:
        pass


def booted(package):
    """A word for what a node was booted with."""
    return " ".join((CPU, "busybox") if package is None else (CPU, "systemd", *sorted(package)))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def alive(p):
    try:  # a zombie has closed its files: its disks are free
        return Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


nodo1, nodo2 = NODES = tuple(Node(name) for name in NODE_NAMES)
