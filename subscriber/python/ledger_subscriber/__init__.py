"""Applies each event of a product ledger once and in order, whatever the bus delivers twice, late or never."""

from .inbox import CannotApply, Contended, FeedChanged, Inbox, NotAnEvent, Outcome
from .ledger import HttpLedger, Ledger, LedgerError
from .messages import Message, Product, message_of
from .store import Cursor, MemoryStore, Parking, Store

__all__ = [
    "CannotApply",
    "Contended",
    "Cursor",
    "FeedChanged",
    "HttpLedger",
    "Inbox",
    "Ledger",
    "LedgerError",
    "MemoryStore",
    "Message",
    "NotAnEvent",
    "Outcome",
    "Parking",
    "Product",
    "Store",
    "message_of",
]
