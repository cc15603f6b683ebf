"""Steps of a round trip: each names itself when it fails."""

import time
from contextlib import contextmanager

#: How long a view may take to show a command, in seconds.
PATIENCE = 30


@contextmanager
def step(name):
    try:
        yield
    except BaseException:
        print(f"failed: {name}", flush=True)
        raise
    print(f"  {name}: as expected", flush=True)


def equal(is_now, expected):
    if is_now != expected:
        raise SystemExit(f"{is_now!r} instead of {expected!r}")


def until(holds):
    """Waits for a list, which may lag behind the commands."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"not within {PATIENCE} seconds")
        time.sleep(0.1)
