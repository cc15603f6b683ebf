// Queues of this stack: encrypted with its key, accessible over TLS only, with the longest retention that SQS has.

import { Duration } from "aws-cdk-lib";
import { type IGrantable, PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  type DeadLetterQueue,
  DeduplicationScope,
  FifoThroughputLimit,
  Queue,
  QueueEncryption,
} from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { LedgerKey } from "./key.ts";

/** Options for queues other than the dead-letter queue of a function, rule or bus. */
export interface LedgerQueueOptions {
  /** The queue for messages that were received too often. */
  readonly deadLetterQueue?: DeadLetterQueue;
  /** Whether it is the dead-letter queue of another queue. */
  readonly behindQueue?: boolean;
  /** How long a received message is hidden from others; half a minute otherwise. */
  readonly hidden?: Duration;
  /** Whether it keeps the order of each message group. */
  readonly fifo?: boolean;
}

/** In order for each group, and as many messages a second as FIFO queues can. A sender that gives no id is deduplicated by content. */
const ORDERED = {
  fifo: true,
  contentBasedDeduplication: true,
  deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
  fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
} as const;

/** An encrypted queue; without a dead-letter queue it is one itself. */
export class LedgerQueue extends Construct {
  readonly queue: Queue;
  private readonly key: LedgerKey;

  constructor(scope: Construct, id: string, key: LedgerKey, options: LedgerQueueOptions = {}) {
    super(scope, id);
    this.key = key;
    this.queue = new Queue(this, "Queue", {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: key.key,
      dataKeyReuse: Duration.minutes(5),
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      ...(options.hidden && { visibilityTimeout: options.hidden }),
      ...(options.deadLetterQueue && { deadLetterQueue: options.deadLetterQueue }),
      ...(options.fifo && ORDERED),
    });
    if (!options.deadLetterQueue) {
      // The first rule recognises the dead-letter queue of a queue by itself.
      const rules = [...(options.behindQueue ? [] : ["AwsSolutions-SQS3"]), "Serverless-SQSRedrivePolicy"];
      acknowledge(this.queue, rules, "This queue is a dead-letter queue; an alarm watches it.");
    }
  }

  /** Grants sending to it. */
  grantSend(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [this.queue.queueArn] }),
    );
    this.key.grantQueueSend(grantee);
  }

  /** Lets EventBridge send to it for this rule or bus only. */
  allowFromEvents(sid: string, source: string): void {
    this.queue.addToResourcePolicy(
      new PolicyStatement({
        sid,
        principals: [new ServicePrincipal("events.amazonaws.com")],
        actions: ["sqs:SendMessage"],
        resources: [this.queue.queueArn],
        conditions: { ArnEquals: { "aws:SourceArn": source } },
      }),
    );
  }
}
