import assert from "node:assert/strict";
import { test } from "node:test";
import { change, digits, exact, money } from "../src/money";
import * as time from "../src/time";

test("prices are shown with all their decimals, grouped, and never rounded", () => {
  for (const [price, currency, locale, shown] of [
    ["1431.50", "USD", "en-US", "$1,431.50"],
    ["33.6442", "USD", "en-US", "$33.6442"],
    ["999999999999.9999", "USD", "en-US", "$999,999,999,999.9999"],
    ["0.0001", "EUR", "en-US", "€0.0001"],
    ["0.00", "USD", "en-US", "$0.00"],
    ["10", "JPY", "en-US", "¥10"],
    ["1.234", "KWD", "en-US", "KWD\u00a01.234"],
    ["1431.50", "EUR", "de-DE", "1.431,50\u00a0€"],
    ["1431.50", "not a currency", "en-US", "1431.50 not a currency"],
  ] as const) {
    assert.equal(money(price, currency, locale), shown);
  }
  assert.equal(digits("123456789012.3456", "en-US"), "123,456,789,012.3456");
});

test("changes are computed exactly", () => {
  for (const [from, to, direction, percent] of [
    ["1349.00", "1199.00", "down", "11.1 %"],
    ["1249.00", "1349.00", "up", "8.0 %"],
    ["3.00", "1.00", "down", "66.7 %"],
    ["10.00", "10.0000", "same", undefined],
    ["0.00", "5.00", "up", undefined],
    ["999999999999.9999", "999999999999.9998", "down", "less than 0.1 %"],
    ["1.00", "0.00", "down", "100.0 %"],
  ] as const) {
    assert.deepEqual(change(from, to), { direction, percent }, `${from} ${to}`);
  }
  assert.equal(exact("12.3"), 123000n);
});

const NOW = Date.parse("2026-11-27T10:00:00Z");

test("a date that is typed is the end of that day, or its beginning", () => {
  for (const [text, at] of [
    ["2024-06-01", "2024-06-01T23:59:59.999Z"],
    ["1 Jun 2024", "2024-06-01T23:59:59.999Z"],
    ["1. june 2024", "2024-06-01T23:59:59.999Z"],
    ["Jun 1, 2024", "2024-06-01T23:59:59.999Z"],
    ["1 sept 2024", "2024-09-01T23:59:59.999Z"],
    ["yesterday", "2026-11-26T23:59:59.999Z"],
    ["last monday", "2026-11-23T23:59:59.999Z"],
    ["last friday", "2026-11-20T23:59:59.999Z"],
    ["-30d", "2026-10-28T23:59:59.999Z"],
    ["now", "2026-11-27T10:00:00.000Z"],
    ["2024-06-01T09:00:00Z", "2024-06-01T09:00:00.000Z"],
    ["2024-02-29", "2024-02-29T23:59:59.999Z"],
  ] as const) {
    assert.equal(time.instant(time.typed(text, NOW, "utc") ?? 0), at, text);
  }
  assert.equal(time.instant(time.typed("1 Jun 2024", NOW, "utc", "from") ?? 0), "2024-06-01T00:00:00.000Z");
  for (const text of ["", "tomorrow", "2023-02-29", "32 Jan 2024", "1 Jux 2024", "last week", "13-13-13"]) {
    assert.equal(time.typed(text, NOW, "utc"), undefined, text);
  }
});

test("times are shown in UTC with their zone", () => {
  const at = Date.parse("2026-11-27T00:00:04.250Z");
  assert.equal(time.moment(at, "utc"), "27 Nov 2026, 00:00:04 UTC");
  assert.equal(time.brief(at, "utc"), "27 Nov 2026, 00:00:04");
  assert.equal(time.brief(Date.parse("2026-11-27T08:00:00Z"), "utc"), "27 Nov 2026, 08:00");
  assert.equal(time.brief(Date.parse("2026-11-27T00:00:00Z"), "utc"), "27 Nov 2026");
  assert.equal(time.longDate(at, "utc"), "Friday, 27 November 2026");
  assert.equal(time.asked(Date.parse("2024-06-01T23:59:59.999Z"), "utc"), "end of 1 Jun 2024, UTC");
  assert.equal(time.asked(Date.parse("2024-06-01T09:00:00Z"), "utc"), "1 Jun 2024, 09:00:00 UTC");
});

test("a span is told in one unit", () => {
  for (const [milliseconds, told] of [
    [0, "less than 0.1 s"],
    [300, "0.3 s"],
    [12_000, "12 s"],
    [180_000, "3 minutes"],
    [3 * 3_600_000, "3 hours"],
    [414 * 86_400_000, "414 days"],
    [3 * 366 * 86_400_000, "3 years"],
  ] as const) {
    assert.equal(time.span(milliseconds), told);
  }
});
