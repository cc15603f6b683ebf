// An inbox's memory in a table of DynamoDB: the cursor moves in the transaction that has the writes of `apply`.
//
// The table has the keys `pk` and `sk` (both S) and may have a TTL on `expires`. It has nothing in it but the inbox.

import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import type { LedgerEvent } from "./ledger.ts";
import type { Cursor, FeedPosition, Parking, Store } from "./store.ts";

type Item = Record<string, AttributeValue>;

/** The most writes of an event: a transaction takes 100, one of which moves the cursor. */
export const MOST_WRITES = 99;

/** How long an event that came early is kept. */
const HELD_S = 14 * 24 * 3600;
const CURSOR = "cursor";
const PARKED = "parked";
const POSITION = item("feed", "position");

/** The items of a table. `apply` gets a list and appends writes of `TransactWriteItems` to it. */
export class DynamoStore implements Store<TransactWriteItem[]> {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async cursor(product: string): Promise<Cursor | undefined> {
    const found = await this.#get(key(product, CURSOR));
    if (found?.["sequence"] === undefined) {
      return undefined;
    }
    return { sequence: number(found, "sequence"), eventId: text(found, "event_id"), hash: text(found, "hash") };
  }

  async parking(product: string): Promise<Parking | undefined> {
    return parkingOf((await this.#get(key(product, CURSOR))) ?? {});
  }

  async advance(
    product: string,
    before: Cursor | undefined,
    after: Cursor,
    effect: (tx: TransactWriteItem[]) => void | Promise<void>,
  ): Promise<boolean> {
    const writes: TransactWriteItem[] = [];
    await effect(writes);
    if (writes.length > MOST_WRITES) {
      throw new RangeError(`an event has ${writes.length} writes; a transaction takes ${MOST_WRITES} beside the cursor`);
    }
    const stands = before === undefined ? "attribute_not_exists(#sequence)" : "#sequence = :was and #event = :wasEvent";
    const was = before === undefined ? {} : { ":was": n(before.sequence), ":wasEvent": s(before.eventId) };
    const move = {
      TableName: this.#table,
      Key: key(product, CURSOR),
      UpdateExpression: "set #sequence = :sequence, #event = :event, #hash = :hash",
      ConditionExpression: `attribute_not_exists(#reason) and ${stands}`,
      ExpressionAttributeNames: { "#sequence": "sequence", "#event": "event_id", "#hash": "hash", "#reason": "reason" },
      ExpressionAttributeValues: {
        ":sequence": n(after.sequence),
        ":event": s(after.eventId),
        ":hash": s(after.hash),
        ...was,
      },
    };
    // The first reason is the cursor's. A condition of `apply` that fails is its own to explain.
    return this.#transact([{ Update: move }, ...writes], ["ConditionalCheckFailed", "TransactionConflict"]);
  }

  async hold(product: string, sequence: number, event: LedgerEvent): Promise<void> {
    const expires = Math.floor(Date.now() / 1000) + HELD_S;
    await this.#put({ ...key(product, held(sequence)), event: s(JSON.stringify(event)), expires: n(expires) });
  }

  async held(product: string, sequence: number): Promise<LedgerEvent | undefined> {
    const found = await this.#get(key(product, held(sequence)));
    return found === undefined ? undefined : (JSON.parse(text(found, "event")) as LedgerEvent);
  }

  async park(product: string, { sequence, reason }: Parking): Promise<void> {
    const update = {
      TableName: this.#table,
      Key: key(product, CURSOR),
      UpdateExpression: "set parked_at = :sequence, #reason = :reason",
      ConditionExpression: "attribute_not_exists(#reason)",
      ExpressionAttributeNames: { "#reason": "reason" },
      ExpressionAttributeValues: { ":sequence": n(sequence), ":reason": s(reason) },
    };
    const listed = { ...item(PARKED, product), parked_at: n(sequence), reason: s(reason) };
    await this.#transact([{ Update: update }, { Put: { TableName: this.#table, Item: listed } }], ["ConditionalCheckFailed"]);
  }

  async release(product: string): Promise<void> {
    const update = {
      TableName: this.#table,
      Key: key(product, CURSOR),
      UpdateExpression: "remove parked_at, #reason",
      ExpressionAttributeNames: { "#reason": "reason" },
    };
    await this.#transact([{ Update: update }, { Delete: { TableName: this.#table, Key: item(PARKED, product) } }], []);
  }

  async parked(): Promise<Map<string, Parking>> {
    const found = new Map<string, Parking>();
    let from: Item | undefined;
    do {
      const page = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          KeyConditionExpression: "pk = :parked",
          ExpressionAttributeValues: { ":parked": s(PARKED) },
          ConsistentRead: true,
          ExclusiveStartKey: from,
        }),
      );
      for (const one of page.Items ?? []) {
        const parking = parkingOf(one);
        if (parking !== undefined) {
          found.set(text(one, "sk"), parking);
        }
      }
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
    return found;
  }

  async position(): Promise<FeedPosition | undefined> {
    const found = await this.#get(POSITION);
    return found === undefined ? undefined : { position: number(found, "position"), hash: text(found, "hash") };
  }

  async move({ position, hash }: FeedPosition): Promise<void> {
    await this.#put({ ...POSITION, position: n(position), hash: s(hash) });
  }

  /** Whether the transaction was made; it was not for one of these reasons of its first write. */
  async #transact(items: TransactWriteItem[], expected: readonly string[]): Promise<boolean> {
    try {
      await this.#client.send(new TransactWriteItemsCommand({ TransactItems: items }));
      return true;
    } catch (error) {
      const code = error instanceof TransactionCanceledException ? error.CancellationReasons?.[0]?.Code : undefined;
      if (code !== undefined && expected.includes(code)) {
        return false;
      }
      throw error;
    }
  }

  async #put(found: Item): Promise<void> {
    await this.#client.send(new PutItemCommand({ TableName: this.#table, Item: found }));
  }

  async #get(of: Item): Promise<Item | undefined> {
    const request = new GetItemCommand({ TableName: this.#table, Key: of, ConsistentRead: true });
    return (await this.#client.send(request)).Item;
  }
}

function key(product: string, sort: string): Item {
  return item(`product#${product}`, sort);
}

function item(part: string, sort: string): Item {
  return { pk: s(part), sk: s(sort) };
}

function held(sequence: number): string {
  return `held#${String(sequence).padStart(20, "0")}`;
}

function parkingOf(found: Item): Parking | undefined {
  return found["reason"] === undefined ? undefined : { sequence: number(found, "parked_at"), reason: text(found, "reason") };
}

function text(found: Item, name: string): string {
  const value = found[name]?.S;
  if (value === undefined) {
    throw new TypeError(`an item of the inbox has no text ${name}`);
  }
  return value;
}

function number(found: Item, name: string): number {
  const value = Number(found[name]?.N);
  if (!Number.isSafeInteger(value)) {
    throw new TypeError(`an item of the inbox has no number ${name}`);
  }
  return value;
}

function s(value: string): AttributeValue {
  return { S: value };
}

function n(value: number): AttributeValue {
  return { N: String(value) };
}
