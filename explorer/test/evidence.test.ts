import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { around, diff, type Part } from "../src/diff";
import { busEntries, pattern } from "../src/entry";
import { MOST_ROWS, withEarlier, withLater, yearsBetween } from "../src/history-window";
import { changing, LANGUAGES, reading } from "../src/programs";
import { qr } from "../src/qr";
import type { Commit } from "../src/types";
import { visible } from "../src/visible";

declare const ROOT: string;

const side = (parts: readonly Part[], kind: "old" | "new"): string => parts.filter((part) => part.kind === "same" || part.kind === kind).map((part) => part.text).join("");

test("a diff gives both texts back, and keeps what both have", () => {
  const texts = ["", "Our lightest and best quality frame.", "Our lightest and strongest aluminium frame!", "最好的红色头盔。", "最轻的红色头盔。", "🚲 a\nb  c", "a b a b a c", "c a b a a b"];
  for (const before of texts) {
    for (const after of texts) {
      const parts = diff(before, after);
      assert.ok(parts !== undefined);
      assert.deepEqual([side(parts, "old"), side(parts, "new")], [before, after]);
    }
  }
  const parts = diff(texts[1] as string, texts[2] as string) ?? [];
  assert.deepEqual(parts.filter((part) => part.kind !== "same").map((part) => part.text), ["best", "strongest", "quality", "aluminium", ".", "!"]);
  assert.deepEqual((diff("最好的红色头盔。", "最轻的红色头盔。") ?? []).map((part) => part.text), ["最", "好", "轻", "的红色头盔。"]);
});

test("a diff of random texts gives them back with the fewest words", () => {
  let state = 7;
  const next = (most: number): number => (state = (state * 1103515245 + 12345) % 2147483648) % most;
  for (let round = 0; round < 300; round += 1) {
    const [a, b] = [0, 1].map(() => Array.from({ length: next(12) }, () => "abc".charAt(next(3))));
    const [before, after] = [a?.join(" ") ?? "", b?.join(" ") ?? ""];
    const parts = diff(before, after) ?? [];
    assert.deepEqual([side(parts, "old"), side(parts, "new")], [before, after]);
    const [x, y] = [before.match(/\w|\s/g) ?? [], after.match(/\w|\s/g) ?? []];
    const changed = parts.filter((part) => part.kind !== "same").reduce((sum, part) => sum + part.text.length, 0);
    assert.equal(changed, x.length + y.length - 2 * longest(x, y), `${before} | ${after}`);
  }
});

/** The length of the longest common subsequence, by the table. */
function longest(a: readonly string[], b: readonly string[]): number {
  const rows = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  const cell = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  for (let row = 1; row <= a.length; row += 1) {
    for (let column = 1; column <= b.length; column += 1) {
      (rows[row] as number[])[column] = a[row - 1] === b[column - 1] ? cell(row - 1, column - 1) + 1 : Math.max(cell(row - 1, column), cell(row, column - 1));
    }
  }
  return cell(a.length, b.length);
}

test("texts that differ too much have no diff, and forty characters stand around a change", () => {
  const words = (from: string): string => Array.from({ length: 300 }, (_, index) => `${from}${index}`).join(" ");
  assert.equal(diff(words("a"), words("b")), undefined);
  const long = words("w");
  const parts = around(diff(long, long.replace("w150", "W")) ?? []);
  assert.deepEqual(parts.slice(1, 3).map((part) => part.text), ["w150", "W"]);
  assert.deepEqual([parts[0]?.text.length, parts[3]?.text.length], [41, 41]);
  const twice = around(diff(long, long.replace("w10 ", "W ").replace("w290", "W")) ?? []);
  assert.equal(twice[3]?.text.length, 83);
});

test("characters that turn or hide a text are written out, and others are left alone", () => {
  assert.equal(visible("a\u202eb\u0000c\u2066"), "a⟨U+202E⟩b⟨U+0000⟩c⟨U+2066⟩");
  const kept = "tab\tline\r\nemoji 👩\u200d🚒 ne\u0301e خوذة";
  assert.equal(visible(kept), kept);
});

// Each of these was read by a reader of QR codes when it was recorded (jsQR 1.4.0).
test("a QR code is the recorded one for its text", () => {
  const texts = ["https://a.example/", `https://ledger.example.com/v1/#/p/hl-road-frame-red-62/evidence?at=2024-06-01T23%3A59%3A59.999Z`, `https://ledger.example.com/#/p/${"é".repeat(90)}`, "x".repeat(400), "x".repeat(666)];
  const found = texts.map((text) => {
    const code = qr(text) ?? [];
    return [code.length, createHash("sha256").update(code.map((row) => row.map(Number).join("")).join("\n")).digest("hex").slice(0, 16)];
  });
  assert.deepEqual(found, RECORDED);
  assert.equal(qr("x".repeat(667)), undefined);
});

const RECORDED: readonly (readonly [number, string])[] = [
  [25, "475ab66b0e1af32f"],
  [41, "1ace40b8603ec7aa"],
  [57, "a596c5c680730c24"],
  [77, "3ed4282a72f331b1"],
  [97, "497df6c35a67d13f"],
];

test("the entry on the bus has the names, the event and the product of the commit", () => {
  const commit = JSON.parse(readFileSync(`${ROOT}/schema/samples/commit.v2.json`, "utf8")) as Commit;
  const entries = busEntries(commit, "a.source", undefined) ?? [];
  assert.deepEqual(entries.map((entry) => entry["detail-type"]), ["PRODUCT_RENAMED", "PRODUCT_PRICE_CHANGED", "PRODUCT_DETAILS_CHANGED"]);
  const detail = entries[1]?.detail as { metadata: Record<string, unknown>; data: Record<string, unknown> };
  assert.deepEqual([detail.metadata["sequence"], detail.metadata["event_version"], "log_origin" in detail.metadata], [commit.sequence + 1, "v1", false]);
  assert.equal((detail.data["product"] as { id: string }).id, commit.product_id);
  assert.deepEqual(JSON.parse(pattern(entries[1] as never)), { source: ["a.source"], "detail-type": ["PRODUCT_PRICE_CHANGED"], resources: [commit.product_id] });
  assert.equal(busEntries({ ...commit, events: [{ ...(commit.events[0] as Commit["events"][number]), type: "ProductFlown" }] }, "a", undefined), undefined);
  const large = { ...commit, state: { ...commit.state, description: "é".repeat(600_000) } };
  const omitted = (busEntries(large, "a", "log")?.[0]?.detail as { data: Record<string, unknown> }).data;
  assert.deepEqual([omitted["product_omitted"], "product" in omitted], [true, false]);
});

test("programs carry the version, a key of their own, and the token only where one is needed", () => {
  for (const [language] of LANGUAGES) {
    const change = changing(language, "https://a.example/products/it's", true, { version: 12, price: "9.50", currency: "EUR" });
    assert.match(change, /"12"/);
    assert.match(change, /LEDGER_TOKEN/);
    assert.match(change, /uuidgen|randomUUID|uuid4/);
    assert.doesNotMatch(changing(language, "https://a.example/", false, { version: 1, price: "1", currency: "EUR" }), /TOKEN/);
    if (language !== "curl") assert.match(reading(language, "https://a.example/", true), /LEDGER_TOKEN/);
  }
  assert.match(changing("curl", "https://a.example/products/it's", false, { version: 1, price: "1", currency: "EUR" }), /'https:\/\/a\.example\/products\/it'\\''s'/);
});

test("a window of commits grows at both ends and never beyond its limit", () => {
  const commits = (from: number, to: number): { sequence: number }[] => Array.from({ length: to - from + 1 }, (_, index) => ({ sequence: from + index }));
  const grown = withEarlier(commits(9951, 10000), commits(9851, 9960));
  assert.deepEqual([grown[0]?.sequence, grown.at(-1)?.sequence, grown.length], [9851, 10000, 150]);
  const full = withEarlier(commits(9001, 10000), commits(8901, 9000));
  assert.deepEqual([full[0]?.sequence, full.at(-1)?.sequence, full.length], [8901, 9900, MOST_ROWS]);
  const back = withLater(full, commits(9901, 10000));
  assert.deepEqual([back[0]?.sequence, back.at(-1)?.sequence, back.length], [9001, 10000, MOST_ROWS]);
  assert.deepEqual(yearsBetween(Date.UTC(2022, 4, 30), Date.UTC(2024, 0, 1)), [2024, 2023, 2022]);
});
