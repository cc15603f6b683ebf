"""The queue of the stack's example subscriber. These tests are its only consumers and delete what they receive."""

import json

import boto3

from waiting import until


class Subscriber:
    """The messages received so far, by product, in the order of arrival."""

    def __init__(self, queue):
        self._sqs = boto3.client("sqs")
        self._queue = queue
        self._messages = {}

    def messages(self, product, sequences):
        """The messages of a product as soon as there is one for each of these events, including duplicates."""

        def arrived():
            self._receive()
            return self._messages.get(product, [])

        def complete(messages):
            return set(sequences) <= {message["detail"]["metadata"]["sequence"] for message in messages}

        return until(arrived, complete, f"the arrival of {product} {sequences}")

    def _receive(self):
        received = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for entry in received.get("Messages", []):
            message = json.loads(entry["Body"])
            self._messages.setdefault(message["detail"]["metadata"]["product_id"], []).append(message)
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=entry["ReceiptHandle"])
