"""A client of the API."""

import uuid

import requests

#: Timeout of a request in seconds; the gateway's is 29.
ANSWERS = 35


class Client:
    """A client with a token, or without one."""

    def __init__(self, url, token=None):
        self.url = url
        self._session = requests.Session()
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method, path, body=None, **headers):
        """Sends a request; names of headers are written with underscores instead of hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._session.request(method, f"{self.url}{path}", json=body, headers=named, timeout=ANSWERS)

    def raw(self, method, path, body, content_type):
        """Sends a request with the body unchanged."""
        headers = {"Content-Type": content_type}
        return self._session.request(method, f"{self.url}{path}", data=body, headers=headers, timeout=ANSWERS)

    def get(self, path, **headers):
        """Sends a query."""
        return self.ask("GET", path, **headers)

    def write(self, method, path, body=None, **headers):
        """Sends a command that must be recorded; returns its receipt."""
        answer = self.ask(method, path, body, **headers)
        assert answer.status_code in (200, 201), f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def products(self, query):
        """All products of a LIST, page by page; a page may be empty even if more follow."""
        products, cursor = [], ""
        while cursor is not None:
            answer = self.get(f"/products?{query}{cursor}")
            assert answer.status_code == 200, answer.text
            page = answer.json()
            products += page["products"]
            cursor = page["next"] and f"&cursor={page['next']}"
        return products

    def categories(self):
        """All categories, page by page; a page may be empty even if more follow."""
        categories, cursor = [], ""
        while cursor is not None:
            answer = self.get(f"/categories?limit=100{cursor}")
            assert answer.status_code == 200, answer.text
            page = answer.json()
            categories += page["categories"]
            cursor = page["next"] and f"&cursor={page['next']}"
        return categories

    def commits(self, product):
        """The whole history of a product, page by page."""
        commits, after = [], 0
        while after is not None:
            answer = self.get(f"/products/{product}/history?limit=100&after={after}")
            assert answer.status_code == 200, answer.text
            page = answer.json()
            commits, after = commits + page["commits"], page["next"]
        return commits


def new_product():
    """An id that no other run uses."""
    return f"deployed-{uuid.uuid4()}"


def problem(answer, status, kind, correlation_id=None):
    """Asserts that the response is this problem in the common format; returns its members."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["Content-Type"] == "application/problem+json", answer.headers
    members = answer.json()
    assert members["type"] == f"urn:product-ledger:problem:{kind}", members
    assert members["status"] == status, members
    assert members["title"] and members["detail"], members
    assert members["instance"], members
    assert members["correlation_id"] == (correlation_id or members["correlation_id"]) != "", members
    return members
