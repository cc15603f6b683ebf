"""What an inbox remembers, as a port, and its adapter in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

JsonObject = dict[str, Any]
#: What `apply` writes with: a connection of SQLite, a list of writes of DynamoDB, `None` in memory.
Tx = TypeVar("Tx")
_Given = TypeVar("_Given", covariant=True)


@dataclass(frozen=True)
class Cursor:
    """The newest event of a product that was applied."""

    sequence: int
    event_id: str
    hash: str


@dataclass(frozen=True)
class Parking:
    """Why a product is not gone on with, and the sequence that it waits for."""

    sequence: int
    reason: str


class Store(Protocol[_Given]):
    """What an inbox remembers. Every method may be called by several threads and processes at a time."""

    def cursor(self, product: str) -> Cursor | None:
        """The newest event that was applied; `None` of a product that is new."""

    def parking(self, product: str) -> Parking | None:
        """Why the product is parked; `None` if it is not."""

    def advance(self, product: str, before: Cursor | None, after: Cursor, effect: Callable[[_Given], None]) -> bool:
        """Runs `effect` and moves the cursor from `before` to `after`, both or neither; `False` and neither if the cursor is
        another one, or the product is parked. What was held for this sequence is dropped."""

    def hold(self, product: str, sequence: int, event: JsonObject) -> None:
        """Keeps an event that came early, for 14 days at least."""

    def held(self, product: str, sequence: int) -> JsonObject | None:
        """The event that was kept for this sequence."""

    def park(self, product: str, parking: Parking) -> None:
        """Parks a product, unless it is parked."""

    def release(self, product: str) -> None:
        """Ends the parking of a product."""

    def parked(self) -> dict[str, Parking]:
        """Every parked product."""

    def position(self) -> tuple[int, str] | None:
        """How far the feed was followed: the position and the hash of its commit."""

    def move(self, position: int, hash: str) -> None:
        """Remembers how far the feed was followed."""


class MemoryStore:
    """Remembers until the process ends: for tests."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._cursors: dict[str, Cursor] = {}
        self._parked: dict[str, Parking] = {}
        self._held: dict[tuple[str, int], JsonObject] = {}
        self._position: tuple[int, str] | None = None

    def cursor(self, product: str) -> Cursor | None:
        with self._lock:
            return self._cursors.get(product)

    def parking(self, product: str) -> Parking | None:
        with self._lock:
            return self._parked.get(product)

    def advance(self, product: str, before: Cursor | None, after: Cursor, effect: Callable[[None], None]) -> bool:
        with self._lock:
            if product in self._parked or self._cursors.get(product) != before:
                return False
            effect(None)
            self._cursors[product] = after
            self._held.pop((product, after.sequence), None)
            return True

    def hold(self, product: str, sequence: int, event: JsonObject) -> None:
        with self._lock:
            self._held[(product, sequence)] = event

    def held(self, product: str, sequence: int) -> JsonObject | None:
        with self._lock:
            return self._held.get((product, sequence))

    def park(self, product: str, parking: Parking) -> None:
        with self._lock:
            self._parked.setdefault(product, parking)

    def release(self, product: str) -> None:
        with self._lock:
            self._parked.pop(product, None)

    def parked(self) -> dict[str, Parking]:
        with self._lock:
            return dict(self._parked)

    def position(self) -> tuple[int, str] | None:
        with self._lock:
            return self._position

    def move(self, position: int, hash: str) -> None:
        with self._lock:
            self._position = (position, hash)
