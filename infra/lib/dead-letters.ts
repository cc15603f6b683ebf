// A queue of this stack: encrypted with its key, reached over TLS only, kept as long as SQS keeps anything.

import { Duration } from "aws-cdk-lib";
import { type IGrantable, PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { type DeadLetterQueue, Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { LedgerKey } from "./key.ts";

/** What a queue is for, if not for dead letters of something else than a queue. */
export interface LedgerQueueOptions {
  /** Where its own messages go that were received too often. */
  readonly deadLetterQueue?: DeadLetterQueue;
  /** It takes the dead letters of a queue. */
  readonly behindQueue?: boolean;
}

/** An encrypted queue; without a dead-letter queue of its own it is one. */
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
      ...(options.deadLetterQueue && { deadLetterQueue: options.deadLetterQueue }),
    });
    if (!options.deadLetterQueue) {
      // The first rule sees by itself what is behind a queue.
      const rules = [...(options.behindQueue ? [] : ["AwsSolutions-SQS3"]), "Serverless-SQSRedrivePolicy"];
      acknowledge(this.queue, rules, "This queue is where dead letters go; an alarm watches it.");
    }
  }

  /** To send to it, and nothing else. */
  grantSend(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [this.queue.queueArn] }),
    );
    this.key.grantQueueSend(grantee);
  }

  /** EventBridge may send to it, on behalf of this rule or bus alone. */
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
