"""Tests that need access to the whole cloud: the deployed resources, the logs, and the traces of tampering."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import boto3
import pytest
from api import new_product
from logs import figures, logged
from waiting import until

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ("command-api", "query-api", "projector", "publisher", "sequencer")
PROGRAM = os.environ.get("LEDGER_CLOUD_PROGRAM", "")


@pytest.fixture(scope="module")
def ledger(stack):
    """The program `ledger` on the stack's tables."""
    if not Path(PROGRAM).is_file():
        pytest.skip(f"{PROGRAM} is not built: cargo build -p cli")
    environment = os.environ | stack.settings()

    def run(*arguments):
        return subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False)

    return run


def every_resource_is_deployed_but_those_of_the_listed_types(stack):
    template = json.loads((Path(os.environ["LEDGER_CLOUD_SYNTHESIS"]) / "ledger.template.json").read_text())
    synthesized = {name: resource["Type"] for name, resource in template["Resources"].items()}
    deployed = stack.resources()
    listed = re.search(r"DROPPED[^=]*= \[(.*?)\];", (ROOT / "infra/ministack/transform.ts").read_text(), re.DOTALL)
    dropped = set(re.findall(r'"(AWS::[^"]+)"', listed.group(1)))
    assert "AWS::Events::Archive" in dropped
    assert deployed == {name: kind for name, kind in synthesized.items() if kind not in dropped}


@pytest.mark.parametrize("name", FUNCTIONS)
def the_function_that_ran_is_the_binary_and_logs_json_lines_only(stack, name):
    lines = [json.loads(line) for line in logged(stack.name, name)]
    assert lines
    assert {line["function"] for line in lines if "_aws" in line} == {stack.function(name)}
    written = {metric["Namespace"] for line in lines if "_aws" in line for metric in line["_aws"]["CloudWatchMetrics"]}
    assert written == {"ProductLedger"}


def the_version_that_answers_is_the_one_of_this_repository(nobody):
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
    assert nobody.get("/health").json()["version"] == workspace["package"]["version"]


def the_messages_of_a_product_arrive_in_the_order_of_its_events(writer, subscriber):
    product = new_product()
    writer.write("PUT", f"/products/{product}", {"name": "In order", "price": "1"})
    changes = [writer.write("PATCH", f"/products/{product}", {"price": str(price)})["version"] for price in range(2, 14)]
    # Unlike an SQS queue, the emulator's keeps the order in which the bus received the messages.
    arrived = [message["detail"]["metadata"]["sequence"] for message in subscriber.messages(product, changes)]
    assert list(dict.fromkeys(arrived)) == changes


def the_program_finds_the_whole_ledger_unbroken_and_published(ledger):
    verified = until(
        lambda: ledger("verify", "--receipts"), lambda ended: ended.returncode == 0, "a verification without faults"
    )
    assert verified.stdout.startswith("whole: "), verified.stdout


def a_changed_commit_is_reported_by_both_readers_of_the_stream_and_named_by_verify(stack, writer, ledger):
    product = new_product()
    writer.write("PUT", f"/products/{product}", {"name": "Tampered with", "price": "1.00"})
    boto3.client("dynamodb").update_item(
        TableName=stack.settings()["LEDGER_EVENTS_TABLE"],
        Key={"product_id": {"S": product}, "sequence": {"N": "1"}},
        UpdateExpression="SET metadata.actor = :actor",
        ExpressionAttributeValues={":actor": {"S": "somebody-else"}},
    )
    for consumer in ("projector", "publisher"):
        counted = until(
            # `other` is the check of the table's policy, which the emulator does not have.
            lambda consumer=consumer: [
                f for f in figures(stack.name, consumer) if f.get("ledger_tampering_total") and f["operation"] != "other"
            ],
            bool,
            f"the report of {consumer}",
        )
        assert {(each["consumer"], each["operation"]) for each in counted} == {(consumer, "MODIFY")}
        lines = [json.loads(line) for line in logged(stack.name, consumer)]
        errors = [line for line in lines if line.get("level") == "ERROR" and line.get("operation") == "MODIFY"]
        assert any(product in line.values() for line in errors), errors
    verified = ledger("verify", product)
    assert verified.returncode == 1, verified
    assert product in verified.stdout + verified.stderr
