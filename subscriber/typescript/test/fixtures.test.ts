// The types read every frozen message, and those of a later version too.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type LedgerEvent, type Message, messageOf } from "../src/index.ts";

const FROZEN = new URL("../../fixtures/messages/", `file://${process.cwd()}/test/`);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, FROZEN), "utf8")) as LedgerEvent;

/** What each message says in its own members; the compiler knows them by `kind`. */
function told(message: Message): string {
  switch (message.kind) {
    case "ProductCreated.v1":
      return `${message.data.name} for ${message.data.price} ${message.data.currency}`;
    case "ProductRenamed.v1":
      return `${message.data.previous_name} is ${message.data.name}`;
    case "ProductPriceChanged.v1":
      return `${message.data.previous_price} is ${message.data.price}`;
    case "ProductPriceRecorded.v1":
      return `${message.data.price} from ${message.data.from}`;
    case "ProductDetailsChanged.v1":
      // `null` and a member that is left out mean different things here.
      return `${message.data.previous.category} is ${message.data.category}, SKU ${message.data.sku}`;
    case "ProductDeleted.v1":
    case "ProductRestored.v1":
      return `${message.product?.status}`;
    case "unknown":
      return `unknown, ${message.data["reason"]}`;
  }
}

describe("frozen messages", () => {
  const names = readdirSync(FROZEN).sort();

  it("are all of a known type", () => {
    const kinds = new Set<string>();
    for (const name of names) {
      const message = messageOf(read(name));
      assert.notEqual(message.kind, "unknown", name);
      assert.equal(message.product === undefined, name.includes(".omitted."), name);
      assert.equal(message.metadata.replay !== undefined, name.includes(".replayed."), name);
      assert.equal(message.metadata.product_id, "HL-U509-R");
      kinds.add(message.kind);
    }
    assert.ok(kinds.size >= 7);
  });

  it("say what their types have", () => {
    const said = names.filter((name) => name.split(".").length === 3).map((name) => told(messageOf(read(name))));
    assert.deepEqual(said, [
      "Sport-100 Helmet, Red for 33.6442 USD",
      "deleted",
      "Accessories / Helmets is null, SKU undefined",
      "33.6442 is 34.99",
      "29.99 from 2025-10-01T00:00:00.000Z",
      "Sport-100 Helmet, Red is Sport-100, Red",
      "active",
    ]);
  });

  it("of a later version are no error", () => {
    const { detail } = read("PRODUCT_RENAMED.v1.json");
    for (const [event_name, event_version] of [["PRODUCT_RENAMED", "v2"], ["PRODUCT_MOVED", "v1"]] as const) {
      const metadata = { ...detail.metadata, event_name, event_version };
      const later = messageOf({ detail: { metadata, data: { ...detail.data, reason: "added" } } });
      assert.deepEqual([told(later), later.product?.name], ["unknown, added", "Sport-100, Red"]);
    }
  });
});
