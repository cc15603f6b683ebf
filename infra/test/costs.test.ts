// The pages on costs and growth match the measured units, the settings and the prices.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { LOG, SECONDS_A_MONTH } from "../costs/assumptions.ts";
import { batches, bill, MEASURED, share } from "../costs/bill.ts";
import { alarmedMetrics, dashboards, firewallRules } from "../costs/counted.ts";
import { logged } from "../costs/log.ts";
import { WITH_TABLES, withHttpApi, written } from "../costs/page.ts";
import { charge } from "../costs/prices.ts";
import { REPOSITORY } from "../lib/repository.ts";
import { settingsOf } from "../lib/settings.ts";

const of = (rate: number, what: string) => {
  const found = bill(rate).find((line) => line.what === what);
  expect(found, what).toBeDefined();
  return found?.cost ?? 0;
};

it.each(WITH_TABLES)("%s holds the tables that `npm run costs` writes", (page) => {
  expect(readFileSync(resolve(REPOSITORY, page), "utf8")).toBe(written(page));
});

it("a price with tiers is charged tier by tier", () => {
  expect(charge("apiRequest", 333e6)).toBeCloseTo(1165.5);
  expect(charge("apiRequest", 1000e6)).toBeCloseTo(1165.5 + 667 * 2.8);
  expect(charge("writeUnit", 2e6)).toBeCloseTo(1.25);
  expect(charge("metric", 0)).toBe(0);
});

it("an HTTP API would save 2.50 a million requests and the firewall", () => {
  const lines = bill(1);
  const all = lines.reduce((sum, { cost }) => sum + cost, 0);
  const firewall = lines.filter(({ service }) => service === "WAF").reduce((sum, { cost }) => sum + cost, 0);
  expect(firewall).toBeGreaterThan(5);
  expect(all - withHttpApi(lines)).toBeCloseTo((2.5 * SECONDS_A_MONTH) / 1e6 + firewall);
});

it("writing commands costs what their units cost", () => {
  const { command } = MEASURED["change the price"];
  expect(of(1, "commands: writes")).toBeCloseTo((command.write * SECONDS_A_MONTH * 0.625) / 1e6);
});

it("no line is free or negative, and each is paid once", () => {
  const lines = bill(1);
  for (const { cost, service, what } of lines) {
    expect(cost, `${service}: ${what}`).toBeGreaterThan(0);
  }
  expect(new Set(lines.map(({ service, what }) => `${service}: ${what}`)).size).toBe(lines.length);
});

it("what is paid for being there does not follow the rate", () => {
  for (const what of ["the keys", "its rules", "alarms", "clients"]) {
    expect(of(1000, what)).toBe(of(1, what));
  }
  expect(alarmedMetrics()).toBeGreaterThan(30);
  expect(dashboards()).toBeGreaterThan(0);
  expect(firewallRules()).toBeGreaterThan(3);
});

describe("the log", () => {
  const at = (rate: number) => logged(rate, batches(rate));

  it("has one checkpoint in each interval, whatever the rate", () => {
    const { logIntervalSeconds } = settingsOf("production");
    for (const rate of [1, 100, 1000]) {
      expect(at(rate).runs).toBeCloseTo(1 / logIntervalSeconds);
    }
    expect(of(1000, "log: signatures")).toBe(of(1, "log: signatures"));
    expect(of(1, "log: signatures")).toBeCloseTo((SECONDS_A_MONTH / logIntervalSeconds) * 15e-6);
  });

  it("costs a write for the index of each commit, and little more where batches are full", () => {
    // The test of the sequencer asserts 1.3 at batches of 100.
    expect(at(100).written).toBeGreaterThan(1);
    expect(at(100).written).toBeLessThan(1.3);
    expect(at(1).written).toBeLessThan(2.5);
  });

  it("writes a partial tile of each level, a bundle and the checkpoint, and beyond them what becomes full", () => {
    const { commits, puts } = at(1);
    // 31.6 million commits of a year have tiles on four levels.
    expect(puts * commits).toBeCloseTo(6 + (commits * (2 + 2 / 256)) / 256);
    expect(at(1000).puts).toBeLessThan(0.02);
  });

  it("knows the sequencer's limits", () => {
    const read = (path: string) => readFileSync(resolve(REPOSITORY, path), "utf8").replaceAll("_", "");
    expect(read("sequencer/src/table.rs")).toContain(`MOSTLEAVES: usize = ${LOG.batch};`);
    expect(read("sequencer/src/table/dynamodb.rs")).toContain(`STATEMENTS: usize = ${LOG.statements};`);
  });
});

describe("batches", () => {
  const { batch } = settingsOf("production").mapping;

  it("hold one record of a quiet ledger, and no more than the mapping gives of a busy one", () => {
    expect(batches(1)).toMatchObject({ records: 1, aSecond: 1 });
    expect(batches(10_000)).toMatchObject({ records: batch, aSecond: 10_000 / batch });
  });

  it("share what a batch costs anyhow", () => {
    expect(share("project", "read", 1)).toBeCloseTo(MEASURED["change the price"].project.read);
    const { project, records } = MEASURED["a full batch"];
    expect(share("project", "read", records) * records).toBeCloseTo(project.read);
  });
});
