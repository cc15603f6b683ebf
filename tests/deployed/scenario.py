"""The fixtures: a deployed stack, its clients, its subscriber. Without a stack every test is skipped with a message."""

import functools
import os

import pytest
from api import Client
from stack import CLIENTS, NAME, URL, Stack
from subscriber import Subscriber


deployed = functools.cache(Stack)


def pytest_runtest_setup(item):
    """Skips what writes on a production stack, since a ledger keeps everything written by the tests for ever."""
    given = os.environ.get(NAME) or os.environ.get(URL)
    if given and not item.get_closest_marker("reads_only") and deployed().tags.get("stage") == "production":
        pytest.skip(f"{deployed().name} is a production ledger; what this test writes could never be removed")


@pytest.fixture(scope="session")
def stack():
    """The stack."""
    if not (os.environ.get(NAME) or os.environ.get(URL)):
        pytest.skip(f"no stack is given: set {NAME} or {URL}; see tests/deployed/README.md")
    return deployed()


@pytest.fixture(scope="session")
def stranger(stack):
    """Has no token, and needs none of the stack's clients."""
    return Client(stack.url)


@pytest.fixture(scope="session")
def clients(stack):
    """One client for each kind of token, and `nobody` without a token."""
    return {name: Client(stack.url, stack.token(name)) for name in CLIENTS} | {"nobody": Client(stack.url)}


@pytest.fixture(scope="session")
def writer(clients):
    """May read and write."""
    return clients["writer"]


@pytest.fixture(scope="session")
def reader(clients):
    """May read."""
    return clients["reader"]


@pytest.fixture(scope="session")
def auditor(clients):
    """May read and audit."""
    return clients["auditor"]


@pytest.fixture(scope="session")
def nobody(clients):
    """Has no token."""
    return clients["nobody"]


@pytest.fixture(scope="session")
def subscriber(stack):
    """The subscriber to price changes."""
    return Subscriber(stack.resource("AWS::SQS::Queue", "SubscriberQueue"))
