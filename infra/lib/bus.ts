// The classic event bus, its archive, and the queue for events that it could not encrypt or decrypt. An event of a product is put on the
// bus only after it accepted the one before (`PutEvents`). That is all the order there is: EventBridge guarantees none of
// delivery, nor does a standard queue behind it; subscribers order events by `sequence`.

import { Duration, Stack } from "aws-cdk-lib";
import { Archive, EventBus } from "aws-cdk-lib/aws-events";
import { Key } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import type { FifoBus } from "./fifo-bus.ts";
import { LedgerQueue } from "./dead-letters.ts";
import type { NamedRule } from "./delivery-alarms.ts";
import type { LedgerKey } from "./key.ts";
import { removalOf } from "./removal.ts";
import { EVENT_SOURCE, type Settings } from "./settings.ts";

/** The bus of a ledger, of either kind. */
export type LedgerBus = Bus | FifoBus;

/** What `LEDGER_EVENT_BUS` is, and its kind where it is not the usual one. */
export function busVariables(bus: LedgerBus): { readonly LEDGER_EVENT_BUS: string; [kind: string]: string } {
  return bus.kind === "fifo"
    ? { LEDGER_EVENT_BUS: bus.arn, LEDGER_EVENT_BUS_KIND: bus.kind }
    : { LEDGER_EVENT_BUS: bus.bus.eventBusName };
}

/** The bus. */
export class Bus extends Construct {
  readonly kind = "classic";
  readonly bus: EventBus;
  readonly deadLetters: LedgerQueue;
  readonly name: string;
  readonly arn: string;
  /** The rule that EventBridge makes for the archive. */
  readonly archiving: NamedRule;

  constructor(scope: Construct, settings: Settings, key: LedgerKey) {
    super(scope, "Bus");
    // The key's policy names the bus, so it has a fixed name; operators find the archive by the same.
    const { stackName } = Stack.of(this);
    this.name = stackName;
    this.archiving = { bus: stackName, rule: `Events-Archive-${stackName}` };
    // By its ARN, to avoid a circular reference between the key's policy and the bus.
    const kmsKey = Key.fromKeyArn(this, "Key", key.key.keyArn);
    this.deadLetters = new LedgerQueue(this, "DeadLetters", key);
    this.bus = new EventBus(this, "Bus", {
      eventBusName: stackName,
      description: "Events of products; sequence is the order per product",
      kmsKey,
      deadLetterQueue: this.deadLetters.queue,
    });
    this.arn = this.bus.eventBusArn;
    this.deadLetters.allowFromEvents("FromBus", this.bus.eventBusArn);
    this.bus.applyRemovalPolicy(removalOf(settings));
    const archive = new Archive(this, "Archive", {
      archiveName: stackName,
      description: "Every message of the ledger; the event table is authoritative",
      sourceEventBus: this.bus,
      eventPattern: { source: [EVENT_SOURCE] },
      retention: Duration.days(settings.days.archive),
      kmsKey,
    });
    archive.applyRemovalPolicy(removalOf(settings));
  }
}
