// The projector: updates the views from the stream, retries parked products and compares the views with the event table.

import { Construct } from "constructs";
import { StreamConsumer, type StreamConsumerProps } from "./stream-consumer.ts";

/** The projector and its grants. */
export class Projector extends Construct {
  readonly consumer: StreamConsumer;

  constructor(scope: Construct, props: StreamConsumerProps) {
    super(scope, "Projector");
    const { events, views } = props;
    this.consumer = new StreamConsumer(this, "projector", props);
    const { role } = this.consumer.function;
    this.consumer.function.set({
      LEDGER_EVENTS_TABLE: events.table.name,
      LEDGER_PRODUCTS_TABLE: views.products.name,
      LEDGER_PRICES_TABLE: views.prices.name,
      LEDGER_PARKING_TABLE: views.parking.name,
      LEDGER_ORDERS: props.settings.orders.join(","),
    });
    events.table.grantRead(role, "dynamodb:Query", "dynamodb:Scan");
    views.products.grantWrite(role, "dynamodb:GetItem", "dynamodb:PutItem");
    views.prices.grantWrite(role, "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem");
    views.parking.grantWrite(role, "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem");
  }
}
