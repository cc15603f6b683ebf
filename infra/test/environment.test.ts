// Each function gets exactly the settings that it uses, by the names in `schema/src/settings.rs`.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY } from "../lib/repository.ts";
import { short } from "./policies.ts";
import { type Json, one, STAGES, stage, text } from "./synth.ts";

const SETTINGS = readFileSync(resolve(REPOSITORY, "schema/src/settings.rs"), "utf8").split("#[cfg(test)]")[0];
const OF_PEOPLE = readFileSync(resolve(REPOSITORY, "web/src/about/explorer/sign_in.rs"), "utf8");
const READ = new Set(SETTINGS?.match(/LEDGER_[A-Z_]+/g));
/** Read by the query function alone, for the pages. */
const READ_FOR_PAGES = new Set(OF_PEOPLE.match(/LEDGER_[A-Z_]+/g));

const EVENTS = { LEDGER_EVENTS_TABLE: "<EventTableEventsTable>" };
const PRODUCTS = { LEDGER_PRODUCTS_TABLE: "<ViewsProductsTable>" };
const PRICES = { LEDGER_PRICES_TABLE: "<ViewsPricesTable>" };
const RECEIPTS = { LEDGER_RECEIPTS_TABLE: "<ViewsReceiptsTable>" };
const PARKING = { LEDGER_PARKING_TABLE: "<ViewsParkingTable>" };
const ORDERS = { LEDGER_ORDERS: "id,name,price,updated_at" };
/** The values are asserted with the event table. */
const LOG_PROTECTION = { LEDGER_LOG_PROTECTION: expect.any(String) };
const PROTECTION = { LEDGER_EVENTS_PROTECTION: expect.any(String) };
const FEED = { LEDGER_LOG_FEED_TABLE: "<LogFeedItemsTable>" };
const ORIGIN = { LEDGER_LOG_ORIGIN: "product-ledger.invalid/<LogSigningKey>" };
const LOG = { LEDGER_LOG_TABLE: "<LogBatchesTable>", LEDGER_LOG_BUCKET: "<LogFilesBucket>" };
const SIGNING = { ...ORIGIN, LEDGER_LOG_KEY_ID: "<LogSigningKey>" };
/** The values are asserted with the API. */
const PAGES = {
  LEDGER_AUTH_CLIENT: "<SignInPoolexplorer>",
  LEDGER_AUTH_AUTHORIZE_URL: expect.any(String),
  LEDGER_AUTH_TOKEN_URL: expect.any(String),
  LEDGER_AUTH_END_SESSION_URL: expect.any(String),
};
const SOURCE = { LEDGER_EVENT_SOURCE: "product-ledger.products" };
const BUS = { LEDGER_EVENT_BUS: "<Bus>", ...SOURCE };
const QUERIED = { ...PRODUCTS, ...PRICES, ...RECEIPTS, ...PARKING, ...LOG };

const EXPECTED = {
  CommandApi: { ...EVENTS, LEDGER_DEFAULT_CURRENCY: "USD" },
  QueryApi: { ...EVENTS, ...QUERIED, ...ORDERS, ...SOURCE, ...ORIGIN, ...PAGES },
  Projector: { ...EVENTS, ...PRODUCTS, ...PRICES, ...PARKING, ...ORDERS, ...FEED },
  Publisher: { ...EVENTS, ...RECEIPTS, ...PARKING, ...BUS, ...ORIGIN, ...PROTECTION },
  Sequencer: { ...EVENTS, ...PARKING, ...FEED, ...LOG, ...SIGNING, ...LOG_PROTECTION },
};

const GIVEN = Object.values(EXPECTED).flatMap(Object.keys);
/** What a stage gives only with a setting of it. */
const BY_SETTING = [
  "LEDGER_LOG_RETENTION",
  "LEDGER_LOG_FORMER_KEY_ID",
  "LEDGER_LOG_OVERLAP",
  "LEDGER_LOG_LOST_KEY",
  "LEDGER_EVENT_BUS_KIND",
  "LEDGER_EVENT_BUS_ENTRIES",
];

describe.each(STAGES)("%s", (name) => {
  it.each(Object.entries(EXPECTED))("%s gets exactly what it uses", (id, told) => {
    const [, lambda] = one(stage(name).template, "AWS::Lambda::Function", id);
    const { Variables } = lambda.Properties.Environment as { Variables: Json };
    const found = Object.fromEntries(Object.entries(Variables).map(([key, value]) => [key, short(text(value))]));
    const locked = name === "production" && id === "Sequencer" ? { LEDGER_LOG_RETENTION: "COMPLIANCE:365" } : {};
    expect(found).toEqual({ ...told, ...locked });
  });
});

it("every name is one that the settings read", () => {
  for (const variable of [...GIVEN, ...BY_SETTING]) {
    expect([...READ, ...READ_FOR_PAGES]).toContain(variable);
  }
});

it("what is public of the log is read by the name by which a setting gives it", () => {
  const read = readFileSync(resolve(REPOSITORY, "lambda/src/function.rs"), "utf8");
  expect(read).toContain('const LOG_PUBLIC: &str = "LEDGER_LOG_PUBLIC";');
});

it("every setting is given to some function or is local only", () => {
  const given = new Set([...GIVEN, ...BY_SETTING]);
  expect([...READ].filter((variable) => !given.has(variable)).sort()).toEqual([
    "LEDGER_BUS_TABLE",
    "LEDGER_CHECKPOINTS_TABLE",
    // The window of the sequencer's stream mapping takes its place.
    "LEDGER_LOG_INTERVAL",
  ]);
});
