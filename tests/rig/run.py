"""run [--all] [--keep] [--list] [SCENARIO...]: the scenarios on two real Xen hosts."""
import argparse
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from rigging import program, scenario  # noqa: E402
from rigging.layout import LOGS  # noqa: E402
from rigging.talk import RigError, say  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="run", description="Runs the rig's scenarios.")
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help="these only")
    parser.add_argument("--all", action="store_true", help="the long ones, too")
    parser.add_argument("--keep", action="store_true",
                        help="leave the nodes running, and use those that still run")
    parser.add_argument("--list", action="store_true", help="only tell what there is")
    args = parser.parse_args()
    scenario.load()
    names = scenario.named(args.names, args.all or args.list)
    if args.list:
        for name in names:
            print(f"{name}\n    {' '.join(scenario.SCENARIOS[name].__doc__.split())}")
        return 0
    script = program.chosen()
    with scenario.rig(args.keep):
        passed, failed = scenario.run(names, script)
    if failed:
        say("consoles and logs:", LOGS)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RigError as e:
        say(e)
        sys.exit(1)
