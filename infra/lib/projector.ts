// The projector: updates the views from the stream, retries parked products and compares the views with the event table. Before it
// updates them, it tells the sequencer of the log which commits a batch has.

import { Construct } from "constructs";
import { type ConsumerProps, followingCommits, StreamConsumer } from "./stream-consumer.ts";
import type { LogFeed } from "./transparency-log.ts";

/** The projector and its grants. */
export class Projector extends Construct {
  readonly consumer: StreamConsumer;

  constructor(scope: Construct, props: ConsumerProps & { readonly feed: LogFeed }) {
    super(scope, "Projector");
    const { events, views, feed } = props;
    this.consumer = new StreamConsumer(this, "projector", props, followingCommits(props));
    const { role } = this.consumer.function;
    this.consumer.function.set({
      LEDGER_EVENTS_TABLE: events.table.name,
      LEDGER_PRODUCTS_TABLE: views.products.name,
      LEDGER_PRICES_TABLE: views.prices.name,
      LEDGER_PARKING_TABLE: views.parking.name,
      LEDGER_LOG_FEED_TABLE: feed.table.name,
      LEDGER_ORDERS: props.settings.orders.join(","),
    });
    events.table.grantRead(role, "dynamodb:Query", "dynamodb:Scan");
    views.products.grantWrite(role, "dynamodb:GetItem", "dynamodb:PutItem");
    views.prices.grantWrite(role, "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem");
    feed.table.grantWrite(role, "dynamodb:PutItem");
    views.parking.grantWrite(role, "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem");
  }
}
