"""What the rig says to the person who runs it."""
import sys


def say(*words):
    print("rig:", *words, file=sys.stderr, flush=True)


class RigError(Exception):
    """The rig itself failed: no image, a node that does not come up."""
