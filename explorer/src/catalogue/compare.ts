// What differs between two catalogues: of two lists, or of the commits between them. Pure.

import { exact } from "../money";
import type { Commit, FeedEntry, Product, StoredEvent } from "../types";

/** A product as a row of the catalogue. */
export type Row = Pick<Product, "id" | "name" | "price" | "currency" | "sku" | "category" | "status" | "version" | "updated_at">;

/** What differs, named as `ledger diff` names it. */
export type Kind = "new" | "removed" | "dearer" | "cheaper" | "currency" | "renamed" | "details";

/** Who changed a product, with which commit. */
export interface By {
  readonly actor: string;
  /** The first event of the commit, by which it is named. */
  readonly sequence: number;
  /** The version of the product with this commit. */
  readonly version: number;
}

/** A product in both catalogues; missing in one where it was not in it. */
export interface Compared {
  readonly id: string;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
  /** Empty: it is the same in both. */
  readonly kinds: readonly Kind[];
  readonly by: By | undefined;
}

/** What the tiles count. */
export const SHOWN = ["changed", "new", "removed", "dearer", "cheaper", "renamed", "same"] as const;
export type Shown = (typeof SHOWN)[number];

/** A clock: of what was in force, or of what was recorded. */
export type Clock = "force" | "recorded";

const DETAILS = ["sku", "category", "description", "attributes"] as const;

/** What differs between a product before and after; name and details only if they are `whole`, that is, those of the times. */
export function kindsOf(before: Row | undefined, after: Row | undefined, whole: boolean): Kind[] {
  if (before === undefined || after === undefined) return before === after ? [] : [before === undefined ? "new" : "removed"];
  const kinds: Kind[] = [];
  if (before.currency !== after.currency) kinds.push("currency");
  else if (exact(after.price) > exact(before.price)) kinds.push("dearer");
  else if (exact(after.price) < exact(before.price)) kinds.push("cheaper");
  if (whole && before.name !== after.name) kinds.push("renamed");
  if (whole && DETAILS.some((field) => canonical(before, field) !== canonical(after, field))) kinds.push("details");
  return kinds;
}

function canonical(row: Row, field: (typeof DETAILS)[number]): string {
  const value = (row as Partial<Product>)[field] ?? null;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Two lists compared by what was in force: names and details are those of now in both, so they are not compared. */
export function comparedLists(before: readonly Row[], after: readonly Row[], commits: readonly Commit[]): Compared[] {
  const was = new Map(before.map((row) => [row.id, row]));
  const is = new Map(after.map((row) => [row.id, row]));
  const own = byProduct(commits);
  return [...new Set([...was.keys(), ...is.keys()])].map((id) => {
    const [one, other] = [was.get(id), is.get(id)];
    const kinds = kindsOf(one, other, false);
    const by = kinds.length === 0 ? undefined : author(own.get(id) ?? [], kinds, other);
    return { id, before: one, after: other, kinds, by };
  });
}

/** What the commits between two times changed, by what was recorded; products without a commit are not among them. */
export function comparedCommits(entries: readonly FeedEntry[]): Compared[] {
  const commits = entries.flatMap((entry) => (entry.commit === null ? [] : [entry.commit]));
  return [...byProduct(commits)].map(([id, own]) => {
    const state = (own.at(-1) as Commit).state;
    const first = own[0] as Commit;
    const before = own.toReversed().reduce<Product | undefined>((product, commit) => product && undone(product, commit), state);
    const was = before?.status === "active" ? { ...before, version: first.sequence - 1 } : undefined;
    const is = state.status === "active" ? state : undefined;
    const kinds = kindsOf(was, is, true);
    return { id, before: was, after: is, kinds, by: kinds.length === 0 ? undefined : author(own, kinds, is) };
  });
}

function byProduct(commits: readonly Commit[]): Map<string, Commit[]> {
  const own = new Map<string, Commit[]>();
  for (const commit of commits) {
    const known = own.get(commit.product_id);
    if (known === undefined) own.set(commit.product_id, [commit]);
    else known.push(commit);
  }
  return own;
}

/** The product before a commit, from what its events say that there was; `undefined`: the commit created it. */
export function undone(product: Product, commit: Commit): Product | undefined {
  return commit.events.toReversed().reduce<Product | undefined>((after, event) => after && undo(after, event), product);
}

function undo(product: Product, { type, data }: StoredEvent): Product | undefined {
  switch (type) {
    case "ProductCreated":
      return undefined;
    case "ProductPriceChanged":
      return { ...product, price: String(data["previous_price"]), currency: String(data["previous_currency"]) };
    case "ProductRenamed":
      return { ...product, name: String(data["previous_name"]) };
    case "ProductDetailsChanged": {
      // A field that there was not is `null`.
      const previous = Object.entries((data["previous"] ?? {}) as object).map(([name, value]) => [name, value ?? undefined]);
      return { ...product, ...Object.fromEntries(previous) };
    }
    case "ProductDeleted":
      return { ...product, status: "active" };
    case "ProductRestored":
      return { ...product, status: "deleted" };
    default:
      return product;
  }
}

/** The events that each change comes from. */
const CAUSES: Readonly<Record<Kind, readonly string[]>> = {
  new: ["ProductCreated", "ProductRestored"],
  removed: ["ProductDeleted"],
  dearer: ["ProductPriceChanged", "ProductPriceRecorded"],
  cheaper: ["ProductPriceChanged", "ProductPriceRecorded"],
  currency: ["ProductPriceChanged", "ProductPriceRecorded"],
  renamed: ["ProductRenamed"],
  details: ["ProductDetailsChanged"],
};

/** The events that `By` is found from. */
export const CAUSE_TYPES = [...new Set((["new", "removed", "dearer"] as const).flatMap((kind) => CAUSES[kind]))];

/** The newest commit, as it happened, that made the change; of a price, one that states it. */
function author(commits: readonly Commit[], kinds: readonly Kind[], after: Row | undefined): By | undefined {
  const kind = kinds[0] as Kind;
  const isOfPrice = CAUSES[kind].includes("ProductPriceChanged");
  const isCause = ({ type, data }: StoredEvent): boolean => CAUSES[kind].includes(type) && (!isOfPrice || data["price"] === after?.price);
  const causes = commits.filter((commit) => commit.events.some(isCause));
  const newest = causes.reduce<Commit | undefined>((best, commit) => (best === undefined || isLater(commit, best) ? commit : best), undefined);
  if (newest === undefined) return undefined;
  return { actor: newest.metadata.actor, sequence: newest.sequence, version: newest.sequence + newest.events.length - 1 };
}

function isLater(a: Commit, b: Commit): boolean {
  const difference = Date.parse(a.metadata.occurred_at) - Date.parse(b.metadata.occurred_at);
  return difference === 0 ? a.sequence > b.sequence : difference > 0;
}

/** The comparison the other way round. */
export function reversed(all: readonly Compared[]): Compared[] {
  const other: Partial<Record<Kind, Kind>> = { new: "removed", removed: "new", dearer: "cheaper", cheaper: "dearer" };
  return all.map((one) => ({ ...one, before: one.after, after: one.before, kinds: one.kinds.map((kind) => other[kind] ?? kind) }));
}

/** Whether a tile counts a product. */
export function isShown(one: Compared, shown: Shown): boolean {
  if (shown === "changed") return one.kinds.length > 0;
  return shown === "same" ? one.kinds.length === 0 : one.kinds.includes(shown);
}

/** How many products each tile counts. */
export function counts(all: readonly Compared[]): Record<Shown, number> {
  return Object.fromEntries(SHOWN.map((shown) => [shown, all.filter((one) => isShown(one, shown)).length])) as Record<Shown, number>;
}
