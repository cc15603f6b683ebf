"""The round trip with the client that openapi-python-client generated: `with_python_client.py URL`."""

import sys

from client import Client
from client.api.audit import get_history, get_prices, get_verification
from client.api.commands import create_product, delete_product, patch_product, put_product, restore_product
from client.api.products import get_product, list_categories, list_products
from client.models import CurrencyCode, NewProduct, NewProductAttributesType0, PatchProductIfNoneMatch, ProductPatch
from client.models import ProductReplacement, Status
from steps import equal, step, until


def main(url):
    with Client(base_url=url, timeout=30, raise_on_unexpected_status=True) as client:
        round_trip(client)


def round_trip(client):
    with step("create"):
        attributes = NewProductAttributesType0.from_dict({"color": "Red"})
        body = NewProduct("Helmet", "33.6442", currency=CurrencyCode.USD, attributes=attributes)
        made = create_product.sync_detailed(client=client, body=body, idempotency_key="python-client")
        equal((made.status_code, made.parsed.version), (201, 1))
        product = made.parsed.product_id
    with step("patch"):
        patched = patch_product.sync_detailed(product, client=client, body=ProductPatch(price=34.99), if_match='"1"')
        equal((patched.status_code, patched.parsed.version), (200, 2))
    with step("refused patches"):
        stale = patch_product.sync_detailed(product, client=client, body=ProductPatch(name="Cap"), if_match='"1"')
        equal((stale.status_code, stale.parsed.current_version), (412, 2))
        equal([event.type_ for event in stale.parsed.missed], ["ProductPriceChanged"])
        there = PatchProductIfNoneMatch("*")
        there = patch_product.sync_detailed(product, client=client, body=ProductPatch(name="Cap"), if_none_match=there)
        equal(there.status_code, 412)
    with step("get"):
        got = get_product.sync(product, client=client, min_version=2)
        equal((got.name, got.price, got.currency, got.status), ("Helmet", "34.99", "USD", Status.ACTIVE))
        equal((got.attributes.to_dict(), got.sku or None), ({"color": "Red"}, None))
    with step("list"):
        until(lambda: (product, "34.99") in [(one.id, one.price) for one in list_products.sync(client=client).products])
    with step("prices"):
        prices = get_prices.sync(product, client=client, min_version=2)
        equal((prices.current, [period.price for period in prices.timeline]), ("34.99", ["33.6442", "34.99"]))
    with step("delete, restore, put"):
        deleted = delete_product.sync_detailed(product, client=client, if_match='"2"')
        equal((deleted.status_code, deleted.parsed.version), (200, 3))
        equal(restore_product.sync(product, client=client, if_match='"3"').version, 4)
        put = put_product.sync(product, client=client, body=ProductReplacement("Cap", "8.99", category="python-client"), if_match='"4"')
        equal([event.sequence for event in put.events], [5, 6, 7])
    with step("look up"):
        until(lambda: [one.id for one in list_products.sync(client=client, category="python-client").products] == [product])
        counted = [(one.category, one.products) for one in list_categories.sync(client=client).categories]
        equal(("python-client", 1) in counted, True)
    with step("history, verification"):
        history = get_history.sync(product, client=client, min_version=put.version)
        equal([commit.sequence for commit in history.commits], [1, 2, 3, 4, 5])
        equal(history.commits[0].state.name, "Helmet")
        equal(get_verification.sync(product, client=client).valid, True)


main(sys.argv[1])
