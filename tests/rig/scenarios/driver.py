"""A driver domain: DRBD runs in a guest, and so does the program."""
from rigging import program
from rigging.expect import expect
from rigging.guest import Guest, acknowledged
from rigging.node import nodo1
from rigging.scenario import scenario

DISK, INITRD = "/tmp/rig-storage", "/run/rig/storage-initrd"
LOOP = "/dev/loop7"


def storage():
    """The driver domain, started."""
    nodo1.write(INITRD, nodo1.initrd(program.package(program.installed())))
    nodo1.sh(f"truncate -s 16M {DISK} && losetup {LOOP} {DISK}")
    domain = Guest("storage", disks=["phy:/dev/vda,xvda,r", f"phy:{LOOP},xvdb,w"], ramdisk=INITRD, memory=256,
                   cmdline="console=hvc0 quiet mitigations=off panic=1 rig.init=storage", driver_domain=1)
    domain.create(nodo1)
    domain.prints(nodo1, "has its resource", lambda text: roles(text) == ["Secondary"])
    return domain


def roles(text):
    """The resource's role there, from change to change."""
    lines = [line for line in text.splitlines() if line.startswith("DRBD ")]
    return [line.split(" ro:")[1].split("/")[0] for line in lines if " ro:" in line]


def number_at(sector):
    return int(nodo1.sh(f"dd if={LOOP} bs=512 skip={sector} count=1 iflag=direct 2>/dev/null | head -n 1"))


@scenario(long=True, guests=("pv",))
def a_driver_domain_serves_the_disk():
    """DRBD runs in a domain of its own. There `xl devd` runs the program, which reaches xenstore through
    /dev/xen/xenbus and sees no other domain: promoted for the guest and demoted after it, twice."""
    domain = storage()
    for _ in range(2):
        web = Guest(disks=["backend=storage,vdev=xvda2,access=w,script=block-drbd,target=web-root"])
        web.create(nodo1)
        web.writes(nodo1)
        expect("its role", roles(domain.console(nodo1))[-1], "Primary")
        web.destroy(nodo1)
        domain.prints(nodo1, "is Secondary again", lambda text: roles(text)[-2:] == ["Primary", "Secondary"])
        last = acknowledged(web.console(nodo1))[-1]
        expect("the last number on its disk", number_at(last % 1000), last)
    said = domain.console(nodo1)
    expect("failures", [line for line in said.splitlines() if "exited with" in line], [])
    domain.destroy(nodo1)
    nodo1.sh(f"losetup -d {LOOP}; rm {DISK}")
