"""Subscribers receive every event, valid by its schema, with the same id as in its receipt."""

import json

import boto3
import pytest
from api import new_product
from boto3.dynamodb.conditions import Key
from contract import conforms
from waiting import until

SOURCE = "product-ledger.products"


def schema_of(detail_type):
    """`PRODUCT_CREATED` is described by `ProductCreated.v1.json`."""
    return f"messages/{''.join(word.capitalize() for word in detail_type.split('_'))}.v1"


def published(auditor, product):
    """The bus's id for each event of a product, once all are published."""
    commits = until(
        lambda: auditor.commits(product),
        lambda commits: all(record and record["receipt_id"] for commit in commits for record in commit["receipts"]),
        "the publication of every event",
    )
    return {record["event_id"]: record for commit in commits for record in commit["receipts"]}


def a_price_change_reaches_the_subscriber_in_order_and_as_the_receipt_says(writer, auditor, subscriber):
    product, correlation = new_product(), "a-correlation-id"
    writer.write("PUT", f"/products/{product}", {"name": "Jersey", "price": "28.8404"})
    receipts = [
        writer.write("PATCH", f"/products/{product}", {"price": price}, X_Correlation_Id=correlation)
        for price in ("30", "31", "32")
    ]
    events = {receipt["version"]: receipt for receipt in receipts}
    messages = subscriber.messages(product, events)
    records = published(auditor, product)
    accepted = {}
    for message in messages:
        assert (message["source"], message["detail-type"]) == (SOURCE, "PRODUCT_PRICE_CHANGED")
        assert message["resources"] == [product]
        conforms(message["detail"], schema_of(message["detail-type"]))
        metadata = message["detail"]["metadata"]
        receipt = events[metadata["sequence"]]
        assert metadata["event_id"] == receipt["events"][0]["event_id"]
        assert (metadata["commit_id"], metadata["hash"]) == (receipt["commit_id"], receipt["hash"])
        assert metadata["correlation_id"] == correlation
        accepted.setdefault(metadata["event_id"], []).append(message["id"])
    # The queue may deliver twice and in any order; the guaranteed order is that in which the bus accepted them.
    times = [records[receipt["events"][0]["event_id"]]["published_at"] for receipt in receipts]
    assert times == sorted(times)
    for event, ids in accepted.items():
        assert records[event]["receipt_id"] in ids, (event, ids)


def in_dev_the_intercept_table_holds_what_the_bus_delivered(stack, writer, auditor):
    table = stack.output("What the bus delivered")
    if table is None:
        pytest.skip(f"{stack.name} has no intercept table")
    product = new_product()
    earlier = {"occurred_at": "2026-01-02T03:04:05.678Z"}
    writer.write("PUT", f"/products/{product}", {"name": "Gloves", "price": "24.49"} | earlier)
    writer.write("PATCH", f"/products/{product}", {"price": "23.99", "category": "Clothing / Gloves"} | earlier)
    writer.write("DELETE", f"/products/{product}")
    records = published(auditor, product)
    mine = Key("pk").eq(SOURCE) & Key("sk").begins_with(f"{product}#")
    kept = until(
        lambda: boto3.resource("dynamodb").Table(table).query(KeyConditionExpression=mine)["Items"],
        lambda items: len(items) >= len(records),
        "the interception of every event",
    )
    names = ["PRODUCT_CREATED", "PRODUCT_PRICE_CHANGED", "PRODUCT_DETAILS_CHANGED", "PRODUCT_DELETED"]
    metadata = {item["sk"]: json.loads(item["metadata"]) for item in kept}
    assert [each["event_name"] for each in sorted(metadata.values(), key=lambda each: each["sequence"])] == names
    for item in kept:
        said = metadata[item["sk"]]
        assert item["sk"] == f"{product}#{said['event_name']}#{said['created_at']}"
        conforms({"metadata": said, "data": json.loads(item["data"])}, schema_of(said["event_name"]))
        assert item["receipt_id"] == records[said["event_id"]]["receipt_id"]
        assert int(item["expires_at"]) > 0
