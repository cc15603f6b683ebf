"""A price list in a table of its own, made from the events of a product ledger: each event has its effect once and in order.

`receive` takes what the queue delivers, and `catch_up`, on a schedule, what never came. `{"retry": PRODUCT}` goes on with a parked product.
"""

from __future__ import annotations

import os
import time
from typing import Any

import boto3
from access_token import AccessToken
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from ledger_subscriber import HttpLedger, Inbox
from ledger_subscriber.dynamodb import DynamoStore

PRICES = os.environ["PRICES_TABLE"]
#: What catching up leaves of the function's time, for the commit that it is at.
SPARE_S = 30

logger, metrics = Logger(), Metrics()
token = AccessToken(os.environ["TOKEN_URL"], os.environ["CREDENTIALS"])
ledger = HttpLedger(os.environ["LEDGER_URL"], token)
# Whoever waits for a late event in a function is billed for it, and the ledger has the event already.
inbox = Inbox(DynamoStore(boto3.client("dynamodb"), os.environ["INBOX_TABLE"]), ledger, wait_s=0)
# Messages that fail are delivered again, also if it was all of a batch; an error of the function is something else.
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def apply(event: dict[str, Any], tx: list[dict[str, Any]]) -> None:
    """The row of the product, written in the transaction that marks the event as applied."""
    product = event["detail"]["data"]["product"]
    if product["status"] == "active":
        row = {name: {"S": product[name]} for name in ("id", "name", "price", "currency")}
        tx.append({"Put": {"TableName": PRICES, "Item": row}})
    else:
        tx.append({"Delete": {"TableName": PRICES, "Key": {"id": {"S": product["id"]}}}})


def take(record: SQSRecord) -> None:
    """One message; after an exception it is delivered again."""
    try:
        outcome = inbox.receive(record.body, apply)
    except Exception:
        logger.exception("The message was not taken", message_id=record.message_id)
        raise
    metrics.add_metric(outcome, MetricUnit.Count, 1)


@metrics.log_metrics
@logger.inject_lambda_context
def receive(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Takes a batch of the queue; answers which messages have to be delivered again."""
    return process_partial_response(event, take, processor, context)


@metrics.log_metrics
@logger.inject_lambda_context
def catch_up(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Follows the ledger's feed to its end, or as far as the time allows."""
    if "retry" in event:
        return {"outcome": inbox.retry(event["retry"], apply)}
    until = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - SPARE_S
    passed = inbox.catch_up(apply, within_s=until - time.monotonic())
    at_end, parked = time.monotonic() < until, inbox.parked()
    for product, parking in parked.items():
        logger.error("A product is parked", product=product, sequence=parking.sequence, reason=parking.reason)
    metrics.add_metric("parked_products", MetricUnit.Count, len(parked))
    if at_end:
        metrics.add_metric("caught_up", MetricUnit.Count, 1)
    logger.info("Caught up" if at_end else "Goes on at the next call", commits=passed)
    return {"commits": passed, "at_end": at_end, "parked": len(parked)}
