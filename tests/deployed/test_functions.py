"""The schedule's invocation of the stream consumers, made by hand."""

import json
from pathlib import Path

import boto3
import pytest

RETRY_PARKED = Path(__file__).resolve().parents[2] / "infra/lib/retry-parked.json"


@pytest.mark.parametrize("name", ["projector", "publisher"])
def the_turn_for_parked_products_is_answered_with_what_became_of_them(stack, name):
    answer = boto3.client("lambda").invoke(FunctionName=stack.function(name), Payload=RETRY_PARKED.read_bytes())
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    assert said and all(isinstance(count, int) for count in said.values()), said


@pytest.mark.parametrize("name", ["projector", "publisher"])
def another_event_is_refused(stack, name):
    answer = boto3.client("lambda").invoke(FunctionName=stack.function(name), Payload=b'{"source":"aws.events"}')
    said = json.loads(answer["Payload"].read())
    assert answer["FunctionError"], said
    assert said["errorMessage"], said
