// The round trip with openapi-fetch and the types that openapi-typescript generated: `node with_openapi_typescript.mjs URL`.

import createClient from "openapi-fetch";
import type { paths } from "./client/ledger.js";

declare const process: { argv: string[]; exit(code: number): never };
declare const setTimeout: (then: () => void, milliseconds: number) => unknown;

/** How long a view may take to show a command, in milliseconds. */
const PATIENCE = 30_000;

// Some answers also come as CSV.
const client = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: process.argv[2] ?? "" });

async function step<T>(name: string, run: () => Promise<T>): Promise<T> {
  try {
    const result = await run();
    console.log(`  ${name}: as expected`);
    return result;
  } catch (error) {
    console.log(`failed: ${name}`);
    throw error;
  }
}

function equal(isNow: unknown, expected: unknown): void {
  const [one, other] = [JSON.stringify(isNow), JSON.stringify(expected)];
  if (one !== other) {
    throw new Error(`${one} instead of ${other}`);
  }
}

/** The data of an answer that is not a problem. */
function there<T>({ data, error }: { data?: T; error?: unknown }): T {
  if (data === undefined) {
    throw new Error(`refused: ${JSON.stringify(error)}`);
  }
  return data;
}

async function listed(id: string, price: string, category?: string): Promise<void> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const query = category === undefined ? {} : { category };
    const { products } = there(await client.GET("/products", { params: { query } }));
    if (products.some((product) => product.id === id && product.price === price)) {
      return;
    }
    if (Date.now() > end) {
      throw new Error(`not within ${PATIENCE} milliseconds`);
    }
    await new Promise<void>((then) => setTimeout(then, 100));
  }
}

async function change(id: string): Promise<void> {
  const path = { id };
  await step("patch", async () => {
    const params = { path, header: { "If-Match": '"1"' } };
    const { response, data } = await client.PATCH("/products/{id}", { params, body: { price: 34.99 } });
    equal([response.status, data?.version], [200, 2]);
  });
  await step("refused patches", async () => {
    const body = { name: "Cap" };
    const stale = await client.PATCH("/products/{id}", { params: { path, header: { "If-Match": '"1"' } }, body });
    equal([stale.response.status, stale.error?.current_version], [412, 2]);
    equal(stale.error?.missed?.map(({ type }) => type), ["ProductPriceChanged"]);
    const known = await client.PATCH("/products/{id}", { params: { path, header: { "If-None-Match": "*" } }, body });
    equal(known.response.status, 412);
  });
}

async function read(id: string): Promise<void> {
  const params = { path: { id }, query: { min_version: 2 } };
  await step("get", async () => {
    const { name, price, currency, status, attributes } = there(await client.GET("/products/{id}", { params }));
    equal([name, price, currency, status, attributes], ["Helmet", "34.99", "USD", "active", { color: "Red" }]);
  });
  await step("list", () => listed(id, "34.99"));
  await step("prices", async () => {
    const { current, timeline } = there(await client.GET("/products/{id}/prices", { params }));
    equal([current, timeline.map(({ price }) => price)], ["34.99", ["33.6442", "34.99"]]);
  });
}

async function endAndBeginAgain(id: string): Promise<void> {
  const path = { id };
  const params = (version: number) => ({ params: { path, header: { "If-Match": `"${version}"` } } });
  await step("delete, restore, put", async () => {
    equal(there(await client.DELETE("/products/{id}", params(2))).version, 3);
    equal(there(await client.POST("/products/{id}/restore", params(3))).version, 4);
    const body = { name: "Cap", price: "8.99", category: "openapi-typescript" };
    const { events } = there(await client.PUT("/products/{id}", { ...params(4), body }));
    equal(events.map(({ sequence }) => sequence), [5, 6, 7]);
  });
  await step("look up", async () => {
    await listed(id, "8.99", "openapi-typescript");
    const { categories } = there(await client.GET("/categories"));
    equal(categories.find(({ category }) => category === "openapi-typescript")?.products, 1);
  });
  await step("history, verification", async () => {
    const { commits } = there(
      await client.GET("/products/{id}/history", { params: { path, query: { min_version: 7 } } }),
    );
    equal(commits.map(({ sequence }) => sequence), [1, 2, 3, 4, 5]);
    equal(there(await client.GET("/products/{id}/verification", { params: { path } })).valid, true);
  });
}

const id = await step("create", async () => {
  const body = { name: "Helmet", price: "33.6442", currency: "USD" as const, attributes: { color: "Red" } };
  const params = { header: { "Idempotency-Key": "openapi-typescript" } };
  const { response, data } = await client.POST("/products", { params, body });
  equal([response.status, data?.version], [201, 1]);
  return data?.product_id ?? "";
});
await change(id);
await read(id);
await endAndBeginAgain(id);
