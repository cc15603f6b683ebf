"""Receives the deliveries of a file, from the first one that is not acknowledged, until it is killed or none is left.

    worker.py FOLDER      with deliveries.json, ledger.json, inbox.sqlite3 and acknowledged, which counts the deliveries that are done
"""

import json
import sqlite3
import sys
from pathlib import Path

from hostile import FakeLedger
from ledger_subscriber import Inbox
from ledger_subscriber.sqlite import SqliteStore


def apply(event: dict, tx: sqlite3.Connection) -> None:
    metadata = event["detail"]["metadata"]
    row = (metadata["product_id"], metadata["sequence"], metadata["event_id"])
    tx.execute("insert into log (product, sequence, event) values (?, ?, ?)", row)


def main() -> None:
    folder = Path(sys.argv[1])
    ledger = FakeLedger()
    kept = json.loads((folder / "ledger.json").read_text())
    ledger.products, ledger.feed = kept["products"], kept["feed"]
    inbox = Inbox(SqliteStore(folder / "inbox.sqlite3"), ledger, wait_s=0)
    sent = json.loads((folder / "deliveries.json").read_text())
    done = (folder / "acknowledged").stat().st_size
    with open(folder / "acknowledged", "ab", buffering=0) as acknowledged:
        for event in sent[done:]:
            inbox.receive(event, apply)
            acknowledged.write(b".")
    inbox.catch_up(apply)


if __name__ == "__main__":
    main()
