#!/usr/bin/env python3
"""Writes hostile.json, by the inbox in Python. `--check`: fails if the file would change."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "python"), str(HERE.parent / "python/tests")]

from hostile import deliveries, recorded  # noqa: E402
from ledger_subscriber import Inbox, MemoryStore  # noqa: E402


def made() -> str:
    ledger, effects = recorded(products=60, commits=1200, seed=10), []
    commits = [[commit["product_id"], len(commit["events"])] for commit in ledger.feed]
    inbox, sent = Inbox(MemoryStore(), ledger, wait_s=0), []

    def apply(event: dict, _: None) -> None:
        metadata = event["detail"]["metadata"]
        effects.append([metadata["product_id"], metadata["sequence"], metadata["event_id"]])

    for event in deliveries(ledger, seed=11):
        metadata = event["detail"]["metadata"]
        sent.append(("replay " if "replay" in metadata else "") + metadata["event_id"])
        inbox.receive(event, apply)
    inbox.catch_up(apply)
    return json.dumps({"commits": commits, "deliveries": sent, "effects": effects}, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    file, text = HERE / "hostile.json", made()
    if "--check" not in sys.argv:
        file.write_text(text)
    elif file.read_text() != text:
        sys.exit("vectors/hostile.json is not what make.py makes")
