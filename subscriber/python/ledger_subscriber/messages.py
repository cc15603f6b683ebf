"""The types of every message and version. Made from the schemas by schema/tests/contract/subscriber.rs: do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Literal, Optional, TypedDict, Union


#: Present when the event is replayed.
MessageMetadataReplay = TypedDict(
    "MessageMetadataReplay",
    {
        # ULID of the request.
        "id": str,
        # When it was made.
        "requested_at": str,
    },
)


#: The event's identity, commit and cause.
_MessageMetadata = TypedDict(
    "_MessageMetadata",
    {
        # Who sent the command.
        "actor": str,
        # The command that caused the event.
        "causation_id": str,
        # The commit.
        "commit_id": str,
        # The conversation the command belonged to.
        "correlation_id": str,
        # When the commit was recorded.
        "created_at": str,
        # The same on every delivery and replay: discard an id that was received before.
        "event_id": str,
        # The event's name in upper snake case.
        "event_name": str,
        # The configured source.
        "event_source": str,
        # `v` and the version of the event's data.
        "event_version": str,
        # The commit's hash.
        "hash": str,
        # When it happened in business terms.
        "occurred_at": str,
        # The product.
        "product_id": str,
        # The event's sequence within the product, without gaps: a jump shows what was missed.
        "sequence": int,
    },
)

_MessageMetadataOptional = TypedDict(
    "_MessageMetadataOptional",
    {
        # The name of the log that the commit is in or will soon be in, if one is kept: ask there for the proof of the hash.
        "log_origin": Optional[str],
        # Present when the event is replayed.
        "replay": Optional[MessageMetadataReplay],
    },
    total=False,
)


class MessageMetadata(_MessageMetadata, _MessageMetadataOptional):
    """The event's identity, commit and cause."""


#: A product at one of its versions.
_Product = TypedDict(
    "_Product",
    {
        # `recorded_at` of its first commit.
        "created_at": str,
        # An ISO 4217 code in upper case.
        "currency": str,
        # Its id.
        "id": str,
        # 1 to 200 characters.
        "name": str,
        # A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros.
        "price": str,
        # Active or deleted.
        "status": Literal["active", "deleted"],
        # `recorded_at` of its newest commit.
        "updated_at": str,
        # Sequence of its newest event.
        "version": int,
    },
)

_ProductOptional = TypedDict(
    "_ProductOptional",
    {
        # At most 50 pairs, keys of 1 to 128 and values of 0 to 2,000 characters.
        "attributes": Optional[Dict[str, str]],
        # 1 to 200 characters.
        "category": Optional[str],
        # Up to 4,000 characters.
        "description": Optional[str],
        # `occurred_at` of the price in force. Absent in states that earlier builds wrote, and from then on until the price changes.
        "price_occurred_at": Optional[str],
        # Stock keeping unit, 1 to 64 characters.
        "sku": Optional[str],
    },
    total=False,
)


class Product(_Product, _ProductOptional):
    """A product at one of its versions."""


#: All fields a product starts with.
_ProductCreatedV1Data = TypedDict(
    "_ProductCreatedV1Data",
    {
        # An ISO 4217 code in upper case.
        "currency": str,
        # Its name.
        "name": str,
        # A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros.
        "price": str,
    },
)

_ProductCreatedV1DataOptional = TypedDict(
    "_ProductCreatedV1DataOptional",
    {
        # At most 50 pairs, keys of 1 to 128 and values of 0 to 2,000 characters.
        "attributes": Optional[Dict[str, str]],
        # 1 to 200 characters.
        "category": Optional[str],
        # Up to 4,000 characters.
        "description": Optional[str],
        # Stock keeping unit, 1 to 64 characters.
        "sku": Optional[str],
    },
    total=False,
)


class ProductCreatedV1Data(_ProductCreatedV1Data, _ProductCreatedV1DataOptional):
    """All fields a product starts with."""


#: The deletion has no data.
ProductDeletedV1Data = TypedDict("ProductDeletedV1Data", {})


#: The previous values of the same fields.
ProductDetailsChangedV1Previous = TypedDict(
    "ProductDetailsChangedV1Previous",
    {
        # All attributes, if any of them changed.
        "attributes": Optional[Dict[str, str]],
        # The category, if it changed.
        "category": Optional[str],
        # The description, if it changed.
        "description": Optional[str],
        # The SKU, if it changed.
        "sku": Optional[str],
    },
    total=False,
)


#: The optional fields that changed, with their previous values; `null` is an absent field.
_ProductDetailsChangedV1Data = TypedDict(
    "_ProductDetailsChangedV1Data",
    {
        # The previous values of the same fields.
        "previous": ProductDetailsChangedV1Previous,
    },
)

_ProductDetailsChangedV1DataOptional = TypedDict(
    "_ProductDetailsChangedV1DataOptional",
    {
        # All attributes, if any of them changed.
        "attributes": Optional[Dict[str, str]],
        # The category, if it changed.
        "category": Optional[str],
        # The description, if it changed.
        "description": Optional[str],
        # The SKU, if it changed.
        "sku": Optional[str],
    },
    total=False,
)


class ProductDetailsChangedV1Data(_ProductDetailsChangedV1Data, _ProductDetailsChangedV1DataOptional):
    """The optional fields that changed, with their previous values; `null` is an absent field."""


#: Price and currency before and after.
ProductPriceChangedV1Data = TypedDict(
    "ProductPriceChangedV1Data",
    {
        # An ISO 4217 code in upper case.
        "currency": str,
        # The currency before.
        "previous_currency": str,
        # The price before.
        "previous_price": str,
        # A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros.
        "price": str,
    },
)


#: A price that was stated for a time: one before the time of the price in force, or the price in force itself, stated again for a later time.
ProductPriceRecordedV1Data = TypedDict(
    "ProductPriceRecordedV1Data",
    {
        # An ISO 4217 code in upper case.
        "currency": str,
        # The time from which it holds: the command's `occurred_at`.
        "from": str,
        # A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros.
        "price": str,
    },
)


#: The name before and after.
ProductRenamedV1Data = TypedDict(
    "ProductRenamedV1Data",
    {
        # The new name.
        "name": str,
        # The name before.
        "previous_name": str,
    },
)


#: The restoration has no data.
ProductRestoredV1Data = TypedDict("ProductRestoredV1Data", {})


@dataclass(frozen=True)
class ProductCreatedV1:
    """`PRODUCT_CREATED`, v1."""

    metadata: MessageMetadata
    #: The product after the commit; an event that is given to `apply` has it.
    product: Product | None
    data: ProductCreatedV1Data


@dataclass(frozen=True)
class ProductDeletedV1:
    """`PRODUCT_DELETED`, v1."""

    metadata: MessageMetadata
    #: The product after the commit; an event that is given to `apply` has it.
    product: Product | None
    data: ProductDeletedV1Data


@dataclass(frozen=True)
class ProductDetailsChangedV1:
    """`PRODUCT_DETAILS_CHANGED`, v1."""

    metadata: MessageMetadata
    #: The product after the commit; an event that is given to `apply` has it.
    product: Product | None
    data: ProductDetailsChangedV1Data


@dataclass(frozen=True)
class ProductPriceChangedV1:
    """`PRODUCT_PRICE_CHANGED`, v1."""

    metadata: MessageMetadata
    #: The product after the commit; an event that is given to `apply` has it.
    product: Product | None
    data: ProductPriceChangedV1Data


@dataclass(frozen=True)
class ProductPriceRecordedV1:
    """`PRODUCT_PRICE_RECORDED`, v1."""

    metadata: MessageMetadata
    #: The product after the commit; an event that is given to `apply` has it.
    product: Product | None
    data: ProductPriceRecordedV1Data


@dataclass(frozen=True)
class ProductRenamedV1:
    """`PRODUCT_RENAMED`, v1."""

    metadata: MessageMetadata
    #: The product after the commit; an event that is given to `apply` has it.
    product: Product | None
    data: ProductRenamedV1Data


@dataclass(frozen=True)
class ProductRestoredV1:
    """`PRODUCT_RESTORED`, v1."""

    metadata: MessageMetadata
    #: The product after the commit; an event that is given to `apply` has it.
    product: Product | None
    data: ProductRestoredV1Data


@dataclass(frozen=True)
class UnknownMessage:
    """A message of an event or a version that is newer than this package."""

    metadata: MessageMetadata
    #: The product after the commit; an event that is given to `apply` has it.
    product: Product | None
    data: dict[str, Any]


Message = Union[
    ProductCreatedV1,
    ProductDeletedV1,
    ProductDetailsChangedV1,
    ProductPriceChangedV1,
    ProductPriceRecordedV1,
    ProductRenamedV1,
    ProductRestoredV1,
    UnknownMessage,
]
_KINDS: dict[tuple[str, str], Any] = {
    ("PRODUCT_CREATED", "v1"): ProductCreatedV1,
    ("PRODUCT_DELETED", "v1"): ProductDeletedV1,
    ("PRODUCT_DETAILS_CHANGED", "v1"): ProductDetailsChangedV1,
    ("PRODUCT_PRICE_CHANGED", "v1"): ProductPriceChangedV1,
    ("PRODUCT_PRICE_RECORDED", "v1"): ProductPriceRecordedV1,
    ("PRODUCT_RENAMED", "v1"): ProductRenamedV1,
    ("PRODUCT_RESTORED", "v1"): ProductRestoredV1,
}


def message_of(event: dict[str, Any]) -> Message:
    """The message of an event, for `match`. What it says is not checked."""
    detail = event["detail"]
    metadata, data = detail["metadata"], detail["data"]
    kind = _KINDS.get((metadata["event_name"], metadata["event_version"]), UnknownMessage)
    message: Message = kind(metadata, data.get("product"), data)
    return message
