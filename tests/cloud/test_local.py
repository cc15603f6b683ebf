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

    def run(*arguments, **others):
        all_of_it = environment | others
        return subprocess.run([PROGRAM, *arguments], env=all_of_it, capture_output=True, text=True, timeout=120, check=False)

    return run


def every_resource_is_deployed_but_those_of_the_listed_types(stack):
    template = json.loads((Path(os.environ["LEDGER_CLOUD_SYNTHESIS"]) / "ledger.template.json").read_text())
    synthesized = {name: resource["Type"] for name, resource in template["Resources"].items()}
    deployed = stack.resources()
    listed = re.search(r"DROPPED[^=]*= \[(.*?)\];", (ROOT / "infra/ministack/transform.ts").read_text(), re.DOTALL)
    dropped = set(re.findall(r'"((?:AWS|Custom)::[^"]+)"', listed.group(1)))
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


def the_program_verifies_the_log_over_http_and_from_a_copy_of_the_bucket(stack, writer, auditor, ledger, tmp_path):
    product = new_product()
    receipt = tmp_path / "receipt.json"
    receipt.write_text(json.dumps(writer.write("PUT", f"/products/{product}", {"name": "Logged", "price": "1.00"})))
    url = url_for_programs(stack)
    token = {"LEDGER_TOKEN": stack.token("auditor"), "LEDGER_URL": url}
    proof = tmp_path / "proof"
    until(
        lambda: ledger("prove", product, "--sequence", "1", "-o", str(proof), **token),
        lambda ended: ended.returncode == 0,
        "the proof of a commit",
    )
    key = tmp_path / "key"
    key.write_text(auditor.get("/log/key").text)
    proved = ledger("verify", "--proof", str(proof), "--key", str(key), "--receipt", str(receipt))
    assert proved.returncode == 0, proved.stdout + proved.stderr
    kept = tmp_path / "kept"
    over_http = ledger("log", "verify", f"{url}/log", "--key", str(key), "--keep", str(kept), **token)
    assert over_http.returncode == 0, over_http.stdout + over_http.stderr
    copied = copy_of(stack.settings()["LEDGER_LOG_BUCKET"], tmp_path / "log")
    of_copy = ledger("log", "verify", str(copied), "--key", str(key), "--keep", str(kept))
    assert of_copy.returncode == 0, of_copy.stdout + of_copy.stderr


def url_for_programs(stack):
    """The URL of the API by its id: a program may write 127.1, by which the emulator finds it, as 127.0.0.1."""
    api, stage = stack.resource("AWS::ApiGateway::RestApi", "Api"), stack.resource("AWS::ApiGateway::Stage", "Api")
    return f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{api}/{stage}"


def copy_of(bucket, folder):
    """A folder with the objects of a bucket under their keys."""
    s3 = boto3.client("s3")
    # The checkpoint first: what is written meanwhile is beyond it.
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    for key in ("checkpoint", *(found["Key"] for page in pages for found in page.get("Contents", []))):
        file = folder / key
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return folder


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
