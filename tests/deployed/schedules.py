"""Invokes functions as their schedules do, which an emulator does not have."""

import json
from pathlib import Path

import boto3

_EVENTS = Path(__file__).resolve().parents[2] / "infra/lib"
RETRY_PARKED = (_EVENTS / "retry-parked.json").read_bytes()
RECONCILE = (_EVENTS / "reconcile.json").read_bytes()


def invoked(function, event):
    """The answer of the version that is live, and whether it is an error."""
    answer = boto3.client("lambda").invoke(FunctionName=function, Qualifier="live", Payload=event)
    return json.loads(answer["Payload"].read()), "FunctionError" in answer
