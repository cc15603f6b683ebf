#!/usr/bin/env python3
"""Measures the log of `ledger serve` on this machine; needs Python's standard library alone.

    log.py LEDGER latency [--seconds 60] [--rate 100]       from the answer to a command until a signed checkpoint has its commit
    log.py LEDGER pairs [--pairs 10] [--seconds 6] [--clients 16] [--rates PROGRAM]
                                                            commands a second with and without the log, in turn
    log.py LEDGER proofs [--commits 1000000] [--proofs 500] the time of GET …/proof in a log of so many entries

LEDGER is the program to measure: a release build. `--below FOLDER` says on which disk. Exit code 1: a goal is missed, which are
p99 of 2 s, 85 % of the rate without the log, and p99 of 5 ms.
"""

import argparse
import hashlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from served import served

HEADERS = {"content-type": "application/json"}


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("ledger", type=Path)
    words.add_argument("what", choices=["latency", "pairs", "proofs"])
    words.add_argument("--seconds", type=int)
    words.add_argument("--rate", type=int, default=100)
    words.add_argument("--pairs", type=int, default=10)
    words.add_argument("--clients", type=int, default=16)
    words.add_argument("--rates", type=Path, help="the generator of tests/bench/rates; without it clients in Python, which are slower")
    words.add_argument("--commits", type=int, default=1_000_000)
    words.add_argument("--proofs", type=int, default=500)
    words.add_argument("--below", type=Path)
    given = words.parse_args()
    given.ledger = given.ledger.resolve()
    print(f"{os.cpu_count()} processors, load average before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="log-bench-", dir=given.below) as folder:
        met = {"latency": latency, "pairs": pairs, "proofs": proofs}[given.what](given, Path(folder))
    return 0 if met else 1


def size(data):
    """Of the newest checkpoint; 0 if there is none yet."""
    try:
        return int((data / "log/checkpoint").read_text().split("\n")[1])
    except FileNotFoundError:
        return 0


def put(connection, product, name):
    body = json.dumps({"name": name, "price": "1"})
    connection.request("PUT", f"/products/{product}", body, HEADERS)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    assert answer.status in (200, 201), told
    return told


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def latency(given, folder):
    """Clients send commands at a rate; a watcher notes when each size was published. Positions come from the feed afterwards."""
    data, seconds = folder / "data", given.seconds or 60
    answered, published, over = {}, [], threading.Event()
    with served(given.ledger, data) as address:

        def watch():
            newest = 0
            while not over.is_set():
                now = size(data)
                if now > newest:
                    newest = now
                    published.append((now, time.monotonic()))
                time.sleep(0.002)

        def send(client):
            connection = http.client.HTTPConnection(address)
            began, number = time.monotonic(), 0
            while time.monotonic() < began + seconds:
                told = put(connection, f"p{client}-{number % 500}", str(number))
                answered[told["commit_id"]] = time.monotonic()
                number += 1
                time.sleep(max(0.0, began + number * clients / given.rate - time.monotonic()))

        clients = min(given.clients, given.rate)
        watcher = threading.Thread(target=watch)
        watcher.start()
        senders = [threading.Thread(target=send, args=[client]) for client in range(clients)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        while not published or published[-1][0] < len(answered):
            time.sleep(0.01)
        over.set()
        watcher.join()
    lines = subprocess.run([given.ledger, "commits", "--format", "json", "--data", data], capture_output=True, text=True, check=True)
    waits = []
    for entry in entries_of(lines.stdout):
        told = answered[entry["commit"]["commit_id"]]
        waits.append(next(at for covered, at in published if covered > entry["position"]) - told)
    p50, p99, most = percentile(waits, 0.5), percentile(waits, 0.99), max(waits)
    rate = len(waits) / seconds
    print(f"{len(waits)} commands, {rate:.0f}/s, until a checkpoint has them: p50 {p50:.2f} s, p99 {p99:.2f} s, at most {most:.2f} s")
    return p99 <= 2.0


def entries_of(text):
    """The entries that `ledger commits --format json` prints."""
    decoder, at, entries = json.JSONDecoder(), 0, []
    while at < len(text.rstrip()):
        value, at = decoder.raw_decode(text, at)
        while at < len(text) and text[at].isspace():
            at += 1
        entries.extend(value["commits"] if "commits" in value else [value])
    return entries


def pairs(given, folder):
    """The same load in turn, with the log first in every other pair."""
    seconds, rates = given.seconds or 6, {"on": [], "off": []}
    for pair in range(given.pairs):
        for log in ["on", "off"] if pair % 2 == 0 else ["off", "on"]:
            rates[log].append(rate(given, folder, seconds, log))
        print(f"pair {pair + 1}: {rates['on'][-1]:.0f}/s with the log, {rates['off'][-1]:.0f}/s without", flush=True)
    on, off = statistics.median(rates["on"]), statistics.median(rates["off"])
    print(f"medians of {given.pairs}: {on:.0f}/s with the log, {off:.0f}/s without: {100 * on / off:.0f} %")
    return on >= 0.85 * off


def rate(given, folder, seconds, log):
    if given.rates:
        return rate_by_generator(given, folder, seconds, log)
    data = Path(tempfile.mkdtemp(dir=folder)) / "data"
    counts = [0] * given.clients
    with served(given.ledger, data, "--log", log) as address:
        end = time.monotonic() + seconds

        def send(client):
            connection = http.client.HTTPConnection(address)
            while time.monotonic() < end:
                put(connection, f"p{client}-{counts[client] % 50}", str(counts[client]))
                counts[client] += 1

        senders = [threading.Thread(target=send, args=[client]) for client in range(given.clients)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    return sum(counts) / seconds


def rate_by_generator(given, folder, seconds, log):
    """The rate that tests/bench/rates prints for a program that always has this option."""
    program = folder / f"ledger-{log}"
    program.write_text(f'#!/bin/sh\nexec "{given.ledger}" "$@" --log {log}\n')
    program.chmod(0o755)
    command = [given.rates, "commands", "--ledger", program, "--rounds", "1", "--seconds", seconds]
    command += ["--clients", given.clients, "--below", folder]
    told = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout
    row = next(line for line in told.splitlines() if line.startswith(f"| {given.clients} | ledger serve"))
    return float("".join(letter for letter in row.split("|")[3] if letter.isdigit() or letter == "."))


def proofs(given, folder):
    """A ledger with so many products, made from one commit of the program itself, restored and logged."""
    data, export = folder / "data", folder / "export"
    with served(given.ledger, folder / "one") as address:
        put(http.client.HTTPConnection(address), "p", "n")
    told = subprocess.run([given.ledger, "export", "--data", folder / "one"], capture_output=True, text=True, check=True)
    write_export(json.loads(told.stdout), given.commits, export)
    subprocess.run([given.ledger, "restore", export, "--data", data], check=True)
    began = time.monotonic()
    with served(given.ledger, data) as address:
        while size(data) < given.commits:
            time.sleep(0.1)
        print(f"{given.commits} commits were logged in {time.monotonic() - began:.1f} s after the start", flush=True)
        connection, times = http.client.HTTPConnection(address), []
        while behind(connection):
            time.sleep(1)
        print(f"views and bus have them after {time.monotonic() - began:.1f} s", flush=True)
        for number in range(given.proofs):
            product = f"p{(number * 7919 * 131) % given.commits:09}"
            began = time.perf_counter()
            connection.request("GET", f"/products/{product}/history/1/proof")
            answer = connection.getresponse()
            proof = answer.read()
            times.append(1000 * (time.perf_counter() - began))
            assert answer.status == 200 and proof.startswith(b"c2sp.org/tlog-proof@v1\n"), proof
    p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
    print(f"{given.proofs} proofs in {given.commits} entries over HTTP: p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    return p99 <= 5.0


def behind(connection):
    """Whether a consumer has not handled everything: a proof would be measured beside its work."""
    connection.request("GET", "/status")
    status = json.loads(connection.getresponse().read())
    consumers = [status["views"]["products"], status["views"]["prices"], status["bus"]]
    return any(consumer["oldest_behind_ms"] for consumer in consumers)


def write_export(template, commits, export):
    """One commit of each product, products in order of id."""
    with open(export, "w") as lines:
        for number in range(commits):
            product, id = f"p{number:09}", f"01K{number:023}"
            template |= {"product_id": product, "commit_id": id}
            template["state"]["id"] = product
            template["metadata"]["causation_id"] = id
            template["events"][0]["event_id"] = f"01M{number:023}"
            template.pop("hash", None)
            text = json.dumps(template, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            template["hash"] = hashlib.sha256(text.encode()).hexdigest()
            lines.write(json.dumps(template, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    sys.exit(main())
