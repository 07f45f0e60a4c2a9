"""The nodes' image: a Debian tree, packed once and booted read-only by both nodes."""
import gzip
import hashlib
import lzma
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

from .cpio import Cpio
from .layout import CACHE, FLAVOUR, HERE, IMAGE, MODULES, SUITE
from .talk import RigError, say

XEN = {"bookworm": "4.17", "trixie": "4.20"}
PACKAGES = """xen-hypervisor-{0}-amd64 xen-utils-{0} xenstore-utils
    linux-image-amd64 drbd-utils openssh-server openssh-client iproute2 udev
    busybox-static kmod zstd e2fsprogs fdisk procps python3 strace socat dmsetup
    qemu-system-xen systemd"""
BOOT_MODULES = "virtio_pci virtio_blk xen-blkfront overlay ext4 crc32c_generic".split()
GUEST_MODULES = ["xen-blkfront"]


def sh(*argv, **kw):
    return subprocess.run([str(a) for a in argv], check=True, **kw)


def stamp():
    """Changes when the image must be packed anew."""
    files = [HERE / "node/guest-init", HERE / "node/initrd-init", *(
        HERE / "rigging" / f for f in ("image.py", "cpio.py"))]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()


def ensure():
    """Builds the image unless there is one of these very sources."""
    try:
        if (IMAGE / "stamp").read_text() == stamp() and (IMAGE / "root.ext4").exists():
            return
    except OSError:
        pass
    build()


def build():
    if os.geteuid():
        raise RigError("building the image needs root (debootstrap)")
    began, root = time.time(), debian(SUITE)
    if MODULES:
        root = with_modules(root)
    ssh_between_nodes(root)
    IMAGE.mkdir(parents=True, exist_ok=True)
    (IMAGE / "stamp").unlink(missing_ok=True)
    xen = next((root / "boot").glob("xen-*.gz"))
    (IMAGE / "xen.elf").write_bytes(gzip.decompress(xen.read_bytes()))
    kernel = max((root / "boot").glob("vmlinuz-*"))
    elf = vmlinux(kernel.read_bytes(), root)
    (IMAGE / "vmlinux").write_bytes(elf)
    modules = root / "lib/modules" / kernel.name.removeprefix("vmlinuz-")
    busybox = (root / "usr/bin/busybox").read_bytes()
    guest = Cpio()
    guest.base(busybox, (HERE / "node/guest-init").read_bytes())
    guest.modules(modules, GUEST_MODULES)
    (root / "boot/guest-initrd").write_bytes(guest.end())
    (root / "boot/guest-vmlinux").write_bytes(elf)
    (root / "boot/guest-vmlinuz").write_bytes(kernel.read_bytes())  # for HVM and pygrub
    boot = Cpio()
    boot.base(busybox, (HERE / "node/initrd-init").read_bytes())
    boot.modules(modules, BOOT_MODULES)
    (IMAGE / "initrd.base").write_bytes(boot.so_far())
    pack(root)
    (IMAGE / "stamp").write_text(stamp())
    say(f"built {IMAGE} in {time.time() - began:.0f} s")


def pack(root):
    say("packing the root image")
    new = IMAGE / "root.ext4.new"
    size = int(subprocess.check_output(["du", "-sm", root]).split()[0]) * 12 // 10 + 64
    new.unlink(missing_ok=True)
    sh("mke2fs", "-q", "-t", "ext4", "-m0", "-O", "^has_journal", "-d", root, new, f"{size}M",
       stdout=subprocess.DEVNULL)
    new.rename(IMAGE / "root.ext4")


def apt(root, *packages, **kw):
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    # systemd wants /proc; in a mount namespace of its own it is gone afterwards.
    sh("unshare", "--mount", "sh", "-c", 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"', root,
       "apt-get", "-qy", "--no-install-recommends",
       "-oDpkg::Options::=--force-unsafe-io", "install", *packages, env=env, **kw)
    sh("chroot", root, "apt-get", "clean", **kw)


def debian(suite):
    """The Debian tree every flavour of this suite starts from."""
    root, packages = CACHE / "build" / suite, PACKAGES.format(XEN[suite]).split()
    done = root / ".done"  # names the packages, so that a longer list adds the missing ones
    if done.exists() and done.read_text().split() == packages:
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with open(root.parent / f"{suite}.log", "a", encoding="utf-8") as log:
        kw = {"stdout": log, "stderr": subprocess.STDOUT}
        if done.exists():
            sh("chroot", root, "apt-get", "-q", "update", **kw)
        else:
            shutil.rmtree(root, ignore_errors=True)
            say("debootstrap", suite, "(log:", log.name + ")")
            sh("debootstrap", "--variant=minbase", suite, root, *mirror(), **kw)
            (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
            (root / "usr/sbin/policy-rc.d").chmod(0o755)
        say("installing packages")
        apt(root, *packages, **kw)
    done.write_text("\n".join(packages) + "\n")
    return root


def mirror():
    """RIG_MIRROR, else the system's own Debian mirror, else debootstrap's default."""
    if "RIG_MIRROR" in os.environ:
        return [os.environ["RIG_MIRROR"]]
    found = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian"],
                           capture_output=True, text=True, check=False)
    return found.stdout.split()[:1]


def with_modules(base):
    """A copy of the tree with kernel modules built elsewhere: RIG_MODULES is a
    folder named after a kernel version (of bookworm's or trixie's Debian
    kernel) with the .ko files in it. Its kernel becomes the node's."""
    root = base.with_name(FLAVOUR)
    if (root / ".done").exists():
        return root
    if "RIG_MODULES" not in os.environ:
        raise RigError(f"{FLAVOUR}: set RIG_MODULES to a folder of kernel modules")
    folder = Path(os.environ["RIG_MODULES"]).resolve()
    version = folder.name
    trees = [base, debian("trixie")]
    kernel = next((t for t in trees if (t / "lib/modules" / version).exists()), None)
    if kernel is None:
        known = " ".join(m.name for t in trees for m in (t / "lib/modules").iterdir())
        raise RigError(f"no Debian kernel {version!r}: RIG_MODULES is named after one of {known}")
    shutil.rmtree(root, ignore_errors=True)
    sh("cp", "-a", base, root)
    (root / ".done").unlink()
    if kernel != base:
        for old in (*root.glob("boot/vmlinuz-*"), *root.glob("lib/modules/*")):
            sh("rm", "-r", old)
        shutil.copy(kernel / f"boot/vmlinuz-{version}", root / "boot")
        sh("cp", "-a", kernel / "lib/modules" / version, root / "lib/modules")
    updates = root / "lib/modules" / version / "updates"
    updates.mkdir(exist_ok=True)
    for ko in folder.glob("*.ko"):
        shutil.copy(ko, updates)
    sh("chroot", root, "depmod", version)
    (root / ".done").touch()
    return root


def ssh_between_nodes(root):
    """One key for both nodes: xl migrate goes by ssh."""
    ssh = root / "root/.ssh"
    if not (ssh / "id_ed25519").exists():
        ssh.mkdir(mode=0o700, exist_ok=True)
        sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rig", "-f", ssh / "id_ed25519")
        shutil.copy(ssh / "id_ed25519.pub", ssh / "authorized_keys")
        host = (root / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
        (ssh / "known_hosts").write_text(f"nodo1,nodo2 {host}")
    (root / "root/.ssh").chmod(0o700)
    (root / "root").chmod(0o700)


def vmlinux(bzimage, root):
    """The ELF kernel inside a bzImage: neither Xen nor xl then decompress it."""
    start = (bzimage[0x1F1] + 1) * 512  # after the real-mode part
    offset, size = struct.unpack_from("<II", bzimage, 0x248)
    data = bzimage[start + offset:start + offset + size - 4]  # less the length word
    if data.startswith(b"\xfd7zXZ\0"):
        return lzma.decompress(data)
    return sh("chroot", root, "zstd", "-dc", input=data, stdout=subprocess.PIPE).stdout
