// The entry of an event on the bus, as the publisher puts it together from the commit, and a rule that matches it. Pure.

import type { Commit } from "./types";

/** What subscribers get of one event. */
export interface BusEntry {
  readonly source: string;
  readonly "detail-type": string;
  readonly resources: readonly string[];
  readonly detail: unknown;
}

/** The stored names of the events, and the names that subscribers see. */
const NAMES: Readonly<Record<string, string>> = {
  ProductCreated: "PRODUCT_CREATED",
  ProductRenamed: "PRODUCT_RENAMED",
  ProductPriceChanged: "PRODUCT_PRICE_CHANGED",
  ProductPriceRecorded: "PRODUCT_PRICE_RECORDED",
  ProductDetailsChanged: "PRODUCT_DETAILS_CHANGED",
  ProductDeleted: "PRODUCT_DELETED",
  ProductRestored: "PRODUCT_RESTORED",
};

/** The size from which an entry leaves out the product. */
const LARGEST = 1024 * 1024;

/** The entries of a commit's events; `undefined` if one is of a kind that this page does not know. */
export function busEntries(commit: Commit, source: string, logOrigin: string | undefined): BusEntry[] | undefined {
  const entries = commit.events.map((event, index) => {
    const name = NAMES[event.type];
    if (name === undefined) return undefined;
    const { schema_version: _, ...product } = commit.state;
    const metadata = {
      event_id: event.event_id,
      event_name: name,
      event_source: source,
      event_version: `v${event.schema_version}`,
      product_id: commit.product_id,
      sequence: commit.sequence + index,
      commit_id: commit.commit_id,
      hash: commit.hash,
      ...(logOrigin === undefined ? {} : { log_origin: logOrigin }),
      created_at: commit.recorded_at,
      occurred_at: commit.metadata.occurred_at,
      correlation_id: commit.metadata.correlation_id,
      causation_id: commit.metadata.causation_id,
      actor: commit.metadata.actor,
    };
    const whole: BusEntry = { source, "detail-type": name, resources: [commit.product_id], detail: { metadata, data: { ...event.data, product } } };
    return size(whole) < LARGEST ? whole : { ...whole, detail: { metadata, data: { ...event.data, product_omitted: true } } };
  });
  return entries.some((entry) => entry === undefined) ? undefined : (entries as BusEntry[]);
}

/** The bytes that EventBridge counts. */
function size(entry: BusEntry): number {
  const texts = [entry.source, entry["detail-type"], JSON.stringify(entry.detail), ...entry.resources];
  return texts.reduce((total, text) => total + new TextEncoder().encode(text).length, 0);
}

/** A pattern of EventBridge for the events of this kind of this product. */
export function pattern(entry: BusEntry): string {
  return JSON.stringify({ source: [entry.source], "detail-type": [entry["detail-type"]], resources: entry.resources }, null, 2);
}
