// The requests of the Catalogue: pages of products now and at a moment, and the commits between two.

import { get, problemOf, query, send } from "../api";
import { may } from "../session";
import { has, hasFeed } from "../state";
import type { Commit, Feed, FeedEntry, Product, ProductPage } from "../types";
import { CAUSE_TYPES, type Clock, type Row } from "./compare";
import { readRows } from "./table";

/** The most products that are compared, or picked and sorted, by this page. */
export const MOST_ROWS = 10_000;

/** The most products that are looked at for those that fit. */
const MOST_SEEN = 100_000;

/** Pages that are asked for at a time for rows that fit. */
const MOST_PAGES = 20;

/** The most commits that are compared. */
export const MOST_COMMITS = 10_000;

/** The most rows of a file. */
export const MOST_CSV = 1_000_000;

type Request = Readonly<Record<string, string | undefined>>;

/** A part of a list, and the place of what follows. */
export interface Part {
  readonly rows: readonly Product[];
  readonly next: string | null;
}

/** So many of the products that are kept, from a place on; fewer, and even none, where a few pages have no more of them. */
export async function part(request: Request, cursor: string | undefined, wanted: number, keeps: (row: Row) => boolean, signal: AbortSignal): Promise<Part> {
  const rows: Product[] = [];
  let next: string | null | undefined = cursor;
  let pages = 0;
  do {
    const page: ProductPage = await get<ProductPage>(query("products", { ...request, cursor: next ?? undefined, limit: Math.min(wanted, 100) }), { signal });
    rows.push(...page.products.filter(keeps));
    next = page.next;
    pages += 1;
  } while (next !== null && rows.length < wanted && pages < MOST_PAGES);
  return { rows, next };
}

/** All products of a list, page by page; as tables, which are larger, where the server has them. */
export async function* walk(request: Request, limit: number, signal: AbortSignal): AsyncGenerator<readonly Row[]> {
  let cursor: string | undefined;
  do {
    if (has("csv")) {
      const answer = await send(query("products", { ...request, cursor, limit }), { signal, accept: "text/csv" });
      if (!answer.ok) throw await problemOf(answer);
      yield readRows(await answer.text());
      cursor = cursorOf(answer.headers.get("link"));
    } else {
      const page: Part = await part(request, cursor, 1, () => true, signal);
      yield page.rows;
      cursor = page.next ?? undefined;
    }
  } while (cursor !== undefined);
}

/** The place in a `Link` header; the rest of the address is that of the request. */
function cursorOf(link: string | null): string | undefined {
  const found = /\?([^>]*)>;\s*rel="next"/.exec(link ?? "")?.[1];
  return found === undefined ? undefined : (new URLSearchParams(found).get("cursor") ?? undefined);
}

/** The rows that are kept of all products of a list; `undefined`: too many. */
export async function whole(request: Request, keeps: (row: Row) => boolean, signal: AbortSignal, told: (seen: number) => void): Promise<Row[] | undefined> {
  const kept: Row[] = [];
  let seen = 0;
  for await (const rows of walk(request, 1000, signal)) {
    kept.push(...rows.filter(keeps));
    seen += rows.length;
    if (kept.length > MOST_ROWS || seen > MOST_SEEN) return undefined;
    told(seen);
  }
  return kept;
}

/** The commits of a walk of the feed, oldest first; `undefined`: too many. */
async function commits(asked: Readonly<Record<string, string | readonly string[]>>, signal: AbortSignal, told: (seen: number) => void): Promise<FeedEntry[] | undefined> {
  const found: FeedEntry[] = [];
  let after: number | undefined;
  for (;;) {
    const page: Feed = await get<Feed>(query("commits", { ...asked, after, order: "asc", limit: 100 }), { signal });
    found.push(...page.commits);
    if (found.length > MOST_COMMITS) return undefined;
    told(found.length);
    if (page.next === null) return found;
    after = page.next;
  }
}

/** What lies behind one moment, up to another one. */
function span(from: number, to: number): Record<string, string> {
  return { from: new Date(from + 1).toISOString(), to: new Date(to + 1).toISOString() };
}

/** The commits that were recorded after one moment, up to another one. */
export function recorded(from: number, to: number, signal: AbortSignal, told: (seen: number) => void): Promise<FeedEntry[] | undefined> {
  return from === to ? Promise.resolve([]) : commits(span(from, to), signal, told);
}

/** The commits that may have made what was in force at one moment what was in force at another; none where they are too many. */
export async function causes(from: number, to: number, signal: AbortSignal): Promise<Commit[]> {
  if (!hasFeed() || from === to) return [];
  const found = await commits({ ...span(from, to), by: "happened", type: CAUSE_TYPES }, signal, () => undefined);
  return (found ?? []).flatMap((entry) => (entry.commit === null ? [] : [entry.commit]));
}

/** How many products there are, removed ones included, as far as the server says. */
export async function known(signal: AbortSignal): Promise<{ readonly active: number; readonly all: number } | undefined> {
  if (!has("status") || !may("products/audit")) return undefined;
  const { products } = await get<Status>("status", { signal });
  return products === null ? undefined : { active: products.active, all: products.active + products.deleted };
}

interface Status {
  readonly products: { readonly active: number; readonly deleted: number } | null;
}

/** The clocks that the server, and the token if one is needed, answer for. */
export function clocks(): Clock[] {
  if (!may("products/audit")) return [];
  return (["force", "recorded"] as const).filter((clock) => has(clock === "force" ? "in_force" : "as_of"));
}
