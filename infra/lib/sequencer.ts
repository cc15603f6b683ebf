// The sequencer: puts commits into the log in one order, writes the log's files and signs its checkpoints. It follows the feed items
// and not the event table's stream, which a third reader would throttle. On a schedule it retries parked products and compares the log
// with the event table, and looks at what protects the log table.

import { Stack } from "aws-cdk-lib";
import { Construct } from "constructs";
import { grantCheck } from "./insert-only.ts";
import type { LogFeed, TransparencyLog } from "./transparency-log.ts";
import { type ConsumerProps, StreamConsumer } from "./stream-consumer.ts";

/** The sequencer. Its grants on the log follow once the log exists, whose policies name its role. */
export class Sequencer extends Construct {
  readonly consumer: StreamConsumer;
  private readonly props: ConsumerProps;
  private readonly feed: LogFeed;

  constructor(scope: Construct, props: ConsumerProps, feed: LogFeed) {
    super(scope, "Sequencer");
    this.props = props;
    this.feed = feed;
    const { settings } = props;
    this.consumer = new StreamConsumer(this, "sequencer", props, {
      table: feed.table,
      // A checkpoint is signed for each batch.
      windowSeconds: settings.logIntervalSeconds,
      // One invocation for the stream, whose items have one key, one for each schedule, and some for people.
      reserved: settings.reservedConcurrency === undefined ? undefined : CONCURRENCY,
      roleName: `${Stack.of(this).stackName}-sequencer`,
    });
  }

  /** Grants it the log and what it reads, and sets its environment. */
  use(log: TransparencyLog): void {
    const { events, views } = this.props;
    const { role } = this.consumer.function;
    this.consumer.function.set({
      ...log.writing,
      LEDGER_EVENTS_TABLE: events.table.name,
      LEDGER_PARKING_TABLE: views.parking.name,
      LEDGER_LOG_FEED_TABLE: this.feed.table.name,
    });
    events.table.grantRead(role, "dynamodb:Query", "dynamodb:Scan");
    views.parking.grantWrite(role, "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem");
    this.feed.table.grantRead(role, "dynamodb:Query");
    log.table.grantWrite(role, "dynamodb:PartiQLInsert", "dynamodb:Query");
    grantCheck(role, log.table);
    log.files.grantRead(role);
    log.files.grantWrite(role);
    for (const key of log.signing) {
      key.grantSign(role);
    }
  }
}

/** Concurrent invocations that the sequencer has to itself. */
export const CONCURRENCY = 5;
