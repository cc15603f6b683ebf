"""An inbox's memory in a file of SQLite, beside what `apply` writes: cursor and effect are one transaction."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .store import Cursor, JsonObject, Parking

#: How long an event that came early is kept.
_HELD_S = 14 * 24 * 3600
_TABLES = """
create table if not exists inbox_cursors (product text primary key, sequence integer not null, event_id text not null, hash text not null) strict;
create table if not exists inbox_parked (product text primary key, sequence integer not null, reason text not null) strict;
create table if not exists inbox_held (product text, sequence integer, event text not null, until integer not null, primary key (product, sequence)) strict;
create table if not exists inbox_position (id integer primary key check (id = 0), position integer not null, hash text not null) strict;
"""


class SqliteStore:
    """The tables `inbox_…` of a file. `apply` gets the connection, within the transaction that moves the cursor: it must neither
    commit nor roll back."""

    def __init__(self, path: str | Path, timeout_s: float = 30.0) -> None:
        self._path = str(path)
        self._timeout_s = timeout_s
        self._threads = threading.local()
        self._connection().executescript(_TABLES)

    def _connection(self) -> sqlite3.Connection:
        """Each thread has its own."""
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=self._timeout_s, isolation_level=None)
            self._threads.connection = connection
        return connection

    def cursor(self, product: str) -> Cursor | None:
        found = self._one("select sequence, event_id, hash from inbox_cursors where product = ?", product)
        return None if found is None else Cursor(*found)

    def parking(self, product: str) -> Parking | None:
        found = self._one("select sequence, reason from inbox_parked where product = ?", product)
        return None if found is None else Parking(*found)

    def advance(
        self, product: str, before: Cursor | None, after: Cursor, effect: Callable[[sqlite3.Connection], None]
    ) -> bool:
        connection = self._connection()
        connection.execute("begin immediate")
        try:
            moves = self.parking(product) is None and self.cursor(product) == before
            if moves:
                effect(connection)
                row = (product, after.sequence, after.event_id, after.hash)
                connection.execute("insert or replace into inbox_cursors values (?, ?, ?, ?)", row)
                connection.execute("delete from inbox_held where product = ? and sequence <= ?", (product, after.sequence))
            connection.execute("commit")
            return moves
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise

    def hold(self, product: str, sequence: int, event: JsonObject) -> None:
        now = int(time.time())
        connection = self._connection()
        connection.execute("delete from inbox_held where until < ?", (now,))
        row = (product, sequence, json.dumps(event), now + _HELD_S)
        connection.execute("insert or replace into inbox_held values (?, ?, ?, ?)", row)

    def held(self, product: str, sequence: int) -> JsonObject | None:
        found = self._one("select event from inbox_held where product = ? and sequence = ?", product, sequence)
        return None if found is None else json.loads(found[0])

    def park(self, product: str, parking: Parking) -> None:
        row = (product, parking.sequence, parking.reason)
        self._connection().execute("insert or ignore into inbox_parked values (?, ?, ?)", row)

    def release(self, product: str) -> None:
        self._connection().execute("delete from inbox_parked where product = ?", (product,))

    def parked(self) -> dict[str, Parking]:
        rows = self._connection().execute("select product, sequence, reason from inbox_parked order by product")
        return {product: Parking(sequence, reason) for product, sequence, reason in rows}

    def position(self) -> tuple[int, str] | None:
        return self._one("select position, hash from inbox_position")

    def move(self, position: int, hash: str) -> None:
        self._connection().execute("insert or replace into inbox_position values (0, ?, ?)", (position, hash))

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection().execute(query, values).fetchone()
        return row
