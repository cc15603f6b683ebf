"""`ledger serve` while something is measured."""

import contextlib
import os
import subprocess
from pathlib import Path

#: Without the settings of the shell.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("LEDGER_", "AWS_"))}


@contextlib.contextmanager
def served(ledger, data, *arguments):
    """A server on a data directory; gives its address, `HOST:PORT`."""
    command = [ledger, "serve", "--listen", "127.0.0.1:0", "--data", data, *arguments]
    with open(f"{data}.log", "ab") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=ENVIRONMENT)
    try:
        line = process.stdout.readline().decode()
        assert line.startswith("Listening on http://"), f"{line} {Path(f'{data}.log').read_text()}"
        yield line.strip().removeprefix("Listening on http://")
    finally:
        process.terminate()
        process.wait(timeout=60)
