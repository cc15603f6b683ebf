"""The same contract on a table of DynamoDB: that of the emulator at SUBSCRIBER_DYNAMODB_URL, or moto in this process."""

from __future__ import annotations

import os
import threading
import unittest
import uuid
from typing import Any

import boto3
from ledger_subscriber.dynamodb import MOST_WRITES, DynamoStore
from moto import mock_aws
from test_inbox import Contract

JsonObject = dict[str, Any]
URL = os.environ.get("SUBSCRIBER_DYNAMODB_URL")
ACCOUNT = {"region_name": "eu-central-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


def one_at_a_time(client: Any) -> None:
    """moto copies the tables at the begin of a transaction, and puts the copy back if a write fails: another request meanwhile makes the
    copy fail, or is undone."""
    call, turn = client._make_api_call, threading.Lock()

    def alone(*request: Any) -> Any:
        with turn:
            return call(*request)

    client._make_api_call = alone


class OnDynamoDb:
    """The adapter on DynamoDB, with a log of effects in a table of its own."""

    def open(self) -> None:
        if URL is None:
            mocked = mock_aws()
            mocked.start()
            self.addCleanup(mocked.stop)
        self.client = boto3.client("dynamodb", endpoint_url=URL, **ACCOUNT)
        if URL is None:
            one_at_a_time(self.client)
        place = uuid.uuid4().hex
        self.inbox_table, self.log_table = f"inbox-{place}", f"log-{place}"
        for table, sort in ((self.inbox_table, "S"), (self.log_table, "N")):
            self.client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                AttributeDefinitions=[
                    {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": sort},
                ],
            )
        self.store = DynamoStore(self.client, self.inbox_table)

    def apply(self, event: JsonObject, tx: list[JsonObject]) -> None:
        metadata = event["detail"]["metadata"]
        # An effect that was there already would be one too many, so it fails the transaction.
        item = {
            "pk": {"S": metadata["product_id"]}, "sk": {"N": str(metadata["sequence"])},
            "event": {"S": metadata["event_id"]},
        }
        tx.append({"Put": {"TableName": self.log_table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}})

    def effects(self) -> list[tuple[str, int, str]]:
        found: list[tuple[str, int, str]] = []
        for page in self.client.get_paginator("scan").paginate(TableName=self.log_table):
            found += [(item["pk"]["S"], int(item["sk"]["N"]), item["event"]["S"]) for item in page["Items"]]
        return sorted(found)


class InDynamoDb(OnDynamoDb, Contract, unittest.TestCase):
    deliveries = int(os.environ.get("SUBSCRIBER_DELIVERIES_DYNAMODB", "2000"))

    def test_what_does_not_fit_into_a_transaction_is_named(self) -> None:
        (event,) = self.ledger.record("p")

        def writes(event: JsonObject, tx: list[JsonObject]) -> None:
            tx.extend([{"Put": {}}] * (MOST_WRITES + 1))

        with self.assertRaisesRegex(ValueError, "100 writes"):
            self.inbox().receive(event, writes)

    def test_a_failed_condition_of_apply_is_no_reason_to_go_on(self) -> None:
        (event,) = self.ledger.record("p")
        self.client.put_item(TableName=self.log_table, Item={"pk": {"S": "p"}, "sk": {"N": "1"}})
        with self.assertRaises(self.client.exceptions.TransactionCanceledException):
            self.inbox().receive(event, self.apply)
        self.assertIsNone(self.store.cursor("p"))


if __name__ == "__main__":
    unittest.main()
