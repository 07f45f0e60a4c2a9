"""Where things are and what a node consists of; the environment's say in it."""
import os
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
PROJECT = HERE.parent.parent
CACHE = Path(os.environ.get("RIG_CACHE", "/var/tmp/xen-drbd-rig")).resolve()
FLAVOUR = os.environ.get("RIG_SUITE", "bookworm")
SUITE, _, MODULES = FLAVOUR.partition("-")  # "bookworm-drbd9": out-of-tree modules
GUEST = os.environ.get("RIG_GUEST", "pv")  # the type of the scenarios' guests
CPU = os.environ.get("RIG_CPU", "Nehalem" if GUEST == "pv" else "svm")
IMAGE = CACHE / FLAVOUR
RUN = CACHE / f"run-{FLAVOUR}"
LOGS = CACHE / "logs" / f"{FLAVOUR}-{GUEST}"

NODE_NAMES = ("nodo1", "nodo2")
NETS = ("mig", "repl")

# A node's disks in the order of their names, vdb first: their MiB. An indexed
# meta-data slot has 128 MiB, whatever it describes; nothing of it is ever allocated.
DISKS = {"web-root": int(os.environ.get("RIG_DISK_MB", "64")), "web-swap": 32, "meta": 128,
         "data-0": 16, "data-1": 16}
