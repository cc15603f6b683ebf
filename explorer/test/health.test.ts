import assert from "node:assert/strict";
import { test } from "node:test";
import { attention, type ConsumerLag, type Lamp, lamps, type Level, logLevel, needsSomebody, type ParkedProduct, recent, refusals, type Sample, sparkline, type Status, WINDOW } from "../src/health";

const NOW = Date.parse("2026-11-30T12:00:00.000Z");

const done: ConsumerLag = { lag_ms: 4, oldest_behind_ms: 0 };

const FINE: Status = {
  commits: 705,
  products: { active: 503, deleted: 1, counted_at: "2026-11-30T11:59:30.000Z" },
  views: { products: done, prices: done },
  bus: done,
  parked: [],
  log: { size: 705, signed_at: "2026-11-30T11:00:00.000Z", unlogged: 0, oldest_unlogged_ms: 0, witnesses: [] },
  tampering: 0,
  build: { version: "0.1.0", commit: null },
  settings: [],
  commands: { recorded: 705, without_effect: 2, refused: { invalid: 6 }, p90_ms: 5 },
  refused: [],
};

const row = (change: Partial<ParkedProduct>): ParkedProduct => ({
  product_id: "helmet",
  consumer: "publisher",
  sequence: 4,
  reason: "AccessDeniedException",
  retryable: true,
  since: "2026-11-30T11:58:00.000Z",
  next_try: null,
  ...change,
});

const at = (seconds: number, change: Partial<Status> = {}): Sample => ({ at: NOW - seconds * 1000, status: { ...FINE, ...change } });

const lamp = (name: Lamp["name"], ...all: readonly Sample[]): Lamp => lamps(all, NOW).find((one) => one.name === name) as Lamp;

const levels = (name: Lamp["name"], cases: readonly (readonly [Partial<Status>, Level])[]): void => {
  for (const [change, level] of cases) assert.equal(lamp(name, at(0, change)).level, level, JSON.stringify(change));
};

test("a ledger that does well is fine in one sentence, and nothing is shown before the first answer", () => {
  assert.deepEqual(attention([at(0)], NOW), { count: 0, sentence: "Everything is fine." });
  assert.deepEqual(lamps([at(0)], NOW).map((one) => one.level), ["fine", "fine", "fine", "fine"]);
  assert.deepEqual([attention([], NOW), lamps([], NOW)], [{ count: 0, sentence: "" }, []]);
});

test("views and bus are looked at from a third of their alarms on, and acted on from the alarm on", () => {
  const behind = (oldest_behind_ms: number): ConsumerLag => ({ lag_ms: 4, oldest_behind_ms });
  const views = (prices: ConsumerLag): Partial<Status> => ({ views: { products: done, prices } });
  levels("Views", [[views(behind(9_999)), "fine"], [views(behind(10_000)), "look"], [views(behind(29_999)), "look"], [views(behind(30_000)), "act"]]);
  levels("Bus", [[{ bus: behind(19_999) }, "fine"], [{ bus: behind(20_000) }, "look"], [{ bus: behind(59_999) }, "look"], [{ bus: behind(60_000) }, "act"]]);
  // What took long once is not behind any more; where nothing else is known, it counts.
  levels("Bus", [[{ bus: { lag_ms: 300_000, oldest_behind_ms: 0 } }, "fine"], [{ bus: { lag_ms: 300_000, oldest_behind_ms: null } }, "act"]]);
  assert.equal(attention([at(0, { bus: behind(240_000) })], NOW).sentence, "The bus is 4 minutes behind; nothing is lost. Everything else is fine.");
  assert.equal(lamp("Bus", at(0, { bus: behind(240_000) })).big, "4 minutes behind");
});

test("a parked product that time does not release, or has not for a quarter of an hour, needs somebody", () => {
  const old = "2026-11-30T11:44:59.000Z";
  levels("Parked", [[{ parked: [row({})] }, "look"], [{ parked: [row({ retryable: false })] }, "act"], [{ parked: [row({ since: old })] }, "act"], [{ parked: [] }, "fine"]]);
  assert.deepEqual([needsSomebody(row({}), NOW), needsSomebody(row({ since: old }), NOW)], [false, true]);
  const both = [row({ retryable: false }), row({ retryable: false, consumer: "prices" }), row({ product_id: "cap", consumer: "log" })];
  const parked = lamp("Parked", at(0, { parked: both }));
  assert.deepEqual([parked.big, parked.below], ["2 products", "1 for the bus, 1 for the views, 1 for the log · oldest 2 minutes"]);
  assert.deepEqual(attention([at(0, { parked: both })], NOW), { count: 2, sentence: "One product waits for somebody. One product is parked and tried again. Everything else is fine." });
});

test("commands are acted on when one failed lately, and looked at when more than one in a hundred loses its races", () => {
  const refused = (change: object): Status["refused"] => [{ at: "2026-11-30T11:50:00.000Z", method: "PUT", route: "/products/{id}", status: 503, kind: "unavailable", detail: "", errors: [], correlation_id: "c", ...change }];
  levels("Commands", [
    [{ refused: refused({}) }, "act"],
    [{ refused: refused({ kind: "invalid" }) }, "fine"],
    [{ refused: refused({ method: "GET" }) }, "fine"],
    [{ refused: refused({ at: "2026-11-30T11:44:00.000Z" }) }, "fine"],
  ]);
  const counts = (recorded: number, conflict: number): Partial<Status> => ({ commands: { recorded, without_effect: 0, refused: { conflict } } });
  assert.equal(lamp("Commands", at(60, counts(0, 500)), at(0, counts(990, 510))).level, "fine", "10 of 1000");
  assert.equal(lamp("Commands", at(60, counts(0, 500)), at(0, counts(989, 511))).level, "look", "11 of 1000");
  const failing = at(0, { commands: { recorded: 0, without_effect: 0, refused: { internal: 1 } } });
  assert.equal(lamp("Commands", at(60, counts(0, 0)), failing).level, "act");
  assert.equal(lamp("Commands", failing).level, "fine", "when it failed is not known");
  assert.equal(refusals(FINE), 6);
});

test("the rate is that of the last two answers, and a server that was started anew has none", () => {
  const counts = (recorded: number): Partial<Status> => ({ commands: { recorded, without_effect: 0, refused: {} } });
  const line = lamp("Commands", at(10, counts(0)), at(5, counts(21)), at(0, counts(3)));
  assert.deepEqual([line.values, line.big], [[undefined, 4.2, undefined], "0.0 a second"]);
  assert.equal(lamp("Commands", at(5, counts(0)), at(0, counts(21))).big, "4.2 a second");
});

test("what the server does not know is said to be not known, and never fine", () => {
  const none = { lag_ms: null, oldest_behind_ms: null };
  const dark: Partial<Status> = { views: { products: none, prices: none }, bus: none, parked: null, commands: null, refused: null, tampering: null };
  assert.deepEqual(lamps([at(0, dark)], NOW).map((one) => [one.level, one.big]), Array(4).fill(["unknown", "Not known"]));
  assert.equal(attention([at(0, dark)], NOW).sentence, "What is known is fine. Not known here: Commands, Views, Bus, Parked.");
  const half = attention([at(0, { ...dark, parked: [row({ retryable: false })] })], NOW);
  assert.deepEqual(half, { count: 1, sentence: "One product waits for somebody. Not known here: Commands, Views, Bus." });
});

test("a touched commit comes first, and commits that nobody signs are told", () => {
  const sentence = attention([at(0, { tampering: 1, parked: [row({ retryable: false })] })], NOW).sentence;
  assert.ok(sentence.startsWith("A commit was touched"), sentence);
  const log = (unlogged: number, oldest_unlogged_ms: number): Partial<Status> => ({ log: { ...(FINE.log as NonNullable<Status["log"]>), unlogged, oldest_unlogged_ms } });
  assert.equal(logLevel({ ...FINE, ...log(3, 299_999) }), "fine");
  assert.equal(logLevel({ ...FINE, ...log(3, 300_000) }), "act");
  assert.equal(logLevel({ ...FINE, log: null }), undefined);
  assert.equal(attention([at(0, log(3, 540_000))], NOW).sentence, "Nothing was signed for 9 minutes although commits wait. Everything else is fine.");
});

test("a quarter of an hour is kept, and the alarm is the top of the line on a scale of square roots", () => {
  assert.deepEqual(recent([at(901), at(900), at(0)], NOW).map((one) => NOW - one.at), [WINDOW, 0]);
  assert.equal(sparkline([0, 7.5, 30, 60], 30, 90, 40), "M0.0 40.0L30.0 20.0L60.0 0.0L90.0 0.0");
  assert.equal(sparkline([1, undefined, 4], undefined, 90, 40), "M0.0 20.0M90.0 0.0");
  assert.equal(sparkline([], 30, 90, 40), "");
});
