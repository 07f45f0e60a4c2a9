"""Run by bench-status, inside with-xl: rounds of `block-drbd status` and of what shows the same without it.

What DRBD answers is made of a recording of real DRBD 9, once for each resource.
"""
import json
import os
import re
import statistics
import subprocess
import sys
import time

STATE, ROUNDS = sys.argv[1], int(sys.argv[2])
HERE = os.path.dirname(os.path.abspath(__file__))
RESOURCES, GUESTS = 1000, 200
ROOT, ANSWERS, CONFIGURATION = f"{STATE}/root", f"{STATE}/answers", f"{STATE}/configuration"
STATUS = [f"{STATE}/block-drbd", "status"]
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "XENSTORED_PATH": os.environ["XENSTORED_PATH"],
               "BLOCK_DRBD_ROOT": ROOT, "DRBD_DRIVER_VERSION_OVERRIDE": "9.2.16"}
# What an administrator writes in a minute: each guest, each of its disks, what it leads to.
WALK = """
for domain in $(xenstore-list /local/domain/0/backend/vbd); do
    name=$(xenstore-read /local/domain/$domain/name)
    for device in $(xenstore-list /local/domain/0/backend/vbd/$domain); do
        folder=/local/domain/0/backend/vbd/$domain/$device
        echo $name $domain $(xenstore-read $folder/dev $folder/mode $folder/state $folder/physical-device)
    done
done
"""


def run(*argv, **options):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, **options)


def tmpfs(folder):
    os.mkdir(folder)
    run("mount", "-t", "tmpfs", "tmpfs", folder)


def recorded(command):
    """What real DRBD printed for `web-root`, Primary and healthy."""
    with open(f"{HERE}/recordings/9/primary-secondary.txt", encoding="ascii") as file:
        text = file.read()
    answer = re.search(rf"^### nodo1\$ {re.escape(command)}\n#> stdout\n(.*?)^#> stderr", text, re.S | re.M)
    return answer.group(1)


def answers():
    """The whole host's answers: guests run on the first resources, the rest is Secondary."""
    os.mkdir(ANSWERS)
    one = {"events2 --now --statistics": recorded("drbdsetup events2 --now --statistics web-root"),
           "show all --show-defaults": recorded("drbdsetup show web-root --show-defaults"),
           "status": recorded("drbdsetup status web-root")}
    for call, text in one.items():
        parts = []
        for number in range(1, RESOURCES + 1):
            part = text.replace("exists -\n", "").replace("web-root", f"guest-{number}")
            part = re.sub(r"minor([: \t]+)1\b", rf"minor\g<1>{number}", part)
            parts.append(part if number <= GUESTS else part.replace("role:Primary", "role:Secondary"))
        parts.append("exists -\n" if call.startswith("events2") else "")
        with open(f"{ANSWERS}/{call}", "w", encoding="ascii") as file:
            file.write("".join(parts))
    os.link(f"{ANSWERS}/status", f"{ANSWERS}/status all")


def configuration():
    tmpfs(CONFIGURATION)
    with open(f"{CONFIGURATION}/global_common.conf", "w", encoding="ascii") as file:
        file.write("global { usage-count no; }\n")
    host = os.uname().nodename
    for n in range(1, RESOURCES + 1):
        with open(f"{CONFIGURATION}/guest-{n}.res", "w", encoding="ascii") as file:
            file.write(f"""resource guest-{n} {{
  on {host} {{ device /dev/drbd{n}; disk /dev/vg/guest-{n}; address 10.77.2.1:{7788 + n}; meta-disk internal; }}
  on nodo2 {{ device /dev/drbd{n}; disk /dev/vg/guest-{n}; address 10.77.2.2:{7788 + n}; meta-disk internal; }}
}}
""")
    run("mount", "--bind", CONFIGURATION, "/etc/drbd.d")


def places():
    """A root that differs from / in /proc/drbd alone, and the stand-in in drbdsetup's place."""
    tmpfs(ROOT)
    os.mkdir(f"{ROOT}/proc")
    for place in "dev", "etc", "lib", "run", "sys", "usr", "var", "proc/self", "proc/swaps", "proc/locks":
        os.symlink(f"/{place}", f"{ROOT}/{place}")
    with open(f"{ROOT}/proc/drbd", "w", encoding="ascii") as file:
        file.write("version: 9.2.16 (api:2/proto:118-122)\n")
    run("mount", "--bind", f"{STATE}/drbdsetup", "/usr/sbin/drbdsetup")


def guests():
    for number in range(1, GUESTS + 1):
        domid, device = number + 4, 51714
        backend = f"/local/domain/0/backend/vbd/{domid}/{device}"
        nodes = {f"/local/domain/{domid}/name": f"guest-{number}", f"/local/domain/{domid}/vm": f"/vm/{domid}"}
        folder = {"state": "4", "dev": "xvda2", "mode": "w", "params": f"guest-{number}", "online": "1",
                  "script": "/etc/xen/scripts/block-drbd", "physical-device": f"93:{number:x}"}
        nodes |= {f"{backend}/{name}": value for name, value in folder.items()}
        run("xenstore-write", *(word for node in nodes.items() for word in node))


def timed(argv, code):
    """Seconds, and what it printed."""
    start = time.perf_counter()
    ran = subprocess.run(argv, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    seconds = time.perf_counter() - start
    if ran.returncode != code:
        sys.exit(f"{argv} exited {ran.returncode}: {ran.stdout[-2000:]}")
    return seconds, ran.stdout.decode()


def check():
    """Both sides tell the same."""
    volumes = json.loads(timed([*STATUS, "--json"], 0)[1])["volumes"]
    shown = {(g["name"], g["domid"], g["vdev"], v["device"]) for v in volumes for g in v["guests"]}
    walked = {(name, int(domid), vdev, f"/dev/drbd{int(device[3:], 16)}")
              for name, domid, vdev, _, _, device in map(str.split, timed(["sh", "-c", WALK], 0)[1].splitlines())}
    if shown != walked or len(shown) != GUESTS:
        sys.exit(f"status shows {len(shown)} guests' disks, the walk {len(walked)}")
    roles = dict(re.findall(r"^(\S+) role:(\S+)", timed(["drbdadm", "status"], 0)[1], re.M))
    if roles != {v["resource"]: v["role"] for v in volumes} or len(roles) != RESOURCES:
        sys.exit(f"drbdadm tells of {len(roles)} resources, status of {len(volumes)}")


def main():
    answers()
    configuration()
    places()
    guests()
    check()
    columns = {"block-drbd status": STATUS, "drbdadm status": ["drbdadm", "status"], "walk over xenstore": ["sh", "-c", WALK]}
    rounds = [{name: timed(argv, 0)[0] for name, argv in columns.items()} for _ in range(ROUNDS)]
    medians = {name: statistics.median(r[name] for r in rounds) for name in columns}
    print(f"\n{RESOURCES:,} resources, {GUESTS} guests, medians of {ROUNDS} rounds\n")
    for name, seconds in medians.items():
        print(f"{name:20} {seconds * 1000:9.1f} ms")
    ours = medians.pop("block-drbd status")
    print(f"{'ratio':20} {ours / sum(medians.values()):9.3f}")
    run("/usr/bin/time", "-o", f"{STATE}/memory", "-f", "%M", *STATUS, env=ENVIRONMENT)
    with open(f"{STATE}/memory", encoding="ascii") as size:
        memory = int(size.read()) / 1024
    print(f"{'peak memory':20} {memory:9.1f} MiB")
    if ours * 4 > sum(medians.values()) or memory > 16:
        sys.exit("slower or larger than promised")


main()
