"""Catching up in parts, and after weeks in which nothing was received."""

from __future__ import annotations

import unittest

from hostile import recorded
from ledger_subscriber import Inbox, MemoryStore


class CatchingUp(unittest.TestCase):
    def setUp(self) -> None:
        self.ledger, self.effects = recorded(products=5, commits=20, seed=3), []
        self.inbox = Inbox(MemoryStore(), self.ledger, wait_s=0)

    def apply(self, event: dict, tx: None) -> None:
        metadata = event["detail"]["metadata"]
        self.effects.append((metadata["product_id"], metadata["sequence"]))

    def test_a_call_that_has_no_time_left_passes_a_commit_and_the_next_one_goes_on_there(self) -> None:
        calls = [self.inbox.catch_up(self.apply, within_s=0) for _ in range(21)]
        self.assertEqual(calls, [1] * 20 + [0])
        wanted = [(product, n + 1) for product, messages in self.ledger.products.items() for n in range(len(messages))]
        self.assertEqual(sorted(self.effects), sorted(wanted))

    def test_with_enough_time_it_passes_all(self) -> None:
        self.assertEqual(self.inbox.catch_up(self.apply, within_s=3600), 20)


if __name__ == "__main__":
    unittest.main()
