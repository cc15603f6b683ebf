// Catching up in parts, and what the ledger answers of a product that it does not have.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { it } from "node:test";
import { HttpLedger, Inbox, LedgerError, type LedgerEvent, MemoryStore } from "../src/index.ts";
import { FakeLedger } from "./fake.ts";

it("a call of catchUp that has no time left passes a commit, and the next one goes on there", async () => {
  const [ledger, effects] = [new FakeLedger(), [] as number[]];
  for (let n = 0; n < 5; n += 1) {
    ledger.record("p");
  }
  const inbox = new Inbox(new MemoryStore(), ledger, { waitMs: 0 });
  const apply = ({ detail }: LedgerEvent): void => void effects.push(detail.metadata.sequence);
  const passed = [];
  for (let call = 0; call < 3; call += 1) {
    passed.push(await inbox.catchUp(apply, { withinMs: 0 }));
  }
  passed.push(await inbox.catchUp(apply, { withinMs: 3_600_000 }));
  assert.deepEqual([passed, effects], [[1, 1, 1, 2], [1, 2, 3, 4, 5]]);
});

it("a product that the ledger does not have has no messages, and any other problem is an error", async () => {
  let kind = "product-not-found";
  const server = createServer((_, answer) => {
    answer.writeHead(404, { "content-type": "application/problem+json" });
    answer.end(JSON.stringify({ type: `urn:product-ledger:problem:${kind}`, title: "There is no such product", status: 404 }));
  }).listen(0, "127.0.0.1");
  try {
    await new Promise((listening) => server.once("listening", listening));
    const ledger = new HttpLedger(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    assert.deepEqual(await ledger.messages("nobody", 0), { messages: [], next: null });
    kind = "not-found";
    await assert.rejects(ledger.messages("nobody", 0), new LedgerError("GET /products/nobody/messages?after=0&limit=100: 404 not-found"));
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
