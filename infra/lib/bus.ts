// The bus that subscribers listen to, its archive, and the queue for events that it could not encrypt or decrypt. Events of
// a product are put on it in order; in which order it delivers them EventBridge does not promise, so `sequence` tells.

import { Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Archive, EventBus } from "aws-cdk-lib/aws-events";
import { Key } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import { LedgerQueue } from "./dead-letters.ts";
import type { LedgerKey } from "./key.ts";
import { EVENT_SOURCE, type Settings } from "./settings.ts";

/** The bus. */
export class Bus extends Construct {
  readonly bus: EventBus;
  readonly deadLetters: LedgerQueue;

  constructor(scope: Construct, settings: Settings, key: LedgerKey) {
    super(scope, "Bus");
    // The key's policy names bus and archive, so both have names of their own.
    const { stackName } = Stack.of(this);
    // By its ARN: otherwise the key's policy would name the bus, which names the key.
    const kmsKey = Key.fromKeyArn(this, "Key", key.key.keyArn);
    this.deadLetters = new LedgerQueue(this, "DeadLetters", key);
    this.bus = new EventBus(this, "Bus", {
      eventBusName: stackName,
      description: "What happened to products; sequence tells the order per product",
      kmsKey,
      deadLetterQueue: this.deadLetters.queue,
    });
    this.deadLetters.allowFromEvents("FromBus", this.bus.eventBusArn);
    this.bus.applyRemovalPolicy(settings.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY);
    const archive = new Archive(this, "Archive", {
      archiveName: stackName,
      description: "Every message of the ledger; the event table is the truth",
      sourceEventBus: this.bus,
      eventPattern: { source: [EVENT_SOURCE] },
      retention: Duration.days(settings.days.archive),
      kmsKey,
    });
    archive.applyRemovalPolicy(settings.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY);
  }
}
