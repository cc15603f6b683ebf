import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Commit, StoredEvent } from "../src/types";
import { EVENTS_OF, initials, phrase, plain, verb } from "../src/words";

declare const ROOT: string;

const SAMPLES = join(ROOT, "schema/samples");

test("every event of every version has words", () => {
  const names = readdirSync(SAMPLES).filter((name) => name.startsWith("Product"));
  assert.ok(names.length >= 7);
  for (const name of names) {
    const event = JSON.parse(readFileSync(join(SAMPLES, name), "utf8")) as StoredEvent;
    const one = phrase(event);
    assert.notEqual(one.kind, "unknown", name);
    const words = plain(one, (price, currency) => `${price} ${currency}`, (at) => at.slice(0, 10));
    assert.ok(words.length > 5 && !words.includes("undefined"), `${name}: ${words}`);
    assert.ok(Object.values(EVENTS_OF).some((types) => types.includes(event.type)), `${name} cannot be filtered for`);
  }
});

test("an event of a later build is named and not guessed", () => {
  const event = { event_id: "e", schema_version: 9, data: { price: "1" } };
  for (const type of ["ProductListPriceChanged", "ProductPriceChanged", "constructor"]) {
    assert.deepEqual(phrase({ ...event, type }), { kind: "unknown", type });
  }
});

test("a change of the details is told field by field", () => {
  const data = {
    category: null,
    attributes: { color: "Red", size: "62" },
    previous: { category: "Helmets", attributes: { color: "Blue", size: "62", weight: "1" } },
  };
  const one = phrase({ event_id: "e", type: "ProductDetailsChanged", schema_version: 1, data });
  assert.equal(one.kind, "details");
  const told = one.kind === "details" ? one.changes.map((change) => `${change.field} ${verb(change)}`) : [];
  assert.deepEqual(told, ["category removed", "color changed", "weight removed"]);
});

test("the commits of the samples have the fields that the pages read", () => {
  for (const name of ["commit.v1.json", "commit.v2.json"]) {
    const commit = JSON.parse(readFileSync(join(SAMPLES, name), "utf8")) as Commit;
    for (const field of [commit.metadata.actor, commit.state.name, commit.recorded_at, commit.metadata.occurred_at]) assert.equal(typeof field, "string", name);
  }
});

test("programs have a gear and people their initials", () => {
  for (const [actor, shown] of [["maria.lopez", "ML"], ["price-bot", "⚙"], ["catalogue-import", "⚙"], ["anna", "A"], ["abbott", "A"], ["", "?"], ["漢字", "漢"]] as const) {
    assert.equal(initials(actor), shown, actor);
  }
});
