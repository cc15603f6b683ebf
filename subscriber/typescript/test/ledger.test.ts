// A price list that is kept from the deliveries of a real ledger equals the ledger's own view. LEDGER_PROGRAM names the program; without it
// this is skipped, with a message.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { it } from "node:test";
import { HttpLedger, Inbox, type LedgerEvent, MemoryStore, messageOf } from "../src/index.ts";
import { chances, sent } from "./fake.ts";

interface Receipt {
  readonly events: readonly unknown[];
}

/** The status and the JSON of an answer. */
async function asked(url: string, method = "GET", body?: unknown): Promise<[number, unknown]> {
  const headers = { "content-type": "application/json" };
  const request = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
  const answer = await fetch(url, request);
  return [answer.status, await answer.json()];
}

/** Random commands; returns how many events they made. */
async function written(url: string, chance: () => number): Promise<number> {
  let events = 0;
  const made = ([status, receipt]: [number, unknown]) => {
    assert.ok(status < 300, JSON.stringify(receipt));
    events += (receipt as Receipt).events.length;
  };
  for (let n = 0; n < 300; n += 1) {
    const product = `${url}/products/p-${Math.floor(chance() * 25)}`;
    const put = await asked(product, "PUT", { name: `n${n}`, price: String(1 + Math.floor(chance() * 98)) });
    // A deleted product is restored before it is written again.
    made(put[0] === 404 ? await asked(`${product}/restore`, "POST") : put);
    if (put[0] !== 404 && chance() < 0.15) {
      made(await asked(product, "DELETE"));
    }
  }
  return events;
}

/** The first entries of the ledger's bus. */
async function entries(url: string, count: number): Promise<LedgerEvent[]> {
  const stopped = new AbortController();
  const { body } = await fetch(`${url}/events?from=start`, { signal: stopped.signal });
  const found: LedgerEvent[] = [];
  let text = "";
  for await (const part of (body ?? assert.fail()).pipeThrough(new TextDecoderStream())) {
    const lines = (text + part).split("\n");
    text = lines.pop() ?? "";
    found.push(...lines.filter((line) => line.startsWith("data:")).map((line) => JSON.parse(line.slice(5)) as LedgerEvent));
    if (found.length >= count) {
      break;
    }
  }
  stopped.abort();
  return found.slice(0, count);
}

/** The ledger's list, once its view has everything. */
async function listed(url: string): Promise<[string, string][]> {
  for (let look = 0; look < 1200; look += 1) {
    const [, status] = (await asked(`${url}/status`)) as [number, { views: { products: { oldest_behind_ms: number } } }];
    if (status.views.products.oldest_behind_ms === 0) {
      break;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  const [, page] = (await asked(`${url}/products?limit=100`)) as [number, { products: { id: string; price: string }[] }];
  return page.products.map(({ id, price }): [string, string] => [id, price]).sort();
}

/** Of every entry: 5 % never, a fifth twice and partly as replays, a tenth late. */
function hostile(found: LedgerEvent[], chance: () => number): LedgerEvent[] {
  const order: { at: number; event: LedgerEvent }[] = [];
  for (const [place, event] of found.entries()) {
    const at = () => place + (chance() < 0.1 ? chance() * 40 : 0);
    if (chance() >= 0.05) {
      order.push({ at: at(), event });
      if (chance() < 0.2) {
        order.push({ at: at(), event: sent(event, { replay: chance() < 0.2 }) });
      }
    }
  }
  return order.sort((one, other) => one.at - other.at).map(({ event }) => event);
}

const program = process.env["LEDGER_PROGRAM"];
if (program === undefined) {
  console.log("skipped: a real ledger, because LEDGER_PROGRAM is not set");
} else {
  it("the price list is the ledger's", async () => {
    const given = Object.entries(process.env).filter(([name]) => !/^(LEDGER|AWS)_/.test(name));
    const command = ["serve", "--in-memory", "--listen", "127.0.0.1:0"];
    const server: ChildProcess = spawn(program, command, { env: Object.fromEntries(given), stdio: ["ignore", "pipe", "ignore"] });
    try {
      const [line] = (await createInterface(server.stdout ?? assert.fail())[Symbol.asyncIterator]().next()).value.split("\n");
      const url = String(line).replace("Listening on ", "");
      const chance = chances(9);
      const events = await written(url, chance);
      const list = new Map<string, string>();
      const apply = (event: LedgerEvent) => {
        const product = messageOf(event).product ?? assert.fail("there is no product");
        if (product.status === "active") {
          list.set(product.id, product.price);
        } else {
          list.delete(product.id);
        }
      };
      const inbox = new Inbox(new MemoryStore(), new HttpLedger(url), { waitMs: 0 });
      const deliveries = hostile(await entries(url, events), chance);
      for (const event of deliveries) {
        assert.notEqual(await inbox.receive(JSON.stringify(event), apply), "parked");
      }
      await inbox.catchUp(apply);
      assert.equal((await inbox.parked()).size, 0);
      assert.deepEqual([...list].sort(), await listed(url));
      console.log(`${deliveries.length} deliveries of ${events} events, ${inbox.fetches} fetches, ${list.size} products`);
    } finally {
      server.kill();
    }
  });
}
