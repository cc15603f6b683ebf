// The FIFO bus: EventBridge's custom event bus with subscribers, which delivers the events of a product in the order in which the
// publisher had them accepted, to those subscribers that ask for it. It keeps every event itself, so that there is no archive.

import { Aws, Stack } from "aws-cdk-lib";
import { CfnEventBus, CfnSubscriber } from "aws-cdk-lib/aws-eventsv2";
import { type IGrantable, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import type { LedgerQueue } from "./dead-letters.ts";
import type { WatchedSubscriber } from "./delivery-alarms.ts";
import type { LedgerKey } from "./key.ts";
import { removalOf } from "./removal.ts";
import { EVENT_SOURCE, type Settings } from "./settings.ts";

/** The bus. */
export class FifoBus extends Construct {
  readonly kind = "fifo";
  readonly name: string;
  readonly arn: string;
  private readonly key: LedgerKey;
  private readonly subscribers: CfnSubscriber[] = [];

  constructor(scope: Construct, settings: Settings, key: LedgerKey) {
    super(scope, "Bus");
    this.key = key;
    // The key's policy names the bus, so it has a fixed name.
    this.name = Stack.of(this).stackName;
    const bus = new CfnEventBus(this, "FifoBus", {
      name: this.name,
      description: "Events of products; a product is an event group",
      encryptionConfiguration: { kmsKeyIdentifier: key.key.keyArn },
      storageConfiguration: { retentionPeriodInDays: settings.days.archive },
    });
    bus.applyRemovalPolicy(removalOf(settings));
    this.arn = bus.attrEventBusArn;
  }

  /** A subscriber to every event of the ledger, with a queue for records of what it could not deliver. */
  subscribe(scope: Construct, id: string, props: FifoSubscription): WatchedSubscriber {
    const { name, invoke, undelivered, ...rest } = props;
    const role = this.deliveryRole(scope, id, name);
    invoke.grant(role);
    undelivered.grantSend(role);
    const subscriber = new CfnSubscriber(scope, id, {
      name,
      eventBusArn: this.arn,
      ...rest,
      filterConfiguration: {
        filters: [{ scope: "DATA", pattern: JSON.stringify({ source: [EVENT_SOURCE] }) }],
      },
      // From the oldest event that the bus keeps, so that none is missed that was published before the subscriber existed.
      startingPosition: "POINT_IN_TIME",
      pointInTimeConfiguration: { pointType: "HORIZON" },
      invokeConfiguration: { ...invoke.parameters, roleArn: role.roleArn },
      // The longest there is: an event that waits for its target holds back those of its product, and no others.
      retryPolicy: { maxRetryAttempts: 185, maxEventAgeInSeconds: 86_400 },
      onFailureConfiguration: { arn: undelivered.queue.queueArn },
    });
    subscriber.node.addDependency(role);
    // EventBridge makes one subscriber of a bus at a time, and fails for a second one.
    for (const before of this.subscribers) {
      subscriber.addResourceDependency(before);
    }
    this.subscribers.push(subscriber);
    return { subscriber: subscriber.attrSubscriberArn, bus: this.arn };
  }

  /** Grants what publishing needs beside `events:PutEvents`. */
  grantKey(grantee: IGrantable): void {
    this.key.grantFifoBus(grantee);
  }

  private deliveryRole(scope: Construct, id: string, name: string): Role {
    const subscribers = `arn:${Aws.PARTITION}:events:${Aws.REGION}:${Aws.ACCOUNT_ID}:subscriber/${name}/*`;
    const assumedBy = new ServicePrincipal("events.amazonaws.com", {
      conditions: {
        StringEquals: { "aws:SourceAccount": Aws.ACCOUNT_ID },
        ArnLike: { "aws:SourceArn": subscribers },
      },
    });
    return new Role(scope, `${id}Delivery`, { assumedBy });
  }
}

/** A subscriber of the bus. */
export interface FifoSubscription {
  readonly name: string;
  readonly description: string;
  readonly type: "FIFO" | "UNORDERED";
  readonly batchConfiguration?: CfnSubscriber.BatchConfigurationProperty;
  /** What it calls, and the grant that this takes. */
  readonly invoke: {
    readonly parameters: Omit<CfnSubscriber.InvokeConfigurationProperty, "roleArn">;
    readonly grant: (role: Role) => void;
  };
  /** The queue for records of events that could not be delivered: of a FIFO subscriber a FIFO queue. */
  readonly undelivered: LedgerQueue;
}

/** Grants an action on one resource. */
export function allowing(action: string, resource: string): (role: Role) => void {
  return (role) => {
    role.addToPolicy(new PolicyStatement({ actions: [action], resources: [resource] }));
  };
}
