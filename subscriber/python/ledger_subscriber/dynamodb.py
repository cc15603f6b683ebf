"""An inbox's memory in a table of DynamoDB: the cursor moves in the transaction that has the writes of `apply`.

The table has the keys `pk` and `sk` (both S) and may have a TTL on `expires`. It has no more than the inbox in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from .store import Cursor, JsonObject, Parking

#: How long an event that came early is kept.
_HELD_S = 14 * 24 * 3600
#: The most writes of a transaction, less the cursor.
MOST_WRITES = 99
_CURSOR = "cursor"
_PARKED = "parked"


class DynamoStore:
    """The items of a table. `apply` gets a list and appends entries of `TransactWriteItems` in the form of the low-level client:
    `{"Put": {"TableName": …, "Item": {"id": {"S": …}}}}`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def cursor(self, product: str) -> Cursor | None:
        item = self._get(product, _CURSOR)
        if item is None or "sequence" not in item:
            return None
        return Cursor(int(item["sequence"]["N"]), item["event_id"]["S"], item["hash"]["S"])

    def parking(self, product: str) -> Parking | None:
        return _parking(self._get(product, _CURSOR) or {})

    def advance(
        self, product: str, before: Cursor | None, after: Cursor, effect: Callable[[list[JsonObject]], None]
    ) -> bool:
        writes: list[JsonObject] = []
        effect(writes)
        if len(writes) > MOST_WRITES:
            raise ValueError(f"an event has {len(writes)} writes; a transaction takes {MOST_WRITES} beside the cursor")
        names = {"#sequence": "sequence", "#event": "event_id", "#hash": "hash", "#reason": "reason"}
        values = {":sequence": _n(after.sequence), ":event": _s(after.event_id), ":hash": _s(after.hash)}
        if before is None:
            condition = "attribute_not_exists(#sequence)"
        else:
            condition = "#sequence = :was and #event = :was_event"
            values |= {":was": _n(before.sequence), ":was_event": _s(before.event_id)}
        move = {
            "TableName": self._table,
            "Key": _key(product, _CURSOR),
            "UpdateExpression": "set #sequence = :sequence, #event = :event, #hash = :hash",
            "ConditionExpression": f"attribute_not_exists(#reason) and {condition}",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        try:
            self._client.transact_write_items(TransactItems=[{"Update": move}, *writes])
        except self._client.exceptions.TransactionCanceledException as error:
            # The first reason is the cursor's. A condition of `apply` that fails is its own to explain.
            code = error.response.get("CancellationReasons", [{}])[0].get("Code")
            if code in ("ConditionalCheckFailed", "TransactionConflict"):
                return False
            raise
        return True

    def hold(self, product: str, sequence: int, event: JsonObject) -> None:
        item = {**_key(product, _held(sequence)), "event": _s(json.dumps(event)), "expires": _n(int(time.time()) + _HELD_S)}
        self._client.put_item(TableName=self._table, Item=item)

    def held(self, product: str, sequence: int) -> JsonObject | None:
        item = self._get(product, _held(sequence))
        return None if item is None else json.loads(item["event"]["S"])

    def park(self, product: str, parking: Parking) -> None:
        listed = {**_item(_PARKED, product), "parked_at": _n(parking.sequence), "reason": _s(parking.reason)}
        update = {
            "TableName": self._table,
            "Key": _key(product, _CURSOR),
            "UpdateExpression": "set parked_at = :sequence, #reason = :reason",
            "ConditionExpression": "attribute_not_exists(#reason)",
            "ExpressionAttributeNames": {"#reason": "reason"},
            "ExpressionAttributeValues": {":sequence": _n(parking.sequence), ":reason": _s(parking.reason)},
        }
        items = [{"Update": update}, {"Put": {"TableName": self._table, "Item": listed}}]
        try:
            self._client.transact_write_items(TransactItems=items)
        except self._client.exceptions.TransactionCanceledException as error:
            if error.response.get("CancellationReasons", [{}])[0].get("Code") != "ConditionalCheckFailed":
                raise

    def release(self, product: str) -> None:
        update = {
            "TableName": self._table,
            "Key": _key(product, _CURSOR),
            "UpdateExpression": "remove parked_at, #reason",
            "ExpressionAttributeNames": {"#reason": "reason"},
        }
        items = [{"Update": update}, {"Delete": {"TableName": self._table, "Key": _item(_PARKED, product)}}]
        self._client.transact_write_items(TransactItems=items)

    def parked(self) -> dict[str, Parking]:
        found: dict[str, Parking] = {}
        start: JsonObject = {}
        while True:
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :parked",
                ExpressionAttributeValues={":parked": _s(_PARKED)},
                ConsistentRead=True,
                **start,
            )
            for item in page["Items"]:
                parking = _parking(item)
                if parking is not None:
                    found[item["sk"]["S"]] = parking
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def position(self) -> tuple[int, str] | None:
        item = self._read(_item("feed", "position"))
        return None if item is None else (int(item["position"]["N"]), item["hash"]["S"])

    def move(self, position: int, hash: str) -> None:
        item = {**_item("feed", "position"), "position": _n(position), "hash": _s(hash)}
        self._client.put_item(TableName=self._table, Item=item)

    def _get(self, product: str, sort: str) -> JsonObject | None:
        return self._read(_key(product, sort))

    def _read(self, key: JsonObject) -> JsonObject | None:
        item: JsonObject | None = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return item


def _key(product: str, sort: str) -> JsonObject:
    """The key of an item of a product."""
    return _item(f"product#{product}", sort)


def _item(part: str, sort: str) -> JsonObject:
    return {"pk": _s(part), "sk": _s(sort)}


def _held(sequence: int) -> str:
    return f"held#{sequence:020}"


def _parking(item: JsonObject) -> Parking | None:
    return Parking(int(item["parked_at"]["N"]), item["reason"]["S"]) if "reason" in item else None


def _s(text: str) -> JsonObject:
    return {"S": text}


def _n(number: int) -> JsonObject:
    return {"N": str(number)}
