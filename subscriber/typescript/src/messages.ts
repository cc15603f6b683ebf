// The types of every message and version. Made from the schemas by schema/tests/contract/subscriber.rs: do not edit.

import type { LedgerEvent } from "./ledger.ts";

/** A message of this kind. `product` is the product after the commit; an event that is given to `apply` has it. */
export interface MessageOf<Kind extends string, Data> {
  readonly kind: Kind;
  readonly metadata: MessageMetadata;
  readonly product: Product | undefined;
  readonly data: Data;
}

/** A message of an event or a version that is newer than this package. */
export type UnknownMessage = MessageOf<"unknown", { readonly [name: string]: unknown }>;

/** The message of an event, for `switch (message.kind)`. What it says is not checked. */
export function messageOf({ detail }: LedgerEvent): Message {
  const metadata = detail.metadata as unknown as MessageMetadata;
  const kind = KINDS.get(`${metadata.event_name} ${metadata.event_version}`) ?? "unknown";
  return { kind, metadata, product: detail.data["product"] as Product | undefined, data: detail.data } as unknown as Message;
}

export type Message =
  | MessageOf<"ProductCreated.v1", ProductCreatedV1>
  | MessageOf<"ProductDeleted.v1", ProductDeletedV1>
  | MessageOf<"ProductDetailsChanged.v1", ProductDetailsChangedV1>
  | MessageOf<"ProductPriceChanged.v1", ProductPriceChangedV1>
  | MessageOf<"ProductPriceRecorded.v1", ProductPriceRecordedV1>
  | MessageOf<"ProductRenamed.v1", ProductRenamedV1>
  | MessageOf<"ProductRestored.v1", ProductRestoredV1>
  | UnknownMessage;

const KINDS: ReadonlyMap<string, Message["kind"]> = new Map([
  ["PRODUCT_CREATED v1", "ProductCreated.v1"],
  ["PRODUCT_DELETED v1", "ProductDeleted.v1"],
  ["PRODUCT_DETAILS_CHANGED v1", "ProductDetailsChanged.v1"],
  ["PRODUCT_PRICE_CHANGED v1", "ProductPriceChanged.v1"],
  ["PRODUCT_PRICE_RECORDED v1", "ProductPriceRecorded.v1"],
  ["PRODUCT_RENAMED v1", "ProductRenamed.v1"],
  ["PRODUCT_RESTORED v1", "ProductRestored.v1"],
] as const);

/** Present when the event is replayed. */
export interface MessageMetadataReplay {
  /** ULID of the request. */
  readonly id: string;
  /** When it was made. */
  readonly requested_at: string;
}

/** The event's identity, commit and cause. */
export interface MessageMetadata {
  /** Who sent the command. */
  readonly actor: string;
  /** The command that caused the event. */
  readonly causation_id: string;
  /** The commit. */
  readonly commit_id: string;
  /** The conversation the command belonged to. */
  readonly correlation_id: string;
  /** When the commit was recorded. */
  readonly created_at: string;
  /** The same on every delivery and replay: discard an id that was received before. */
  readonly event_id: string;
  /** The event's name in upper snake case. */
  readonly event_name: string;
  /** The configured source. */
  readonly event_source: string;
  /** `v` and the version of the event's data. */
  readonly event_version: string;
  /** The commit's hash. */
  readonly hash: string;
  /** The name of the log that the commit is in or will soon be in, if one is kept: ask there for the proof of the hash. */
  readonly log_origin?: string | null;
  /** When it happened in business terms. */
  readonly occurred_at: string;
  /** The product. */
  readonly product_id: string;
  /** Present when the event is replayed. */
  readonly replay?: MessageMetadataReplay | null;
  /** The event's sequence within the product, without gaps: a jump shows what was missed. */
  readonly sequence: number;
}

/** A product at one of its versions. */
export interface Product {
  /** At most 50 pairs, keys of 1 to 128 and values of 0 to 2,000 characters. */
  readonly attributes?: Readonly<Record<string, string>> | null;
  /** 1 to 200 characters. */
  readonly category?: string | null;
  /** `recorded_at` of its first commit. */
  readonly created_at: string;
  /** An ISO 4217 code in upper case. */
  readonly currency: string;
  /** Up to 4,000 characters. */
  readonly description?: string | null;
  /** Its id. */
  readonly id: string;
  /** 1 to 200 characters. */
  readonly name: string;
  /** A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros. */
  readonly price: string;
  /** `occurred_at` of the price in force. Absent in states that earlier builds wrote, and from then on until the price changes. */
  readonly price_occurred_at?: string | null;
  /** Stock keeping unit, 1 to 64 characters. */
  readonly sku?: string | null;
  /** Active or deleted. */
  readonly status: "active" | "deleted";
  /** `recorded_at` of its newest commit. */
  readonly updated_at: string;
  /** Sequence of its newest event. */
  readonly version: number;
}

/** All fields a product starts with. */
export interface ProductCreatedV1 {
  /** At most 50 pairs, keys of 1 to 128 and values of 0 to 2,000 characters. */
  readonly attributes?: Readonly<Record<string, string>> | null;
  /** 1 to 200 characters. */
  readonly category?: string | null;
  /** An ISO 4217 code in upper case. */
  readonly currency: string;
  /** Up to 4,000 characters. */
  readonly description?: string | null;
  /** Its name. */
  readonly name: string;
  /** A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros. */
  readonly price: string;
  /** Stock keeping unit, 1 to 64 characters. */
  readonly sku?: string | null;
}

/** The deletion has no data. */
export type ProductDeletedV1 = Readonly<Record<never, never>>;

/** The previous values of the same fields. */
export interface ProductDetailsChangedV1Previous {
  /** All attributes, if any of them changed. */
  readonly attributes?: Readonly<Record<string, string>> | null;
  /** The category, if it changed. */
  readonly category?: string | null;
  /** The description, if it changed. */
  readonly description?: string | null;
  /** The SKU, if it changed. */
  readonly sku?: string | null;
}

/** The optional fields that changed, with their previous values; `null` is an absent field. */
export interface ProductDetailsChangedV1 {
  /** All attributes, if any of them changed. */
  readonly attributes?: Readonly<Record<string, string>> | null;
  /** The category, if it changed. */
  readonly category?: string | null;
  /** The description, if it changed. */
  readonly description?: string | null;
  /** The previous values of the same fields. */
  readonly previous: ProductDetailsChangedV1Previous;
  /** The SKU, if it changed. */
  readonly sku?: string | null;
}

/** Price and currency before and after. */
export interface ProductPriceChangedV1 {
  /** An ISO 4217 code in upper case. */
  readonly currency: string;
  /** The currency before. */
  readonly previous_currency: string;
  /** The price before. */
  readonly previous_price: string;
  /** A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros. */
  readonly price: string;
}

/** A price that was stated for a time: one before the time of the price in force, or the price in force itself, stated again for a later time. */
export interface ProductPriceRecordedV1 {
  /** An ISO 4217 code in upper case. */
  readonly currency: string;
  /** The time from which it holds: the command's `occurred_at`. */
  readonly from: string;
  /** A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros. */
  readonly price: string;
}

/** The name before and after. */
export interface ProductRenamedV1 {
  /** The new name. */
  readonly name: string;
  /** The name before. */
  readonly previous_name: string;
}

/** The restoration has no data. */
export type ProductRestoredV1 = Readonly<Record<never, never>>;
