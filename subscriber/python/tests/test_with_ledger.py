"""A price list that is kept from the deliveries of a real ledger equals the ledger's own view. LEDGER_PROGRAM names the program; without it this
is skipped, with a message."""

import json
import os
import random
import sqlite3
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from hostile import replayed
from ledger_subscriber import HttpLedger, Inbox, LedgerError
from ledger_subscriber.sqlite import SqliteStore

PROGRAM = os.environ.get("LEDGER_PROGRAM")


def asked(url: str, method: str = "GET", body: dict | None = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def sent(url: str, count: int) -> list[dict]:
    """The first entries of the ledger's bus."""
    entries = []
    with urllib.request.urlopen(f"{url}/events?from=start", timeout=60) as stream:
        for line in stream:
            if line.startswith(b"data:"):
                entries.append(json.loads(line[5:]))
                if len(entries) == count:
                    return entries
    raise AssertionError("the stream ended")


def apply(event: dict, tx: sqlite3.Connection) -> None:
    product = event["detail"]["data"]["product"]
    if product["status"] == "active":
        tx.execute("insert or replace into price_list values (?, ?)", (product["id"], product["price"]))
    else:
        tx.execute("delete from price_list where product = ?", (product["id"],))


@unittest.skipUnless(PROGRAM, "LEDGER_PROGRAM is not set, so no ledger is asked")
class WithLedger(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        given = {name: value for name, value in os.environ.items() if not name.startswith(("LEDGER_", "AWS_"))}
        command = [PROGRAM, "serve", "--in-memory", "--listen", "127.0.0.1:0"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=given)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        self.addCleanup(server.stdout.close)
        self.url = server.stdout.readline().decode().strip().removeprefix("Listening on ")

    def test_the_price_list_is_the_ledgers(self) -> None:
        chance, events = random.Random(9), 0
        for n in range(300):
            product = f"{self.url}/products/p-{chance.randrange(25)}"
            try:
                receipt = asked(product, "PUT", {"name": f"n{n}", "price": str(chance.randrange(1, 99))})
                if chance.random() < 0.15:
                    events += len(asked(product, "DELETE")["events"])
            except urllib.error.HTTPError as error:
                # A deleted product is restored before it is written again.
                self.assertEqual(error.code, 404)
                receipt = asked(f"{product}/restore", "POST")
            events += len(receipt["events"])
        entries = sent(self.url, events)
        database = sqlite3.connect(self.folder / "shop.sqlite3")
        self.addCleanup(database.close)
        database.execute("create table price_list (product text primary key, price text)")
        inbox = Inbox(SqliteStore(self.folder / "shop.sqlite3"), HttpLedger(self.url), wait_s=0)
        hostile = [entry for entry in entries if chance.random() > 0.05]
        hostile += [replayed(entry) if chance.random() < 0.2 else entry for entry in chance.sample(hostile, len(hostile) // 5)]
        order = sorted(range(len(hostile)), key=lambda place: place + (chance.randrange(40) if chance.random() < 0.1 else 0))
        for place in order:
            self.assertIn(inbox.receive(json.dumps(hostile[place]), apply), ("applied", "seen"))
        inbox.catch_up(apply)
        self.assertEqual(inbox.parked(), {})
        kept = dict(database.execute("select * from price_list"))
        self.assertEqual(kept, self.listed())
        print(f"{len(order)} deliveries of {events} events, {inbox.fetches} fetches, {len(kept)} products")

    def test_a_product_that_the_ledger_does_not_have_has_no_messages(self) -> None:
        ledger = HttpLedger(self.url)
        self.assertEqual(ledger.messages("nobody", 0), {"messages": [], "next": None})
        asked(f"{self.url}/products/p", "PUT", {"name": "n", "price": "1"})
        self.assertEqual(ledger.messages("p", 7), {"messages": [], "next": None})
        with self.assertRaisesRegex(LedgerError, "400 malformed"):
            ledger.messages("p", -1)

    def listed(self) -> dict[str, str]:
        """The ledger's list, once its view has everything."""
        until = time.monotonic() + 60
        while True:
            status = asked(f"{self.url}/status")
            if status["views"]["products"]["oldest_behind_ms"] == 0 or time.monotonic() > until:
                page = asked(f"{self.url}/products?limit=100")
                return {product["id"]: product["price"] for product in page["products"]}
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
