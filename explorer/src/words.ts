// What a commit did, in words. Pure; every event of every version has words, and one of a later build its name.

import { change, type Change } from "./money";
import type { Commit, StoredEvent } from "./types";

/** A field of a product before and after. */
export interface FieldChange {
  readonly field: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** What an event did. */
export type Phrase =
  | { readonly kind: "created"; readonly price: string; readonly currency: string }
  | {
      readonly kind: "price";
      readonly before: string;
      readonly beforeCurrency: string;
      readonly price: string;
      readonly currency: string;
      /** Of a change of the currency there is none. */
      readonly change: Change | undefined;
    }
  | { readonly kind: "stated"; readonly price: string; readonly currency: string; readonly from: string }
  | { readonly kind: "renamed"; readonly before: string; readonly after: string }
  | { readonly kind: "details"; readonly changes: readonly FieldChange[] }
  | { readonly kind: "deleted" }
  | { readonly kind: "restored" }
  | { readonly kind: "unknown"; readonly type: string };

/** The kinds of the Ledger's filter and the stored names of the events that they select. */
export const EVENTS_OF: Readonly<Record<string, readonly string[]>> = {
  price: ["ProductPriceChanged", "ProductPriceRecorded"],
  details: ["ProductDetailsChanged"],
  name: ["ProductRenamed"],
  created: ["ProductCreated"],
  deleted: ["ProductDeleted"],
  restored: ["ProductRestored"],
};

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** What an event did; an event without the fields that it should have is one that this page does not know. */
export function phrase(event: StoredEvent): Phrase {
  const data = event.data;
  const has = (...names: string[]): boolean => names.every((name) => typeof data[name] === "string");
  const unknown: Phrase = { kind: "unknown", type: event.type };
  switch (event.type) {
    case "ProductCreated":
      if (!has("price", "currency")) return unknown;
      return { kind: "created", price: text(data["price"]), currency: text(data["currency"]) };
    case "ProductPriceChanged": {
      if (!has("price", "currency", "previous_price", "previous_currency")) return unknown;
      const [before, price] = [text(data["previous_price"]), text(data["price"])];
      const [beforeCurrency, currency] = [text(data["previous_currency"]), text(data["currency"])];
      const by = beforeCurrency === currency ? change(before, price) : undefined;
      return { kind: "price", before, beforeCurrency, price, currency, change: by };
    }
    case "ProductPriceRecorded":
      if (!has("price", "currency", "from")) return unknown;
      return {
        kind: "stated",
        price: text(data["price"]),
        currency: text(data["currency"]),
        from: text(data["from"]),
      };
    case "ProductRenamed":
      if (!has("name", "previous_name")) return unknown;
      return { kind: "renamed", before: text(data["previous_name"]), after: text(data["name"]) };
    case "ProductDetailsChanged":
      return { kind: "details", changes: detailChanges(data) };
    case "ProductDeleted":
      return { kind: "deleted" };
    case "ProductRestored":
      return { kind: "restored" };
    default:
      return unknown;
  }
}

/** What a commit did, one phrase for each event, in order. */
export function phrases(commit: Commit): Phrase[] {
  return commit.events.map(phrase);
}

function detailChanges(data: Readonly<Record<string, unknown>>): FieldChange[] {
  const previous = record(data["previous"]);
  const changes: FieldChange[] = [];
  for (const field of ["sku", "category", "description"]) {
    if (field in data) changes.push({ field, before: optional(previous[field]), after: optional(data[field]) });
  }
  if ("attributes" in data) {
    const [before, after] = [record(previous["attributes"]), record(data["attributes"])];
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    for (const name of names) {
      const pair = { field: name, before: optional(before[name]), after: optional(after[name]) };
      if (pair.before !== pair.after) changes.push(pair);
    }
  }
  return changes;
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function optional(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** `added`, `changed` or `removed`. */
export function verb(change: FieldChange): "added" | "changed" | "removed" {
  if (change.before === undefined) return "added";
  return change.after === undefined ? "removed" : "changed";
}

/** Whether the commit lowered the price. */
export function isDrop(commit: Commit): boolean {
  return phrases(commit).some((one) => one.kind === "price" && one.change?.direction === "down");
}

/** A phrase as plain text, with prices as `money` writes them. */
export function plain(one: Phrase, money: (price: string, currency: string) => string, date: (at: string) => string): string {
  switch (one.kind) {
    case "created":
      return `Created, ${money(one.price, one.currency)}`;
    case "price":
      return `${money(one.before, one.beforeCurrency)} → ${money(one.price, one.currency)}`;
    case "stated":
      return `Price from ${date(one.from)}: ${money(one.price, one.currency)}`;
    case "renamed":
      return `Renamed: ${one.before} → ${one.after}`;
    case "details":
      return `Details: ${one.changes.map((change) => `${change.field} ${verb(change)}`).join(", ")}`;
    case "deleted":
      return "Removed from the catalogue";
    case "restored":
      return "Back in the catalogue";
    case "unknown":
      return `${one.type}: this page does not know it; see JSON`;
  }
}

/** Initials of a person, or a gear for what looks like a program. */
export function initials(actor: string): string {
  const words = actor.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  if (/(^|[^a-z])(bot|import|sync|job|service|cron|worker)([^a-z]|$)/i.test(actor)) return "⚙";
  const letters = words.map((word) => Array.from(word)[0] ?? "");
  return letters.slice(0, 2).join("").toUpperCase() || "?";
}
