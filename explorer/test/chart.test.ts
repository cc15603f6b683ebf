import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, extent, fittingRange, handled, handles, keyedStep, life, linear, priceAxis, rangeOf, rangeText, timeTicks } from "../src/chart/scale";
import { asRecorded, currencies, currencyChanges, gaps, hasSteps, inForce, type Step, stepAt, until } from "../src/chart/steps";
import type { Commit, Period } from "../src/types";

const DAY = 86_400_000;
const at = (day: number): string => new Date(day * DAY).toISOString();
const period = (from: number, to: number | null, price: string, sequence: number, currency = "USD"): Period => ({
  price,
  currency,
  from: at(from),
  to: to === null ? null : at(to),
  sequence,
});

test("equal neighbours that touch are one step, and a gap keeps them apart", () => {
  const steps = inForce([period(0, 10, "1.00", 1), period(10, 20, "1.0", 2), period(25, 30, "1.00", 4), period(30, null, "2.00", 5)]);
  assert.deepEqual(steps.map((step) => [step.from / DAY, (step.to ?? 0) / DAY, step.price]), [
    [0, 20, "1.00"],
    [25, 30, "1.00"],
    [30, 0, "2.00"],
  ]);
  assert.deepEqual(gaps(steps), [{ from: 20 * DAY, to: 25 * DAY }]);
  assert.equal(stepAt(steps, 22 * DAY), undefined);
  assert.equal(stepAt(steps, 20 * DAY), undefined);
  assert.equal(stepAt(steps, 30 * DAY)?.price, "2.00");
  assert.equal(stepAt(steps, -1), undefined);
  assert.deepEqual(until(steps, 27 * DAY).map((step) => step.to), [20 * DAY, undefined]);
});

test("the step at a moment is that of a search from the beginning", () => {
  const timeline = Array.from({ length: 300 }, (_, index) => period(index * 3, index % 7 === 0 ? index * 3 + 1 : index * 3 + 3, `${(index * 37) % 91}`, index + 1));
  const steps = inForce(timeline);
  for (let moment = -2 * DAY; moment < 910 * DAY; moment += DAY / 2) {
    const found = steps.find((step) => step.from <= moment && (step.to === undefined || moment < step.to));
    assert.equal(stepAt(steps, moment), found);
  }
});

test("what was recorded follows the commits, and ends where the product was removed", () => {
  const commit = (day: number, sequence: number, price: string, status: "active" | "deleted"): Commit =>
    ({ recorded_at: at(day), sequence, state: { price, currency: "USD", status } }) as Commit;
  const steps = asRecorded([commit(0, 1, "5.00", "active"), commit(2, 2, "5.00", "active"), commit(3, 3, "5.00", "deleted"), commit(9, 4, "4.00", "active")]);
  assert.deepEqual(steps.map((step) => [step.from / DAY, step.to === undefined ? null : step.to / DAY, step.price]), [
    [0, 3, "5.00"],
    [9, null, "4.00"],
  ]);
});

test("an axis has few round ticks that hold all prices", () => {
  for (const values of [[1199, 1431.5], [0.0001, 999999999999.9999], [63.5], [0], [33.6442, 34.99], [10, 11, 12, 100]]) {
    const axis = priceAxis(values);
    assert.ok(axis.ticks.length >= 2 && axis.ticks.length <= 8, `${values}: ${axis.ticks}`);
    assert.ok(axis.low <= Math.min(...values) && axis.high >= Math.max(...values), `${values}: ${axis.ticks}`);
    assert.ok(axis.low >= 0);
  }
  assert.equal(priceAxis([10, 100]).cut, false);
  assert.equal(priceAxis([1000, 1400]).cut, true);
});

test("time ticks stand on the calendar and never exceed their number", () => {
  for (const length of [1, 60, 3600, 86400, 10 * 86400, 90 * 86400, 548 * 86400, 7 * 365 * 86400, 60 * 365 * 86400]) {
    const from = Date.parse("2024-03-15T10:20:30Z");
    const ticks = timeTicks({ from, to: from + length * 1000 }, 8);
    assert.ok(ticks.length <= 9, `${length}: ${ticks.length}`);
    assert.deepEqual([...ticks].sort((a, b) => a.at - b.at), ticks);
  }
  const months = timeTicks({ from: Date.parse("2025-05-27T00:00:00Z"), to: Date.parse("2026-11-27T00:00:00Z") }, 10);
  assert.deepEqual(months.map((tick) => tick.label), ["Jul", "Sep", "Nov", "2026", "Mar", "May", "Jul", "Sep", "Nov"]);
});

test("ranges show the newest days, and never more than there is", () => {
  const now = 1000 * DAY;
  const steps = inForce([period(0, 990, "1", 1), period(990, 995, "2", 2), period(995, 999, "3", 3), period(999, null, "4", 4)]);
  const whole = life(steps, now);
  assert.equal(fittingRange(steps, now), "30d");
  assert.deepEqual(extent("30d", whole), { from: 970 * DAY, to: now });
  assert.deepEqual(extent("all", whole), { from: 0, to: now });
  assert.equal(fittingRange(steps, now, 965 * DAY), "90d");
  assert.equal(fittingRange(inForce([period(0, null, "1", 1)]), now), "all");
});

test("of 5000 steps a pixel shows the last as a line, in front of a band from the highest to the lowest", () => {
  const steps: Step[] = Array.from({ length: 5000 }, (_, index) => ({
    from: index * 1000,
    to: index === 4999 ? undefined : (index + 1) * 1000,
    price: "1",
    value: index === 2500 ? 1000 : index === 2501 ? 0 : 500 + (index % 5),
    currency: "USD",
    sequence: index + 1,
  }));
  const { line, bands } = draw(steps, linear(0, 5_000_000, 0, 600), linear(0, 1000, 300, 0), 600);
  assert.ok(line.length + bands.length < 60_000, String(line.length + bands.length));
  assert.equal(bands.match(/M300\.0 0\.0h1\.5V300\.0/g)?.length, 1);
  assert.equal(bands.match(/M/g)?.length, 600);
  assert.equal(line.match(/M/g)?.length, 1);
});

test("a step shorter than a pixel is a pixel wide and keeps its height, and few steps have no band", () => {
  const steps = inForce([period(0, 500, "100", 1), period(500, 500.001, "999", 2), period(500.001, null, "100", 3)]);
  const { line, bands } = draw(steps, linear(0, 1000 * DAY, 0, 100), linear(0, 1000, 1000, 0), 100);
  assert.equal(bands, "");
  assert.equal(line, "M0.0 900.0H50.0V1.0H51.0V900.0H100.0");
});

test("an axis of one price has air on both sides, and that of a price of zero begins at zero", () => {
  const same = priceAxis([63.5, 63.5]);
  assert.ok(same.low < 60 && same.high > 67, JSON.stringify(same));
  assert.equal(priceAxis([0]).low, 0);
  assert.equal(life(inForce([period(10, null, "1", 1)]), 110 * DAY).from, 0);
});

test("a change of currency is where the next step begins", () => {
  const steps = inForce([period(0, 1, "1", 1), period(1, 2, "1", 2, "EUR"), period(2, null, "2", 3, "EUR")]);
  assert.deepEqual(currencyChanges(steps), [{ at: DAY, from: "USD", to: "EUR" }]);
});

test("the newest currency comes first", () => {
  assert.deepEqual(currencies(inForce([period(0, 1, "1", 1), period(1, 2, "1", 2, "EUR"), period(2, null, "1", 3)])), ["USD", "EUR"]);
});

test("a range from one moment to another is written as it is read, and shows no more than there is", () => {
  const whole = { from: 100 * DAY, to: 1000 * DAY };
  const some = { from: 200 * DAY, to: 300 * DAY };
  assert.deepEqual(rangeOf(rangeText(some)), some);
  assert.equal(rangeOf("18m"), "18m");
  assert.deepEqual(extent(some, whole), some);
  assert.deepEqual(extent({ from: 0, to: 300 * DAY }, whole), { from: 100 * DAY, to: 300 * DAY });
  assert.deepEqual(extent({ from: 900 * DAY, to: 2000 * DAY }, whole), { from: 900 * DAY, to: 1000 * DAY });
  // A link to a time before the product shows all of it, not an empty picture.
  assert.deepEqual(extent({ from: 0, to: 50 * DAY }, whole), whole);
});

test("the handles of the overview go by days, do not pass each other and reach both ends", () => {
  const whole = { from: 100 * DAY + 5, to: 1000 * DAY };
  const some = { from: 200 * DAY + 5, to: 300 * DAY + 5 };
  const places = handles(whole, some);
  assert.deepEqual(places, { step: DAY, last: 900, from: 100, to: 200 });
  assert.deepEqual(handled(whole, some, "from", 150), { from: 250 * DAY + 5, to: some.to });
  assert.deepEqual(handled(whole, some, "from", 500), { from: 299 * DAY + 5, to: some.to });
  assert.deepEqual(handled(whole, some, "to", 3), { from: some.from, to: 201 * DAY + 5 });
  assert.deepEqual(handled(whole, some, "from", -7).from, whole.from);
  // The last step is shorter than a day, and ends where the life does.
  assert.deepEqual(handled(whole, some, "to", 900).to, whole.to);
  assert.deepEqual(handles(whole, whole), { step: DAY, last: 900, from: 0, to: 900 });
  for (const [key, at] of [["ArrowLeft", 99], ["ArrowRight", 101], ["PageDown", 70], ["PageUp", 130], ["Home", 0], ["End", 900], ["a", undefined]] as const) {
    assert.equal(keyedStep(key, 100, places), at, key);
  }
  // However short the life, there are steps enough to choose from.
  for (const length of [1, 60, 3600, 86_400, 40 * 86_400, 4000 * 86_400]) {
    const short = { from: 7, to: 7 + length * 1000 };
    const { step, last } = handles(short, short);
    assert.ok(last >= 50 && step > 0, `${length} s: ${last} steps`);
    assert.deepEqual(handled(short, short, "to", last), short);
  }
});

test("a reduction has steps if its series began before its newest step", () => {
  const of = (since: string, series_since: string, is_reduction = true) => ({ is_reduction, since, series_since });
  assert.equal(hasSteps(of("2026-11-27", "2026-11-20")), true);
  assert.equal(hasSteps(of("2026-11-27", "2026-11-27")), false);
  assert.equal(hasSteps(of("2026-11-27", "2026-11-20", false)), false);
  assert.equal(hasSteps(null), false);
});
