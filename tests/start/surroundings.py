"""Tables and a bus on loopback, from the repository's own engine, with the shapes that the adapters and the CDK app read."""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).parents[2]
SHAPES = {
    "LEDGER_EVENTS_TABLE": "event-store/table.json",
    "LEDGER_RECEIPTS_TABLE": "event-store/receipts-table.json",
    "LEDGER_PARKING_TABLE": "event-store/parking-table.json",
    "LEDGER_PRODUCTS_TABLE": "projections/products-table.json",
    "LEDGER_PRICES_TABLE": "projections/prices-table.json",
}


class Surroundings:
    """They end with the `with` block."""

    def __init__(self, program: Path):
        if not program.exists():
            sys.exit(f"{program} is missing: cargo build -p loopback --example surroundings")
        self.program = program

    def __enter__(self) -> "Surroundings":
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([self.program], text=True, **pipes)
        self.addresses = json.loads(self.process.stdout.readline())
        address = urlsplit(self.addresses["tables"])
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        for name, shape in SHAPES.items():
            self.create(table_name(name), json.loads((REPOSITORY / shape).read_text()))
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def environment(self) -> dict[str, str]:
        endpoints = {
            "AWS_ENDPOINT_URL_DYNAMODB": self.addresses["tables"],
            "AWS_ENDPOINT_URL_EVENTBRIDGE": self.addresses["bus"],
        }
        return endpoints | {name: table_name(name) for name in SHAPES}

    def create(self, name: str, shape: dict) -> None:
        self.ask("CreateTable", {**shape, "TableName": name, "BillingMode": "PAY_PER_REQUEST"})

    def ask(self, operation: str, body: dict, service: str = "DynamoDB_20120810") -> dict:
        headers = {"x-amz-target": f"{service}.{operation}", "content-type": "application/x-amz-json-1.0"}
        self.connection.request("POST", "/", json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{operation}: {answer.status} {text!r}")
        return json.loads(text)

    def stream(self) -> list[dict]:
        """Every record of the event table's stream, as Lambda hands them out."""
        table = self.ask("DescribeTable", {"TableName": table_name("LEDGER_EVENTS_TABLE")})["Table"]
        arn, streams = table["LatestStreamArn"], "DynamoDBStreams_20120810"
        shard = self.ask("DescribeStream", {"StreamArn": arn}, streams)["StreamDescription"]["Shards"][0]["ShardId"]
        place = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        iterator, records = self.ask("GetShardIterator", place, streams)["ShardIterator"], []
        while True:
            page = self.ask("GetRecords", {"ShardIterator": iterator, "Limit": 1000}, streams)
            if not page["Records"]:
                return records
            records += [record | {"eventSourceARN": arn} for record in page["Records"]]
            iterator = page["NextShardIterator"]


def table_name(variable: str) -> str:
    return variable.removesuffix("_TABLE").lower().replace("_", "-")
