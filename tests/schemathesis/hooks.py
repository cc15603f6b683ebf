"""What OpenAPI cannot say of a valid request: which parameters go together, and which values only the server knows.

Requests that are meant to be wrong are left as they are.
"""

import itertools
import unicodedata
from datetime import datetime, timezone
from urllib.parse import unquote

import schemathesis
from hypothesis import strategies

FILTERS = {
    "id": ("id_prefix", "sku", "category"),
    "name": ("name_prefix", "sku", "category"),
    "price": ("currency", "min_price", "max_price"),
    "updated_at": ("include", "updated_since"),
}
# They must be those of the product.
CARRIED = ("id", "status", "version", "created_at", "updated_at", "price_occurred_at")
EVERYWHERE = ("limit", "sort", "order")
# The categories of Unicode whose characters nobody sees.
UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Zl", "Zp", "Zs")

numbers = itertools.count()

# When something happened is not in the future.
moments = strategies.datetimes(datetime(1970, 1, 2), datetime(2025, 12, 31), timezones=strategies.just(timezone.utc))
schemathesis.openapi.format("date-time", moments.map(lambda moment: moment.isoformat().replace("+00:00", "Z")))


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    headers, query = case.headers or {}, case.query or {}
    # They exclude each other.
    if "If-Match" in headers:
        headers.pop("If-None-Match", None)
    # A key stands for one request.
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = f"schemathesis-{next(numbers)}"
    if case.method in ("PUT", "PATCH") and isinstance(case.body, dict):
        for name in CARRIED:
            case.body.pop(name, None)
    if isinstance(case.body, dict):
        visible(case.body)
    # What follows from /openapi.json is taken from the paths in it: their templates are no ids.
    if "{" in unquote(str((case.path_parameters or {}).get("id", ""))):
        case.path_parameters["id"] = "helmet"
    operation = f"{case.method} {case.path}"
    if operation == "GET /products":
        page(query)
    elif operation == "GET /commits":
        commits(query)
    elif operation == "GET /products/{id}/history":
        as_json(query, 1000)
    elif operation == "GET /categories":
        # Only the server makes one.
        query.pop("cursor", None)
    elif operation == "GET /products/{id}":
        # At most one of them.
        for name in [name for name in ("min_version", "version", "as_of") if name in query][1:]:
            del query[name]
    elif operation == "GET /products/{id}/prices":
        # Only the server makes one.
        query.pop("next", None)
        as_json(query, 1000)
        # Which names there are is up to the IANA database.
        if "time_zone" in query:
            query["time_zone"] = "Europe/Berlin"


def visible(body):
    """A name, SKU or category has a character that can be seen; a pattern would have to list those that cannot."""
    for name in ("name", "sku", "category"):
        text = body.get(name)
        if isinstance(text, str) and not any(unicodedata.category(sign) not in UNSEEN for sign in text):
            body[name] = "visible"


def as_json(query, most):
    """As JSON a page is smaller than as CSV, and there is no answer with everything."""
    query.pop("all", None)
    if "limit" in query:
        query["limit"] = min(int(query["limit"]), most)


def commits(query):
    """Each bound goes with one direction; nothing is waited for."""
    for name in ("wait", "to"):
        query.pop(name, None)
    as_json(query, 100)
    if query.get("order") == "desc":
        query.pop("after", None)
    elif "before" in query:
        query.setdefault("after", -1)


def page(query):
    """Each filter goes with one sort, and a cursor is made by the server for one query."""
    as_json(query, 100)
    if "as_of" in query or "in_force" in query:
        # The catalogue of one other time, which has one order.
        name = "as_of" if "as_of" in query else "in_force"
        for other in [other for other in query if other not in (name, "limit")]:
            del query[other]
        return
    sort = query.get("sort", "id")
    for name in [name for name in query if name not in EVERYWHERE + FILTERS[sort]]:
        del query[name]
    if sort == "price":
        query.setdefault("currency", "USD")
