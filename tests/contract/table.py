#!/usr/bin/env python3
"""Runs the contract of the ports and prints how many cases each port has, and how many passed on each adapter.

    table.py [WORDS …]        all cases, or those whose names hold one of the words

The figures are read from the output of the run. A case that an adapter has no test for is not applicable to it: it has no
such port, or nothing of it outlives its process. Exit code: that of the run.
"""
import collections, re, subprocess, sys

ADAPTERS = ["memory", "sqlite", "dynamodb"]
LINE = re.compile(r"^test (\S+)::(memory|sqlite|dynamodb) \.\.\. (\w+)", re.M)
TIME = re.compile(r"finished in (\S+)")


def main():
    run = subprocess.run(["cargo", "test", "-p", "cli", "--test", "contract", "--", *sys.argv[1:]],
                         stdout=subprocess.PIPE, text=True)
    cases = collections.defaultdict(dict)
    for case, adapter, result in LINE.findall(run.stdout):
        cases[case][adapter] = result
    if run.returncode or not cases:
        print(run.stdout)
    print(table(cases))
    tests = sum(map(len, cases.values()))
    failed = sum(result != "ok" for results in cases.values() for result in results.values())
    print(f"\n{len(cases)} cases, {tests} tests, {failed} failed, in {''.join(TIME.findall(run.stdout)) or 'no time'}")
    return run.returncode or (0 if cases else 1)


def table(cases):
    ports = collections.defaultdict(list)
    for case, results in cases.items():
        ports[case.split("::")[0]].append(results)
    ports["all"] = list(cases.values())
    rows = [["port", "cases", *ADAPTERS]]
    for port, of_port in ports.items():
        rows.append([port, str(len(of_port)), *(cell([results.get(adapter) for results in of_port]) for adapter in ADAPTERS)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def cell(results):
    passed, absent = results.count("ok"), results.count(None)
    failed = len(results) - passed - absent
    parts = [f"{passed} passed"] if passed or not absent else []
    if failed:
        parts.append(f"{failed} FAILED")
    if absent:
        parts.append(f"{absent} n/a")
    return ", ".join(parts)


sys.exit(main())
