// The tables that the Catalogue saves: their columns, rows and names. Pure.

import { records, unguarded } from "../csv";
import * as time from "../time";
import { type Clock, type Compared, type Row, type Shown } from "./compare";

/** The columns of a catalogue. */
export const COLUMNS = ["product_id", "sku", "name", "category", "price", "currency", "status", "version", "recorded_at"] as const;

/** The columns of a comparison. */
export const COMPARED_COLUMNS = [...COLUMNS, "before_price", "before_currency", "change"] as const;

/** A product as a row. */
export function row(one: Row): (string | undefined)[] {
  return [one.id, one.sku, one.name, one.category, one.price, one.currency, one.status, String(one.version), one.updated_at];
}

/** A compared product as a row: as it is after, and of a removed one what it was, without a price. */
export function comparedRow({ before, after, kinds }: Compared): (string | undefined)[] {
  const shown = (after ?? before) as Row;
  const [id, sku, name, category, price, currency, , ...rest] = row(shown);
  const now = after === undefined ? ["", "", "deleted"] : [price, currency, after.status];
  return [id, sku, name, category, ...now, ...rest, before?.price, before?.currency, kinds.join(" ")];
}

/** The products of a table that the ledger answered; fails if it is none. */
export function readRows(text: string): Row[] {
  const [header = [], ...rows] = records(text);
  const places = COLUMNS.map((name) => header.indexOf(name));
  if (places.includes(-1)) throw new Error("The table has other columns than this page knows.");
  return rows.map((cells) => {
    const [id = "", sku = "", name = "", category = "", price = "", currency = "", status = "", version = "", updated_at = ""] =
      places.map((place) => cells[place] ?? "");
    const optional = { ...(sku === "" ? {} : { sku: unguarded(sku) }), ...(category === "" ? {} : { category: unguarded(category) }) };
    const shown = { id, name: unguarded(name), price, currency, ...optional, version: Number(version), updated_at };
    return { ...shown, status: status === "deleted" ? ("deleted" as const) : ("active" as const) };
  });
}

/** The parts of a file's name that say what was looked for. */
export function filterParts(parameters: Readonly<Record<string, string>>): (string | undefined)[] {
  return [parameters["category"], parameters["sku"], parameters["q"], parameters["currency"], parameters["deleted"] === "1" ? "with-removed" : undefined];
}

/** The parts of a file's name that say of which time it is. */
export function momentParts(at: number, clock: Clock, zone: time.Zone): string[] {
  return [dayPart(at, zone), clock === "recorded" ? "as-recorded" : "in-force"];
}

/** The parts of a file's name that say what was compared. */
export function comparedParts(from: number, to: number, clock: Clock, shown: Shown, zone: time.Zone): string[] {
  return [shown, dayPart(from, zone), "to", ...momentParts(to, clock, zone)];
}

function dayPart(at: number, zone: time.Zone): string {
  return time.isEndOfDay(at, zone) ? time.isoDay(at, zone) : time.instant(at);
}
