import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, format, misunderstood, parse, understood, type View } from "../src/url";

/** Numbers that look random and are the same each time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

const LETTERS = ["a", "Z", "0", ".", "_", "~", "-", " ", "/", "?", "#", "&", "=", "%", "+", "é", "漢", "🚲", "\u0627", "'", '"', "<"];

test("a view that is written and read again is the same view", () => {
  const next = random(7);
  const text = (): string => Array.from({ length: 1 + Math.floor(next() * 12) }, () => LETTERS[Math.floor(next() * LETTERS.length)]).join("");
  for (let round = 0; round < 2000; round += 1) {
    const parameters = Object.fromEntries(Array.from({ length: Math.floor(next() * 4) }, () => [text(), text()]));
    const page = (["ledger", "catalogue", "p", "proof", "keys", "about", "sign-in", "evidence"] as const)[Math.floor(next() * 8)] as View["page"];
    const view: View = page === "p" || page === "evidence" ? { page, id: text(), parameters } : { page, parameters };
    assert.deepEqual(parse(format(view)), view);
  }
});

test("ids that look like parts of a path stay ids", () => {
  for (const id of ["..x", "~", "%2e", "a/b", "a?b"]) {
    assert.equal(parse(format({ page: "p", id, parameters: {} })).id, id);
    assert.deepEqual(parse(format({ page: "evidence", id, parameters: {} })), { page: "evidence", id, parameters: {} });
  }
  assert.deepEqual(parse("#/p/evidence"), { page: "p", id: "evidence", parameters: {} });
});

test("what is no fragment of a page leads home", () => {
  for (const fragment of ["", "#", "#/", "#/nothing", "#/p", "#/p/a/b", "#/p/a/evidence/b", "#/ledger/evidence", "#/p/%", "#/ledger/x"]) assert.equal(parse(fragment).page, "home", fragment);
});

test("values that a page does not know are named, and unknown names are kept", () => {
  const view = parse("#/catalogue?sort=colour&later=1&currency=USD");
  assert.deepEqual(misunderstood(view), [{ name: "sort", value: "colour" }]);
  assert.deepEqual(understood(view), { currency: "USD" });
  assert.equal(format(view), "#/catalogue?currency=USD&later=1&sort=colour");
  assert.equal(format(changed(view, { sort: undefined, q: "a" })), "#/catalogue?currency=USD&later=1&q=a");
});

test("a moment that no calendar has is not understood", () => {
  for (const at of ["2026-13-45T00:00:00Z", "2026-01-01T25:00:00Z"]) {
    const view = parse(`#/ledger?from=${at}`);
    assert.deepEqual(misunderstood(view), [{ name: "from", value: at }]);
    assert.deepEqual(understood(view), {});
  }
});

test("names of objects are no parameters", () => {
  const view = parse("#/ledger?constructor=1&toString=2&what=price,deleted&who=x");
  assert.deepEqual(understood(view), { what: "price,deleted", who: "x" });
  assert.deepEqual(misunderstood(view), []);
});

test("moments are instants in UTC", () => {
  for (const [at, isKnown] of [["2024-06-01T00:00:00Z", true], ["2024-06-01T00:00:00.123Z", true], ["2024-06-01", false], ["2024-06-01T00:00:00+02:00", false]] as const) {
    const view: View = { page: "p", id: "a", parameters: { at } };
    assert.equal(understood(view)["at"] === at, isKnown, at);
  }
});

test("the range of a chart is one by name, or two instants of which the second is later", () => {
  const [early, late] = ["2024-01-01T00:00:00Z", "2025-06-01T12:30:00.250Z"];
  for (const [range, isKnown] of [
    ["30d", true],
    ["all", true],
    [`${early}~${late}`, true],
    [`${late}~${early}`, false],
    [`${early}~${early}`, false],
    [`${early}~`, false],
    [`~${late}`, false],
    [`${early}~${late}~${late}`, false],
    ["2024-01-01~2025-01-01", false],
    ["40d", false],
  ] as const) {
    const view: View = { page: "p", id: "a", parameters: { range } };
    assert.equal(understood(view)["range"] === range, isKnown, range);
    assert.deepEqual(parse(format(view)), view);
    assert.equal(misunderstood(view).length, isKnown ? 0 : 1, range);
  }
});
