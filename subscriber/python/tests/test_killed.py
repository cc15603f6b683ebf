"""A receiver that is killed again and again has exactly one effect for each event: cursor and effect are one transaction."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from hostile import deliveries, recorded

HERE = Path(__file__).parent
KILLS = int(os.environ.get("SUBSCRIBER_KILLS", "50"))


class Killed(unittest.TestCase):
    def test_each_event_has_one_effect_however_often_the_receiver_is_killed(self) -> None:
        chance, ledger = random.Random(6), recorded(products=50, commits=2000, seed=7)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "ledger.json").write_text(json.dumps({"products": ledger.products, "feed": ledger.feed}))
            (folder / "deliveries.json").write_text(json.dumps(deliveries(ledger, seed=8)))
            (folder / "acknowledged").touch()
            with sqlite3.connect(folder / "inbox.sqlite3") as database:
                database.execute("pragma journal_mode = wal")
                database.execute("create table log (n integer primary key, product text, sequence integer, event text)")
            killed = 0
            while killed < KILLS:
                worker = self.work(folder)
                before = (folder / "acknowledged").stat().st_size
                # It is killed after some deliveries, not after a time in which a slow machine does none.
                least = before + chance.randrange(1, 60)
                while worker.poll() is None and (folder / "acknowledged").stat().st_size < least:
                    time.sleep(0.001)
                if worker.poll() is not None:
                    self.assertEqual(worker.returncode, 0)
                    self.fail(f"all deliveries were done after {killed} kills; deliver more")
                worker.kill()
                worker.wait()
                killed += 1
            self.assertEqual(self.work(folder).wait(300), 0)
            effects = sqlite3.connect(folder / "inbox.sqlite3").execute("select product, sequence, event from log order by n").fetchall()
        by_product: dict[str, list] = {}
        for product, sequence, event in effects:
            by_product.setdefault(product, []).append((sequence, event))
        wanted = {
            product: [(message["sequence"], message["detail"]["metadata"]["event_id"]) for message in messages]
            for product, messages in ledger.products.items()
        }
        self.assertEqual(by_product, wanted)
        print(f"{killed} kills, {len(effects)} effects")

    def work(self, folder: Path) -> subprocess.Popen:
        path = os.pathsep.join([str(HERE), str(HERE.parent)])
        return subprocess.Popen([sys.executable, HERE / "worker.py", folder], env={**os.environ, "PYTHONPATH": path})


if __name__ == "__main__":
    unittest.main()
