// Drives castore over its DynamoDB adapter: from standard input what to do, to standard output one line of JSON for each
// product. The proxy counts; this asks it for the counts between loads and commands.

import { DynamoDBClient, GetItemCommand, PutItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { EventStore, EventType } from '@castore/core';
import { DynamoDBSingleTableEventStorageAdapter } from '@castore/event-storage-adapter-dynamodb';
import { text } from 'node:stream/consumers';

const TABLE = 'castore';
const SNAPSHOTS = 'castore-snapshots';
const TRANSACTION = 100;
const STORE = 'product';

const { endpoint, works, jobs } = JSON.parse(await text(process.stdin));

const dynamoDBClient = new DynamoDBClient({
  endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  maxAttempts: 1,
});
const adapter = new DynamoDBSingleTableEventStorageAdapter({ tableName: TABLE, dynamoDBClient });
const types = new Set(Object.values(works).flatMap(({ created, changes }) => [created, ...changes]).map(({ type }) => type));
const products = new EventStore({
  eventStoreId: STORE,
  eventTypes: [...types].map(type => new EventType({ type })),
  // What is true from now on; what was true before is no part of the product.
  reducer: (product, { aggregateId, version, payload: { previous_price, previous_currency, previous, ...now } }) => ({
    ...product,
    ...now,
    aggregateId,
    version,
  }),
  eventStorageAdapter: adapter,
});

// Event n of a product, without its time.
const event = (work, aggregateId, version) => {
  const { created, changes, metadata } = works[work];
  const { type, data } = version === 1 ? created : changes[version % 2];
  return { aggregateId, version, type, payload: data, ...(metadata && { metadata }) };
};

// The events' items are those the adapter itself would put.
const prefill = async (work, aggregateId, events) => {
  for (let first = 1; first <= events; first += TRANSACTION) {
    const versions = Array.from({ length: Math.min(TRANSACTION, events - first + 1) }, (_, n) => first + n);
    const put = version => {
      const timed = { timestamp: new Date().toISOString(), ...event(work, aggregateId, version) };
      const { TableName, Item } = adapter.getPushEventInput(timed, { eventStoreId: STORE });
      return { Put: { TableName, Item } };
    };
    await dynamoDBClient.send(new TransactWriteItemsCommand({ TransactItems: versions.map(put) }));
  }
};

// castore keeps no snapshots; an application can, in a table of its own.
const keep = async product => {
  const Item = { aggregateId: { S: product.aggregateId }, product: { S: JSON.stringify(product) } };
  await dynamoDBClient.send(new PutItemCommand({ TableName: SNAPSHOTS, Item }));
};
const kept = async id => {
  const get = new GetItemCommand({ TableName: SNAPSHOTS, Key: { aggregateId: { S: id } }, ConsistentRead: true });
  const { Item } = await dynamoDBClient.send(get);
  return Item && JSON.parse(Item.product.S);
};

const configurations = {
  // The product is folded from all its events.
  default: {
    load: async id => (await products.getAggregate(id)).aggregate,
  },
  'a snapshot kept by the application': {
    load: async id => {
      const snapshot = await kept(id);
      const { events } = await products.getEvents(id, { minVersion: (snapshot?.version ?? 0) + 1 });
      return products.buildAggregate(events, snapshot);
    },
    pushed: keep,
  },
  // What looks like the way to ask for the newest event alone.
  '`limit: 1`, newest first': {
    load: async id => (await products.getEvents(id, { limit: 1, reverse: true })).events[0],
  },
};

const metered = async () => (await fetch(`${endpoint}/meter`, { method: 'POST' })).json();

for (const { configuration, work, events, id, repeats } of jobs) {
  const { load, pushed } = configurations[configuration];
  await prefill(work, id, events);
  if (events > 0 && pushed) await pushed((await products.getAggregate(id)).aggregate);
  await metered();
  let seen = 0;
  for (let n = 0; n < repeats; n++) seen = (await load(id))?.version ?? 0;
  const loads = await metered();
  for (let n = 1; n <= repeats; n++) {
    const [of, prevAggregate] = events === 0 ? [`${id}-${n}`, undefined] : [id, await load(id)];
    const next = event(work, of, (prevAggregate?.version ?? 0) + 1);
    const { nextAggregate } = await products.pushEvent(next, { prevAggregate });
    if (pushed) await pushed(nextAggregate);
  }
  const commands = await metered();
  console.log(JSON.stringify({ configuration, work, events, seen, loads, commands }));
}
