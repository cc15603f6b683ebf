"""The invocations of the stream consumers by their schedules, made by hand."""

import json
from pathlib import Path

import boto3
import pytest

EVENTS = Path(__file__).resolve().parents[2] / "infra/lib"
RETRY_PARKED = EVENTS / "retry-parked.json"
RECONCILE = EVENTS / "reconcile.json"


@pytest.mark.parametrize("name", ["projector", "publisher", "sequencer"])
def the_turn_for_parked_products_is_answered_with_what_became_of_them(stack, name):
    answer = invoked(stack.function(name), RETRY_PARKED.read_bytes())
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    assert said and all(isinstance(count, int) for count in said.values()), said


@pytest.mark.parametrize("name", ["projector", "publisher", "sequencer"])
def the_turn_of_the_reconcile_is_answered_with_how_far_it_came(stack, name):
    answer = invoked(stack.function(name), RECONCILE.read_bytes())
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    assert isinstance(said["compared"], int) and isinstance(said["complete"], bool), said


@pytest.mark.parametrize("name", ["projector", "publisher", "sequencer"])
def another_event_is_refused(stack, name):
    answer = invoked(stack.function(name), b'{"source":"aws.events"}')
    said = json.loads(answer["Payload"].read())
    assert answer["FunctionError"], said
    assert said["errorMessage"], said


def invoked(function, event):
    """The answer of the version that is live."""
    return boto3.client("lambda").invoke(FunctionName=function, Qualifier="live", Payload=event)
