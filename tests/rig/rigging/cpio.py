"""A newc archive, just enough for an initramfs."""
import io
import lzma
import re
from pathlib import Path


class Cpio:
    def __init__(self, start=b"", dirs=()):
        """`start`: an archive without its end, which has the folders `dirs`."""
        self.out, self.ino, self.dirs = io.BytesIO(), 0, set(dirs)
        self.out.write(start)

    def add(self, name, data=b"", mode=0o100644, rdev=(0, 0)):
        for parent in reversed(Path(name).parents):
            if str(parent) not in self.dirs | {"."}:
                self.dirs.add(str(parent))
                self._entry(str(parent), b"", 0o40755, (0, 0))
        self._entry(name, data, mode, rdev)

    def _entry(self, name, data, mode, rdev):
        self.ino += 1
        raw = name.encode() + b"\0"
        head = (self.ino, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(raw), 0)
        self.out.write(b"070701" + b"".join(b"%08X" % v for v in head) + raw)
        self._pad()
        self.out.write(data)
        self._pad()

    def _pad(self):
        self.out.write(b"\0" * (-self.out.tell() % 4))

    def so_far(self):
        return self.out.getvalue()

    def end(self):
        self._entry("TRAILER!!!", b"", 0, (0, 0))
        return self.out.getvalue()

    def base(self, busybox, init):
        self.add("bin/busybox", busybox, 0o100755)
        self.add("init", init, 0o100755)
        self.add("dev/console", b"", 0o20600, (5, 1))

    def modules(self, folder, wanted):
        """The wanted kernel modules and what they need, numbered in loading order."""
        deps = {}
        for line in (folder / "modules.dep").read_text().splitlines():
            name, _, needs = line.partition(":")
            deps[name] = needs.split()
        key = {re.sub(r"\.ko.*", "", Path(n).name).replace("-", "_"): n for n in deps}
        order = []
        for name in wanted:
            path = key.get(name.replace("-", "_"))  # absent: built in
            for p in [*reversed(deps[path]), path] if path else []:
                if p not in order:
                    order.append(p)
        for n, path in enumerate(order):
            data = (folder / path).read_bytes()
            if path.endswith(".xz"):
                data = lzma.decompress(data)
            self.add(f"modules/{n:02}-{Path(path).name.split('.')[0]}.ko", data)
