// What the page of a product asks for, and how it belongs together.

import { get, getText, Problem, productPath, query, valueOf } from "../api";
import type { Moment } from "../moment";
import { hasFeed } from "../state";
import type { Commit, Feed, History, Period, Prices, Product } from "../types";
import { instant } from "../time";

/** A page of the history: its text as it came, which is what is checked, and its value. */
export interface HistoryPage {
  readonly text: string;
  readonly history: History;
}

/** A product, also a removed one. */
export interface Found {
  readonly product: Product;
  readonly deletedAt: string | undefined;
}

const PAGE = 50;
const MOST_PRICE_PAGES = 50;
const MOST_LATE = 1000;

/** The version that the newest commit of a product gave it, as the feed knows it; `undefined`: not known. */
async function newestVersion(id: string, signal: AbortSignal): Promise<number | undefined> {
  if (!hasFeed()) return undefined;
  const feed = await get<Feed>(query("commits", { product: id, order: "desc", limit: 1 }), { signal });
  const commit = feed.commits[0]?.commit;
  return commit === null || commit === undefined ? undefined : commit.sequence + commit.events.length - 1;
}

/** The product as it is now, however far the view lags; of a removed one its last state. */
export async function found(id: string, signal: AbortSignal): Promise<Found> {
  const version = await newestVersion(id, signal);
  try {
    const path = query(productPath(id), { min_version: version });
    return { product: await get<Product>(path, { signal }), deletedAt: undefined };
  } catch (error) {
    const product = await removed(id, error, signal);
    return { product, deletedAt: product.updated_at };
  }
}

/** A product whose removal a problem tells: what it was before it, at the version of the removal. Any other error is thrown. */
async function removed(id: string, error: unknown, signal: AbortSignal): Promise<Product> {
  const version = error instanceof Problem ? error.members["version"] : undefined;
  if (!(error instanceof Problem) || typeof version !== "number") throw error;
  const before = await get<Product>(query(productPath(id), { version: version - 1 }), { signal });
  const at = error.members["deleted_at"];
  return { ...before, status: "deleted", version, updated_at: typeof at === "string" ? at : before.updated_at };
}

/** The prices with their whole timeline; `next` is not null if it is longer than this page takes. */
export async function prices(id: string, moment: Moment, signal: AbortSignal): Promise<Prices> {
  const at = moment.kind === "force" ? { as_of: instant(moment.at) } : moment.kind === "recorded" ? { known_at: instant(moment.at) } : {};
  const path = `${productPath(id)}/prices`;
  const first = await get<Prices>(query(path, at), { signal });
  const timeline: Period[] = [...first.timeline];
  let next = first.next;
  for (let pages = 1; next !== null && pages < MOST_PRICE_PAGES; pages += 1) {
    const page: Prices = await get<Prices>(query(path, { ...at, next }), { signal });
    timeline.push(...page.timeline);
    next = page.next;
  }
  return { ...first, timeline, next };
}

/** A page of the history that ends at a version, or follows a sequence. */
export async function historyPage(id: string, after: number, limit: number, signal: AbortSignal | undefined): Promise<HistoryPage> {
  const path = query(`${productPath(id)}/history`, { after, limit });
  const text = await getText(path, signal === undefined ? {} : { signal });
  return { text, history: valueOf<History>(text) };
}

/** The newest pages of the history up to a version: together at least fifty events, or all. */
export async function newestHistory(id: string, version: number, signal: AbortSignal): Promise<HistoryPage[]> {
  return [await historyPage(id, Math.max(0, version - PAGE), PAGE, signal)];
}

/** The version that a product had by a moment, as recorded; `undefined`: there was none. */
export async function versionAt(id: string, at: string): Promise<number | undefined> {
  try {
    return (await get<Product>(query(productPath(id), { as_of: at }))).version;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return undefined;
    throw error;
  }
}

/** The whole history, page by page; tells how many commits are loaded. */
export async function wholeHistory(id: string, report: (commits: number) => void, signal: AbortSignal): Promise<HistoryPage[]> {
  const pages: HistoryPage[] = [];
  let commits = 0;
  for (let after: number | null = 0; after !== null; ) {
    const page: HistoryPage = await historyPage(id, after, 1000, signal);
    pages.push(page);
    commits += page.history.commits.length;
    report(commits);
    after = page.history.next;
  }
  return pages;
}

/** The sequences of the commits that changed the past, with their positions, as the feed knows them. */
export async function lateSequences(id: string, signal: AbortSignal): Promise<ReadonlyMap<number, number>> {
  const late = new Map<number, number>();
  if (!hasFeed()) return late;
  for (let after: number | undefined | null; after !== null && late.size < MOST_LATE; ) {
    const feed: Feed = await get<Feed>(query("commits", { product: id, retroactive: "true", after, limit: 100 }), { signal });
    for (const entry of feed.commits) if (entry.commit !== null) late.set(entry.commit.sequence, entry.position);
    after = feed.next;
  }
  return late;
}

/** The product at a moment. In force at a time, it is the version whose price was in force then. */
export async function productAt(id: string, moment: Moment, timeline: readonly Period[], signal: AbortSignal): Promise<Product | undefined> {
  switch (moment.kind) {
    case "now":
      return undefined;
    case "version":
      return get<Product>(query(productPath(id), { version: moment.version }), { signal }).catch((error: unknown) => removed(id, error, signal));
    case "recorded":
      return get<Product>(query(productPath(id), { as_of: instant(moment.at) }), { signal }).catch((error: unknown) => removed(id, error, signal));
    case "force": {
      const row = timeline.find((one) => Date.parse(one.from) <= moment.at && (one.to === null || Date.parse(one.to) > moment.at));
      return row === undefined ? undefined : get<Product>(query(productPath(id), { version: row.sequence }), { signal });
    }
  }
}

/** Whether a commit had happened by a moment, on the clock of the moment. */
export function isBy(moment: Moment, commit: Commit): boolean {
  switch (moment.kind) {
    case "now":
      return true;
    case "version":
      return commit.sequence <= moment.version;
    case "recorded":
      return Date.parse(commit.recorded_at) <= moment.at;
    case "force":
      return Date.parse(commit.metadata.occurred_at) <= moment.at;
  }
}

/** The commit that holds a sequence. */
export function holding(commits: readonly Commit[], sequence: number): Commit | undefined {
  return commits.find((commit) => commit.sequence <= sequence && sequence < commit.sequence + commit.events.length);
}
