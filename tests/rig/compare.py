"""compare [--rounds N] [--output FILE] [SCENARIO...]: the packaged script and the program."""
import argparse
import statistics
import sys
from pathlib import Path
from typing import NamedTuple

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from rigging import program, scenario, timing  # noqa: E402
from rigging.expect import Failure  # noqa: E402
from rigging.talk import RigError, say  # noqa: E402

TIMED = ("add", "remove", "xl create", "xl migrate", "guest's pause")
MEANING = {"add": "`add`, one disk", "remove": "`remove`, one disk", "xl create": "`xl create`, two disks",
           "xl migrate": "`xl migrate`, two disks", "guest's pause": "the guest's pause in it"}


class Candidate(NamedTuple):
    """A script, and how it comes to two primaries: configured for good, or opened at run time."""
    name: str
    script: object
    static: bool

    def prepare(self):
        scenario.prepare(self.script, self.static)
        if self.static and self.script != program.PACKAGED:
            program.policy('dual-primary = "static"\n')


def outcomes(names, scripts):
    """A table row for each scenario, both scripts one after the other in the same nodes."""
    yield "| scenario | packaged script | block-drbd |\n|---|---|---|\n"
    for name in names:
        if why := scenario.impossible(name):
            yield f"| {name.replace('-', ' ')} | – {why} | – |\n"
            continue
        row = []
        for script in scripts:
            wrong = scenario.trial(name, script)
            say(f"{name}, {script_name(script)}: {wrong or 'ok'}")
            row.append("✓" if wrong is None else shortened(wrong))
        yield f"| {name.replace('-', ' ')} | {row[0]} | {row[1]} |\n"


def durations(rounds, candidates):
    """A table row for each duration: medians, the candidates taking turns."""
    found = {c.name: {what: [] for what in TIMED} for c in candidates}
    for n in range(rounds):
        for candidate in candidates:
            try:
                candidate.prepare()
                for what, times in timing.one_round().items():
                    found[candidate.name][what] += times
            except (Failure, OSError, RigError) as e:
                say(f"round {n + 1}, {candidate.name}: {e}")
                scenario.collect(f"round-{n + 1}-{candidate.name.replace(' ', '-')}")
    old, static, window = (c.name for c in candidates)
    ratios = ((static, old), (window, old), (window, static))
    yield (f"| median of {rounds} | {old} | {static} | {window} | static / script | window / script "
           "| window / static |\n|---|---|---|---|---|---|---|\n")
    for what in TIMED:
        medians = {name: statistics.median(of[what]) / 1000 for name, of in found.items() if of[what]}
        cells = [f"{medians[name]:.2f} s" if name in medians else "-" for name in found]
        cells += [f"{medians[a] / medians[b]:.2f}" if a in medians and b in medians else "-"
                  for a, b in ratios]
        yield f"| {MEANING[what]} | {' | '.join(cells)} |\n"


def script_name(script):
    return program.PACKAGED if script == program.PACKAGED else "block-drbd"


def shortened(text, limit=110):
    text = text.replace("|", "\\|")
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0] + " …"


def main():
    parser = argparse.ArgumentParser(prog="compare", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help="these only; 'none': times only")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of what is timed (5)")
    parser.add_argument("--output", type=Path, help="a file for the tables (or they are printed)")
    parser.add_argument("--keep", action="store_true", help="as of run")
    args = parser.parse_args()
    scenario.load()
    names = [] if args.names == ["none"] else scenario.named(args.names, False)
    ours = program.chosen()
    scripts = (program.PACKAGED, ours)
    candidates = (Candidate("packaged script", program.PACKAGED, True),
                  Candidate("block-drbd, static", ours, True), Candidate("block-drbd, window", ours, False))
    parts = []
    with scenario.rig(args.keep):
        if args.rounds:
            parts += [*durations(args.rounds, candidates), "\n"]
        if names:
            parts += outcomes(names, scripts)
    text = "".join(parts)
    if args.output:
        args.output.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RigError as e:
        say(e)
        sys.exit(1)
