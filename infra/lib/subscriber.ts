// An example of a subscriber: a rule that picks price changes and hands them to a queue. What cannot be delivered, and what
// the subscriber cannot digest, lies in a dead-letter queue.

import type { Rule } from "aws-cdk-lib/aws-events";
import { Construct } from "constructs";
import type { Bus } from "./bus.ts";
import { LedgerQueue } from "./dead-letters.ts";
import { deliver } from "./delivery.ts";
import type { LedgerKey } from "./key.ts";
import { EVENT_SOURCE } from "./settings.ts";

/** How often the subscriber may fail with a message. */
const RECEIVES = 5;

/** A queue that gets every price change. */
export class Subscriber extends Construct {
  readonly deadLetters: LedgerQueue;
  readonly queue: LedgerQueue;
  readonly rule: Rule;

  constructor(scope: Construct, key: LedgerKey, bus: Bus) {
    super(scope, "Subscriber");
    this.deadLetters = new LedgerQueue(this, "DeadLetters", key, { behindQueue: true });
    this.queue = new LedgerQueue(this, "Queue", key, {
      deadLetterQueue: { queue: this.deadLetters.queue, maxReceiveCount: RECEIVES },
    });
    this.rule = deliver(this, "PriceChanges", {
      eventBus: bus.bus,
      description: "Price changes, for the example of a subscriber",
      eventPattern: { source: [EVENT_SOURCE], detailType: ["PRODUCT_PRICE_CHANGED"] },
      target: this.queue,
      deadLetters: this.deadLetters,
    });
  }
}
