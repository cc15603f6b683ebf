"""A ledger in memory, and deliveries of its events by a bus that repeats, reorders, loses and replays."""

from __future__ import annotations

import random
from typing import Any

JsonObject = dict[str, Any]


class FakeLedger:
    """Products with their messages, and all commits in order, as the ledger answers them. `down` makes every request fail."""

    def __init__(self) -> None:
        self.products: dict[str, list[JsonObject]] = {}
        self.feed: list[JsonObject] = []
        self.requests: list[str] = []
        self.down: Exception | None = None

    def record(self, product: str, events: int = 1, salt: str = "", price: str | None = None) -> list[JsonObject]:
        """Records a commit of so many events."""
        history = self.products.setdefault(product, [])
        first, made = len(history) + 1, []
        hash = f"{product}/{first}{salt}"
        for sequence in range(first, first + events):
            metadata = {"product_id": product, "sequence": sequence, "event_id": f"{product}-{sequence}{salt}", "hash": hash}
            data = {"product": {"id": product, "price": price or str(sequence), "version": first + events - 1}}
            made.append({
                "sequence": sequence, "source": "product-ledger.products", "detail-type": "PRODUCT_PRICE_CHANGED",
                "resources": [product], "detail": {"metadata": metadata, "data": data},
            })
        history.extend(made)
        self.feed.append({"product_id": product, "sequence": first, "hash": hash, "events": [{}] * events})
        return made

    def cut(self, product: str, to: int) -> None:
        """Forgets what a product has above a sequence, as a restore of the tables does. Its commits stay in the order of all."""
        del self.products[product][to:]

    def messages(self, product: str, after: int, limit: int = 100) -> JsonObject:
        self._asked(f"messages {product}")
        known = self.products.get(product, [])
        # The sequences of a product are 1, 2, 3 and so on.
        return {"messages": known[after : after + limit], "next": after + limit if len(known) > after + limit else None}

    def commits(self, after: int | None, limit: int = 100) -> JsonObject:
        self._asked("commits")
        newest = len(self.feed) - 1 if self.feed else None
        first, most = (max(0, len(self.feed) - 1), 1) if after is None else (after + 1, limit)
        page = [{"position": first + n, "commit": commit} for n, commit in enumerate(self.feed[first : first + most])]
        more = after is not None and after + limit < len(self.feed) - 1
        return {"commits": page, "next": page[-1]["position"] if more else None, "newest": newest}

    def _asked(self, what: str) -> None:
        self.requests.append(what)
        if self.down is not None:
            raise self.down


def replayed(message: JsonObject) -> JsonObject:
    """The message as a replay sends it."""
    detail = message["detail"]
    replay = {"id": "01M841K9DC3M5ZQYPS2Y3BRKSE", "requested_at": "2026-11-30T00:00:00.000Z"}
    return {**message, "detail": {**detail, "metadata": {**detail["metadata"], "replay": replay}}}


def deliveries(ledger: FakeLedger, seed: int) -> list[JsonObject]:
    """Of every event: 5 % never, 20 % twice, a tenth moved within and across products, and replays in between."""
    chance = random.Random(seed)
    order = [message for commit in ledger.feed for message in _of(ledger, commit)]
    sent = []
    for place, message in enumerate(order):
        if chance.random() < 0.05:
            continue
        for _ in range(2 if chance.random() < 0.2 else 1):
            late = chance.randrange(1, 40) if chance.random() < 0.1 else 0
            sent.append((place + late, chance.random(), message))
        if chance.random() < 0.02:
            sent.append((place + chance.randrange(60), chance.random(), replayed(message)))
    return [message for _, _, message in sorted(sent, key=lambda one: one[:2])]


def _of(ledger: FakeLedger, commit: JsonObject) -> list[JsonObject]:
    first = commit["sequence"] - 1
    return ledger.products[commit["product_id"]][first : first + len(commit["events"])]


def recorded(products: int, commits: int, seed: int) -> FakeLedger:
    """A ledger of random commits."""
    chance, ledger = random.Random(seed), FakeLedger()
    for _ in range(commits):
        ledger.record(f"p{chance.randrange(products)}", chance.choice([1, 1, 1, 2, 3]))
    return ledger
