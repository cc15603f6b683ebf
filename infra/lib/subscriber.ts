// An example subscriber: a rule that delivers price changes to a queue. Messages that cannot be delivered or processed go to
// a dead-letter queue.

import { Construct } from "constructs";
import type { Bus } from "./bus.ts";
import { LedgerQueue } from "./dead-letters.ts";
import { deliver } from "./delivery.ts";
import type { NamedRule } from "./delivery-alarms.ts";
import type { LedgerKey } from "./key.ts";
import { EVENT_SOURCE } from "./settings.ts";

/** How often a message is received before it is a dead letter. */
export const RECEIVES = 5;

/** A queue that receives every price change. */
export class Subscriber extends Construct {
  readonly deadLetters: LedgerQueue;
  readonly queue: LedgerQueue;
  readonly rule: NamedRule;

  constructor(scope: Construct, key: LedgerKey, bus: Bus) {
    super(scope, "Subscriber");
    this.deadLetters = new LedgerQueue(this, "DeadLetters", key, { behindQueue: true });
    this.queue = new LedgerQueue(this, "Queue", key, {
      deadLetterQueue: { queue: this.deadLetters.queue, maxReceiveCount: RECEIVES },
    });
    this.rule = { bus: bus.name, rule: `${bus.name}-subscriber` };
    deliver(this, "PriceChanges", {
      eventBus: bus.bus,
      ruleName: this.rule.rule,
      description: "Price changes, for the example subscriber",
      eventPattern: { source: [EVENT_SOURCE], detailType: ["PRODUCT_PRICE_CHANGED"] },
      target: this.queue,
      deadLetters: this.deadLetters,
    });
  }
}
