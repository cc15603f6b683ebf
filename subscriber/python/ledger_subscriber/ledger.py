"""The ledger's answers that an inbox needs: messages of a product, and the commits of all products in order."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any, Protocol

JsonObject = dict[str, Any]


class LedgerError(Exception):
    """The ledger did not answer, or not with what was asked for; the delivery should be tried again."""


class Ledger(Protocol):
    """Where an inbox fetches what it did not receive."""

    def messages(self, product: str, after: int, limit: int = 100) -> JsonObject:
        """A page of the messages of a product above a sequence; `{"messages": [], "next": None}` if there are none, also where
        the ledger has no such product or sequence."""

    def commits(self, after: int | None, limit: int = 100) -> JsonObject:
        """A page of the commits above a position; with `None` the newest commit alone."""


class HttpLedger:
    """A ledger by its address. `token` is the access token, or a function that returns a valid one; its scope is
    `products/subscribe`."""

    def __init__(self, url: str, token: str | Callable[[], str] | None = None, timeout: float = 10.0) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._timeout = timeout

    def messages(self, product: str, after: int, limit: int = 100) -> JsonObject:
        path = f"/products/{urllib.parse.quote(product, safe='')}/messages?after={after}&limit={limit}"
        return self._get(path, missing={"messages": [], "next": None})

    def commits(self, after: int | None, limit: int = 100) -> JsonObject:
        where = "order=desc&limit=1" if after is None else f"after={after}&limit={limit}"
        return self._get(f"/commits?{where}", missing=None)

    def _get(self, path: str, missing: JsonObject | None) -> JsonObject:
        headers = {"Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token if isinstance(self._token, str) else self._token()}"
        try:
            with urllib.request.urlopen(urllib.request.Request(self._url + path, headers=headers), timeout=self._timeout) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            kind = self._kind(error)
            if missing is not None and kind in ("product-not-found", "version-not-found"):
                return missing
            raise LedgerError(f"GET {path}: {error.code} {kind}") from error
        except (OSError, ValueError) as error:
            raise LedgerError(f"GET {path}: {error}") from error
        if not isinstance(found, dict):
            raise LedgerError(f"GET {path}: the answer is no object")
        return found

    @staticmethod
    def _kind(error: urllib.error.HTTPError) -> str:
        try:
            problem = json.load(error)
            return str(problem["type"]).removeprefix("urn:product-ledger:problem:")
        except (OSError, ValueError, KeyError, TypeError):
            return ""
