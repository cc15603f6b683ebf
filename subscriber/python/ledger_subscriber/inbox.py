"""The inbox: gives each event to `apply` once and in order per product, whatever is delivered twice, late or never.

An event is applied when the cursor of its product stands right before it. What came too early is kept, what did not come is fetched from
the ledger, and what can never fit (two events with one sequence, or one that `apply` refuses) parks its product, while all others go on.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Literal
from weakref import WeakValueDictionary

from .ledger import JsonObject, Ledger, LedgerError
from .store import Cursor, Parking, Store, Tx

Outcome = Literal["applied", "seen", "parked"]
Apply = Callable[[JsonObject, Tx], None]

#: How often other receivers of a product may go first.
_ROUNDS = 50
#: How often a receiver looks whether another one has filled the gap before its event.
_LOOK_EVERY_S = 0.05


class CannotApply(Exception):
    """Raised by `apply` for an event that it can never apply: the product is parked until `Inbox.retry`."""


class FeedChanged(Exception):
    """The commit at the position that was followed last is another one now. Whoever runs the ledger has to say why; then begin
    with an empty store."""


class Contended(Exception):
    """Other receivers of the product kept going first; the delivery should be tried again."""


class NotAnEvent(ValueError):
    """What was received is no event of a ledger."""


class _Event:
    """What the inbox reads of an event."""

    def __init__(self, event: JsonObject) -> None:
        try:
            metadata = event["detail"]["metadata"]
            self.product: str = metadata["product_id"]
            self.sequence: int = metadata["sequence"]
            self.cursor = Cursor(self.sequence, metadata["event_id"], metadata["hash"])
            self.is_replay = metadata.get("replay") is not None
            self.is_omitted = event["detail"]["data"].get("product_omitted") is True
        except (KeyError, TypeError, AttributeError) as error:
            raise NotAnEvent(f"this is no event of a ledger: {error!r}") from error
        if not isinstance(self.product, str) or type(self.sequence) is not int or self.sequence < 1:
            raise NotAnEvent("this is no event of a ledger: its product or its sequence is malformed")
        self.event = event


class Inbox(Generic[Tx]):
    """Gives each event to `apply` once and in order per product.

    `start`: a product that is new to the inbox begins with its first event (`"beginning"`) or with the one received first, whose
    message has the product's state (`"now"`). `wait_s`: how long `receive` waits for what is missing before it fetches it.
    `on_replay` is called for a replayed event that was applied before.
    """

    def __init__(
        self,
        store: Store[Tx],
        ledger: Ledger,
        *,
        start: Literal["beginning", "now"] = "beginning",
        wait_s: float = 5.0,
        on_replay: Callable[[JsonObject], None] | None = None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._begins_now = start == "now"
        self._wait_s = wait_s
        self._on_replay = on_replay
        self._fetching: WeakValueDictionary[str, _Lock] = WeakValueDictionary()
        self._guard = threading.Lock()
        #: How many requests were made to the ledger.
        self.fetches = 0

    def receive(self, event: JsonObject | str | bytes, apply: Apply[Tx]) -> Outcome:
        """Takes one delivery. `"applied"`, `"seen"` and `"parked"` are final; after any exception it has to be delivered again."""
        received = _Event(json.loads(event) if isinstance(event, (str, bytes)) else event)
        for _ in range(_ROUNDS):
            outcome = self._receive(received, apply)
            if outcome is not None:
                return outcome
        raise Contended(f"other receivers of {received.product} went first {_ROUNDS} times")

    def _receive(self, received: _Event, apply: Apply[Tx]) -> Outcome | None:
        """One attempt; `None` if another receiver of the product went first."""
        product = received.product
        if self._store.parking(product) is not None:
            return "parked"
        cursor = self._store.cursor(product)
        if cursor is None and self._begins_now:
            return "seen" if received.is_replay else self._apply(received, None, apply)
        if received.sequence <= _sequence(cursor):
            return self._seen(received, cursor)
        if received.sequence > _sequence(cursor) + 1:
            return self._fill(received, apply)
        outcome = self._apply(received, cursor, apply)
        if outcome == "applied":
            self._apply_held(product, apply)
        return outcome

    def catch_up(self, apply: Apply[Tx], *, within_s: float | None = None) -> int:
        """Follows the feed from where it was followed last to its end, and applies every event that is missing. Returns how many
        commits it passed. `within_s` ends it earlier, after a commit: the next call goes on there."""
        until = None if within_s is None else time.monotonic() + within_s
        kept = self._store.position()
        if kept is None:
            if self._begins_now:
                self._begin_at_newest()
                return 0
            kept = (-1, "")
        passed, checked = 0, set[tuple[str, Cursor]]()
        for position, commit in self._commits(kept):
            if commit is not None:
                self._pass(commit, apply, checked)
                self._store.move(position, commit["hash"])
                passed += 1
            if until is not None and time.monotonic() >= until:
                break
        return passed

    def retry(self, product: str, apply: Apply[Tx]) -> Outcome:
        """Ends the parking of a product and goes on with it from the ledger; `"parked"` if that does not fit either."""
        self._store.release(product)
        with self._only_fetch(product):
            self._fetch(product, None, apply)
        return "parked" if self._store.parking(product) is not None else "applied"

    def parked(self) -> dict[str, Parking]:
        """Every parked product, and why."""
        return self._store.parked()

    def _seen(self, received: _Event, cursor: Cursor | None) -> Outcome:
        if cursor is not None and received.sequence == cursor.sequence and received.cursor != cursor:
            return self._park(received, f"event {cursor.event_id} was applied with this sequence")
        if received.is_replay and self._on_replay is not None:
            self._on_replay(received.event)
        return "seen"

    def _park(self, at: _Event, reason: str) -> Outcome:
        self._store.park(at.product, Parking(at.sequence, reason))
        return "parked"

    def _apply(self, event: _Event, before: Cursor | None, apply: Apply[Tx]) -> Outcome | None:
        """Applies the event that comes next; `None` if somebody else moved the cursor meanwhile."""
        whole = event
        if event.is_omitted:
            fetched = self._page(event.product, event.sequence - 1, limit=1)
            if not fetched or fetched[0].cursor != event.cursor:
                return self._park(event, f"the ledger has another event than {event.cursor.event_id} with this sequence")
            whole = fetched[0]
        try:
            moved = self._store.advance(event.product, before, event.cursor, lambda tx: apply(whole.event, tx))
        except CannotApply as error:
            return self._park(event, str(error))
        if moved:
            return "applied"
        return "parked" if self._store.parking(event.product) is not None else None

    def _apply_held(self, product: str, apply: Apply[Tx]) -> None:
        """Applies what was kept and comes next now."""
        while True:
            cursor = self._store.cursor(product)
            held = self._store.held(product, _sequence(cursor) + 1)
            if held is None or self._apply(_Event(held), cursor, apply) == "parked":
                return

    def _fill(self, received: _Event, apply: Apply[Tx]) -> Outcome:
        """Waits for what is missing before an event, then fetches it."""
        product, until = received.product, time.monotonic() + self._wait_s
        if self._wait_s > 0:
            self._store.hold(product, received.sequence, received.event)
        while time.monotonic() < until and not self._is_past(received):
            self._apply_held(product, apply)
            time.sleep(min(_LOOK_EVERY_S, max(0.0, until - time.monotonic())))
        with self._only_fetch(product):
            if not self._is_past(received):
                self._fetch(product, received, apply)
        if self._store.parking(product) is not None:
            return "parked"
        cursor = self._store.cursor(product)
        if received.sequence > _sequence(cursor):
            raise LedgerError(f"the ledger lacks events of {product} before sequence {received.sequence}")
        if cursor is not None and cursor.sequence == received.sequence and cursor != received.cursor:
            return self._park(received, f"event {cursor.event_id} was applied with this sequence")
        return "applied"

    def _is_past(self, received: _Event) -> bool:
        if self._store.parking(received.product) is not None:
            return True
        return received.sequence <= _sequence(self._store.cursor(received.product))

    def _fetch(self, product: str, up_to: _Event | None, apply: Apply[Tx]) -> None:
        """Applies what the ledger has of a product above the cursor, up to an event or all of it. Each page begins with the
        event at the cursor, so that another one there is noticed."""
        while True:
            cursor = self._store.cursor(product)
            page = self._page(product, max(0, _sequence(cursor) - 1))
            if cursor is not None and not self._is_at(cursor, product, page):
                return
            further = [event for event in page if event.sequence > _sequence(cursor)]
            for event in further:
                if not self._go_on(event, up_to, apply):
                    return
            if not further:
                return

    def _go_on(self, event: _Event, up_to: _Event | None, apply: Apply[Tx]) -> bool:
        """Applies a fetched event unless somebody did; whether to go on with the next one."""
        if up_to is not None and event.sequence == up_to.sequence and event.cursor != up_to.cursor:
            self._park(up_to, f"the ledger has event {event.cursor.event_id} with this sequence")
            return False
        before = self._store.cursor(event.product)
        if event.sequence > _sequence(before):
            if event.sequence != _sequence(before) + 1 and not (before is None and self._begins_now):
                raise LedgerError(f"the ledger lacks events of {event.product} before sequence {event.sequence}")
            if self._apply(event, before, apply) == "parked":
                return False
        return up_to is None or event.sequence < up_to.sequence

    def _is_at(self, cursor: Cursor, product: str, page: list[_Event]) -> bool:
        """Whether a page begins with the event at the cursor; parks the product if it does not."""
        if page and page[0].cursor == cursor:
            return True
        first = page[0].cursor.event_id if page and page[0].sequence == cursor.sequence else None
        has = f"has event {first} with this sequence" if first else "no longer has this sequence"
        self._store.park(product, Parking(cursor.sequence, f"event {cursor.event_id} was applied, but the ledger {has}"))
        return False

    def _pass(self, commit: JsonObject, apply: Apply[Tx], checked: set[tuple[str, Cursor]]) -> None:
        """Applies what a commit of the feed has above the cursor of its product."""
        product = commit["product_id"]
        if self._store.parking(product) is not None:
            return
        cursor = self._store.cursor(product)
        newest = commit["sequence"] + len(commit["events"]) - 1
        if cursor is not None and newest <= cursor.sequence:
            # The feed has not passed it before: it could be a rival of what was applied.
            if (product, cursor) not in checked and self._is_at(cursor, product, self._page(product, cursor.sequence - 1, limit=1)):
                checked.add((product, cursor))
            return
        with self._only_fetch(product):
            self._fetch(product, None, apply)

    def _commits(self, kept: tuple[int, str]) -> Iterator[tuple[int, JsonObject | None]]:
        """The feed behind a position, whose commit must still be the one with this hash."""
        position, expected = kept
        after = position - 1 if position >= 0 else -1
        while True:
            self.fetches += 1
            page = self._ledger.commits(after)
            for entry in page["commits"]:
                if entry["position"] > position:
                    yield entry["position"], entry.get("commit")
                elif (entry.get("commit") or {}).get("hash") != expected:
                    raise FeedChanged(f"the commit at position {position} is not the one with the hash {expected}")
            if page["next"] is None:
                newest = page["newest"]
                if position >= 0 and (newest is None or newest < position):
                    raise FeedChanged(f"the feed ends at {newest}, before position {position}")
                return
            after = page["next"]

    def _begin_at_newest(self) -> None:
        self.fetches += 1
        page = self._ledger.commits(None)
        newest = [entry for entry in page["commits"] if entry.get("commit") is not None]
        if newest:
            self._store.move(newest[0]["position"], newest[0]["commit"]["hash"])
        elif page["newest"] is None:
            self._store.move(-1, "")

    def _page(self, product: str, after: int, limit: int = 100) -> list[_Event]:
        self.fetches += 1
        return [_Event(message) for message in self._ledger.messages(product, after, limit)["messages"]]

    @contextmanager
    def _only_fetch(self, product: str) -> Iterator[None]:
        """At most one fetch of a product at a time, in this process."""
        with self._guard:
            lock = self._fetching.setdefault(product, _Lock())
        with lock.lock:
            yield


class _Lock:
    """A lock that goes with its last holder."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


def _sequence(cursor: Cursor | None) -> int:
    return 0 if cursor is None else cursor.sequence
