// The function in TypeScript on the page docs/subscribing.md, compiled and run as it stands there: a queue delivers the events of a real ledger,
// hostilely, to its handler. LEDGER_PROGRAM names the ledger, SUBSCRIBER_DYNAMODB_URL the tables, or MOTO_SERVER moto's server; without them it is
// skipped, with a message.

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, it } from "node:test";
import { pathToFileURL } from "node:url";
import { CreateTableCommand, DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { build } from "esbuild";
import type { LedgerEvent } from "../src/index.ts";

const page = readFileSync(resolve("../../docs/subscribing.md"), "utf8");
const [, program = ""] = /^```ts\n(.*?)^```$/ms.exec(page) ?? [];

interface Delivery {
  readonly messageId: string;
  readonly body: string;
}
/** What the program exports. */
interface Handlers {
  receive(event: { Records: Delivery[] }): Promise<{ batchItemFailures: { itemIdentifier: string }[] }>;
  catchUp(): Promise<number>;
}

it("the function of the page has at most 20 lines", () => {
  assert.ok(program.split("\n").filter((line) => line !== "").length <= 20);
});

const { LEDGER_PROGRAM: ledger, SUBSCRIBER_DYNAMODB_URL: url, MOTO_SERVER: moto } = process.env;
if (ledger === undefined || (url === undefined && moto === undefined)) {
  console.log("skipped: the function of the page, because LEDGER_PROGRAM, or SUBSCRIBER_DYNAMODB_URL and MOTO_SERVER, are not set");
} else {
  it("the function of the page has a price list that is the ledger's, after hostile deliveries and after 30 days", async () => {
    const address = await started(ledger, ["serve", "--in-memory", "--listen", "127.0.0.1:0"], /Listening on (http:\S+)/);
    const ofMoto = async (): Promise<string> =>
      `http://127.0.0.1:${await started(moto ?? "", ["-H", "127.0.0.1", "-p", "0"], /127\.0\.0\.1:(\d+)/)}`;
    const tables = url ?? (await ofMoto());
    Object.assign(process.env, { LEDGER_URL: address, AWS_ENDPOINT_URL: tables, AWS_REGION: "eu-central-1" });
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
    const client = new DynamoDBClient();
    await create(client, "inbox", ["pk", "sk"]);
    await create(client, "prices", ["id"]);
    const handlers = await compiled();
    const chance = random(7);

    await deliver(handlers, hostile(await change(address, 150, chance), chance), chance);
    await handlers.catchUp();
    assert.deepEqual(await rows(client), await listed(address));
    // Nothing of what happens meanwhile is delivered.
    await change(address, 150, chance);
    await handlers.catchUp();
    assert.deepEqual(await rows(client), await listed(address));
  });
}

/** Starts a program that ends with the tests; what it says first, as the pattern finds it. */
function started(command: string, options: string[], said: RegExp): Promise<string> {
  const child: ChildProcess = spawn(command, options, { stdio: ["ignore", "pipe", "pipe"] });
  after(() => void child.kill());
  return new Promise((found, failed) => {
    let text = "";
    const read = (part: unknown): void => {
      text += String(part);
      const [, first] = said.exec(text) ?? [];
      if (first !== undefined) {
        found(first);
      }
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.on("exit", () => failed(new Error(text)));
  });
}

/** The program, after the compiler has found nothing in it. */
async function compiled(): Promise<Handlers> {
  const folder = mkdtempSync(resolve("node_modules/.page-"));
  after(() => rmSync(folder, { recursive: true }));
  const [source, bundle] = [join(folder, "page.ts"), join(folder, "page.mjs")];
  writeFileSync(source, program);
  const alias = {
    "@product-ledger/subscriber/dynamodb": resolve("src/dynamodb.ts"),
    "@product-ledger/subscriber": resolve("src/index.ts"),
  };
  const paths = Object.fromEntries(Object.entries(alias).map(([name, file]) => [name, [file]]));
  const config = { extends: resolve("tsconfig.json"), compilerOptions: { paths }, include: ["page.ts"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const checked = spawnSync(process.execPath, [resolve("node_modules/typescript/bin/tsc"), "-p", folder], { encoding: "utf8" });
  assert.equal(checked.status, 0, checked.stdout);
  const options = { bundle: true, platform: "node", format: "esm", alias } as const;
  await build({ ...options, external: ["@aws-sdk/*"], entryPoints: [source], outfile: bundle });
  return (await import(pathToFileURL(bundle).href)) as Handlers;
}

/** Records changes of some products, which are deleted and restored too; every message of them. */
async function change(url: string, commits: number, chance: () => number): Promise<LedgerEvent[]> {
  const asked = (path: string, method: string, body?: object): Promise<Response> =>
    fetch(url + path, { method, ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }) });
  const products = new Set<string>();
  for (let n = 0; n < commits; n += 1) {
    const path = `/products/p-${Math.floor(chance() * 20)}`;
    products.add(path);
    const put = await asked(path, "PUT", { name: `n${n}`, price: String(1 + Math.floor(chance() * 98)) });
    if (put.status === 404) {
      assert.equal((await asked(`${path}/restore`, "POST")).status, 200);
    } else if (chance() < 0.15) {
      assert.equal((await asked(path, "DELETE")).status, 200);
    }
  }
  const pages = [...products].map(async (path) => {
    const answer = await asked(`${path}/messages?limit=100`, "GET");
    return ((await answer.json()) as { messages: LedgerEvent[] }).messages;
  });
  return (await Promise.all(pages)).flat();
}

/** A twentieth is left out, a fifth comes twice, and a tenth in another place. */
function hostile(events: readonly LedgerEvent[], chance: () => number): LedgerEvent[] {
  return events
    .filter(() => chance() > 0.05)
    .flatMap((event, place) =>
      Array.from({ length: chance() < 0.2 ? 2 : 1 }, () => ({ event, at: place + (chance() < 0.1 ? chance() * 40 : 0) })),
    )
    .sort((one, other) => one.at - other.at)
    .map(({ event }) => event);
}

/** Delivers in batches, as a queue with `ReportBatchItemFailures` does: what failed comes again. */
async function deliver(handlers: Handlers, events: readonly LedgerEvent[], chance: () => number): Promise<void> {
  let waiting = events.map((event, n): Delivery => ({ messageId: String(n), body: JSON.stringify(event) }));
  for (let received = 0; waiting.length > 0; received += 1) {
    assert.ok(received < 2 * events.length, "messages fail again and again");
    const batch = waiting.slice(0, 1 + Math.floor(chance() * 10));
    const { batchItemFailures } = await handlers.receive({ Records: batch });
    const again = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    waiting = [...waiting.slice(batch.length), ...batch.filter(({ messageId }) => again.includes(messageId))];
  }
}

/** The price list of the function. */
async function rows(client: DynamoDBClient): Promise<Map<string, string>> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: "prices" }));
  return new Map(Items.map((item) => [item["id"]?.S ?? "", item["price"]?.S ?? ""] as const).sort());
}

/** The ledger's own, once its view has everything. */
async function listed(url: string): Promise<Map<string, string>> {
  const get = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
  for (let tries = 0; tries < 1200; tries += 1) {
    const status = (await get("/status")) as { views: { products: { oldest_behind_ms: number } } };
    if (status.views.products.oldest_behind_ms === 0) {
      const { products } = (await get("/products?limit=100")) as { products: { id: string; price: string }[] };
      return new Map(products.map(({ id, price }) => [id, price] as const).sort());
    }
    await new Promise((later) => setTimeout(later, 50));
  }
  throw new Error("the view is behind");
}

async function create(client: DynamoDBClient, table: string, [partition = "", sort]: string[]): Promise<void> {
  const names = sort === undefined ? [partition] : [partition, sort];
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: names.map((AttributeName, place) => ({ AttributeName, KeyType: place === 0 ? "HASH" : "RANGE" })),
      AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
    }),
  );
}

/** Numbers from 0 to 1, the same ones for a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
