"""The vectors that inboxes in all languages run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hostile import FakeLedger, replayed
from ledger_subscriber import Inbox, LedgerError

JsonObject = dict[str, Any]
VECTORS = Path(__file__).resolve().parents[2] / "vectors"


class Vectors:
    """Runs them; a store provides `open`, `apply` and `effects`."""

    def test_scenarios(self) -> None:
        for scenario in json.loads((VECTORS / "scenarios.json").read_text()):
            with self.subTest(scenario["name"]):
                self.open()
                self.played(scenario)

    def played(self, scenario: JsonObject) -> None:
        ledger, known = FakeLedger(), {}
        inbox = Inbox(self.store, ledger, start=scenario["start"], wait_s=0)
        for step in scenario["steps"]:
            match step:
                case {"record": product}:
                    for event in ledger.record(product, step.get("events", 1), step.get("salt", "")):
                        known[event["detail"]["metadata"]["event_id"]] = event
                case {"cut": product, "to": to}:
                    ledger.cut(product, to)
                case {"receive": event, "outcome": outcome}:
                    self.assertEqual(self.received(inbox, sent(known[event], step)), outcome, step)
                case {"catch_up": passed}:
                    self.assertEqual(inbox.catch_up(self.apply), passed, step)
                case {"retry": product, "outcome": outcome}:
                    self.assertEqual(inbox.retry(product, self.apply), outcome, step)
                case _:
                    raise AssertionError(step)
        self.assertEqual([list(effect) for effect in self.effects()], self.ordered(scenario["effects"]))
        self.assertEqual(sorted(inbox.parked()), scenario["parked"])

    def received(self, inbox: Inbox, event: JsonObject) -> str:
        try:
            return inbox.receive(event, self.apply)
        except LedgerError:
            return "error"

    def test_hostile(self) -> None:
        self.open()
        vector, ledger, known = json.loads((VECTORS / "hostile.json").read_text()), FakeLedger(), {}
        for product, events in vector["commits"]:
            for event in ledger.record(product, events):
                known[event["detail"]["metadata"]["event_id"]] = event
        inbox = Inbox(self.store, ledger, wait_s=0)
        for delivery in vector["deliveries"]:
            event = known[delivery.removeprefix("replay ")]
            inbox.receive(replayed(event) if delivery.startswith("replay ") else event, self.apply)
        inbox.catch_up(self.apply)
        self.assertEqual([list(effect) for effect in self.effects()], self.ordered(vector["effects"]))

    def ordered(self, effects: list) -> list:
        """In the order in which the store gives them."""
        return effects


def sent(event: JsonObject, step: JsonObject) -> JsonObject:
    if step.get("omitted"):
        metadata = event["detail"]["metadata"]
        event = {**event, "detail": {"metadata": metadata, "data": {"product_omitted": True}}}
    return replayed(event) if step.get("replay") else event
