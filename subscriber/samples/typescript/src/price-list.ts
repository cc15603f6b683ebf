// A price list in a table of its own, made from the events of a product ledger: each event has its effect once and in order.
//
// `receive` takes what the queue delivers, and `catchUp`, on a schedule, what never came. `{"retry": PRODUCT}` goes on with a parked product.

import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { DynamoDBClient, type TransactWriteItem } from "@aws-sdk/client-dynamodb";
import { HttpLedger, Inbox, type LedgerEvent } from "@product-ledger/subscriber";
import { DynamoStore } from "@product-ledger/subscriber/dynamodb";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { accessToken } from "./access-token.ts";

const PRICES = set("PRICES_TABLE");
/** What catching up leaves of the function's time, for the commit that it is at. */
const SPARE_MS = 30_000;

const [logger, metrics] = [new Logger(), new Metrics()];
const ledger = new HttpLedger(set("LEDGER_URL"), { token: accessToken(set("TOKEN_URL"), set("CREDENTIALS")) });
// Whoever waits for a late event in a function is billed for it, and the ledger has the event already.
const inbox = new Inbox(new DynamoStore(new DynamoDBClient(), set("INBOX_TABLE")), ledger, { waitMs: 0 });
const processor = new BatchProcessor(EventType.SQS);

/** The row of the product, written in the transaction that marks the event as applied. */
function apply({ detail }: LedgerEvent, tx: TransactWriteItem[]): void {
  const product = detail.data["product"] as Record<"id" | "name" | "price" | "currency" | "status", string>;
  if (product.status === "active") {
    const [id, name, price, currency] = [product.id, product.name, product.price, product.currency].map((S) => ({ S }));
    tx.push({ Put: { TableName: PRICES, Item: { id: id!, name: name!, price: price!, currency: currency! } } });
  } else {
    tx.push({ Delete: { TableName: PRICES, Key: { id: { S: product.id } } } });
  }
}

/** One message; after an exception it is delivered again. */
async function take({ body, messageId }: SQSRecord): Promise<void> {
  try {
    metrics.addMetric(await inbox.receive(body, apply), MetricUnit.Count, 1);
  } catch (error) {
    logger.error("The message was not taken", { messageId, error: error as Error });
    throw error;
  }
}

/** Takes a batch of the queue; answers which messages have to be delivered again. */
export async function receive(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  logger.addContext(context);
  try {
    // Messages that fail are delivered again, also if it was all of a batch; an error of the function is something else.
    return await processPartialResponse(event, take, processor, { context, processInParallel: false, throwOnFullBatchFailure: false });
  } finally {
    metrics.publishStoredMetrics();
  }
}

/** Follows the ledger's feed to its end, or as far as the time allows. */
export async function catchUp(event: { retry?: string }, context: Context): Promise<object> {
  logger.addContext(context);
  if (event.retry !== undefined) {
    return { outcome: await inbox.retry(event.retry, apply) };
  }
  const until = performance.now() + context.getRemainingTimeInMillis() - SPARE_MS;
  const commits = await inbox.catchUp(apply, { withinMs: until - performance.now() });
  const [atEnd, parked] = [performance.now() < until, await inbox.parked()];
  for (const [product, { sequence, reason }] of parked) {
    logger.error("A product is parked", { product, sequence, reason });
  }
  metrics.addMetric("parked_products", MetricUnit.Count, parked.size);
  if (atEnd) {
    metrics.addMetric("caught_up", MetricUnit.Count, 1);
  }
  metrics.publishStoredMetrics();
  logger.info(atEnd ? "Caught up" : "Goes on at the next call", { commits });
  return { commits, at_end: atEnd, parked: parked.size };
}

function set(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set`);
  }
  return value;
}
