"""matrix [--all] [--suite S] [--guest G] [--output FILE] [SCENARIO...]: every Debian and every type of guest."""
import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUITES, GUESTS = ("bookworm", "trixie"), ("pv", "pvh", "hvm")
if "RIG_MODULES" in os.environ:
    SUITES += tuple(f"{suite}-drbd9" for suite in SUITES)
LINE = re.compile(r"(ok|FAIL|none) +([a-z0-9-]+)(?: \(\d+ s\))?(?:: (.*))?")
MARKS = {"ok": "✓", "FAIL": "✗", "none": "–"}


def column(suite, guest, words):
    """{scenario: (mark, why)} of one run, which is shown as it goes."""
    print(f"{suite}, {guest}", flush=True)
    env = {**os.environ, "RIG_SUITE": suite, "RIG_GUEST": guest}
    found = {}
    with subprocess.Popen([sys.executable, HERE / "run.py", *words], env=env, text=True,
                          stdout=subprocess.PIPE) as run:
        for line in run.stdout:
            print(f"    {line}", end="", flush=True)
            if match := LINE.match(line):
                found[match[2]] = (MARKS[match[1]], match[3])
    if run.returncode and MARKS["FAIL"] not in (mark for mark, _ in found.values()):
        print(f"    ended early: exit {run.returncode}", flush=True)
    return found, run.returncode


def known(guest):
    """The names of the scenarios for guests of this type."""
    said = subprocess.run([sys.executable, HERE / "run.py", "--list"], check=True, text=True,
                          env={**os.environ, "RIG_GUEST": guest}, stdout=subprocess.PIPE).stdout
    return [line for line in said.splitlines() if not line.startswith(" ")]


def table(columns, types):
    """Markdown; what could not be had and what failed is told below it. columns: {(suite, type of guest):
    what was found}. types: {type of guest: names of its scenarios}."""
    names = list(dict.fromkeys(name for found in columns.values() for name in found))
    yield f"| scenario | {' | '.join(f'{s}, {g.upper()}' for s, g in columns)} |\n|---|{'---|' * len(columns)}\n"
    notes = []
    for name in names:
        about = " and ".join(guest.upper() for guest, theirs in types.items() if name in theirs)
        cells = []
        for (_, guest), found in columns.items():
            other = ("", None) if name in types[guest] else ("–", f"about {about} guests; the backend is the same")
            mark, why = found.get(name, other)
            if why and why not in notes:
                notes.append(why)
            cells.append(f"{mark} ({notes.index(why) + 1})" if why else mark)
        yield f"| {name.replace('-', ' ')} | {' | '.join(cells)} |\n"
    yield "".join(f"\n({n}) {why}\n" for n, why in enumerate(notes, 1))


def main():
    parser = argparse.ArgumentParser(prog="matrix", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help="these only, where they are about the guest")
    parser.add_argument("--all", action="store_true", help="the long ones, too")
    parser.add_argument("--output", type=Path, help="a file for the table (or it is printed)")
    parser.add_argument("--suite", choices=SUITES, action="append", help="this Debian only")
    parser.add_argument("--guest", choices=GUESTS, action="append", help="guests of this type only")
    args = parser.parse_args()
    types = {guest: known(guest) for guest in GUESTS}
    if unknown := set(args.names).difference(*types.values()):
        parser.error(f"no such scenario: {' '.join(sorted(unknown))}")
    columns, wrong = {}, 0
    for suite in args.suite or SUITES:
        for guest in args.guest or GUESTS:
            names = [n for n in types[guest] if n in args.names]
            if args.names and not names:
                continue
            found, status = column(suite, guest, names or (["--all"] if args.all else []))
            columns[suite, guest] = found
            wrong |= status
            text = "".join(table(columns, types))
            if args.output:  # after each: a whole matrix takes many hours
                args.output.write_text(text, encoding="utf-8")
    print(text, end="")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
