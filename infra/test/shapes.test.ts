// The tables match those that the Rust adapters create: keys, indexes, stream and time to live are compared with the same files.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY } from "../lib/repository.ts";
import { type Order, ORDERS } from "../lib/settings.ts";
import { shapeOf } from "../lib/table.ts";
import { type Json, ofType, one, STAGES, stage } from "./synth.ts";

const FILES = {
  EventTableEvents: "event-store/table.json",
  ViewsReceipts: "event-store/receipts-table.json",
  ViewsParking: "event-store/parking-table.json",
  ViewsProducts: "projections/products-table.json",
  ViewsPrices: "projections/prices-table.json",
  LogBatches: "sequencer/log-table.json",
  LogFeedItems: "event-store/feed-table.json",
};

/** The indexes by SKU and category, by id and by name. */
const LOOKUPS = ["by_sku", "by_sku_name", "by_category", "by_category_name"];

/** The shape in CloudFormation's format, in which a stream has no switch. */
function expected(file: string): Json {
  const shape = JSON.parse(readFileSync(resolve(REPOSITORY, file), "utf8")) as Json;
  const stream = shape.StreamSpecification as { StreamEnabled: boolean; StreamViewType: string } | undefined;
  if (stream) {
    expect(stream.StreamEnabled).toBe(true);
    shape.StreamSpecification = { StreamViewType: stream.StreamViewType };
  }
  return shape;
}

describe.each(STAGES)("%s", (name) => {
  it.each(Object.entries(FILES))("%s has the shape of %s and nothing else of one", (id, file) => {
    const [, table] = one(stage(name).template, "AWS::DynamoDB::Table", id);
    const shape = Object.fromEntries(
      [
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "StreamSpecification",
        "TimeToLiveSpecification",
      ]
        .filter((property) => property in table.Properties)
        .map((property) => [property, table.Properties[property]]),
    );
    expect(shape).toEqual(expected(file));
    expect(table.Properties.BillingMode).toBe("PAY_PER_REQUEST");
  });

  it("the feed items of the log expire by the attribute that the adapter writes, and nothing else of the ledger does", () => {
    const adapter = readFileSync(resolve(REPOSITORY, "event-store/src/announced.rs"), "utf8");
    const [, attribute] = /EXPIRES_AT: &str = "(\w+)"/.exec(adapter) ?? [];
    const expiring = ofType(stage(name).template, "AWS::DynamoDB::Table")
      .filter(([id, { Properties }]) => Properties.TimeToLiveSpecification !== undefined && !id.startsWith("Intercept"))
      .map(([id, { Properties }]) => [id.slice(0, "LogFeedItems".length), Properties.TimeToLiveSpecification]);
    expect(expiring).toEqual([["LogFeedItems", { AttributeName: attribute, Enabled: true }]]);
  });

  it("the event table's stream carries the new image alone", () => {
    const [, table] = one(stage(name).template, "AWS::DynamoDB::Table", "EventTableEvents");
    expect(table.Properties.StreamSpecification).toEqual({ StreamViewType: "NEW_IMAGE" });
  });
});

describe("the products table", () => {
  const names = (orders: readonly Order[]) => {
    const { GlobalSecondaryIndexes, AttributeDefinitions } = shapeOf("products", orders);
    return {
      indexes: GlobalSecondaryIndexes?.map((index) => index.IndexName),
      attributes: AttributeDefinitions.map((attribute) => attribute.AttributeName),
    };
  };

  it("has the index of each order that is kept, and no attribute that none of them needs", () => {
    expect(names(["id"])).toEqual({
      indexes: ["by_id", "by_sku", "by_category"],
      attributes: ["key", "live", "by_id", "sku", "by_category"],
    });
    expect(names(["id", "name"])).toEqual({
      indexes: ["by_id", "by_name", "by_sku", "by_sku_name", "by_category", "by_category_name"],
      attributes: ["key", "live", "by_id", "by_name", "sku", "category", "by_category"],
    });
    expect(names(["id", "updated_at"])).toEqual({
      indexes: ["by_id", "changes", "by_sku", "by_category"],
      attributes: ["key", "shard", "live", "by_id", "by_updated_at", "sku", "by_category"],
    });
    expect(shapeOf("products", ORDERS)).toEqual(expected(FILES.ViewsProducts));
  });

  it("cannot be without the order by id", () => {
    expect(() => names(["name"])).toThrow("id is missing");
  });

  it("has an index for every order and every index for an order", () => {
    const { GlobalSecondaryIndexes } = expected(FILES.ViewsProducts) as unknown as { GlobalSecondaryIndexes: Json[] };
    expect(GlobalSecondaryIndexes).toHaveLength(ORDERS.length + LOOKUPS.length);
  });

  it("has look-ups whose indexes hold keys alone, and orders whose indexes hold everything", () => {
    const { GlobalSecondaryIndexes } = expected(FILES.ViewsProducts) as unknown as {
      GlobalSecondaryIndexes: { IndexName: string; Projection: Json }[];
    };
    const keysAlone = GlobalSecondaryIndexes.filter(({ Projection }) => Projection.ProjectionType === "KEYS_ONLY");
    expect(keysAlone.map(({ IndexName }) => IndexName)).toEqual(LOOKUPS);
  });

  it("knows the orders that the settings of the functions read", () => {
    const read = readFileSync(resolve(REPOSITORY, "schema/src/orders.rs"), "utf8");
    const named = [...read.matchAll(/Self::\w+ => "([a-z_]+)"/g)].map(([, name]) => name);
    expect(named).toEqual([...ORDERS]);
  });
});
