// The Ledger's list: which commits are asked for, and rows that fold. Pure but for nothing: requests are made by the page.

import { query } from "./api";
import * as time from "./time";
import type { FeedEntry } from "./types";
import { EVENTS_OF, isDrop, phrases } from "./words";

/** The filters as the address has them. */
export type Filters = Readonly<Record<string, string>>;

/** The part of a request that the filters are; empty: all commits. */
export function filterQuery(filters: Filters): Record<string, string | string[]> {
  const parts: Record<string, string | string[]> = {};
  const put = (name: string, value: string | string[] | undefined): void => {
    if (value !== undefined && value.length > 0) parts[name] = value;
  };
  put("actor", filters["who"]);
  put("product", filters["product"]);
  put("correlation_id", filters["thread"]);
  const kinds = filters["what"]?.split(",") ?? (filters["only"] === "drops" ? ["price"] : []);
  put("type", kinds.flatMap((kind) => EVENTS_OF[kind] ?? []));
  put("from", filters["from"]);
  put("to", filters["to"]);
  if (filters["from"] !== undefined || filters["to"] !== undefined) put("by", filters["by"]);
  if (filters["only"] === "late") put("retroactive", "true");
  return parts;
}

/** Whether any filter is set. */
export function isFiltered(filters: Filters): boolean {
  return Object.keys(filterQuery(filters)).length > 0 || filters["since"] !== undefined;
}

/** The request for a page of the list. */
export function pagePath(filters: Filters, from: number | undefined, limit: number): string {
  const isOld = filters["old"] === "1";
  const place = isOld ? { after: from } : { order: "desc", before: from };
  return query("commits", { ...filterQuery(filters), ...place, limit });
}

/** How many entries a page of the feed has at most. */
export const PAGE = 100;

/** In the place of a page that did not load: which positions it would have had. Of a filtered list that is not known. */
export function notLoaded(filters: Filters, from: number, newest: number): FeedEntry | undefined {
  if (isFiltered(filters)) return undefined;
  const isOld = filters["old"] === "1";
  const [first, last] = isOld ? [from + 1, Math.min(from + PAGE, newest)] : [Math.max(0, from - PAGE), from - 1];
  return first > last ? undefined : { position: isOld ? first : last, commit: null, notLoaded: { first, last } };
}

/** Whether an entry is one of those that the page, and not the server, picks. */
export function isPicked(entry: FeedEntry, filters: Filters, seen: number): boolean {
  if (filters["since"] !== undefined && entry.position <= seen) return false;
  if (filters["only"] !== "drops") return true;
  return entry.commit !== null && isDrop(entry.commit);
}

/** A row of the list: one commit, or a run of commits that belong together. */
export type Row =
  | { readonly kind: "one"; readonly entry: FeedEntry }
  | { readonly kind: "run"; readonly entries: readonly FeedEntry[] };

/** The rows of a day. */
export interface Day {
  readonly start: number;
  readonly rows: readonly Row[];
  readonly commits: number;
}

const LEAST_RUN = 6;
const NEAR = 2000;

/** Folds runs: at least six commits of one actor, each within two seconds of the one before, or of one correlation id. */
export function folded(entries: readonly FeedEntry[]): Row[] {
  const rows: Row[] = [];
  let run: FeedEntry[] = [];
  const close = (): void => {
    if (run.length >= LEAST_RUN) rows.push({ kind: "run", entries: run });
    else rows.push(...run.map((entry) => ({ kind: "one" as const, entry })));
    run = [];
  };
  for (const entry of entries) {
    const last = run.at(-1);
    if (last !== undefined && !belongs(last, entry)) close();
    run.push(entry);
  }
  close();
  return rows;
}

function belongs(a: FeedEntry, b: FeedEntry): boolean {
  if (a.commit === null || b.commit === null || a.commit.metadata.actor !== b.commit.metadata.actor) return false;
  if (a.commit.metadata.correlation_id === b.commit.metadata.correlation_id) return true;
  return Math.abs(Date.parse(a.commit.recorded_at) - Date.parse(b.commit.recorded_at)) <= NEAR;
}

/** The rows by day; runs never span two days. */
export function byDay(entries: readonly FeedEntry[], zone: time.Zone, isFolded: boolean): Day[] {
  const days: { start: number; entries: FeedEntry[] }[] = [];
  for (const entry of entries) {
    const at = entry.commit === null ? (days.at(-1)?.start ?? 0) : time.dayOf(Date.parse(entry.commit.recorded_at), zone);
    const last = days.at(-1);
    if (last?.start === at) last.entries.push(entry);
    else days.push({ start: at, entries: [entry] });
  }
  return days.map((day) => ({
    start: day.start,
    commits: day.entries.filter((entry) => entry.notLoaded === undefined).length,
    rows: isFolded ? folded(day.entries) : day.entries.map((entry) => ({ kind: "one" as const, entry })),
  }));
}

/** What a run did: `504 created, 94 prices, 98 removed`. */
export function runWords(entries: readonly FeedEntry[]): string {
  const names: Readonly<Record<string, string>> = {
    created: "created",
    price: "prices",
    stated: "prices",
    renamed: "renamed",
    details: "details",
    deleted: "removed",
    restored: "back",
    unknown: "others",
  };
  const counts = new Map<string, number>();
  for (const entry of entries) {
    for (const phrase of entry.commit === null ? [] : phrases(entry.commit)) {
      const name = names[phrase.kind] ?? "others";
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return [...counts].map(([name, count]) => `${count} ${name === "prices" && count === 1 ? "price" : name}`).join(", ");
}

/** How long a run took. */
export function runLength(entries: readonly FeedEntry[]): string {
  const times = entries.flatMap((entry) => (entry.commit === null ? [] : [Date.parse(entry.commit.recorded_at)]));
  return time.span(Math.max(...times) - Math.min(...times));
}
