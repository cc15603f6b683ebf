// The default quotas of an account in us-east-1, and the number of partitions of our indexes.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { REPOSITORY } from "../lib/repository.ts";

/** Where each is documented. */
export const DYNAMODB = "DynamoDB developer guide";
export const BUS = "EventBridge user guide";
export const APIS = "API Gateway developer guide";
export const LAMBDA = "Lambda developer guide";

export const QUOTAS = {
  /** Write units a second of one partition, and its size. */
  partitionWrites: 1000,
  partitionGb: 10,
  /** Write units a second of a table on demand, its indexes included, and of one that is new. */
  tableWrites: 40_000,
  newTableWrites: 4000,
  /** Requests a second. */
  putEvents: 10_000,
  busInvocations: 18_750,
  apiRequests: 10_000,
  /** Concurrent invocations. */
  concurrency: 1000,
} as const;

/** Partitions that each order of LIST is spread over, as the projections say. */
export function indexShards(): number {
  const order = readFileSync(resolve(REPOSITORY, "projections/src/views/order.rs"), "utf8");
  const [, shards] = /pub const SHARDS: u8 = (\d+);/.exec(order) ?? [];
  if (shards === undefined) {
    throw new Error("order.rs does not say how many shards an order has");
  }
  return Number(shards);
}
