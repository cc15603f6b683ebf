"""The fixtures: a stack that is deployed, its clients, its subscriber. Without a stack every test is skipped, and says why."""

import os

import pytest
from api import Client
from stack import CLIENTS, NAME, URL, Stack
from subscriber import Subscriber


@pytest.fixture(scope="session")
def stack():
    """The stack. Not one of production: a ledger keeps for ever what the tests write."""
    if not (os.environ.get(NAME) or os.environ.get(URL)):
        pytest.skip(f"no stack is given: set {NAME} or {URL}; see tests/deployed/README.md")
    stack = Stack()
    if stack.tags.get("stage") == "production":
        pytest.exit(f"{stack.name} is a production ledger; what these tests write could never be removed", returncode=2)
    return stack


@pytest.fixture(scope="session")
def clients(stack):
    """One client for each kind of token, and `nobody`, who has none."""
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
    """Who hears of price changes."""
    return Subscriber(stack.resource("AWS::SQS::Queue", "SubscriberQueue"))
