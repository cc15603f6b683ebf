"""Every error response is a problem with a correlation id, from the gateway and from the functions."""

from urllib.parse import urljoin

import pytest
from api import new_product, problem

COMMAND = {"name": "Vest", "price": "63.50"}
#: The largest body that is accepted, in bytes.
LARGEST = 64 * 1024


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/products"), ("PUT", "/products/x"), ("GET", "/products/x/history"), ("POST", "/products/x/restore")],
)
def without_a_token_nothing_is_answered(nobody, method, path):
    answer = nobody.ask(method, path, COMMAND if method != "GET" else None)
    problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def a_token_that_nobody_signed_is_none(nobody):
    forged = "eyJhbGciOiJub25lIn0.eyJzY29wZSI6InByb2R1Y3RzL3JlYWQifQ."
    answer = nobody.get("/products", Authorization=f"Bearer {forged}")
    problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("client", "method", "path"),
    [
        ("reader", "PUT", "/products/x"),
        ("auditor", "DELETE", "/products/x"),
        ("writer", "GET", "/products/x/history"),
        ("reader", "GET", "/products/x/verification"),
        ("reader", "GET", "/products/x?version=1"),
    ],
)
def a_token_without_the_scope_is_refused(clients, client, method, path):
    answer = clients[client].ask(method, path, COMMAND if method == "PUT" else None, X_Correlation_Id="scope")
    problem(answer, 403, "forbidden", "scope")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/nowhere", "/ui", "/products/x/nowhere/else", "/products/x/history/1", "/log", "/log/tile/entries"])
def what_is_nowhere_is_404_with_a_token_and_without(reader, nobody, method, path):
    for client in (reader, nobody):
        answer = client.ask(method, path, {} if method == "POST" else None)
        problem(answer, 404, "not-found")
        assert answer.headers["X-Correlation-Id"]


def what_is_nowhere_is_404_whatever_an_authorization_looks_like(nobody):
    for value in ("Bearer no.such.token", "Basic bm9ib2R5Og==", "AWS4-HMAC-SHA256 nothing"):
        problem(nobody.get("/nowhere", Authorization=value), 404, "not-found")


def an_unknown_product_is_404(reader):
    answer = reader.get(f"/products/{new_product()}")
    members = problem(answer, 404, "product-not-found")
    assert urljoin(answer.url, members["instance"]) == answer.url


def another_method_is_405_and_learns_which_there_are(writer):
    answer = writer.ask("DELETE", "/products")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["X-Correlation-Id"]
    assert {method.strip() for method in answer.headers["Allow"].split(",")} >= {"GET", "POST"}


def every_fault_of_a_body_is_named_at_once_and_the_correlation_id_comes_back(writer):
    correlation = "named-by-the-client"
    body = {"name": "", "price": "-1", "colour": "red"}
    answer = writer.ask("PUT", f"/products/{new_product()}", body, X_Correlation_Id=correlation)
    members = problem(answer, 422, "invalid", correlation)
    assert answer.headers["X-Correlation-Id"] == correlation
    assert [error["pointer"] for error in members["errors"]] == ["/name", "/price", "/colour"]


def a_body_over_64_kb_is_too_large_and_one_of_64_kb_is_not(writer):
    path = f"/products/{new_product()}"
    for size, status, kind in ((LARGEST + 1, 413, "body-too-large"), (LARGEST, 422, "invalid")):
        frame = len('{"name": ""}')
        problem(writer.ask("PUT", path, {"name": "x" * (size - frame)}), status, kind)


def nothing_but_json_is_taken(writer):
    path = f"/products/{new_product()}"
    problem(writer.raw("PUT", path, "{", "application/json"), 400, "malformed")
    problem(writer.raw("PUT", path, "<a/>", "application/xml"), 415, "unsupported-media-type")
