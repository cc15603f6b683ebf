"""List, history, prices and verification of a product."""

import re
from urllib.parse import urljoin

import pytest
import requests
from api import new_product
from contract import conforms
from waiting import until


@pytest.fixture(scope="module")
def told(writer):
    """A product with three commits: its id and their receipts."""
    product = new_product()
    receipts = [
        writer.write("PUT", f"/products/{product}", {"name": "Cap", "price": "8.6442"}),
        writer.write("PATCH", f"/products/{product}", {"price": "8.99"}),
        writer.write("PATCH", f"/products/{product}", {"price": "9.99", "name": "AWC Logo Cap"}),
    ]
    return product, receipts


def the_view_behind_get_and_list_follows(reader, told):
    product, receipts = told
    newest = receipts[-1]
    seen = until(
        lambda: reader.get(f"/products/{product}").json(),
        lambda body: body.get("version") == newest["version"],
        "the projection of the newest version",
    )
    conforms(seen, "product")
    assert seen in reader.products(f"sort=updated_at&order=asc&limit=100&updated_since={newest['recorded_at']}")


def a_product_is_found_by_its_sku_and_counted_in_its_category(reader, writer):
    product = new_product()
    values = {"name": "Cap", "price": "8.99", "sku": product, "category": product}
    writer.write("PUT", f"/products/{product}", values)
    for query in (f"sku={product}", f"category={product}&sort=name", f"sku={product}&category={product}"):
        until(
            lambda query=query: [found["id"] for found in reader.products(query)],
            lambda ids: ids == [product],
            f"the projection of a product that is found by {query}",
        )
    counted = {"category": product, "products": 1}
    until(lambda: reader.categories(), lambda all_of_them: counted in all_of_them, "the count of a category")


def the_history_has_every_commit_chained_and_with_its_publication_receipts(auditor, told):
    product, receipts = told
    commits = until(
        lambda: auditor.commits(product),
        lambda commits: all(receipt for commit in commits for receipt in commit["receipts"]),
        "the publication of every event",
    )
    assert [commit["hash"] for commit in commits] == [receipt["hash"] for receipt in receipts]
    before = "0" * 64
    for commit, receipt in zip(commits, receipts, strict=True):
        published = commit.pop("receipts")
        conforms(commit, "commit")
        assert commit["previous_hash"] == before
        before = commit["hash"]
        ids = [event["event_id"] for event in receipt["events"]]
        assert [record["event_id"] for record in published] == ids
        for record in published:
            conforms(record, "publication-record")
            assert record["receipt_id"], record
            assert record["hash"] == commit["hash"]
        # The events of a product are sent one by one, each after the bus has accepted the one before.
        commit["published"] = [record["published_at"] for record in published]
    times = [time for commit in commits for time in commit["published"]]
    assert times == sorted(times)


def the_prices_are_a_timeline(auditor, told):
    product, _ = told
    prices = until(
        lambda: auditor.get(f"/products/{product}/prices").json(),
        lambda body: len(body.get("timeline", [])) == 3,
        "the projection of three prices",
    )
    assert prices["current"] == "9.99"
    assert prices["currency"] == "USD"
    assert [period["price"] for period in prices["timeline"]] == ["8.6442", "8.99", "9.99"]
    assert prices["lowest_30_days"]["price"] == "8.6442"


def the_chain_is_whole(auditor, told):
    product, receipts = told
    answer = auditor.get(f"/products/{product}/verification")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"valid": True, "commits": 3, "events": 4, "head": receipts[-1]["hash"]}


def a_past_version_is_what_it_was(auditor, told):
    product, receipts = told
    assert auditor.get(f"/products/{product}?version=2").json()["price"] == "8.99"
    moment = receipts[0]["recorded_at"]
    assert auditor.get(f"/products/{product}?as_of={moment}").json()["price"] == "8.6442"


def what_the_interface_is_stands_in_public(nobody):
    health = nobody.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    document = nobody.get("/openapi.json")
    assert document.status_code == 200
    assert document.json()["openapi"].startswith("3.1")


def the_page_for_people_finds_its_parts_where_the_api_is_deployed(nobody):
    page = nobody.get("/docs")
    assert (page.status_code, page.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    parts = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page.text)
    assert any(part.endswith(".js") for part in parts), parts
    for part in parts:
        found = requests.get(urljoin(page.url, part), timeout=30)
        assert found.status_code == 200, f"{found.url}: {found.status_code}"
