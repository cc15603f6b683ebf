// The registry's schemas accept the same values as the contract's; the conversion between the drafts loses nothing.

import Ajv2020 from "ajv/dist/2020.js";
import Ajv4 from "ajv-draft-04";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { type JsonSchema, toDraft4 } from "../lib/json-schema.ts";
import { envelope, messages } from "../lib/schemas.ts";
import { ofType, one, stage } from "./synth.ts";

const UNKNOWN_FORMATS = { uint64: true, uint32: true, int64: true } as const;

function validator(draft: "2020" | "4", schema: JsonSchema): (value: unknown) => boolean {
  const options = { strict: false, formats: UNKNOWN_FORMATS };
  const ajv = draft === "4" ? new Ajv4.default(options) : new Ajv2020.default(options);
  addFormats.default(ajv as never);
  const validate = ajv.compile(schema);
  return (value) => validate(value) as boolean;
}

const METADATA = {
  event_id: "01K",
  event_name: "PRODUCT_PRICE_CHANGED",
  event_source: "product-ledger.products",
  event_version: "v1",
  product_id: "p",
  sequence: 2,
  commit_id: "01K",
  hash: "a".repeat(64),
  created_at: "2026-11-23T05:20:00.001Z",
  occurred_at: "2026-11-23T05:20:00.001Z",
  correlation_id: "c",
  causation_id: "c",
  actor: "a",
};
const DATA = { price: "34.99", currency: "USD", previous_price: "33.6442", previous_currency: "USD" };
const PRODUCT = {
  id: "p",
  name: "n",
  price: "34.99",
  currency: "USD",
  status: "active",
  version: 2,
  created_at: "2026-11-23T05:20:00.001Z",
  updated_at: "2026-11-23T05:20:00.001Z",
};
const message = (change: object = {}) => ({ metadata: METADATA, data: { ...DATA, product: PRODUCT }, ...change });

describe("a message", () => {
  const price = messages().find(({ event }) => event === "ProductPriceChanged")?.schema ?? {};
  const before = validator("2020", price);
  const after = validator("4", toDraft4(price));

  it.each<[string, unknown, boolean]>([
    ["whole", message(), true],
    ["without the product, saying so", message({ data: { ...DATA, product_omitted: true } }), true],
    ["a replay", message({ metadata: { ...METADATA, replay: { id: "r", requested_at: METADATA.created_at } } }), true],
    ["with a field of a later version", message({ metadata: { ...METADATA, later: 1 } }), true],
    ["saying that the product is not omitted", message({ data: { ...DATA, product_omitted: false } }), false],
    ["with neither product nor a word on it", message({ data: DATA }), false],
    ["with another status", message({ data: { ...DATA, product: { ...PRODUCT, status: "gone" } } }), false],
    ["with a price that is a number", message({ data: { ...DATA, price: 34.99, product: PRODUCT } }), false],
    ["without metadata", { data: message().data }, false],
    ["with a negative sequence", message({ metadata: { ...METADATA, sequence: -1 } }), false],
    ["with a hash in capitals", message({ metadata: { ...METADATA, hash: "A".repeat(64) } }), false],
  ])("%s is taken by both drafts alike", (_, value, taken) => {
    expect([before(value), after(value)]).toEqual([taken, taken]);
  });
});

describe("the conversion", () => {
  it.each<[string, JsonSchema, JsonSchema]>([
    ["const", { const: "a" }, { enum: ["a"] }],
    ["definitions", { $defs: { a: true }, $ref: "#/$defs/a" }, { definitions: { a: {} }, $ref: "#/definitions/a" }],
    ["exclusive bounds", { exclusiveMinimum: 0 }, { minimum: 0, exclusiveMinimum: true }],
    ["never", { properties: { a: false } }, { properties: { a: { not: {} } } }],
    ["closed objects", { additionalProperties: false }, { additionalProperties: false }],
    ["maps", { additionalProperties: { const: 1 } }, { additionalProperties: { enum: [1] } }],
    ["lists", { items: { oneOf: [{ const: 1 }] } }, { items: { oneOf: [{ enum: [1] }] } }],
    ["nothing required", { required: [] }, {}],
    ["what only describes", { $schema: "s", examples: [1], title: "t" }, { title: "t" }],
    [
      "a property that is called like a keyword",
      { properties: { const: { const: 1 } } },
      {
        properties: { const: { enum: [1] } },
      },
    ],
  ])("knows %s", (_, from, to) => {
    expect(toDraft4(from)).toEqual(to);
  });

  it.each([
    { if: {} },
    { prefixItems: [] },
    { dependentRequired: {} },
    { propertyNames: {} },
    { minimum: 1, exclusiveMinimum: 0 },
    { unevaluatedProperties: false },
    { contains: {} },
  ])("refuses what draft 4 cannot say: %o", (schema) => {
    expect(() => toDraft4({ properties: { a: schema } })).toThrow(/no counterpart in draft 4/);
  });
});

describe("the registry", () => {
  it("has every event by the name under which EventBridge delivers it", () => {
    const names = ofType(stage("production").template, "AWS::EventSchemas::Schema").map(
      ([, { Properties }]) => Properties.SchemaName,
    );
    expect(names.sort()).toEqual(
      ["CREATED", "DELETED", "DETAILS_CHANGED", "PRICE_CHANGED", "PRICE_RECORDED", "RENAMED", "RESTORED"].map(
        (event) => `product-ledger.products@PRODUCT_${event}`,
      ),
    );
  });

  it.each(messages())("$detailType is valid draft 4 and takes the whole event", (found) => {
    const [, schema] = one(stage("dev").template, "AWS::EventSchemas::Schema", `Schemas${found.event}`);
    expect(schema.Properties.Type).toBe("JSONSchemaDraft4");
    const content = JSON.parse(String(schema.Properties.Content));
    expect(content).toEqual(envelope(found));
    expect(String(schema.Properties.Content).length).toBeLessThan(100_000);
    const taken = validator("4", content);
    const event = {
      version: "0",
      id: "i",
      "detail-type": found.detailType,
      source: "product-ledger.products",
      account: "1",
      time: "2026-11-23T05:20:00Z",
      region: "r",
      resources: ["p"],
    };
    expect(taken(event)).toBe(false);
    expect(taken({ ...event, detail: {} })).toBe(false);
  });
});
