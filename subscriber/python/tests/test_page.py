"""The programs in Python on the page docs/subscribing.md, run as they stand there against a real ledger. LEDGER_PROGRAM names it; without it they
are skipped, with a message."""

from __future__ import annotations

import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import time
import unittest
import urllib.error
from pathlib import Path

import test_with_ledger
from hostile import FakeLedger, deliveries

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = (REPOSITORY / "docs/subscribing.md").read_text()
PRICE_LIST, PARKED = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


class Length(unittest.TestCase):
    def test_the_page_begins_with_a_subscriber_of_at_most_ten_lines(self) -> None:
        self.assertLess(PAGE.index("```python"), PAGE.index("\n## "))
        self.assertLessEqual(len([line for line in PRICE_LIST.splitlines() if line]), 10)


@unittest.skipUnless(test_with_ledger.PROGRAM, "LEDGER_PROGRAM is not set, so no ledger is asked")
class Page(unittest.TestCase):
    asked = staticmethod(test_with_ledger.asked)
    listed = test_with_ledger.WithLedger.listed

    def setUp(self) -> None:
        test_with_ledger.WithLedger.setUp(self)
        self.chance, self.events = random.Random(5), 0

    def change(self, commits: int) -> None:
        """Records changes of some products, which are deleted and restored too."""
        for n in range(commits):
            product = f"{self.url}/products/p-{self.chance.randrange(25)}"
            try:
                receipts = [self.asked(product, "PUT", {"name": f"n{n}", "price": str(self.chance.randrange(1, 99))})]
                if self.chance.random() < 0.15:
                    receipts.append(self.asked(product, "DELETE"))
            except urllib.error.HTTPError as error:
                self.assertEqual(error.code, 404)
                receipts = [self.asked(f"{product}/restore", "POST")]
            self.events += sum(len(receipt["events"]) for receipt in receipts)

    def hostile(self) -> list[str]:
        """What the bus has, repeated, reordered and in part lost; a line each."""
        bus = FakeLedger()
        for entry in test_with_ledger.sent(self.url, self.events):
            metadata = entry["detail"]["metadata"]
            bus.products.setdefault(metadata["product_id"], []).append(entry)
            bus.feed.append({"product_id": metadata["product_id"], "sequence": metadata["sequence"], "events": [{}]})
        return [json.dumps(message) + "\n" for message in deliveries(bus, seed=6)]

    def run_with(self, lines: list[str], more: str = "") -> str:
        """Runs the program of the page to its end, on the file that it keeps; returns what it prints."""
        with self.started(more) as program:
            printed, _ = program.communicate("".join(lines), timeout=300)
        self.assertEqual(program.returncode, 0)
        return printed

    def started(self, more: str = "") -> subprocess.Popen:
        text = PRICE_LIST.replace("http://localhost:8080", self.url)
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "subscriber/python")}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        return subprocess.Popen([sys.executable, "-c", text + more], cwd=self.folder, env=environment, **pipes)

    def rows(self, query: str) -> list[tuple]:
        database = sqlite3.connect(self.folder / "shop.sqlite3", timeout=30)
        try:
            with database:
                return database.execute(query).fetchall()
        finally:
            database.close()

    def is_the_ledgers(self) -> None:
        self.assertEqual(dict(self.rows("select id, price from prices where status = 'active'")), self.listed())
        self.assertEqual(self.rows("select * from inbox_parked"), [])

    def test_the_price_list_is_the_ledgers_after_hostile_deliveries_and_a_kill(self) -> None:
        self.change(200)
        lines = self.hostile()
        with self.started() as program:
            program.stdin.write("".join(lines[: len(lines) // 2]))
            program.stdin.flush()
            until = time.monotonic() + 60
            while not (self.folder / "shop.sqlite3").exists() or not self.applied():
                self.assertIsNone(program.poll())
                self.assertLess(time.monotonic(), until, "nothing was applied")
                time.sleep(0.01)
            program.kill()
        self.run_with(lines)
        self.is_the_ledgers()

    def applied(self) -> list[tuple]:
        """Some of the cursors, once there are any."""
        tables = self.rows("select name from sqlite_master where name = 'inbox_cursors'")
        return tables and self.rows("select * from inbox_cursors limit 1")

    def test_after_30_days_away_it_comes_up_to_date_by_itself(self) -> None:
        self.change(100)
        self.run_with(self.hostile())
        self.is_the_ledgers()
        before = self.rows("select position from inbox_position")
        # What came early is forgotten after 14 days, and so is everything that a queue would have delivered meanwhile.
        self.rows("delete from inbox_held")
        self.change(300)
        self.run_with([])
        self.is_the_ledgers()
        self.assertGreaterEqual(self.rows("select position from inbox_position")[0][0], before[0][0] + 300)

    def test_a_delivery_that_comes_first_after_30_days_brings_its_product_up_to_date(self) -> None:
        self.change(60)
        self.run_with(self.hostile())
        self.change(60)
        newest = test_with_ledger.sent(self.url, self.events)[-1]
        product = newest["resources"][0]
        # Without catching up: the program is killed before its end.
        with self.started() as program:
            program.stdin.write(json.dumps(newest) + "\n")
            program.stdin.flush()
            wanted = [(newest["detail"]["metadata"]["sequence"],)]
            until = time.monotonic() + 60
            while self.rows(f"select sequence from inbox_cursors where product = '{product}'") != wanted:
                self.assertLess(time.monotonic(), until, "the newest event was not applied")
                time.sleep(0.01)
            program.kill()

    def test_what_is_parked_is_listed_and_retried(self) -> None:
        self.change(20)
        self.run_with([])
        self.rows("insert into inbox_parked values ('p-1', 2, 'the price is odd')")
        self.asked(f"{self.url}/products/p-1", "PUT", {"name": "n", "price": "77.00"})
        self.assertEqual(self.run_with([], PARKED), "p-1 2 the price is odd\n")
        self.is_the_ledgers()


if __name__ == "__main__":
    unittest.main()
