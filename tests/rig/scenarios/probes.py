"""What the host looks into: a DRBD device, unless a guest has it."""
import base64
import gzip
import re
import struct
import zlib

from rigging.drbd import demote, expect_on_disk, expect_roles, promote
from rigging.expect import eventually, expect
from rigging.guest import Guest
from rigging.node import nodo1
from rigging.scenario import scenario

ROOT, SWAP = "web-root", "web-swap"
DEVICES = {ROOT: "/dev/drbd1", SWAP: "/dev/drbd2"}
# An administrator's rule, as some packages have it for other devices: what is on a DRBD device names it.
RULE = """SUBSYSTEM=="block", KERNEL=="drbd*", ENV{UDEV_DISABLE_PERSISTENT_STORAGE_BLKID_FLAG}!="1", IMPORT{builtin}="blkid"
ENV{ID_FS_LABEL_ENC}=="?*", SYMLINK+="disk/by-label/$env{ID_FS_LABEL_ENC}"
"""
EVENT = re.compile(r"^ *(.*)-\d+ .* (open|role): ", re.M)
TRACING = "/sys/kernel/tracing"
LABEL_SIZE = 4096  # bytes at the start of a disk that tell what is on it


def file_system():
    """The start of one that is called chosen-by-guest."""
    head = nodo1.run("truncate -s 1M /tmp/rig-fs && mke2fs -q -F -t ext2 -L chosen-by-guest /tmp/rig-fs && "
                     f"head -c {LABEL_SIZE} /tmp/rig-fs | base64 -w 0").out
    return base64.b64decode(head)


def physical_volume():
    """The start of one of LVM's (lvm2: lib/label/label.h, lib/misc/crc.c)."""
    header = struct.pack("<I8s32sQ", 32, b"LVM2 001", b"chosenbyguestchosenbyguestchosen", 32 << 20)
    header = header.ljust(512 - 20, b"\0")
    crc = zlib.crc32(header, 0xf597a6cf ^ 0xffffffff) ^ 0xffffffff
    sector = struct.pack("<8sQI", b"LABELONE", 1, crc) + header
    return bytes(512) + sector + bytes(LABEL_SIZE - 1024)


def on_the_command_line(disk, head):
    """Has the guest write this to the start of its disk (node/guest-init)."""
    return f"rig.head={disk}:{base64.b64encode(gzip.compress(head, mtime=0)).decode()}"


def named():
    """What udev has found on the devices."""
    nodo1.sh("udevadm settle")
    said = [nodo1.sh(["udevadm", "info", "--query=property", device]) for device in DEVICES.values()]
    properties = [dict(line.split("=", 1) for line in text.splitlines()) for text in said]
    return [p.get("ID_FS_LABEL") or p.get("ID_FS_TYPE") for p in properties]


def links(folder):
    return nodo1.sh(f"ls {folder} 2>/dev/null || true").split()


class Opens:
    """Every open of a DRBD device and every change of a role from now on: the kernel tells which program
    does it (8.4: drivers/block/drbd/drbd_main.c, drbd_nl.c)."""

    def __enter__(self):
        nodo1.sh(f"mountpoint -q {TRACING} || mount -t tracefs tracefs {TRACING}; cd {TRACING} && "
                 "echo p:rig/open drbd_open >>kprobe_events && echo p:rig/role drbd_set_role >>kprobe_events && "
                 ": >trace && echo 1 >events/rig/enable")
        return self

    def __exit__(self, *_):
        if nodo1.pid():
            nodo1.sh(f"cd {TRACING} && echo 0 >events/rig/enable && "
                     "echo -:rig/open >>kprobe_events && echo -:rig/role >>kprobe_events")

    def events(self):
        """(open or role, program) since the last call, in their order."""
        text = nodo1.sh(f"cd {TRACING} && cat trace && : >trace")
        return [(what, program) for program, what in EVENT.findall(text)]

    def openers(self):
        return sorted({program for what, program in self.events() if what == "open"})


def promoted_by_hand():
    for resource in DEVICES:
        promote(nodo1, resource)


def demoted_by_hand():
    nodo1.sh("udevadm settle")  # or udev is in the way
    for resource in DEVICES:
        demote(nodo1, resource)
    nodo1.sh("udevadm settle")


@scenario(long=True)
def nobody_looks_into_a_disk_that_a_guest_has():
    """The guest writes a file system and LVM's label to its disks: this host opens them for blkback only,
    whatever events come, and names no device after them. It does once they are the host's again."""
    nodo1.write("/run/udev/rules.d/65-rig.rules", RULE)
    heads = [on_the_command_line("xvda2", file_system()), on_the_command_line("xvda1", physical_volume())]
    web = Guest()
    web.settings["cmdline"] += f" rig.start=64 {' '.join(heads)}"
    with Opens() as opens:
        promoted_by_hand()
        for device in DEVICES.values():
            nodo1.sh(f"dd if=/dev/zero of={device} bs={LABEL_SIZE} count=1 oflag=direct 2>&1")
        nodo1.sh("udevadm trigger --settle /dev/drbd1 /dev/drbd2")
        expect("names of empty disks", named(), [None, None])
        expect("udev has looked", any("udev" in program for program in opens.openers()))
        demoted_by_hand()
        by_resource = links("/dev/drbd/by-res")
        opens.events()

        web.create(nodo1)
        expect_roles("Primary", "Secondary")
        web.prints(nodo1, "has written its labels", lambda text: text.count("HEAD ") == 2)
        web.writes(nodo1)
        nodo1.sh("udevadm trigger --settle /dev/drbd1 /dev/drbd2")
        expect("names of a guest's disks", named(), ["none", "none"])
        expect("links by label", "chosen-by-guest" in links("/dev/disk/by-label"), False)
        expect("links by resource", links("/dev/drbd/by-res"), by_resource)
        web.writes(nodo1)
        expect("who has opened them", opens.openers(), ["xenwatch"])
        web.destroy(nodo1)
        events = opens.events()
        roles = [at for at, (what, _) in enumerate(events) if what == "role"]
        expect("demotions", len(roles), 2)
        # DRBD tells udev of the demotion, and what it does then does not matter any more.
        expect("who was in their way", events[:roles[0]], [])
        expect_roles("Secondary", "Secondary")

        promoted_by_hand()
        eventually("they are named", lambda: named() == ["chosen-by-guest", "LVM2_member"], 20)
        expect("links by label, again", "chosen-by-guest" in links("/dev/disk/by-label"))
        demoted_by_hand()
    for disk in (ROOT, SWAP):
        expect_on_disk(web.numbers(nodo1), disk, start=64)
    of_another_promotion()
    nodo1.sh("rm /run/udev/rules.d/65-rig.rules /tmp/rig-fs")


def of_another_promotion():
    """The same disks, promoted by hand before a guest gets them: they are left alone as long as it has them."""
    promoted_by_hand()
    other = Guest("other")
    other.settings["cmdline"] += " rig.start=64"
    other.create(nodo1)
    other.writes(nodo1)
    nodo1.sh("udevadm trigger --settle /dev/drbd1 /dev/drbd2")
    expect("names of a guest's disks that somebody else promoted", named(), ["none", "none"])
    other.destroy(nodo1)
    expect_roles("Secondary", "Secondary")
    promoted_by_hand()
    eventually("they are named", lambda: named() == ["chosen-by-guest", "LVM2_member"], 20)
    demoted_by_hand()
    for disk in (ROOT, SWAP):
        expect_on_disk(other.numbers(nodo1), disk, start=64)
