// Tables are what the Rust adapters create: keys, indexes and stream are compared with their files, read anew.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY } from "../lib/repository.ts";
import { type Json, one, STAGES, stage } from "./synth.ts";

const FILES = {
  EventTableEvents: "event-store/table.json",
  ViewsReceipts: "event-store/receipts-table.json",
  ViewsParking: "event-store/parking-table.json",
  ViewsProducts: "projections/products-table.json",
  ViewsPrices: "projections/prices-table.json",
};

/** As CloudFormation writes a shape: its stream has no switch. */
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
      ["AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "StreamSpecification"]
        .filter((property) => property in table.Properties)
        .map((property) => [property, table.Properties[property]]),
    );
    expect(shape).toEqual(expected(file));
    expect(table.Properties.BillingMode).toBe("PAY_PER_REQUEST");
  });

  it("the event table's stream carries the new image alone", () => {
    const [, table] = one(stage(name).template, "AWS::DynamoDB::Table", "EventTableEvents");
    expect(table.Properties.StreamSpecification).toEqual({ StreamViewType: "NEW_IMAGE" });
  });
});
