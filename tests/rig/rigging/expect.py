"""What a scenario demands."""
import time


class Failure(Exception):
    """The scenario's own finding; its text is one short line for the table."""


def expect(what, got, want=True):
    if got != want:
        raise Failure(f"{what}: {shown(got)}" + ("" if want is True else f", not {shown(want)}"))


def eventually(what, check, limit=60, every=0.7):
    """The first true value of check(), which may also raise Failure until then."""
    end, last = time.monotonic() + limit, None
    while True:
        try:
            if got := check():
                return got
            last = None
        except Failure as e:
            last = e
        if time.monotonic() > end:
            raise last or Failure(f"not within {limit} s: {what}")
        time.sleep(every)


def shown(value):
    if isinstance(value, (tuple, list)):
        return "/".join(map(str, value))
    return str(value)
