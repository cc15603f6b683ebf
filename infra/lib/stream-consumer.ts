// A function that follows the stream of a table, and its error handling: only failed records are retried, batches are
// bisected, and records that are given up for their age go to a queue with an alarm.

import { Duration } from "aws-cdk-lib";
import {
  type CfnEventSourceMapping,
  EventSourceMapping,
  type IEventSourceDlq,
  MetricType,
  StartingPosition,
} from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { LedgerQueue } from "./dead-letters.ts";
import type { EventTable } from "./event-table.ts";
import type { LedgerKey } from "./key.ts";
import { RustFunction } from "./rust-function.ts";
import type { Settings } from "./settings.ts";
import type { LedgerTable } from "./table.ts";
import type { Views } from "./views.ts";

/** The resources that all stream consumers depend on. */
export interface ConsumerProps {
  readonly settings: Settings;
  readonly key: LedgerKey;
  readonly binaries: string;
  readonly events: EventTable;
  readonly views: Views;
}

/** What a consumer follows, and how. */
export interface FollowedStream {
  readonly table: LedgerTable;
  /** Seconds to wait for a larger batch. */
  readonly windowSeconds: number;
  /** Concurrent invocations that are kept for the function, and its limit. */
  readonly reserved: number | undefined;
  /** A fixed name of its role. */
  readonly roleName?: string;
}

/** How the consumers of commits follow the event table. */
export function followingCommits({ events, settings }: ConsumerProps): FollowedStream {
  const { mapping, reservedConcurrency: reserved } = settings;
  return { table: events.table, windowSeconds: mapping.windowSeconds, reserved };
}

/** A function, its event source mapping, and its dead-letter queue. */
export class StreamConsumer extends Construct {
  readonly function: RustFunction;
  readonly deadLetters: LedgerQueue;
  /** The id of the event source mapping. */
  readonly mapping: string;

  constructor(
    scope: Construct,
    name: "projector" | "publisher" | "sequencer",
    props: ConsumerProps,
    followed: FollowedStream,
  ) {
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
      reserved: followed.reserved,
      ...(followed.roleName !== undefined && { roleName: followed.roleName }),
    });
    this.deadLetters.grantSend(this.function.role);
    followed.table.grantStream(this.function.role);
    const givenUp = { bind: () => ({ destination: this.deadLetters.queue.queueArn }) };
    this.mapping = this.follow(settings, followed, givenUp);
    this.function.withoutDeadLetterTarget("It has a destination for failures instead.");
    // The schedule invokes it asynchronously. Its next invocation is the retry; a failure goes to the queue.
    this.function.live.configureAsyncInvoke({
      retryAttempts: 0,
      maxEventAge: Duration.seconds(60),
      onFailure: givenUp,
    });
  }

  private follow({ mapping }: Settings, { table, windowSeconds }: FollowedStream, givenUp: IEventSourceDlq): string {
    const follow = new EventSourceMapping(this, "Stream", {
      target: this.function.live,
      eventSourceArn: table.streamArn,
      // LATEST can miss records that are written while the mapping is created.
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: mapping.batch,
      maxBatchingWindow: Duration.seconds(windowSeconds),
      // Above 1, commits of one product could overtake each other.
      parallelizationFactor: 1,
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      // A product with an error is parked, so a retry means that even parking failed. No number of retries is as long as a time.
      retryAttempts: -1,
      maxRecordAge: Duration.hours(mapping.ageHours),
      onFailure: givenUp,
      metricsConfig: { metrics: [MetricType.EVENT_COUNT] },
    });
    // Creating a mapping fails if its function may not read the stream yet.
    (follow.node.defaultChild as CfnEventSourceMapping).node.addDependency(this.function.role);
    return follow.eventSourceMappingId;
  }
}
