// A function that follows the event table's stream, and what happens when it fails: only the failed records come again, a
// batch is halved to find them, and what is given up after bounded retries lies in a queue that an alarm watches.

import { Duration } from "aws-cdk-lib";
import {
  type CfnEventSourceMapping,
  EventSourceMapping,
  type IEventSourceDlq,
  StartingPosition,
} from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { LedgerQueue } from "./dead-letters.ts";
import type { EventTable } from "./event-table.ts";
import type { LedgerKey } from "./key.ts";
import { RustFunction } from "./rust-function.ts";
import type { Settings } from "./settings.ts";
import type { Views } from "./views.ts";

/** What both consumers of the stream are made of. */
export interface StreamConsumerProps {
  readonly settings: Settings;
  readonly key: LedgerKey;
  readonly binaries: string;
  readonly events: EventTable;
  readonly views: Views;
}

/** A function, its mapping, and the queue for what it could not do. */
export class StreamConsumer extends Construct {
  readonly function: RustFunction;
  readonly deadLetters: LedgerQueue;

  constructor(scope: Construct, name: "projector" | "publisher", props: StreamConsumerProps) {
    super(scope, "Consumer");
    const { settings, key, binaries } = props;
    this.deadLetters = new LedgerQueue(this, "DeadLetters", key);
    this.function = new RustFunction(this, {
      settings,
      key,
      name,
      binaries,
      memory: settings.memory.stream,
      timeout: Duration.seconds(60),
    });
    this.deadLetters.grantSend(this.function.role);
    props.events.grantStream(this.function.role);
    props.key.grantTableRead(this.function.role);
    const givenUp = { bind: () => ({ destination: this.deadLetters.queue.queueArn }) };
    this.follow(props, givenUp);
    this.function.withoutDeadLetterTarget("The destination for failures below takes its place.");
    // The schedule invokes asynchronously: the next turn is the retry, and what failed is seen.
    this.function.lambda.configureAsyncInvoke({
      retryAttempts: 0,
      maxEventAge: Duration.seconds(60),
      onFailure: givenUp,
    });
  }

  private follow({ settings: { mapping }, events }: StreamConsumerProps, givenUp: IEventSourceDlq): void {
    const follow = new EventSourceMapping(this, "Stream", {
      target: this.function.lambda,
      eventSourceArn: events.streamArn,
      // LATEST can miss what is written while the mapping is made.
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: mapping.batch,
      maxBatchingWindow: Duration.seconds(mapping.windowSeconds),
      // Above 1, commits of one product could overtake each other.
      parallelizationFactor: 1,
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      retryAttempts: mapping.retries,
      maxRecordAge: Duration.hours(mapping.ageHours),
      onFailure: givenUp,
    });
    // A mapping is refused when its function may not read the stream yet.
    (follow.node.defaultChild as CfnEventSourceMapping).node.addDependency(this.function.role);
  }
}
