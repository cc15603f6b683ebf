// The publisher: sends the stream's events to the bus and writes a receipt for each. On a schedule it compares the receipts with
// the event table and looks at what protects that.

import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { busVariables, type LedgerBus } from "./bus.ts";
import { grantCheck } from "./insert-only.ts";
import { EVENT_SOURCE } from "./settings.ts";
import { type ConsumerProps, followingCommits, StreamConsumer } from "./stream-consumer.ts";
import type { TransparencyLog } from "./transparency-log.ts";

/** The publisher and its grants. */
export class Publisher extends Construct {
  readonly consumer: StreamConsumer;

  constructor(scope: Construct, props: ConsumerProps & { readonly bus: LedgerBus; readonly log: TransparencyLog }) {
    super(scope, "Publisher");
    const { settings, events, views, bus, log } = props;
    this.consumer = new StreamConsumer(this, "publisher", props, followingCommits(props));
    const { role } = this.consumer.function;
    this.consumer.function.set({
      LEDGER_EVENTS_TABLE: events.table.name,
      LEDGER_RECEIPTS_TABLE: views.receipts.name,
      LEDGER_PARKING_TABLE: views.parking.name,
      ...busVariables(bus),
      ...(settings.busEntries !== undefined && { LEDGER_EVENT_BUS_ENTRIES: String(settings.busEntries) }),
      LEDGER_EVENT_SOURCE: EVENT_SOURCE,
      // Subscribers are told where to ask for the proof of a commit.
      LEDGER_LOG_ORIGIN: log.origin,
      LEDGER_EVENTS_PROTECTION: events.protection,
    });
    events.table.grantRead(role, "dynamodb:Query", "dynamodb:Scan");
    grantCheck(role, events.table);
    views.receipts.grantWrite(role, "dynamodb:Query", "dynamodb:BatchWriteItem", "dynamodb:PutItem");
    views.parking.grantWrite(role, "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem");
    role.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ["events:PutEvents"],
        resources: [bus.arn],
        conditions: { StringEquals: { "events:source": EVENT_SOURCE } },
      }),
    );
    role.addToPrincipalPolicy(new PolicyStatement({ actions: ["events:DescribeEventBus"], resources: [bus.arn] }));
    if (bus.kind === "fifo") {
      bus.grantKey(role);
    }
  }
}
