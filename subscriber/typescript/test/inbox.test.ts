// Each event has exactly one effect, in order, whatever is delivered; on every store.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { CreateTableCommand, DynamoDBClient, paginateScan, type TransactWriteItem } from "@aws-sdk/client-dynamodb";
import { DynamoStore, MOST_WRITES } from "../src/dynamodb.ts";
import { type Apply, CannotApply, FeedChanged, Inbox, LedgerError, type LedgerEvent, MemoryStore, NotAnEvent, type Store } from "../src/index.ts";
import { deliveries, FakeLedger, recorded, sent } from "./fake.ts";

type Effect = [string, number, string];
const VECTORS = new URL("../../vectors/", `file://${process.cwd()}/test/`);

interface Place<Tx> {
  readonly store: Store<Tx>;
  readonly apply: Apply<Tx>;
  /** What was applied, in the order that the store can tell. */
  effects(): Promise<Effect[]>;
  /** Effects in that order. */
  ordered(effects: Effect[]): Effect[];
}

function effectOf({ detail: { metadata } }: LedgerEvent): Effect {
  return [metadata.product_id, metadata.sequence, metadata.event_id];
}

async function inMemory(): Promise<Place<undefined>> {
  const effects: Effect[] = [];
  return {
    store: new MemoryStore(),
    apply: (event) => void effects.push(effectOf(event)),
    effects: async () => effects,
    ordered: (effects) => effects,
  };
}

interface Step {
  record?: string;
  events?: number;
  salt?: string;
  cut?: string;
  to?: number;
  receive?: string;
  replay?: boolean;
  omitted?: boolean;
  outcome?: string;
  catch_up?: number;
  retry?: string;
}
interface Scenario {
  name: string;
  start: "beginning" | "now";
  steps: Step[];
  effects: Effect[];
  parked: string[];
}
const read = (name: string) => JSON.parse(readFileSync(new URL(name, VECTORS), "utf8")) as unknown;

/** How many events the long tests deliver. */
const many = (setting: string, otherwise: number) => Number(process.env[setting] ?? otherwise);

function contract<Tx>(name: string, open: () => Promise<Place<Tx>>, events: number): void {
  describe(name, () => {
    for (const scenario of read("scenarios.json") as Scenario[]) {
      it(scenario.name, async () => {
        const [place, ledger] = [await open(), new FakeLedger()];
        const inbox = new Inbox(place.store, ledger, { start: scenario.start, waitMs: 0 });
        for (const step of scenario.steps) {
          await played(step, inbox, ledger, place.apply);
        }
        assert.deepEqual(await place.effects(), place.ordered(scenario.effects));
        assert.deepEqual([...(await inbox.parked()).keys()].sort(), scenario.parked);
      });
    }

    it("hostile deliveries have the effects that every language has", async () => {
      const vector = read("hostile.json") as { commits: [string, number][]; deliveries: string[]; effects: Effect[] };
      const [place, ledger] = [await open(), new FakeLedger()];
      for (const [product, events] of vector.commits) {
        ledger.record(product, events);
      }
      const inbox = new Inbox(place.store, ledger, { waitMs: 0 });
      for (const delivery of vector.deliveries) {
        const event = ledger.known.get(delivery.replace("replay ", ""));
        assert.ok(event, delivery);
        await inbox.receive(JSON.stringify(sent(event, { replay: delivery.startsWith("replay ") })), place.apply);
      }
      await inbox.catchUp(place.apply);
      const found = await place.effects();
      assert.deepEqual(found, place.ordered(vector.effects));
      isWhole(found, ledger);
    });

    it("hostile deliveries have one effect each", async () => {
      const [place, ledger] = [await open(), recorded(200, Math.floor((events * 3) / 5), 4)];
      const inbox = new Inbox(place.store, ledger, { waitMs: 0 });
      let count = 0;
      for (const event of deliveries(ledger, 5)) {
        assert.notEqual(await inbox.receive(event, place.apply), "parked");
        count += 1;
      }
      const fetched = inbox.fetches;
      await inbox.catchUp(place.apply);
      isWhole(await place.effects(), ledger);
      const million = Math.floor((1_000_000 * fetched) / count);
      console.log(`${name}: ${count} deliveries, ${million} fetches in a million, ${inbox.fetches - fetched} to catch up`);
    });

    it("several receivers at a time have one effect each", async () => {
      const [place, ledger] = [await open(), new FakeLedger()];
      for (let n = 0; n < 200; n += 1) {
        ledger.record(`p${(n * 7) % 12}`, 1 + (n % 3));
      }
      const events = [...ledger.known.values()].filter((_, n) => n % 17 !== 0);
      const order = events.map((event, n) => ({ event, at: n + ((n * 31) % 10 === 0 ? 25 : 0) })).sort((a, b) => a.at - b.at);
      const queue = [...order, ...order.filter((_, n) => n % 5 === 0)].map(({ event }) => event);
      const receivers = Array.from({ length: 6 }, async () => {
        const inbox = new Inbox(place.store, ledger, { waitMs: 5 });
        for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
          assert.notEqual(await inbox.receive(event, place.apply), "parked");
        }
      });
      await Promise.all(receivers);
      await new Inbox(place.store, ledger, { waitMs: 0 }).catchUp(place.apply);
      isWhole(await place.effects(), ledger);
    });

    it("an event that came early is applied when the gap is filled, and nothing is fetched", async () => {
      const [place, ledger] = [await open(), new FakeLedger()];
      const [first, second, third] = ledger.record("p", 3) as [LedgerEvent, LedgerEvent, LedgerEvent];
      const inbox = new Inbox(place.store, ledger, { waitMs: 60_000 });
      const early = inbox.receive(third, place.apply);
      while ((await place.store.held("p", 3)) === undefined);
      const others = [await inbox.receive(first, place.apply), await inbox.receive(second, place.apply)];
      assert.deepEqual([...others, await early], ["applied", "applied", "applied"]);
      assert.deepEqual([(await place.effects()).length, ledger.requests], [3, 0]);
    });

    it("an event is delivered again while the ledger does not answer", async () => {
      const [place, ledger] = [await open(), new FakeLedger()];
      const [, event] = ledger.record("p", 2) as [LedgerEvent, LedgerEvent];
      const inbox = new Inbox(place.store, ledger, { waitMs: 0 });
      ledger.down = new LedgerError("down");
      await assert.rejects(inbox.receive(event, place.apply), LedgerError);
      assert.deepEqual(await place.effects(), []);
      ledger.down = undefined;
      assert.equal(await inbox.receive(event, place.apply), "applied");
      assert.equal((await place.effects()).length, 2);
    });

    it("an exception of apply leaves nothing behind, and CannotApply parks the product alone", async () => {
      const [place, ledger] = [await open(), new FakeLedger()];
      const [event] = ledger.record("p") as [LedgerEvent];
      const [other] = ledger.record("q") as [LedgerEvent];
      const inbox = new Inbox(place.store, ledger, { waitMs: 0 });
      const fails = () => {
        throw new RangeError("on purpose");
      };
      await assert.rejects(inbox.receive(event, fails), RangeError);
      assert.equal(await place.store.cursor("p"), undefined);
      const refuses = () => {
        throw new CannotApply("no such category");
      };
      assert.equal(await inbox.receive(event, refuses), "parked");
      assert.deepEqual([...(await inbox.parked())], [["p", { sequence: 1, reason: "no such category" }]]);
      assert.equal(await inbox.receive(other, place.apply), "applied");
      assert.equal(await inbox.retry("p", place.apply), "applied");
      assert.deepEqual((await inbox.parked()).size, 0);
      assert.equal((await place.effects()).length, 2);
    });

    it("a replay that was seen is told to whoever asks for it", async () => {
      const [place, ledger, heard] = [await open(), new FakeLedger(), [] as LedgerEvent[]];
      const [event] = ledger.record("p") as [LedgerEvent];
      const inbox = new Inbox(place.store, ledger, { waitMs: 0, onReplay: (again) => void heard.push(again) });
      await inbox.receive(event, place.apply);
      assert.equal(await inbox.receive(sent(event, { replay: true }), place.apply), "seen");
      assert.deepEqual([heard.length, (await place.effects()).length], [1, 1]);
    });

    it("a feed that changed is not followed", async () => {
      for (const change of [(feed: FakeLedger["feed"]) => feed.pop(), (feed: FakeLedger["feed"]) => feed.splice(1, 1, { ...feed[0]!, hash: "x" })]) {
        const [place, ledger] = [await open(), new FakeLedger()];
        ledger.record("p");
        ledger.record("p");
        const inbox = new Inbox(place.store, ledger, { waitMs: 0 });
        assert.equal(await inbox.catchUp(place.apply), 2);
        change(ledger.feed);
        await assert.rejects(inbox.catchUp(place.apply), FeedChanged);
      }
    });

    it("what is no event is named", async () => {
      const { store, apply } = await open();
      const inbox = new Inbox(store, new FakeLedger(), { waitMs: 0 });
      for (const wrong of ["[]", "null", "{}", '{"detail":{"metadata":{"product_id":"p","sequence":"1","event_id":"e","hash":"h"},"data":{}}}']) {
        await assert.rejects(inbox.receive(wrong, apply), NotAnEvent);
      }
    });
  });
}

async function played<Tx>(step: Step, inbox: Inbox<Tx>, ledger: FakeLedger, apply: Apply<Tx>): Promise<void> {
  if (step.record !== undefined) {
    ledger.record(step.record, step.events, step.salt);
  } else if (step.cut !== undefined) {
    ledger.cut(step.cut, step.to ?? 0);
  } else if (step.receive !== undefined) {
    const event = ledger.known.get(step.receive);
    assert.ok(event, step.receive);
    const outcome = inbox.receive(sent(event, step), apply);
    const found = await outcome.catch((error: unknown) => (error instanceof LedgerError ? "error" : Promise.reject(error)));
    assert.equal(found, step.outcome, JSON.stringify(step));
  } else if (step.catch_up !== undefined) {
    assert.equal(await inbox.catchUp(apply), step.catch_up);
  } else if (step.retry !== undefined) {
    assert.equal(await inbox.retry(step.retry, apply), step.outcome);
  } else {
    assert.fail(JSON.stringify(step));
  }
}

function isWhole(effects: Effect[], ledger: FakeLedger): void {
  const found = new Map<string, Effect[]>();
  for (const effect of effects) {
    const ofProduct = found.get(effect[0]) ?? [];
    ofProduct.push(effect);
    found.set(effect[0], ofProduct);
  }
  assert.deepEqual([...found.keys()].sort(), [...ledger.products.keys()].sort());
  for (const [product, events] of ledger.products) {
    assert.deepEqual(found.get(product), events.map(effectOf));
  }
}

/**
 * moto copies the tables at the begin of a transaction, and puts the copy back if a write fails: another request meanwhile makes the copy
 * fail, or is undone.
 */
function oneAtATime(client: DynamoDBClient): void {
  let before: Promise<unknown> = Promise.resolve();
  client.middlewareStack.add(
    (next) =>
      (input) => {
        const mine = before.then(() => next(input));
        before = mine.catch(() => undefined);
        return mine;
      },
    { step: "initialize" },
  );
}

contract("in memory", inMemory, many("SUBSCRIBER_DELIVERIES", 20_000));

/** moto's server from the Python package, on a free port: its address. */
function startMoto(moto: string): Promise<string> {
  const server: ChildProcess = spawn(moto, ["-H", "127.0.0.1", "-p", "0"], { stdio: ["ignore", "ignore", "pipe"] });
  after(() => void server.kill());
  return new Promise((found, failed) => {
    let said = "";
    server.stderr?.on("data", (part) => {
      said += String(part);
      const [, port] = /127\.0\.0\.1:(\d+)/.exec(said) ?? [];
      if (port !== undefined) {
        found(`http://127.0.0.1:${port}`);
      }
    });
    server.on("exit", () => failed(new Error(said)));
  });
}

const [url, moto] = [process.env["SUBSCRIBER_DYNAMODB_URL"], process.env["MOTO_SERVER"]];
if (url === undefined && moto === undefined) {
  console.log("skipped: DynamoDB, because neither SUBSCRIBER_DYNAMODB_URL nor MOTO_SERVER, a program `moto_server`, is set");
} else {
  const endpoint = url ?? startMoto(moto ?? "");
  const onDynamoDb = async (): Promise<Place<TransactWriteItem[]>> => {
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const client = new DynamoDBClient({ endpoint: await endpoint, region: "eu-central-1", credentials });
    if (url === undefined) {
      oneAtATime(client);
    }
    const place = randomUUID();
    const [inbox, log] = [`inbox-${place}`, `log-${place}`];
    for (const [table, sort] of [[inbox, "S"], [log, "N"]] as const) {
      await client.send(
        new CreateTableCommand({
          TableName: table,
          BillingMode: "PAY_PER_REQUEST",
          KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }, { AttributeName: "sk", KeyType: "RANGE" }],
          AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }, { AttributeName: "sk", AttributeType: sort }],
        }),
      );
    }
    const ordered = (effects: Effect[]) => [...effects].sort(([a, m], [b, n]) => (a < b ? -1 : a > b ? 1 : m - n));
    return {
      store: new DynamoStore(client, inbox),
      // An effect that was there already would be one too many, so it fails the transaction.
      apply: (event, tx) => {
        const [product, sequence, id] = effectOf(event);
        const Item = { pk: { S: product }, sk: { N: String(sequence) }, event: { S: id } };
        tx.push({ Put: { TableName: log, Item, ConditionExpression: "attribute_not_exists(pk)" } });
      },
      effects: async () => {
        const found: Effect[] = [];
        for await (const { Items } of paginateScan({ client }, { TableName: log })) {
          found.push(...(Items ?? []).map((item): Effect => [item["pk"]?.S ?? "", Number(item["sk"]?.N), item["event"]?.S ?? ""]));
        }
        return ordered(found);
      },
      ordered,
    };
  };
  contract("on DynamoDB", onDynamoDb, many("SUBSCRIBER_DELIVERIES_DYNAMODB", 2_000));
  it("what does not fit into a transaction is named", async () => {
    const [place, ledger] = [await onDynamoDb(), new FakeLedger()];
    const [event] = ledger.record("p") as [LedgerEvent];
    const inbox = new Inbox(place.store, ledger, { waitMs: 0 });
    const writes = (_: LedgerEvent, tx: TransactWriteItem[]) => void tx.push(...Array.from({ length: MOST_WRITES + 1 }, () => ({})));
    await assert.rejects(inbox.receive(event, writes), /100 writes/);
  });
}
