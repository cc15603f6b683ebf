import assert from "node:assert/strict";
import { test } from "node:test";
import { comparedCommits, comparedLists, counts, isShown, kindsOf, reversed, type Row, undone } from "../src/catalogue/compare";
import { bars, bounds, daysOf, stepped, ticks, valueText } from "../src/catalogue/days";
import { fits, picked, pickedOf, plan, refusal, sortOf } from "../src/catalogue/list";
import { COLUMNS, comparedParts, comparedRow, momentParts, readRows, row } from "../src/catalogue/table";
import { csv, records, rowsOf } from "../src/csv";
import { mostDecimals, padding } from "../src/money";
import * as time from "../src/time";
import type { Commit, FeedEntry, Product, StoredEvent } from "../src/types";

const KEPT = { orders: ["id", "name", "price", "updated_at"], currency: "USD" };

function product(id: string, price = "10.00", more: Partial<Product> = {}): Product {
  return { id, name: `Name of ${id}`, price, currency: "USD", status: "active", version: 1, created_at: "2024-01-01T00:00:00.000Z", updated_at: "2024-01-01T00:00:00.000Z", ...more };
}

function event(type: string, data: Record<string, unknown> = {}): StoredEvent {
  return { event_id: "e", type, schema_version: 1, data };
}

function commit(state: Product, sequence: number, events: readonly StoredEvent[], actor = "maria", happened = "2024-05-01T00:00:00.000Z"): Commit {
  return {
    product_id: state.id,
    sequence,
    commit_id: "c",
    recorded_at: happened,
    events,
    state: { ...state, schema_version: 1 },
    metadata: { actor, correlation_id: "", causation_id: "", occurred_at: happened },
    previous_hash: "",
    hash: "",
  };
}

const entry = (one: Commit, position: number): FeedEntry => ({ position, commit: one });
const priced = (price: string, before: string): StoredEvent =>
  event("ProductPriceChanged", { price, currency: "USD", previous_price: before, previous_currency: "USD" });

test("prices are compared as numbers and only in one currency", () => {
  const nine = product("p", "9.00");
  for (const [other, kinds] of [
    [product("p", "10.00"), ["dearer"]],
    [product("p", "8.9999"), ["cheaper"]],
    [product("p", "9.0000"), []],
    [product("p", "9.00", { currency: "EUR" }), ["currency"]],
  ] as const) {
    assert.deepEqual(kindsOf(nine, other, true), kinds);
  }
  assert.deepEqual(kindsOf(undefined, nine, false), ["new"]);
  assert.deepEqual(kindsOf(nine, undefined, false), ["removed"]);
});

test("names and details are compared by what was recorded alone", () => {
  const other = product("p", "11.00", { name: "B", attributes: { b: "1", a: "2" } });
  assert.deepEqual(kindsOf(product("p"), other, false), ["dearer"]);
  assert.deepEqual(kindsOf(product("p"), other, true), ["dearer", "renamed", "details"]);
  assert.deepEqual(kindsOf({ ...other, attributes: { a: "2", b: "1" } } as Product, other, true), []);
});

test("two lists give what is new, removed, dearer and the same, and who did it", () => {
  const made = [
    commit(product("new"), 1, [event("ProductCreated", { price: "10.00" })], "import"),
    commit(product("gone"), 4, [event("ProductDeleted")], "jonas"),
    commit(product("up", "12.00"), 2, [priced("11.00", "10.00")], "early"),
    commit(product("up", "12.00"), 3, [priced("12.00", "11.00"), event("ProductRenamed")], "late", "2024-05-02T00:00:00.000Z"),
  ];
  const all = comparedLists([product("gone"), product("up"), product("same")], [product("new"), product("up", "12.00"), product("same")], made);
  const told = Object.fromEntries(all.map((one) => [one.id, [one.kinds.join(), one.by?.actor, one.by?.sequence, one.by?.version]]));
  assert.deepEqual(told, {
    gone: ["removed", "jonas", 4, 4],
    up: ["dearer", "late", 3, 4],
    same: ["", undefined, undefined, undefined],
    new: ["new", "import", 1, 1],
  });
  assert.deepEqual(counts(all), { changed: 3, new: 1, removed: 1, dearer: 1, cheaper: 0, renamed: 0, same: 1 });
  const back = reversed(all);
  assert.deepEqual(counts(back), { changed: 3, new: 1, removed: 1, dearer: 0, cheaper: 1, renamed: 0, same: 1 });
  assert.deepEqual(reversed(back), all);
});

test("what was there before is what the events of the first commits say", () => {
  const details = event("ProductDetailsChanged", { sku: "new", category: null, previous: { sku: null, category: "Old" } });
  const now = product("p", "3.00", { name: "C", sku: "new", version: 9 });
  const first = commit(product("p", "2.00", { name: "B" }), 5, [priced("2.00", "1.00"), event("ProductRenamed", { name: "B", previous_name: "A" }), details]);
  const second = commit(now, 8, [priced("3.00", "2.00"), event("ProductRenamed", { name: "C", previous_name: "B" })]);
  const [one] = comparedCommits([entry(first, 1), entry(second, 2)]);
  assert.deepEqual(
    [one?.before?.price, one?.before?.name, one?.before?.sku, one?.before?.category, one?.before?.version],
    ["1.00", "A", undefined, "Old", 4],
  );
  assert.deepEqual(one?.kinds, ["dearer", "renamed", "details"]);
  assert.deepEqual(one?.by, { actor: "maria", sequence: 8, version: 9 });
  const created = commit(now, 1, [event("ProductCreated", { price: "3.00" })]);
  assert.equal(undone(now, created), undefined);
});

test("the commit that made a change is the newest one that states what there is", () => {
  const after = product("p", "12.00");
  const by = (...commits: Commit[]) => comparedLists([product("p", "10.00")], [after], commits)[0]?.by?.actor;
  const right = commit(after, 2, [priced("12.00", "10.00")], "right");
  assert.equal(by(right, commit(after, 3, [priced("13.00", "12.00")], "another price", "2024-05-09T00:00:00.000Z")), "right");
  assert.equal(by(commit(after, 1, [priced("12.00", "10.00")], "same moment"), right), "right");
  assert.equal(by(right, commit(after, 1, [priced("12.00", "10.00")], "same moment")), "right");
  assert.equal(by(commit(after, 5, [event("ProductRenamed")], "no price", "2024-06-01T00:00:00.000Z")), undefined);
  const stated = commit(after, 4, [event("ProductPriceRecorded", { price: "12.00", currency: "USD", from: "" })], "late");
  assert.equal(by(right, stated), "late");
});

test("what was removed was there before, and events of one commit are undone from the last", () => {
  const gone = commit({ ...product("p", "3.00"), status: "deleted" }, 4, [priced("2.00", "1.00"), priced("3.00", "2.00"), event("ProductDeleted")]);
  const [one] = comparedCommits([entry(gone, 1)]);
  assert.deepEqual([one?.kinds, one?.before?.price, one?.after, one?.by?.version], [["removed"], "1.00", undefined, 6]);
});

test("what came and went between two moments, and what was put back, is no change", () => {
  const gone = { ...product("flash"), status: "deleted" as const };
  const flash = [commit(product("flash"), 1, [event("ProductCreated", { price: "10.00" })]), commit(gone, 2, [event("ProductDeleted")])];
  const back = [commit(product("p", "9.00"), 2, [priced("9.00", "10.00")]), commit(product("p"), 3, [priced("10.00", "9.00")])];
  const returned = [commit(product("r"), 4, [event("ProductRestored")])];
  const all = comparedCommits([...flash, ...back, ...returned].map(entry));
  assert.deepEqual(all.map((one) => [one.id, one.kinds.join(), one.before === undefined, one.after === undefined]), [
    ["flash", "", true, true],
    ["p", "", false, false],
    ["r", "new", true, false],
  ]);
  assert.equal(comparedCommits([{ position: 1, commit: null }]).length, 0);
});

test("a list is asked for so that the ledger picks and sorts as much as it can", () => {
  const asked = (parameters: Record<string, string>, clock: "force" | "recorded" = "force") => {
    const { request, isPartial } = plan(parameters, KEPT, clock);
    return [Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)), isPartial];
  };
  const at = "2024-06-01T23:59:59.999Z";
  assert.deepEqual(asked({}), [{ sort: "name" }, false]);
  assert.deepEqual(asked({ sort: "price", order: "desc", min: "5" }), [{ sort: "price", order: "desc", currency: "USD", min_price: "5" }, false]);
  assert.deepEqual(asked({ q: "a" }), [{ sort: "name", name_prefix: "a" }, false]);
  // The order by price stays, and is the page's.
  assert.deepEqual(asked({ q: "a", sort: "price" }), [{ sort: "name", name_prefix: "a" }, true]);
  assert.deepEqual(asked({ category: "c", q: "a" }), [{ sort: "name", name_prefix: "a", category: "c" }, false]);
  assert.deepEqual(asked({ currency: "EUR" }), [{ sort: "price", currency: "EUR" }, true]);
  assert.deepEqual(asked({ deleted: "1", order: "desc" }), [{ sort: "updated_at", order: "desc", include: "deleted" }, false]);
  assert.deepEqual(asked({ deleted: "1", q: "a" }), [{ sort: "updated_at", include: "deleted" }, true]);
  assert.deepEqual(asked({ at }), [{ in_force: at }, true]);
  assert.deepEqual(asked({ at, q: "a", sort: "price" }, "recorded"), [{ as_of: at }, true]);
  assert.equal(plan({}, { orders: ["id"], currency: "USD" }, "force").order, "id");
  assert.equal(sortOf({ deleted: "1" }, KEPT), "updated_at");
});

test("the page picks and sorts as the ledger does", () => {
  const rows = [product("a", "9.00", { name: "beta" }), product("b", "10.00", { name: "Alpha" }), product("c", "2.00", { name: "alpha", currency: "EUR", sku: "S" })];
  const ids = (parameters: Record<string, string>) => picked(rows, parameters, KEPT).map((one) => one.id).join("");
  assert.equal(ids({}), "bca");
  assert.equal(ids({ order: "desc" }), "acb");
  const [x, y] = [product("x", "1.00"), product("y", "1.00")];
  for (const two of [[x, y], [y, x]]) assert.equal(picked(two, { sort: "price", order: "desc" }, KEPT)[0]?.id, "y");
  assert.equal(ids({ sort: "price" }), "ab");
  assert.equal(ids({ q: "ALP" }), "bc");
  assert.equal(ids({ q: "alp", sort: "price" }), "b");
  assert.equal(ids({ sku: "S" }), "c");
  assert.equal(ids({ currency: "EUR" }), "c");
  assert.equal(ids({ min: "9.01" }), "b");
  assert.equal(ids({ min: "10" }), "b");
  assert.equal(ids({ max: "9.00" }), "a");
  assert.equal(fits(product("Abc"), { q: "abc" }, { orders: ["id"], currency: "USD" }), false);
});

test("a comparison finds a product by what it was and by what it is", () => {
  const all = comparedLists([product("a", "5.00"), product("b", "1.00")], [product("a", "15.00")], []);
  const ids = (parameters: Record<string, string>) => pickedOf(all, parameters, KEPT).map((one) => one.id).join("");
  assert.equal(ids({}), "ab");
  assert.equal(ids({ min: "10" }), "a");
  assert.equal(ids({ max: "1" }), "b");
  assert.equal(ids({ sort: "price" }), "ba");
  assert.equal(all.filter((one) => isShown(one, "changed")).length, 2);
});

test("an order that cannot be had has a reason", () => {
  const at = "2024-06-01T23:59:59.999Z";
  assert.equal(refusal("price", { at }, "force", "id", false), undefined);
  assert.equal(refusal("price", { at }, "force", "id", true), "the ledger lists a past day by id");
  assert.equal(refusal("price", { q: "a" }, "force", "name", true), "too many products fit: they come by name");
  assert.equal(refusal("name", { q: "a" }, "force", "name", true), undefined);
  assert.equal(refusal("updated_at", { at }, "force", "id", false), "not known of what was in force");
  assert.equal(refusal("updated_at", { at }, "recorded", "id", false), undefined);
  assert.equal(refusal("updated_at", { at, vs: at }, "recorded", "id", false), "not in a comparison");
});

test("the slider tells the day and its commits, and steps by 30 days", () => {
  const days = daysOf({ days: [{ day: "2024-05-29", commits: 195 }, { day: "2019-04-30", commits: 1 }, { day: "no day", commits: 3 }] });
  const day = (text: string): number => Date.parse(`${text}T00:00:00Z`) / 86_400_000;
  assert.deepEqual(days, [{ day: day("2019-04-30"), commits: 1 }, { day: day("2024-05-29"), commits: 195 }]);
  assert.equal(valueText(day("2024-06-01"), days), "1 June 2024, 195 commits on 29 May");
  assert.equal(valueText(day("2024-05-29"), days), "29 May 2024, 195 commits");
  assert.equal(valueText(day("2020-01-01"), days), "1 January 2020, 1 commit on 30 April 2019");
  assert.equal(valueText(day("2019-04-29"), days), "29 April 2019, before the first commit");
  assert.equal(valueText(day("2019-04-29"), []), "29 April 2019");
  assert.deepEqual(["PageUp", "PageDown", "Home"].map((key) => stepped(key, 100, 90, 120)), [120, 90, undefined]);
  assert.deepEqual(bounds(100, 200, [90, 210]), { first: 90, last: 210 });
});

test("bars have heights by the square root, and labels are years or the ends", () => {
  assert.equal(bars([{ day: 5, commits: 4 }, { day: 7, commits: 1 }, { day: 99, commits: 4 }], 5, 10), "M0 100V0.0M2 100V50.0");
  const day = (text: string): number => Date.parse(`${text}T00:00:00Z`) / 86_400_000;
  assert.deepEqual(ticks(day("2019-04-30"), day("2026-11-30")).map((one) => one.label), ["2020", "2021", "2022", "2023", "2024", "2025", "2026"]);
  assert.deepEqual(ticks(day("1990-01-02"), day("2026-11-30")).map((one) => one.label), ["1995", "2000", "2005", "2010", "2015", "2020", "2025"]);
  assert.deepEqual(ticks(day("2026-11-01"), day("2026-11-30")), [{ share: 0, label: "1 Nov 2026" }, { share: 1, label: "30 Nov 2026" }]);
});

test("a day is the same by its number, its name and its end", () => {
  const end = Date.parse("2024-06-01T23:59:59.999Z");
  assert.equal(time.endOfDayNumber(time.dayNumber(end, "utc"), "utc"), end);
  assert.equal(time.isoDay(end, "utc"), "2024-06-01");
  for (const at of [Date.parse("2024-03-31T12:00:00Z"), Date.parse("2024-10-27T12:00:00Z"), end]) {
    assert.equal(time.dayNumber(time.endOfDayNumber(time.dayNumber(at, "local"), "local"), "local"), time.dayNumber(at, "local"));
  }
  assert.equal(time.dayOrTime(end, "utc"), "1 Jun 2024");
  assert.equal(time.dayOrTime(Date.parse("2024-06-01T09:00:00Z"), "utc"), "1 Jun 2024, 09:00");
  assert.equal(time.between(Date.parse("2024-05-01T23:59:59.999Z"), end, "utc"), "1 May and 1 June 2024");
  assert.equal(time.between(Date.parse("2023-05-01T23:59:59.999Z"), end, "utc"), "1 May 2023 and 1 June 2024");
  assert.equal(time.between(Date.parse("2024-05-31T23:59:59.999Z"), Date.parse("2024-06-30T23:59:59.999Z"), "utc"), "31 May and 30 June 2024");
  assert.equal(time.between(end, Date.parse("2024-06-30T23:59:59.999Z"), "utc"), "1 and 30 June 2024");
  assert.equal(time.between(Date.parse("2024-05-01T09:00:00Z"), end, "utc"), "1 May 2024, 09:00 and 1 Jun 2024");
});

test("a table is read as it was written, whatever its texts hold", () => {
  const texts = ["", "a", "a,b", 'say "so"', '"', '""', "two\r\nlines", "=1+1", "'=1", "'a", "-5", "@x", "é漢🚲"];
  const rows: Row[] = texts.map((text, index) => {
    const base = product(index === 0 ? "-id" : `id-${index}`, "1.0000", { name: `n${text}` });
    return text === "" ? base : { ...base, name: text, sku: text, category: text, status: "deleted" as const };
  });
  const text = csv([...COLUMNS, "description"], rows.map((one) => [...row(one), "ignored,\r\n"]));
  assert.deepEqual(readRows(text).map((one) => row(one)), rows.map((one) => row(one)));
  // Ids are written as they are, texts so that no spreadsheet runs them.
  assert.ok(text.includes("\r\n-id,") && text.includes(",'=1+1,"));
  assert.equal(csv(COLUMNS, rows.map(row)), csv(COLUMNS, []) + rowsOf(COLUMNS, rows.map(row)));
  assert.throws(() => readRows("product_id,sku\r\na,b\r\n"), /other columns/);
});

test("a table that is cut off is none", () => {
  for (const text of ["a,b", 'a,"b', "a,b\r\nc,", 'a,"b"c\r\n', "a\nb\r\n"]) assert.throws(() => records(text), /cut off/, text);
  assert.deepEqual(records('a,"b ""c"""\r\n,\r\n'), [["a", 'b "c"'], ["", ""]]);
});

test("files are named by what they hold, and a removed product has no price in them", () => {
  const at = Date.parse("2024-06-01T23:59:59.999Z");
  const vs = Date.parse("2024-05-01T12:00:00Z");
  assert.deepEqual(momentParts(at, "force", "utc"), ["2024-06-01", "in-force"]);
  assert.deepEqual(comparedParts(vs, at, "recorded", "removed", "utc"), ["removed", "2024-05-01T12:00:00.000Z", "to", "2024-06-01", "as-recorded"]);
  const before = product("p", "5.00", { sku: "s", version: 3 });
  const line = (one: Parameters<typeof comparedRow>[0]): string => comparedRow(one).map((cell) => cell ?? "").join("|");
  const common = { id: "p", by: undefined };
  assert.equal(line({ ...common, before, after: undefined, kinds: ["removed"] }), `p|s|Name of p||||deleted|3|${before.updated_at}|5.00|USD|removed`);
  assert.equal(line({ ...common, before: undefined, after: before, kinds: ["new"] }), `p|s|Name of p||5.00|USD|active|3|${before.updated_at}|||new`);
  assert.equal(line({ ...common, before, after: before, kinds: [] }), `p|s|Name of p||5.00|USD|active|3|${before.updated_at}|5.00|USD|`);
});

test("prices of a column are aligned at their points", () => {
  assert.equal(mostDecimals(["1.00", "33.6442", undefined, "5"]), 4);
  assert.equal(padding("33.6442", 4), "");
  assert.equal(padding("1.00", 4), "\u2007\u2007");
  assert.equal(padding("5", 4), "\u2008\u2007\u2007\u2007\u2007");
  assert.equal(padding("5", 0), "");
});
