#!/usr/bin/env python3
"""Measures `ledger import` of a table of rows on this machine; needs Python's standard library alone.

    import.py LEDGER [--rows 1000000] [--below FOLDER]

LEDGER is the program to measure: a release build. The table is planned without a server, then imported into `ledger serve`, then
imported again; of each the rows a second and the most memory of `ledger import` are printed. Exit code 1: an import ended otherwise
than it has to.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from served import ENVIRONMENT, served


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("ledger", type=Path)
    words.add_argument("--rows", type=int, default=1_000_000)
    words.add_argument("--below", type=Path)
    given = words.parse_args()
    ledger, rows = given.ledger.resolve(), given.rows
    print(f"{os.cpu_count()} processors, load average before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="import-bench-", dir=given.below) as folder:
        file = Path(folder, "rows.csv")
        write(file, rows)
        print(f"{rows} rows, {file.stat().st_size} bytes")
        command = [ledger, "import", file, "--map", "id=Code,name=Title,price=Cost,currency='EUR',attributes=*"]
        nobody = ["--url", "http://127.0.0.1:9", "--dry-run"]
        met = measured("plan without a server", command + nobody, rows, f"{rows} would be sent, 0 refused")
        with served(ledger, Path(folder, "data")) as address:
            command += ["--url", f"http://{address}"]
            met &= measured("import", command, rows, f"{rows} written, 0 imported before, 0 without effect, 0 failures")
            met &= measured("again", command, rows, f"0 written, {rows} imported before, 0 without effect, 0 failures")
    return 0 if met else 1


def write(file, rows):
    with open(file, "w", encoding="utf-8") as out:
        out.write("Code,Title,Cost,Colour,Weight,Text\n")
        for row in range(rows):
            text = f"The article with the number {row}, as the supplier describes it"
            out.write(f'A {row}/1,Article {row},"{row % 9 + 1},{row % 1000:03}.50",red,{row % 70} g,"{text}"\n')


def measured(what, command, rows, expected):
    """Runs an import; whether it ends as expected."""
    begun = time.monotonic()
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT, env=ENVIRONMENT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
        printed.seek(0)
        text = printed.read().decode()
    process.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts in KiB.
    memory = usage.ru_maxrss / 1024
    print(f"{what}: {seconds:.1f} s, {rows / seconds:.0f} rows a second, at most {memory:.0f} MiB", flush=True)
    if process.returncode != 0 or expected not in text:
        print(f"{what} ended with {process.returncode} and without “{expected}”:\n{text[-2000:]}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
