// An example subscriber of the FIFO bus: a FIFO queue that gets every event of the ledger, those of a product in order. What is
// received too often, and records of what could not be delivered, are dead letters; the two have queues of their own, because a record
// holds no event.

import { Construct } from "constructs";
import { LedgerQueue } from "./dead-letters.ts";
import type { WatchedSubscriber } from "./delivery-alarms.ts";
import type { FifoBus } from "./fifo-bus.ts";
import type { LedgerKey } from "./key.ts";
import { RECEIVES } from "./subscriber.ts";

/** A queue that receives every event. */
export class FifoSubscriber extends Construct {
  readonly deadLetters: LedgerQueue;
  readonly undelivered: LedgerQueue;
  readonly queue: LedgerQueue;
  readonly watched: WatchedSubscriber;

  constructor(scope: Construct, key: LedgerKey, bus: FifoBus) {
    super(scope, "Subscriber");
    this.deadLetters = new LedgerQueue(this, "DeadLetters", key, { fifo: true, behindQueue: true });
    this.undelivered = new LedgerQueue(this, "Undelivered", key, { fifo: true });
    this.queue = new LedgerQueue(this, "Queue", key, {
      fifo: true,
      deadLetterQueue: { queue: this.deadLetters.queue, maxReceiveCount: RECEIVES },
    });
    this.watched = bus.subscribe(this, "Events", {
      name: `${bus.name}-subscriber`,
      description: "Every event, for the example subscriber",
      type: "FIFO",
      invoke: {
        parameters: {
          targetArn: this.queue.queue.queueArn,
          sqsParameters: {
            messageGroupId: "{% $events.SystemMetadata.EventGroupId %}",
            messageDeduplicationId: "{% $events.SystemMetadata.DeduplicationId %}",
          },
        },
        grant: (role) => this.queue.grantSend(role),
      },
      undelivered: this.undelivered,
    });
  }
}
