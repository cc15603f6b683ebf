// Which products the Catalogue lists: what the ledger is asked for, and what is left for the page to pick and sort. Pure.

import { exact } from "../money";
import type { Clock, Compared, Row } from "./compare";

/** The parameters of the address. */
export type Parameters = Readonly<Record<string, string>>;

/** What the server has. */
export interface Kept {
  readonly orders: readonly string[];
  readonly currency: string;
}

/** How a list is asked for. */
export interface Plan {
  /** The parameters of `GET /products`, without place and limit. */
  readonly request: Readonly<Record<string, string | undefined>>;
  /** The order in which the ledger answers. */
  readonly order: Sort;
  /** Whether the page has to pick or sort what the ledger answers. */
  readonly isPartial: boolean;
  /** Whether the ledger answers all products, whatever is looked for. */
  readonly isAll: boolean;
}

export type Sort = "id" | "name" | "price" | "updated_at";

/** The order that the address asks for. */
export function sortOf(parameters: Parameters, kept: Kept): Sort {
  const asked = parameters["sort"];
  if (asked !== undefined) return asked as Sort;
  if (isDeletedToo(parameters)) return "updated_at";
  return kept.orders.includes("name") ? "name" : "id";
}

/** Removed products are in no list of another time. */
export function isDeletedToo(parameters: Parameters): boolean {
  return parameters["deleted"] === "1" && parameters["at"] === undefined;
}

/** The parameter of `GET /products` for the catalogue of another time. */
export function momentQuery(at: string, clock: Clock): Record<string, string> {
  return clock === "recorded" ? { as_of: at } : { in_force: at };
}

/** What is asked for, now or at a moment. */
export function plan(parameters: Parameters, kept: Kept, clock: Clock): Plan {
  const sort = sortOf(parameters, kept);
  const { q, sku, category, order, at, currency, min, max } = parameters;
  const ofPrice = currency !== undefined || min !== undefined || max !== undefined;
  const has = (name: Sort): boolean => kept.orders.includes(name);
  const byName = has("name");
  if (at !== undefined) return { request: momentQuery(at, clock), order: "id", isPartial: true, isAll: true };
  if (isDeletedToo(parameters) && has("updated_at")) {
    const isPartial = sort !== "updated_at" || ofPrice || q !== undefined || sku !== undefined || category !== undefined;
    return { request: { sort: "updated_at", order, include: "deleted" }, order: "updated_at", isPartial, isAll: true };
  }
  if (q !== undefined || sku !== undefined || category !== undefined) {
    const own: Sort = byName ? "name" : "id";
    const request = { sort: own, order, name_prefix: byName ? q : undefined, id_prefix: byName ? undefined : q, sku, category };
    return { request, order: own, isPartial: sort !== own || ofPrice, isAll: false };
  }
  if ((sort === "price" || ofPrice) && has("price")) {
    const request = { sort: "price", order, currency: currency ?? kept.currency, min_price: min, max_price: max };
    return { request, order: "price", isPartial: sort !== "price", isAll: !ofPrice };
  }
  const own = has(sort) ? sort : "id";
  return { request: { sort: own, order }, order: own, isPartial: ofPrice || own !== sort, isAll: true };
}

/** Whether a row fits what is looked for. */
export function fits(row: Row, parameters: Parameters, kept: Kept): boolean {
  const { q, sku, category, currency, min, max } = parameters;
  // Without the order by name the ledger looks for beginnings of ids.
  const isByName = kept.orders.includes("name");
  if (q !== undefined && !(isByName ? row.name.toLowerCase().startsWith(q.toLowerCase()) : row.id.startsWith(q))) return false;
  if (sku !== undefined && row.sku !== sku) return false;
  if (category !== undefined && row.category !== category) return false;
  if (currency !== undefined || min !== undefined || max !== undefined || sortOf(parameters, kept) === "price") {
    if (row.currency !== (currency ?? kept.currency)) return false;
  }
  if (min !== undefined && exact(row.price) < exact(min)) return false;
  return max === undefined || exact(row.price) <= exact(max);
}

/** Whether anything is looked for that leaves out products. */
export function isNarrowed(parameters: Parameters): boolean {
  return ["q", "sku", "category", "currency", "min", "max"].some((name) => parameters[name] !== undefined);
}

/** Compares rows as the ledger sorts them. */
export function comparator(sort: Sort, isDescending: boolean): (a: Row, b: Row) => number {
  const keys: Readonly<Record<Sort, (row: Row) => string | bigint>> = {
    id: (row) => row.id,
    name: (row) => row.name.toLowerCase(),
    price: (row) => exact(row.price),
    updated_at: (row) => row.updated_at,
  };
  const key = keys[sort];
  const sign = isDescending ? -1 : 1;
  return (a, b) => {
    const [one, other] = [key(a), key(b)];
    if (one === other) return a.id < b.id ? -sign : a.id === b.id ? 0 : sign;
    return one < other ? -sign : sign;
  };
}

/** The rows that are looked for, in order. */
export function picked(rows: readonly Row[], parameters: Parameters, kept: Kept): Row[] {
  const found = rows.filter((row) => fits(row, parameters, kept));
  return found.sort(comparator(sortOf(parameters, kept), parameters["order"] === "desc"));
}

/** The compared products that are looked for, in order; each by what it is after, or by what it was. */
export function pickedOf(all: readonly Compared[], parameters: Parameters, kept: Kept): Compared[] {
  const row = (one: Compared): Row => (one.after ?? one.before) as Row;
  const sort = sortOf(parameters, kept);
  const compare = comparator(sort === "updated_at" ? "name" : sort, parameters["order"] === "desc");
  const isFound = (one: Compared): boolean => [one.before, one.after].some((side) => side !== undefined && fits(side, parameters, kept));
  return all.filter(isFound).sort((a, b) => compare(row(a), row(b)));
}

/** Why an order cannot be asked for; `undefined`: it can. */
export function refusal(sort: Sort, parameters: Parameters, clock: Clock, own: Sort, isTooLong: boolean): string | undefined {
  if (sort === "updated_at" && parameters["vs"] !== undefined) return "not in a comparison";
  if (sort === "updated_at" && parameters["at"] !== undefined && clock === "force") return "not known of what was in force";
  if (!isTooLong || sort === own) return undefined;
  return parameters["at"] === undefined ? `too many products fit: they come by ${WORDS[own]}` : `the ledger lists a past day by ${WORDS[own]}`;
}

/** The orders in words. */
export const WORDS: Readonly<Record<Sort, string>> = { id: "id", name: "name", price: "price", updated_at: "change" };
