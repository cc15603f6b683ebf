"""The round trip with the Python client that openapi-generator generated: `with_openapi_generator.py URL`."""

import json
import sys

from client import ApiClient, ApiException, AuditApi, CommandsApi, Configuration, CurrencyCode, NewProduct
from client import NewProductPrice, ProductPatch, ProductReplacement, ProductsApi, Status
from steps import equal, step, until


def main(url):
    with ApiClient(Configuration(host=url)) as client:
        round_trip(CommandsApi(client), ProductsApi(client), AuditApi(client))


def refused(call):
    """The status and the problem of a refused command."""
    try:
        answer = call()
    except ApiException as refusal:
        return refusal.status, json.loads(refusal.body)
    raise SystemExit(f"not refused: {answer!r}")


def round_trip(commands, products, audit):
    with step("create"):
        price = NewProductPrice("33.6442")
        body = NewProduct(name="Helmet", price=price, currency=CurrencyCode.USD, attributes={"color": "Red"})
        made = commands.create_product_with_http_info(body, idempotency_key="openapi-generator")
        equal((made.status_code, made.data.version), (201, 1))
        product = made.data.product_id
    with step("patch"):
        patch = ProductPatch(price=NewProductPrice(34.99))
        patched = commands.patch_product_with_http_info(product, patch, if_match='"1"')
        equal((patched.status_code, patched.data.version), (200, 2))
    with step("refused patches"):
        rename = ProductPatch(name="Cap")
        status, problem = refused(lambda: commands.patch_product(product, rename, if_match='"1"'))
        equal((status, problem["current_version"]), (412, 2))
        equal(refused(lambda: commands.patch_product(product, rename, if_none_match="*"))[0], 412)
    with step("get"):
        got = products.get_product(product, min_version=2)
        equal((got.name, got.price, got.currency, got.status), ("Helmet", "34.99", "USD", Status.ACTIVE))
        equal((got.attributes, got.sku), ({"color": "Red"}, None))
    with step("list"):
        until(lambda: (product, "34.99") in [(one.id, one.price) for one in products.list_products().products])
    with step("prices"):
        prices = audit.get_prices(product, min_version=2)
        equal((prices.current, [period.price for period in prices.timeline]), ("34.99", ["33.6442", "34.99"]))
    with step("delete, restore, put"):
        equal(commands.delete_product(product, if_match='"2"').version, 3)
        equal(commands.restore_product(product, if_match='"3"').version, 4)
        body = ProductReplacement(name="Cap", price=NewProductPrice("8.99"), category="openapi-generator")
        put = commands.put_product(product, body, if_match='"4"')
        equal([event.sequence for event in put.events], [5, 6, 7])
    with step("look up"):
        until(lambda: [one.id for one in products.list_products(category="openapi-generator").products] == [product])
        counted = [(one.category, one.products) for one in products.list_categories().categories]
        equal(("openapi-generator", 1) in counted, True)
    with step("history, verification"):
        history = audit.get_history(product, min_version=put.version)
        equal([commit.sequence for commit in history.commits], [1, 2, 3, 4, 5])
        equal(audit.get_verification(product).valid, True)


main(sys.argv[1])
