"""Each event has exactly one effect, in order, whatever is delivered; on every adapter."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any

from hostile import FakeLedger, deliveries, recorded, replayed
from ledger_subscriber import (
    CannotApply, FeedChanged, Inbox, LedgerError, MemoryStore, NotAnEvent,
)
from ledger_subscriber.sqlite import SqliteStore

JsonObject = dict[str, Any]


class OnMemory:
    """The adapter in memory, with a log of effects in a list."""

    def open(self) -> None:
        self.store, self.log = MemoryStore(), []

    def apply(self, event: JsonObject, tx: None) -> None:
        metadata = event["detail"]["metadata"]
        self.log.append((metadata["product_id"], metadata["sequence"], metadata["event_id"]))

    def effects(self) -> list[tuple[str, int, str]]:
        return self.log


class OnSqlite:
    """The adapter on SQLite, with a log of effects in a table of the same file."""

    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        path = Path(self.folder.name) / "inbox.sqlite3"
        self.store = SqliteStore(path)
        self.reading = sqlite3.connect(path)
        self.addCleanup(self.reading.close)
        self.reading.execute("pragma synchronous = off")
        self.reading.execute("create table log (n integer primary key, product text, sequence integer, event text)")
        self.store._connection().execute("pragma synchronous = off")

    def apply(self, event: JsonObject, tx: sqlite3.Connection) -> None:
        metadata = event["detail"]["metadata"]
        row = (metadata["product_id"], metadata["sequence"], metadata["event_id"])
        tx.execute("insert into log (product, sequence, event) values (?, ?, ?)", row)

    def effects(self) -> list[tuple[str, int, str]]:
        return self.reading.execute("select product, sequence, event from log order by n").fetchall()


class Contract:
    """What holds on every adapter."""

    #: How many events the long tests deliver.
    deliveries = int(os.environ.get("SUBSCRIBER_DELIVERIES", "20000"))

    def setUp(self) -> None:
        self.ledger = FakeLedger()
        self.open()

    def inbox(self, **settings: Any) -> Inbox:
        return Inbox(self.store, self.ledger, **{"wait_s": 0, **settings})

    def sequences(self, product: str) -> list[int]:
        return [sequence for of, sequence, _ in self.effects() if of == product]

    def is_whole(self) -> None:
        """Every event of the ledger once, in order, and nothing else."""
        by_product: dict[str, list[tuple[int, str]]] = {}
        for product, sequence, event in self.effects():
            by_product.setdefault(product, []).append((sequence, event))
        wanted = {
            product: [(message["sequence"], message["detail"]["metadata"]["event_id"]) for message in messages]
            for product, messages in self.ledger.products.items()
        }
        self.assertEqual(by_product, wanted)

    def test_a_second_delivery_is_seen(self) -> None:
        (event,) = self.ledger.record("p")
        inbox = self.inbox()
        self.assertEqual([inbox.receive(event, self.apply) for _ in range(3)], ["applied", "seen", "seen"])
        self.assertEqual((self.sequences("p"), self.ledger.requests), ([1], []))

    def test_what_is_missing_is_fetched_with_one_request(self) -> None:
        for _ in range(30):
            self.ledger.record("p")
        inbox = self.inbox()
        self.assertEqual(inbox.receive(self.ledger.products["p"][29], self.apply), "applied")
        self.assertEqual((self.sequences("p"), self.ledger.requests), (list(range(1, 31)), ["messages p"]))

    def test_an_event_that_came_early_is_applied_when_the_gap_is_filled(self) -> None:
        first, second, third = (self.ledger.record("p")[0] for _ in range(3))
        inbox, outcomes = self.inbox(wait_s=30), {}

        def receive(name: str, event: JsonObject) -> None:
            outcomes[name] = inbox.receive(event, self.apply)

        early = threading.Thread(target=receive, args=("third", third))
        early.start()
        while self.store.held("p", 3) is None:
            pass
        receive("first", first)
        receive("second", second)
        early.join(60)
        self.assertEqual(outcomes, {"first": "applied", "second": "applied", "third": "applied"})
        self.assertEqual((self.sequences("p"), self.ledger.requests), ([1, 2, 3], []))

    def test_an_event_is_delivered_again_while_the_ledger_does_not_answer(self) -> None:
        self.ledger.record("p")
        (event,) = self.ledger.record("p")
        self.ledger.down = LedgerError("down")
        inbox = self.inbox()
        with self.assertRaises(LedgerError):
            inbox.receive(event, self.apply)
        self.assertEqual(self.sequences("p"), [])
        self.ledger.down = None
        self.assertEqual(inbox.receive(event, self.apply), "applied")
        self.assertEqual(self.sequences("p"), [1, 2])

    def test_a_gap_that_the_ledger_cannot_fill_is_no_success(self) -> None:
        self.ledger.record("p")
        (event,) = self.ledger.record("p")
        self.ledger.cut("p", 0)
        with self.assertRaises(LedgerError):
            self.inbox().receive(event, self.apply)
        self.assertEqual(self.sequences("p"), [])

    def test_an_exception_of_apply_leaves_nothing_behind(self) -> None:
        (event,) = self.ledger.record("p")

        def fails(event: JsonObject, tx: Any) -> None:
            raise ZeroDivisionError

        inbox = self.inbox()
        with self.assertRaises(ZeroDivisionError):
            inbox.receive(event, fails)
        self.assertEqual(self.store.cursor("p"), None)
        self.assertEqual(inbox.receive(event, self.apply), "applied")

    def test_what_cannot_be_applied_parks_its_product_alone_until_it_is_retried(self) -> None:
        for product in ["p", "p", "q"]:
            self.ledger.record(product)
        (first, second), (other,) = self.ledger.products["p"], self.ledger.products["q"]

        def refuses(event: JsonObject, tx: Any) -> None:
            if event["detail"]["metadata"]["sequence"] == 2:
                raise CannotApply("no such category")
            self.apply(event, tx)

        inbox = self.inbox()
        self.assertEqual([inbox.receive(one, refuses) for one in (first, second, other)], ["applied", "parked", "applied"])
        self.assertEqual(inbox.receive(second, self.apply), "parked")
        (parked,) = inbox.parked().items()
        self.assertEqual((parked[0], parked[1].sequence, parked[1].reason), ("p", 2, "no such category"))
        self.assertEqual(inbox.retry("p", self.apply), "applied")
        self.assertEqual((inbox.parked(), self.sequences("p")), ({}, [1, 2]))

    def test_a_rival_with_the_sequence_of_the_cursor_is_parked(self) -> None:
        (event,) = self.ledger.record("p")
        self.ledger.cut("p", 0)
        (rival,) = self.ledger.record("p", salt="x")
        inbox = self.inbox()
        self.assertEqual([inbox.receive(event, self.apply), inbox.receive(rival, self.apply)], ["applied", "parked"])
        self.assertEqual(inbox.retry("p", self.apply), "parked")
        self.assertEqual(self.sequences("p"), [1])

    def test_a_rival_below_the_cursor_is_found_when_what_follows_it_is_fetched_or_by_the_feed(self) -> None:
        for product in ["p", "q"]:
            for _ in range(3):
                self.ledger.record(product)
        inbox = self.inbox()
        inbox.catch_up(self.apply)
        for product in ["p", "q"]:
            # The tables were restored to an earlier moment, and went on otherwise.
            self.ledger.cut(product, 1)
            self.ledger.record(product, salt="x")
        self.assertEqual(inbox.receive(self.ledger.products["p"][1], self.apply), "seen")
        inbox.catch_up(self.apply)
        self.assertEqual(set(inbox.parked()), {"p", "q"})
        self.assertEqual((self.sequences("p"), self.sequences("q")), ([1, 2, 3], [1, 2, 3]))

    def test_a_fetched_event_that_is_not_the_one_received_is_parked(self) -> None:
        for _ in range(3):
            self.ledger.record("p")
        received = self.ledger.products["p"][2]
        self.ledger.cut("p", 2)
        self.ledger.record("p", salt="x")
        self.assertEqual(self.inbox().receive(received, self.apply), "parked")
        self.assertEqual(self.sequences("p"), [1, 2])

    def test_a_replay_is_skipped_if_it_was_seen_unless_somebody_asks_for_it(self) -> None:
        (event,) = self.ledger.record("p")
        again, heard = replayed(event), []
        self.assertEqual(self.inbox().receive(again, self.apply), "applied")
        self.assertEqual(self.inbox().receive(again, self.apply), "seen")
        self.assertEqual(self.inbox(on_replay=heard.append).receive(again, self.apply), "seen")
        self.assertEqual((heard, self.sequences("p")), ([again], [1]))

    def test_from_now_a_product_begins_with_the_event_received_first_and_no_replay(self) -> None:
        for _ in range(5):
            self.ledger.record("p")
        events = self.ledger.products["p"]
        inbox = self.inbox(start="now")
        self.assertEqual(inbox.receive(replayed(events[0]), self.apply), "seen")
        self.assertEqual([inbox.receive(events[n], self.apply) for n in (2, 1, 4)], ["applied", "seen", "applied"])
        self.assertEqual(self.sequences("p"), [3, 4, 5])

    def test_an_event_without_its_product_is_fetched_before_it_is_applied(self) -> None:
        (event,) = self.ledger.record("p")
        metadata = event["detail"]["metadata"]
        omitted = {**event, "detail": {"metadata": metadata, "data": {"product_omitted": True}}}
        met = []
        self.inbox().receive(omitted, lambda event, tx: met.append(event["detail"]["data"]))
        self.assertEqual(met, [event["detail"]["data"]])
        self.ledger.record("q")
        event = self.ledger.products["q"][0]
        self.ledger.cut("q", 0)
        self.ledger.record("q", salt="x")
        omitted = {**event, "detail": {"metadata": event["detail"]["metadata"], "data": {"product_omitted": True}}}
        self.assertEqual(self.inbox().receive(omitted, self.apply), "parked")

    def test_what_is_no_event_is_named(self) -> None:
        for wrong in ["[]", "{}", '{"detail":{"metadata":{"product_id":"p","sequence":"1","event_id":"e","hash":"h"},"data":{}}}']:
            with self.assertRaises(NotAnEvent):
                self.inbox().receive(wrong, self.apply)

    def test_catching_up_applies_what_never_came_and_goes_on_where_it_was(self) -> None:
        self.ledger = recorded(products=20, commits=300, seed=1)
        inbox = self.inbox()
        self.assertEqual(inbox.catch_up(self.apply), 300)
        self.is_whole()
        self.assertEqual(inbox.catch_up(self.apply), 0)
        for _ in range(150):
            self.ledger.record("p3", 2)
        self.assertEqual(inbox.catch_up(self.apply), 150)
        self.is_whole()

    def test_from_now_catching_up_begins_at_the_newest_commit_of_its_first_call(self) -> None:
        self.ledger.record("p")
        inbox = self.inbox(start="now")
        self.assertEqual(inbox.catch_up(self.apply), 0)
        self.ledger.record("p")
        self.ledger.record("q")
        self.assertEqual(inbox.catch_up(self.apply), 2)
        self.assertEqual(self.sequences("q"), [1])

    def test_from_now_everything_that_comes_to_an_empty_ledger_is_applied(self) -> None:
        inbox = self.inbox(start="now")
        self.assertEqual(inbox.catch_up(self.apply), 0)
        self.ledger.record("p")
        self.assertEqual((inbox.catch_up(self.apply), self.sequences("p")), (1, [1]))

    def test_a_feed_whose_commit_is_another_one_now_is_not_followed(self) -> None:
        self.ledger.record("p")
        self.ledger.record("p")
        inbox = self.inbox()
        inbox.catch_up(self.apply)
        self.ledger.feed[1] = {**self.ledger.feed[1], "hash": "x"}
        with self.assertRaises(FeedChanged):
            inbox.catch_up(self.apply)

    def test_a_feed_that_ends_before_the_place_that_was_followed_is_not_followed(self) -> None:
        self.ledger.record("p")
        self.ledger.record("p")
        inbox = self.inbox()
        inbox.catch_up(self.apply)
        del self.ledger.feed[1]
        with self.assertRaises(FeedChanged):
            inbox.catch_up(self.apply)

    def test_several_receivers_of_hostile_deliveries_have_one_effect_each(self) -> None:
        self.ledger = recorded(products=40, commits=self.deliveries // 20, seed=2)
        sent = iter(deliveries(self.ledger, seed=3))
        turn, failures = threading.Lock(), []

        def receiver() -> None:
            inbox = self.inbox(wait_s=0.01)
            while True:
                with turn:
                    event = next(sent, None)
                if event is None:
                    return
                try:
                    inbox.receive(event, self.apply)
                except Exception as error:
                    failures.append(error)
                    return

        receivers = [threading.Thread(target=receiver) for _ in range(4)]
        for one in receivers:
            one.start()
        for one in receivers:
            one.join(300)
        self.assertEqual(failures, [])
        self.inbox().catch_up(self.apply)
        self.is_whole()

    def test_hostile_deliveries_have_one_effect_each(self) -> None:
        self.ledger = recorded(products=200, commits=self.deliveries * 3 // 5, seed=4)
        inbox, count = self.inbox(), 0
        for event in deliveries(self.ledger, seed=5):
            self.assertIn(inbox.receive(event, self.apply), ("applied", "seen"))
            count += 1
        fetched = inbox.fetches
        inbox.catch_up(self.apply)
        self.is_whole()
        print(f"{type(self).__name__}: {count} deliveries, {1_000_000 * fetched // count} fetches in a million, {inbox.fetches - fetched} to catch up")


class InMemory(OnMemory, Contract, unittest.TestCase):
    pass


class InSqlite(OnSqlite, Contract, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
