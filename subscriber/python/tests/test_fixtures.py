"""The types read every frozen message, and those of a later version too."""

from __future__ import annotations

import json
import types
import typing
import unittest
from pathlib import Path
from typing import Any

from ledger_subscriber import Message, message_of, messages
from ledger_subscriber.messages import (
    ProductCreatedV1, ProductDetailsChangedV1, ProductPriceRecordedV1, ProductRenamedV1, UnknownMessage,
)

FROZEN = Path(__file__).resolve().parents[2] / "fixtures/messages"


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FROZEN / name).read_text())
    return found


def faults(value: object, kind: Any, place: str) -> list[str]:
    """What a value has that its type does not, and the other way round."""
    if typing.is_typeddict(kind):
        if not isinstance(value, dict):
            return [f"{place} is no object"]
        hints = typing.get_type_hints(kind)
        missing = [f"{place} has no {name}" for name in sorted(kind.__required_keys__ - value.keys())]
        members = [fault for name in hints.keys() & value.keys() for fault in faults(value[name], hints[name], f"{place}.{name}")]
        return missing + members
    options = typing.get_args(kind)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return [] if any(not faults(value, option, place) for option in options) else [f"{place}: {value!r}"]
    if typing.get_origin(kind) is typing.Literal:
        return [] if value in options else [f"{place}: {value!r}"]
    plain = typing.get_origin(kind) or kind
    return [] if isinstance(value, plain) else [f"{place}: {value!r}"]


def faults_of(message: Message) -> list[str]:
    """A message's class says the types of its members."""
    hints = typing.get_type_hints(type(message), vars(messages))
    return [fault for name in hints for fault in faults(getattr(message, name), hints[name], name)]


class Fixtures(unittest.TestCase):
    def test_every_frozen_message_is_of_a_known_type(self) -> None:
        kinds = set()
        for file in sorted(FROZEN.iterdir()):
            with self.subTest(file.name):
                message = message_of(read(file.name))
                self.assertNotIsInstance(message, UnknownMessage)
                self.assertEqual(faults_of(message), [])
                self.assertEqual(message.product is None, ".omitted." in file.name)
                self.assertEqual("replay" in message.metadata, ".replayed." in file.name)
                kinds.add(type(message))
        self.assertGreaterEqual(len(kinds), 7)

    def test_what_the_messages_say_is_typed(self) -> None:
        created = message_of(read("PRODUCT_CREATED.v1.json"))
        assert isinstance(created, ProductCreatedV1) and created.product is not None
        self.assertEqual((created.product["price"], created.data["name"]), ("33.6442", "Sport-100 Helmet, Red"))
        changed = message_of(read("PRODUCT_DETAILS_CHANGED.v1.json"))
        assert isinstance(changed, ProductDetailsChangedV1)
        # `None` and a member that is left out mean different things here.
        self.assertIsNone(changed.data["category"])
        self.assertNotIn("sku", changed.data)
        recorded = message_of(read("PRODUCT_PRICE_RECORDED.v1.json"))
        assert isinstance(recorded, ProductPriceRecordedV1)
        self.assertEqual(recorded.data["from"], "2025-10-01T00:00:00.000Z")

    def test_what_a_later_version_of_the_ledger_sends_is_no_error(self) -> None:
        later = read("PRODUCT_RENAMED.v1.json")
        later["detail"]["data"]["reason"] = "added"
        self.assertIsInstance(message_of(later), ProductRenamedV1)
        for name, version in [("PRODUCT_RENAMED", "v2"), ("PRODUCT_MOVED", "v1")]:
            later["detail"]["metadata"] |= {"event_name": name, "event_version": version}
            unknown = message_of(later)
            assert isinstance(unknown, UnknownMessage) and unknown.product is not None
            self.assertEqual((unknown.data["reason"], unknown.product["name"]), ("added", "Sport-100, Red"))

    def test_a_message_that_is_not_what_its_type_says_is_noticed(self) -> None:
        wrong = read("PRODUCT_RENAMED.v1.json")
        wrong["detail"]["data"]["name"] = 1
        del wrong["detail"]["metadata"]["sequence"]
        self.assertEqual(faults_of(message_of(wrong)), ["metadata has no sequence", "data.name: 1"])


if __name__ == "__main__":
    unittest.main()
