"""Run by bench, inside with-xl: pairs of runs of the old script and the new program."""
import os
import statistics
import subprocess
import sys
import time

STATE, RUNS = sys.argv[1], int(sys.argv[2])
OLD = ["/etc/xen/scripts/block-drbd"]   # of drbd-utils
NEW = [f"{STATE}/block-drbd"]
WORLD = f"{STATE}/drbd"
BACKEND = "backend/vbd/5/51714"
NODES = {"params": "web-root", "mode": "w", "type": "phy", "state": "2", "online": "1", "dev": "xvda2",
         "frontend-id": "5", "frontend": "/local/domain/5/device/vbd/51714"}


def run(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def drbd(*argv):
    run(os.environ["SIMULATED_DRBD_BINARY"], "--world", WORLD, *argv)


def private_places():
    """A /dev with the simulated device in it: the old script looks at the real place."""
    folder = f"{STATE}/dev"
    os.mkdir(folder)
    run("mount", "-t", "tmpfs", "tmpfs", folder)
    for name, minor in ("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9):
        run("mknod", "-m", "666", f"{folder}/{name}", "c", "1", str(minor))
    for name, target in ("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"):
        os.symlink(target, f"{folder}/{name}")
    run("mknod", f"{folder}/drbd1", "b", "147", "1")
    os.mkdir(f"{WORLD}/nodo1/dev")
    run("mknod", f"{WORLD}/nodo1/dev/drbd1", "b", "147", "1")
    run("mount", "--bind", folder, "/dev")
    # Xen's scripts set a PATH of their own.
    for tool in "drbdadm", "drbdsetup":
        run("mount", "--bind", os.environ["SIMULATED_DRBD_BINARY"], f"/usr/sbin/{tool}")


def environment():
    return dict(os.environ, XENBUS_PATH=BACKEND, XENBUS_TYPE="vbd", XENBUS_BASE_PATH="backend",
                BLOCK_DRBD_ROOT=f"{WORLD}/nodo1", SIMULATED_DRBD=f"{WORLD}/nodo1")


def call(program, action):
    """Seconds that one run takes."""
    env = environment()
    start = time.perf_counter()
    code = subprocess.call([*program, action], env=env, stdin=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    if code != 0:
        subprocess.run(["xenstore-ls", BACKEND], check=False)
        sys.exit(f"{program} {action} exited {code}")
    return seconds


def cycle(program):
    """Times of `add` and `remove`, from a fresh backend."""
    for node, value in NODES.items():
        run("xenstore-write", f"{BACKEND}/{node}", value)
    add = call(program, "add")
    device = subprocess.check_output(["xenstore-read", f"{BACKEND}/physical-device"], text=True).strip()
    if device != "93:1":
        sys.exit(f"{program} published {device}")
    run("xenstore-write", f"{BACKEND}/state", "6", f"{BACKEND}/online", "0")
    remove = call(program, "remove")
    run("xenstore-rm", "/local/domain/0/backend")
    return add, remove


def row(what, old, new):
    old, new = statistics.median(old), statistics.median(new)
    print(f"| {what} | {old * 1000:.1f} ms | {new * 1000:.2f} ms | 1/{old / new:.1f} |")
    return new


def main():
    drbd("create", "8.4")
    drbd("resource", "web-root", "1")
    private_places()
    run("xenstore-write", "/local/domain/5/vm", "/vm/5", "/local/domain/5/name", "web")
    cycle(OLD), cycle(NEW)
    pairs = [(cycle(OLD), cycle(NEW)) for _ in range(RUNS)]
    print(f"\nmedians of {RUNS} pairs\n\n| | drbd-utils' script | block-drbd | ratio |\n|---|---|---|---|")
    one = row("`add`", [o[0] for o, _ in pairs], [n[0] for _, n in pairs])
    row("`remove`", [o[1] for o, _ in pairs], [n[1] for _, n in pairs])
    cycle(["/usr/bin/time", "-o", f"{STATE}/memory", "-a", "-f", "%M", *NEW])
    with open(f"{STATE}/memory", encoding="ascii") as sizes:
        add, remove = (int(size) / 1024 for size in sizes)
        print(f"\npeak memory: `add` {add:.1f} MiB, `remove` {remove:.1f} MiB")
    log = f"{WORLD}/nodo1/simulated-drbd.calls"
    os.truncate(log, 0)
    cycle(NEW)
    with open(log, encoding="utf-8") as calls:
        print("programs run by `add` and `remove`:", *calls.read().splitlines(), sep="\n    ")
    print(f"size of the stripped binary: {os.path.getsize(*NEW)} bytes")
    for number in range(5000):
        drbd("resource", f"other-{number}", str(1000 + number), "down")
    many = statistics.median(cycle(NEW)[0] for _ in range(RUNS))
    again = statistics.median(cycle(NEW)[0] for _ in range(RUNS))
    best = min(many, again)
    print(f"`add` with 5,000 configured resources: {best * 1000:.2f} ms, {best / one:.2f} times that with one")


main()
