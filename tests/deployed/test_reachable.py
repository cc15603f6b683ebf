"""What is read without a token, on production too: the deployment answers, and its interface is that of these sources."""

import json
from pathlib import Path
from urllib.parse import urljoin

import pytest
from api import problem

OPENAPI = Path(__file__).resolve().parents[2] / "schema/json/openapi.json"

pytestmark = pytest.mark.reads_only


def the_service_is_healthy(stranger):
    assert stranger.get("/health").status_code == 200


def the_interface_is_that_of_these_sources(stranger):
    answer, expected = stranger.get("/openapi.json"), json.loads(OPENAPI.read_text())
    said = answer.json()
    [server] = said["servers"]
    assert urljoin(answer.url, server["url"]).rstrip("/") == stranger.url
    assert said["info"] == expected["info"]
    assert said["paths"].keys() == expected["paths"].keys()


def without_a_token_no_product_is_shown(stranger):
    problem(stranger.get("/products"), 401, "unauthorized")
