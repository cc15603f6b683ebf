"""The logs of the functions, from the log groups of the stack."""

import json

import boto3

#: Lines that Lambda itself writes around each invocation.
PLATFORM = ("START RequestId:", "END RequestId:", "REPORT RequestId:")


def logged(stack, function):
    """Every line of a function, oldest first."""
    pages = boto3.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/{stack}/{function}")
    lines = [event["message"].rstrip("\n") for page in pages for event in page["events"]]
    return [line for line in lines if not line.startswith(PLATFORM)]


def figures(stack, function):
    """The lines that are embedded metrics, decoded."""
    decoded = (json.loads(line) for line in logged(stack, function))
    return [line for line in decoded if "_aws" in line]
