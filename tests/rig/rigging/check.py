"""`block-drbd check`: what it says beforehand, held against what `xl` then does."""
import json
import re

from . import program
from .expect import Failure, expect

CODE = re.compile(r"\[(BD-[A-Z-]+)\]")
SCRIPT = re.compile(r"script: (.*)")


def foretold(node, words, run, later=None, passing=None):
    """run()'s Result. `block-drbd check` is asked with these words before: it tells of an error if
    and only if xl then fails, and of every code that xl then prints. Two things nobody can tell:
    later: what comes between the look and xl's answer; check has found nothing wrong then.
    passing: what is in the way and goes by itself while xl waits; check has told of it."""
    if program.installed() == program.PACKAGED:
        return run()
    said = node.run(["block-drbd", "check", "--json", *words], timeout=150)
    result = run()
    errors = [f for f in findings(said) if f["severity"] == "error"]
    expect("check's exit status", said.status, 3 if errors else 0)
    told = "; ".join(f"{f['sentence']} [{f['code']}]" for f in errors) or "nothing"
    if later:
        expect(f"check, before {later}", told, "nothing")
    elif passing:
        expect(f"check tells of {passing}", bool(errors))
        expect(f"xl, after {passing}", result.status, 0)
    else:
        compare(errors, told, result)
    return result


def findings(said):
    """The findings that check has printed."""
    try:
        return json.loads(said.out)
    except ValueError:
        raise Failure(f"check exited with {said.status}: {said.said.strip()}") from None


def compare(errors, told, result):
    """What check has told of, and what xl then answered."""
    if not result.status:
        expect("xl succeeds, and check told of", told, "nothing")
        return
    script = "; ".join(SCRIPT.findall(result.said)) or result.said.strip()
    if not errors:
        raise Failure(f"check told of nothing, and xl refuses: {script}")
    if not CODE.search(script):
        raise Failure(f"xl refuses without a code of the program: {script}")
    known = {f["code"] for f in errors}
    if missing := sorted(set(CODE.findall(script)) - known):
        raise Failure(f"check told of {told}, and not of {', '.join(missing)}: {script}")
