"""The sample subscribers: each keeps a price list in a table of its own, which is the ledger's after hostile deliveries."""

import json
import os
import random
import uuid
from contextlib import contextmanager

import boto3
import pytest
from api import Client
from logs import logged
from waiting import until

SAMPLES = os.environ["LEDGER_CLOUD_SAMPLES"]
LANGUAGES = ("python", "typescript", "rust")
#: The most messages that SQS takes at a time.
BATCH = 10


class Sample:
    """A deployed sample: its rule, its queue and its price list."""

    def __init__(self, language, bus):
        self.language = language
        self._bus = bus
        self._lambda, self._sqs = boto3.client("lambda"), boto3.client("sqs")
        [stack] = boto3.client("cloudformation").describe_stacks(StackName=SAMPLES)["Stacks"]
        self._table = next(one["OutputValue"] for one in stack["Outputs"] if one["Description"] == f"Price list: {language}")
        mapping = self._lambda.list_event_source_mappings(FunctionName=f"{SAMPLES}-{language}-receive")
        name = mapping["EventSourceMappings"][0]["EventSourceArn"].rsplit(":", 1)[1]
        self._queue = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]

    @contextmanager
    def undelivered(self):
        """What is published meanwhile is not delivered by its rule."""
        events, rule = boto3.client("events"), {"Name": f"{SAMPLES}-{self.language}", "EventBusName": self._bus}
        events.disable_rule(**rule)
        try:
            yield
        finally:
            events.enable_rule(**rule)

    def deliver(self, messages):
        """Puts messages into its queue, and waits until all are taken."""
        for first in range(0, len(messages), BATCH):
            entries = [{"Id": str(n), "MessageBody": json.dumps(one)} for n, one in enumerate(messages[first : first + BATCH])]
            assert not self._sqs.send_message_batch(QueueUrl=self._queue, Entries=entries).get("Failed")
        self.drained()

    def drained(self):
        """Waits until nothing is in its queue or in process."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        until(
            lambda: self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=names)["Attributes"],
            lambda found: all(int(found[name]) == 0 for name in names),
            f"the end of the queue of {self.language}",
        )

    def invoke(self, function, event):
        """The answer of a function, `receive` or `catch-up`, which must be no error."""
        answer = self._lambda.invoke(FunctionName=f"{SAMPLES}-{self.language}-{function}", Payload=json.dumps(event))
        body = answer["Payload"].read()
        assert "FunctionError" not in answer, body
        return json.loads(body)

    def prices(self):
        """The rows of its price list, by id."""
        rows = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=self._table)
        items = [item for page in rows for item in page["Items"]]
        return {item["id"]["S"]: {name: value["S"] for name, value in item.items()} for item in items}

    def figures(self, function="receive"):
        """The metrics that a function wrote, by name: their sum."""
        sums = {}
        # What the runtime itself prints is no JSON.
        lines = [json.loads(line) for line in logged(SAMPLES, f"{self.language}-{function}") if line.startswith("{")]
        for line in (line for line in lines if "_aws" in line):
            assert line["service"] == self.language
            for metric in line["_aws"]["CloudWatchMetrics"]:
                assert metric["Namespace"] == "Subscribers"
                for name in (one["Name"] for one in metric["Metrics"]):
                    values = line[name] if isinstance(line[name], list) else [line[name]]
                    sums[name] = sums.get(name, 0) + sum(values)
        return sums


@pytest.fixture(params=LANGUAGES)
def sample(request, stack):
    """A sample that is deployed with the ledger."""
    return Sample(request.param, stack.name)


@pytest.fixture(scope="module")
def subscribing(stack):
    """May subscribe."""
    return Client(stack.url, stack.token("subscriber"))


def listed(client):
    """The ledger's own list, as the price lists have it."""
    names = ("id", "name", "price", "currency")
    return {one["id"]: {name: one[name] for name in names} for one in client.products("limit=100")}


def messages(client, product):
    """Every message of a product, as the bus delivers it."""
    answer = client.get(f"/products/{product}/messages?limit=100")
    assert answer.status_code == 200, answer.text
    return answer.json()["messages"]


def lives(writer, chance):
    """Records some products with their changes, deletes and restores; returns their ids."""
    products = [f"sample-{uuid.uuid4()}" for _ in range(8)]
    for product in products:
        path = f"/products/{product}"
        writer.write("PUT", path, {"name": "Jersey", "price": "1.00"})
        for _ in range(6):
            match chance.randrange(6):
                case 0:
                    writer.write("DELETE", path)
                    writer.write("POST", f"{path}/restore")
                case 1:
                    writer.write("PATCH", path, {"name": f"Jersey {chance.randrange(1_000_000)}", "price": str(chance.randrange(2, 99))})
                case _:
                    writer.write("PATCH", path, {"price": f"{chance.randrange(2, 10_000)}.{chance.randrange(10, 99)}"})
    writer.write("DELETE", f"/products/{products[0]}")
    return products


def replayed(message):
    """The message as a replay sends it."""
    detail = message["detail"]
    replay = {"id": "01M841K9DC3M5ZQYPS2Y3BRKSE", "requested_at": "2026-11-30T00:00:00.000Z"}
    return message | {"detail": detail | {"metadata": detail["metadata"] | {"replay": replay}}}


def hostile(found, chance):
    """A twentieth never, a fifth twice, some of them as a replay, and a tenth much later; the newest event of one product never."""
    sent = []
    for place, message in enumerate(found):
        if chance.random() < 0.05 or message is found[-1]:
            continue
        for again in range(2 if chance.random() < 0.2 else 1):
            late = chance.randrange(1, 30) if chance.random() < 0.1 else 0
            sent.append((place + late, replayed(message) if again and chance.random() < 0.5 else message))
    return [message for _, message in sorted(sent, key=lambda one: one[0])]


def the_price_list_is_the_ledgers_after_hostile_deliveries(sample, writer, auditor, subscribing):
    chance = random.Random(1)
    with sample.undelivered():
        products = lives(writer, chance)
        until(
            lambda: [commit for product in products for commit in auditor.commits(product)],
            lambda commits: all(record and record["receipt_id"] for commit in commits for record in commit["receipts"]),
            "the publication of every event",
        )
    by_product = [messages(subscribing, product) for product in products]
    # Across products in turn, as a bus has them.
    found = [each for turn in range(max(map(len, by_product))) for own in by_product for each in own[turn : turn + 1]]
    deliveries = hostile(found, chance)
    assert len(deliveries) > 50
    sample.deliver(deliveries)
    received, expected = sample.prices(), listed(auditor)
    for own in by_product:
        newest = own[-1]
        if newest in deliveries:
            product = newest["resources"][0]
            assert received.get(product) == expected.get(product), product
    missed = found[-1]["resources"][0]
    assert received.get(missed) != expected.get(missed)
    caught_up = until(
        lambda: sample.invoke("catch-up", {}) | {"is": sample.prices() == listed(auditor)},
        lambda answer: answer["is"],
        "a price list that is the ledger's",
    )
    assert (caught_up["at_end"], caught_up["parked"]) == (True, 0)
    counted = sample.figures()
    assert counted["applied"] > 0 and counted["seen"] > 0 and "parked" not in counted, counted
    assert sample.figures("catch-up")["caught_up"] > 0


def what_is_published_is_in_the_price_list_without_catching_up(sample, writer):
    product = f"sample-{uuid.uuid4()}"
    writer.write("PUT", f"/products/{product}", {"name": "Shorts", "price": "19.90"})
    writer.write("PATCH", f"/products/{product}", {"price": "17.90"})
    row = {"id": product, "name": "Shorts", "price": "17.90", "currency": "USD"}
    until(lambda: sample.prices().get(product), lambda found: found == row, "the delivery of a price")


def a_message_that_is_no_event_is_the_only_one_of_its_batch_to_come_again(sample, writer, subscribing):
    product = f"sample-{uuid.uuid4()}"
    writer.write("PUT", f"/products/{product}", {"name": "Scarf", "price": "9.90"})
    [event] = messages(subscribing, product)
    bodies = {"first": "{}", "second": json.dumps(event), "third": "no JSON"}
    records = [{"messageId": name, "body": body, "eventSource": "aws:sqs"} for name, body in bodies.items()]
    answer = sample.invoke("receive", {"Records": records})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "first"}, {"itemIdentifier": "third"}]}
    assert sample.prices()[product]["price"] == "9.90"


def a_rival_parks_its_product_until_it_is_retried(sample, writer, subscribing):
    product = f"sample-{uuid.uuid4()}"
    writer.write("PUT", f"/products/{product}", {"name": "Socks", "price": "4.90"})
    [event] = messages(subscribing, product)
    sample.deliver([event])
    detail = event["detail"]
    rival = event | {"detail": detail | {"metadata": detail["metadata"] | {"hash": "0" * 64}}}
    sample.deliver([rival])
    assert sample.invoke("catch-up", {})["parked"] == 1
    assert sample.invoke("catch-up", {"retry": product}) == {"outcome": "applied"}
    assert sample.invoke("catch-up", {})["parked"] == 0
    assert sample.figures("catch-up")["parked_products"] > 0
