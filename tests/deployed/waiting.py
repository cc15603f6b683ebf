"""Waiting for something that happens a little later: polling with a timeout."""

import os
import time

#: The timeout in seconds, long enough for a stream, a cold start and the bus.
PATIENCE = float(os.environ.get("LEDGER_DEPLOYED_PATIENCE", "90"))


def until(ask, wanted, what):
    """The first result of `ask` for which `wanted` holds; fails with the last one after the timeout."""
    end = time.monotonic() + PATIENCE
    while True:
        answer = ask()
        if wanted(answer):
            return answer
        assert time.monotonic() < end, f"{what} did not happen within {PATIENCE:.0f} s; the last answer was {answer}"
        time.sleep(0.2)
