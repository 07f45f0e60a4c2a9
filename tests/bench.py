"""Run by bench, inside with-xl: pairs of runs of drbd-utils' script and of block-drbd.

Only drbdsetup-84 is stubbed, which both reach at its own place; drbdadm, which the script alone runs,
is the real one and parses a real configuration.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

STATE, PAIRS = sys.argv[1], int(sys.argv[2])
SCRIPT = "/etc/xen/scripts/block-drbd"
if os.path.exists(f"{SCRIPT}.drbd-utils"):   # diverted, as README tells
    SCRIPT += ".drbd-utils"
OLD, NEW = [SCRIPT], [f"{STATE}/block-drbd"]
ROOT = f"{STATE}/root"
SETUP = "/lib/drbd/drbdsetup-84"
# A table in drbdadm-84 is full after some 380 ("hash table entry … failed"): the script gets fewer.
MANY, MANY_FOR_SCRIPT = 5000, 300
BACKEND = "backend/vbd/5/51714"
NODES = {"params": "web-root", "mode": "w", "type": "phy", "state": "2", "online": "1", "dev": "xvda2",
         "frontend-id": "5", "frontend": "/local/domain/5/device/vbd/51714"}
SETTLE = 0.01   # seconds in which with-xl's blkback looks at what was written
# Without a kernel module there is no /proc/drbd: drbdadm is told the version, block-drbd finds the
# file below its root.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "XENSTORED_PATH": os.environ["XENSTORED_PATH"],
               "XENBUS_PATH": BACKEND, "XENBUS_TYPE": "vbd", "XENBUS_BASE_PATH": "backend",
               "BLOCK_DRBD_ROOT": ROOT, "DRBD_DRIVER_VERSION_OVERRIDE": "8.4.11"}


def run(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def tmpfs(folder):
    os.mkdir(folder)
    run("mount", "-t", "tmpfs", "tmpfs", folder)


def private_places():
    """A /dev with the device in it, drbdsetup-84, and a root that differs from / in /proc/drbd alone."""
    folder = f"{STATE}/dev"
    tmpfs(folder)
    for name, minor in ("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9):
        run("mknod", "-m", "666", f"{folder}/{name}", "c", "1", str(minor))
    for name, target in ("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"):
        os.symlink(target, f"{folder}/{name}")
    run("mknod", f"{folder}/drbd1", "b", "147", "1")
    run("mount", "--bind", folder, "/dev")
    run("mount", "--bind", f"{STATE}/drbdsetup-84", SETUP)
    tmpfs(ROOT)
    os.mkdir(f"{ROOT}/proc")
    for place in "dev", "etc", "lib", "run", "sys", "usr", "var", "proc/self", "proc/swaps", "proc/sys":
        os.symlink(f"/{place}", f"{ROOT}/{place}")
    run(SETUP, "secondary", "1")
    here = os.path.dirname(os.path.abspath(__file__))
    shutil.copy(f"{here}/../hotplug/block-drbd.toml", "/etc/xen/block-drbd.toml")


def configuration(number):
    """A folder for /etc/drbd.d with so many resources; web-root is the first."""
    folder = f"{STATE}/configured-{number}"
    tmpfs(folder)
    with open(f"{folder}/global_common.conf", "w", encoding="ascii") as file:
        file.write("global { usage-count no; }\n")
    host = os.uname().nodename
    for n in range(1, number + 1):
        name = "web-root" if n == 1 else f"other-{n}"
        with open(f"{folder}/{name}.res", "w", encoding="ascii") as file:
            file.write(f"""resource {name} {{
  net {{ protocol C; allow-two-primaries yes; }}
  on {host} {{ device /dev/drbd{n}; disk /dev/vg/{name}; address 10.77.2.1:{7788 + n}; meta-disk internal; }}
  on not-{host} {{ device /dev/drbd{n}; disk /dev/vg/{name}; address 10.77.2.2:{7788 + n}; meta-disk internal; }}
}}
""")
    return folder


def write(nodes):
    run("xenstore-write", *(word for node, value in nodes.items() for word in (f"{BACKEND}/{node}", value)))
    time.sleep(SETTLE)


def timed(argv, stdout=None):
    """Exit code and seconds."""
    start = time.perf_counter()
    code = subprocess.call(argv, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=stdout)
    return code, time.perf_counter() - start


def call(program, action, role):
    """Seconds that one run takes, if it does what it is for."""
    code, seconds = timed([*program, action])
    if code != 0:
        subprocess.run(["xenstore-ls", BACKEND], check=False)
        subprocess.run(["tail", "/var/log/xen/xen-hotplug.log"], check=False)
        sys.exit(f"{program} {action} exited {code}")
    with open(f"{ROOT}/proc/drbd", encoding="ascii") as file:
        if f" ro:{role}/" not in file.read():
            sys.exit(f"{program} {action} did not make it {role}")
    return seconds


def cycle(program, configured):
    """Times of `add` and `remove`, from a fresh backend."""
    # Mounted even if it is there already: every run sees as many mounts.
    run("mount", "--bind", configured, "/etc/drbd.d")
    write(NODES)
    add = call(program, "add", "Primary")
    device = subprocess.check_output(["xenstore-read", f"{BACKEND}/physical-device"], text=True).strip()
    if device != "93:1":
        sys.exit(f"{program} published {device}")
    write({"state": "6", "online": "0"})
    remove = call(program, "remove", "Secondary")
    run("xenstore-rm", "/local/domain/0/backend")
    run("umount", "/etc/drbd.d")
    return add, remove


def compare(title, columns, count):
    """A table of the medians of `count` cycles of each, by turns."""
    for argv in columns.values():
        cycle(*argv)
    times = [[cycle(*argv) for argv in columns.values()] for _ in range(count)]
    print(f"\n{title}, medians of {count} pairs\n\n| |", " | ".join(columns), "| ratio |")
    print("|---|---|---|---|")
    for which, action in enumerate(("add", "remove")):
        left, right = (statistics.median(pair[side][which] for pair in times) for side in (0, 1))
        ratio = f"1/{left / right:.1f}" if right < left / 2 else f"{right / left:.2f}"
        print(f"| `{action}` | {left * 1000:.2f} ms | {right * 1000:.2f} ms | {ratio} |")


def programs(program, configured):
    """Command lines of the programs that `add` runs, and `remove`."""
    trace = f"{STATE}/trace"
    cycle(["strace", "-f", "-z", "-s", "200", "-e", "trace=execve", "-A", "-o", trace, *program], configured)
    with open(trace, encoding="utf-8") as file:
        lines = re.findall(r"execve\(.*?, \[(.*?)\]", file.read())
    os.remove(trace)
    lines = [re.sub(f'[",]|{ROOT}', "", line) for line in lines]
    remove = lines.index(f"{program[0]} remove")
    return {"add": lines[1:remove], "remove": lines[remove + 1:]}


def main():
    private_places()
    run("xenstore-write", "/local/domain/5/vm", "/vm/5", "/local/domain/5/name", "web")
    one, many = configuration(1), configuration(MANY)
    stand_in = [timed([SETUP, "role", "1"], subprocess.DEVNULL)[1] for _ in range(PAIRS)]
    print("\nreal xenstored, real drbdadm; drbdsetup is a stand-in that takes",
          f"{statistics.median(stand_in) * 1000:.2f} ms")
    compare("One configured resource", {"drbd-utils' script": (OLD, one), "block-drbd": (NEW, one)}, PAIRS)
    compare("block-drbd", {"1 configured": (NEW, one), f"{MANY:,} configured": (NEW, many)}, PAIRS)
    columns = {"1 configured": (OLD, one), f"{MANY_FOR_SCRIPT} configured": (OLD, configuration(MANY_FOR_SCRIPT))}
    compare("drbd-utils' script", columns, min(PAIRS, 10))

    counts = ", ".join(f"`{action}` {len(lines)}" for action, lines in programs(OLD, one).items())
    print(f"\nprograms run by drbd-utils' script: {counts}; by block-drbd:")
    for action, lines in programs(NEW, one).items():
        print(f"    {action}", *lines, sep="\n        ")
    cycle(["/usr/bin/time", "-o", f"{STATE}/memory", "-a", "-f", "%M", *NEW], one)
    with open(f"{STATE}/memory", encoding="ascii") as sizes:
        add, remove = (int(size) / 1024 for size in sizes)
        print(f"peak memory: `add` {add:.1f} MiB, `remove` {remove:.1f} MiB")
    print(f"size of the stripped binary: {os.path.getsize(*NEW)} bytes")


main()
