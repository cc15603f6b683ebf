"""What each function is given to do: events of the forms that the tests of the functions use too."""

import json
from collections.abc import Callable, Iterator

from surroundings import REPOSITORY, Surroundings

PYTHON_TABLE = "python-products"
POST, GET = "POST /products", "GET /products/{id}"
BATCH = "a batch of one record"


class Work:
    """What is posted by one function is what the next ones project, publish and get."""

    def __init__(self, surroundings: Surroundings, count: int):
        self.surroundings, self.count = surroundings, count
        self.ids: list[str] = []
        key = [{"AttributeName": "id", "KeyType": "HASH"}]
        attributes = [{"AttributeName": "id", "AttributeType": "S"}]
        surroundings.create(PYTHON_TABLE, {"KeySchema": key, "AttributeDefinitions": attributes})

    def of(self, name: str) -> Iterator[tuple[str, Callable[[], list[bytes]]]]:
        if name in ("command-api", "python"):
            yield POST, self.posts
        if name in ("query-api", "python"):
            yield GET, self.gets
        if name in ("projector", "publisher"):
            yield BATCH, self.batches

    def check(self, route: str, answer: dict) -> None:
        """A function that does not do its work is not measured."""
        if route == BATCH:
            if answer != {"batchItemFailures": []}:
                raise RuntimeError(f"{route}: {answer}")
            return
        expected = 201 if route == POST else 200
        body = json.loads(answer["body"])
        if answer["statusCode"] != expected:
            raise RuntimeError(f"{route}: {answer}")
        if route == POST:
            self.ids.append(body.get("product_id") or body["id"])

    def posts(self) -> list[bytes]:
        self.ids.clear()
        event = recorded("commands/tests/data/post-product.json")
        events = []
        for number in range(self.count):
            body = json.dumps({"name": f"Helmet {number}", "price": 33.6442, "sku": f"HL-{number}"})
            for headers, value in (("headers", f"k-{number}"), ("multiValueHeaders", [f"k-{number}"])):
                event[headers]["Idempotency-Key"] = value
            events.append(json.dumps(event | {"body": body}).encode())
        return events

    def gets(self) -> list[bytes]:
        event = recorded("projections/tests/data/get-product.json")
        events = []
        for product in self.ids:
            path = f"/products/{product}"
            context = event["requestContext"] | {"path": f"/v1{path}"}
            own = {"path": path, "pathParameters": {"id": product}, "requestContext": context}
            events.append(json.dumps(event | own).encode())
        return events

    def batches(self) -> list[bytes]:
        records = self.surroundings.stream()[: self.count]
        return [json.dumps({"Records": [record]}).encode() for record in records]


def recorded(path: str) -> dict:
    return json.loads((REPOSITORY / path).read_text())
