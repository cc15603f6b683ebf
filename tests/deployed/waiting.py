"""Waiting for what comes a moment later: asked again and again, and never without an end."""

import os
import time

#: Seconds after which what did not come does not come. A stream, a function that starts and a bus are on the way.
PATIENCE = float(os.environ.get("LEDGER_DEPLOYED_PATIENCE", "90"))


def until(ask, wanted, what):
    """The first answer of `ask` for which `wanted` holds; the last one is shown when there is none in time."""
    end = time.monotonic() + PATIENCE
    while True:
        answer = ask()
        if wanted(answer):
            return answer
        assert time.monotonic() < end, f"{what} did not happen within {PATIENCE:.0f} s; the last answer was {answer}"
        time.sleep(0.2)
