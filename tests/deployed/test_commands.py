"""Commands are recorded once, answered with a receipt, and visible at once to queries that name the version."""

from urllib.parse import urljoin

from api import new_product, problem
from contract import conforms

HELMET = {"name": "Sport-100 Helmet, Red", "price": "33.6442", "category": "Accessories / Helmets"}


def a_product_is_created_changed_and_read_by_its_version_without_waiting(writer):
    product = new_product()
    created = writer.ask("PUT", f"/products/{product}", HELMET)
    assert created.status_code == 201, created.text
    assert created.headers["ETag"] == '"1"'
    conforms(created.json(), "command-receipt")
    assert [event["type"] for event in created.json()["events"]] == ["ProductCreated"]
    changed = writer.ask("PATCH", f"/products/{product}", {"price": "34.99", "name": "Sport-100 Helmet"})
    assert changed.status_code == 200, changed.text
    conforms(changed.json(), "command-receipt")
    assert [event["type"] for event in changed.json()["events"]] == ["ProductRenamed", "ProductPriceChanged"]
    version = changed.json()["version"]
    assert version == 3
    read = writer.get(f"/products/{product}?min_version={version}")
    assert read.status_code == 200, read.text
    assert read.headers["ETag"] == f'"{version}"'
    conforms(read.json(), "product")
    expected = HELMET | {"id": product, "name": "Sport-100 Helmet", "price": "34.99", "version": version, "status": "active"}
    assert {name: read.json()[name] for name in expected} == expected


def a_product_without_an_id_gets_one_and_a_place_where_it_is(writer):
    created = writer.ask("POST", "/products", HELMET)
    assert created.status_code == 201, created.text
    product = created.json()["product_id"]
    assert urljoin(created.url, created.headers["Location"]) == f"{writer.url}/products/{product}"
    assert writer.get(f"/products/{product}?min_version=1").json()["id"] == product


def a_repeated_command_gets_the_first_receipt_whatever_was_written_since(writer):
    product, key = new_product(), "the-same-every-time"
    writer.write("PUT", f"/products/{product}", HELMET)
    first = writer.ask("PATCH", f"/products/{product}", {"price": "35"}, Idempotency_Key=key)
    writer.write("PATCH", f"/products/{product}", {"price": "36"})
    again = writer.ask("PATCH", f"/products/{product}", {"price": "35"}, Idempotency_Key=key)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert writer.get(f"/products/{product}?min_version=3").json()["price"] == "36.00"
    other = writer.ask("PATCH", f"/products/{product}", {"price": "37"}, Idempotency_Key=key)
    problem(other, 422, "idempotency-key-reused")


def a_stale_if_match_is_told_what_was_missed(writer):
    product = new_product()
    writer.write("PUT", f"/products/{product}", HELMET)
    missed = writer.write("PATCH", f"/products/{product}", {"price": "34.99"})
    refused = problem(
        writer.ask("DELETE", f"/products/{product}", If_Match='"1"'), 412, "precondition-failed"
    )
    assert refused["current_version"] == 2
    assert [event["event_id"] for event in refused["missed"]] == [missed["events"][0]["event_id"]]
    deleted = writer.write("DELETE", f"/products/{product}", If_Match='"2"')
    assert deleted["version"] == 3


def a_deleted_product_is_gone_until_it_is_restored(writer):
    product = new_product()
    writer.write("PUT", f"/products/{product}", HELMET)
    writer.write("DELETE", f"/products/{product}")
    problem(writer.get(f"/products/{product}?min_version=2"), 404, "product-not-found")
    problem(writer.ask("PATCH", f"/products/{product}", {"price": "1"}), 409, "product-deleted")
    writer.write("POST", f"/products/{product}/restore")
    assert writer.get(f"/products/{product}?min_version=3").json()["status"] == "active"
