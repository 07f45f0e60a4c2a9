"""Guests of other shapes: boot loader, several volumes, readers, many disks."""
from rigging.drbd import demote, expect_on_disk, expect_roles, on_both, promote, states
from rigging.expect import eventually, expect
from rigging.guest import Guest
from rigging.node import nodo1, nodo2
from rigging.scenario import scenario

MENU = """default 0
timeout 0
title rig
root (hd0)
kernel /vmlinuz console=hvc0 quiet mitigations=off panic=1
initrd /initrd
"""


@scenario(guests=("pv",))
def pygrub_reads_the_kernel_from_the_disk():
    """The boot loader in dom0 gets the disk first, the guest after it."""
    promote(nodo1, "web-root")
    nodo1.sh("mke2fs -q /dev/drbd1 && mkdir -p /mnt/rig && mount /dev/drbd1 /mnt/rig && "
             "cp /boot/guest-vmlinuz /mnt/rig/vmlinuz && cp /boot/guest-initrd /mnt/rig/initrd && "
             "mkdir -p /mnt/rig/boot/grub && cat >/mnt/rig/boot/grub/menu.lst && umount /mnt/rig",
             MENU.encode(), timeout=120)
    demote(nodo1, "web-root")
    web = Guest(disks=["drbd:web-root,xvda1,w", "drbd:web-swap,xvda2,w"],
                kernel=None, ramdisk=None, cmdline=None, bootloader="pygrub")
    web.create(nodo1)
    expect_roles("Primary", "Secondary")
    web.writes(nodo1)
    web.destroy(nodo1)
    expect_roles("Secondary", "Secondary")
    expect_on_disk(web.numbers(nodo1), "web-swap")


@scenario(guests=("hvm",))
def qemu_has_the_disk_of_an_hvm_guest():
    """QEMU opens the device for a guest that sees an IDE disk, and so does blkback: the guest is destroyed,
    and both have let go of it when `remove` demotes."""
    web = Guest(disks=["vdev=hda,access=w,script=block-drbd,target=web-root"])
    web.create(nodo1, "-p")  # Linux takes the disk away from QEMU as soon as it runs there.
    expect_roles("Primary", "Secondary", "web-root")
    opened = nodo1.sh("ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c '/dev/drbd1$' || true").strip()
    expect("QEMU has it open", opened != "0")  # It alone: blkback's open is no process's.
    web.destroy(nodo1)
    expect_roles("Secondary", "Secondary", "web-root")
    web.create(nodo1)
    expect_roles("Primary", "Secondary", "web-root")
    web.writes(nodo1)
    web.destroy(nodo1)
    expect_roles("Secondary", "Secondary", "web-root")
    expect_on_disk(web.numbers(nodo1), "web-root")


@scenario
def both_volumes_of_one_resource():
    """A resource of two volumes, both in one guest: both promoted, both demoted."""
    web = Guest(disks=["drbd:data/0,xvdb,w", "drbd:data/1,xvdc,w"])
    web.create(nodo1)
    expect_roles("Primary", "Secondary", "data/0", "data/1")
    web.writes(nodo1)
    web.destroy(nodo1)
    expect_roles("Secondary", "Secondary", "data/0", "data/1")
    numbers = web.numbers(nodo1)
    expect_on_disk(numbers, "data-0")
    expect_on_disk(numbers, "data-1")


@scenario
def two_readers_share_a_resource():
    """Two guests that only read have the same disk; the last one to go takes the role along."""
    one = Guest("one", disks=["drbd:web-root,xvda2,r"])
    two = Guest("two", disks=["drbd:web-root,xvda2,r"])
    one.create(nodo1)
    one.writes(nodo1)
    two.create(nodo1)
    two.writes(nodo1)
    expect_roles("Primary", "Secondary", "web-root")
    one.destroy(nodo1)
    expect_roles("Primary", "Secondary", "web-root")
    two.writes(nodo1)
    two.destroy(nodo1)
    expect_roles("Secondary", "Secondary", "web-root")
    one.numbers(nodo1)
    two.numbers(nodo1)


@scenario
def eight_disks_at_once():
    """libxl starts eight `add`s and eight `remove`s at the same time."""
    names, minors = [f"e{n}" for n in range(1, 9)], range(11, 19)
    text = "".join(
        f"resource {name} {{\n"
        f"  device /dev/drbd{minor}; disk /dev/loop{minor}; meta-disk internal;\n"
        f"  on nodo1 {{ address 10.77.2.1:78{minor}; }} on nodo2 {{ address 10.77.2.2:78{minor}; }} }}\n"
        for name, minor in zip(names, minors))

    def make(node):
        node.write("/etc/drbd.d/extra.res", text)
        node.sh("for m in $(seq 11 18); do truncate -s 4M /tmp/rig$m; "
                "[ -b /dev/loop$m ] || mknod /dev/loop$m b 7 $m; losetup /dev/loop$m /tmp/rig$m; done; "
                "for n in 1 2 3 4 5 6 7 8; do drbdadm create-md --force e$n && drbdadm up e$n; done",
                timeout=150)
    on_both(make)

    def up():
        seen = states(nodo1)
        return all(m in seen and seen[m].connected for m in minors)
    eventually("eight resources connected", up, 60)
    for name in names:
        nodo1.sh(f"drbdadm new-current-uuid --clear-bitmap {name}")

    # Eight frontends with their grants do not fit into the usual 96 MiB.
    disks = [f"drbd:{name},xvd{letter},w" for name, letter in zip(names, "bcdefghi")]
    web = Guest(disks=disks, memory=192)
    web.create(nodo1)
    expect_roles_of(minors, "Primary")
    # Eight frontends on one emulated CPU: it takes its time to the first line.
    web.writes(nodo1, limit=300)
    web.destroy(nodo1)
    expect_roles_of(minors, "Secondary")
    web.numbers(nodo1)

    sums = on_both(lambda node: node.sh(
        "for m in $(seq 11 18); do head -c $(($(cat /sys/block/drbd$m/size) * 512)) /tmp/rig$m | "
        "md5sum; done"))
    expect("the copies of the eight are equal", sums[0] == sums[1])
    on_both(lambda node: node.sh(
        "for n in 1 2 3 4 5 6 7 8; do drbdadm down e$n; done; rm /etc/drbd.d/extra.res; losetup -D; "
        "rm /tmp/rig*"))


def expect_roles_of(minors, here):
    first, second = states(nodo1), states(nodo2)
    expect("roles of the eight", [first[m].role for m in minors], [here] * 8)
    expect("roles of the eight on nodo2", [second[m].role for m in minors], ["Secondary"] * 8)
