// One customer managed key for the data at rest: tables, queues, bus, archive, logs. Services may use it only for this stack's
// resources; people and functions need a grant, which is limited to one service. Nobody but the break-glass role and the
// deployment role can make it unusable.

import { Aws, Duration, Stack } from "aws-cdk-lib";
import { AnyPrincipal, Effect, type IGrantable, PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import { removalOf } from "./removal.ts";
import type { Settings } from "./settings.ts";

const READ = ["kms:Decrypt", "kms:DescribeKey"];
const WRITE = [
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
];

/** Every action that makes a key unusable, or this protection. Without its key the table cannot be read either. */
export const DISABLING = ["kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:PutKeyPolicy"] as const;

/** Denies making a key unusable to all but these roles, by their ARNs. */
export function protectKey(key: Key, except: readonly string[]): void {
  key.addToResourcePolicy(
    new PolicyStatement({
      sid: "StaysUsable",
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: [...DISABLING],
      resources: ["*"],
      conditions: { ArnNotEquals: { "aws:PrincipalArn": [...except] } },
    }),
  );
}

/** What a stack encrypts: everything of a ledger, or what a subscriber stores, which has no bus of its own. */
const DESCRIPTIONS = { ledger: "Everything the product ledger stores", subscribers: "What the subscribers store" };

/** The key and its policy. */
export class LedgerKey extends Construct {
  readonly key: Key;

  constructor(scope: Construct, settings: Settings, of: keyof typeof DESCRIPTIONS = "ledger") {
    super(scope, "Key");
    this.key = new Key(this, "Key", {
      alias: `alias/${Stack.of(this).stackName}`,
      description: DESCRIPTIONS[of],
      enableKeyRotation: true,
      rotationPeriod: Duration.days(365),
      pendingWindow: Duration.days(settings.keepData ? 30 : 7),
      removalPolicy: removalOf(settings),
    });
    this.forLogs();
    if (of === "ledger") {
      this.forBus(settings);
    }
    this.forDeliveries();
  }

  /** Grants reading tables that this key encrypts. */
  grantTableRead(grantee: IGrantable): void {
    this.grant(grantee, "dynamodb", READ);
  }

  /** Grants reading and writing tables that this key encrypts. */
  grantTableWrite(grantee: IGrantable): void {
    this.grant(grantee, "dynamodb", [...READ, ...WRITE]);
  }

  /** Grants sending to queues that this key encrypts. */
  grantQueueSend(grantee: IGrantable): void {
    this.grant(grantee, "sqs", ["kms:Decrypt", "kms:GenerateDataKey"]);
  }

  /** Grants publishing to and subscribing at a FIFO bus that this key encrypts: EventBridge asks whether the caller may decrypt. */
  grantFifoBus(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ["kms:Decrypt"],
        resources: [this.key.keyArn],
        conditions: {
          StringEquals: { "kms:ViaService": `events.${Aws.REGION}.amazonaws.com` },
          StringLike: this.ofFifoBus(),
        },
      }),
    );
  }

  /** Grants receiving from queues that this key encrypts. */
  grantQueueReceive(grantee: IGrantable): void {
    this.grant(grantee, "sqs", ["kms:Decrypt"]);
  }

  /** Grants reading log groups that this key encrypts. */
  grantLogRead(grantee: IGrantable): void {
    this.grant(grantee, "logs", ["kms:Decrypt"]);
  }

  private grant(grantee: IGrantable, service: string, actions: string[]): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions,
        resources: [this.key.keyArn],
        conditions: { StringEquals: { "kms:ViaService": `${service}.${Aws.REGION}.amazonaws.com` } },
      }),
    );
  }

  private forLogs(): void {
    const { stackName } = Stack.of(this);
    const groups = [`/${stackName}/*`, `aws-waf-logs-${stackName}`];
    this.key.addToResourcePolicy(
      new PolicyStatement({
        sid: "LogGroupsOfThisStack",
        principals: [new ServicePrincipal(`logs.${Aws.REGION}.amazonaws.com`)],
        actions: ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        resources: ["*"],
        conditions: {
          ArnLike: {
            "kms:EncryptionContext:aws:logs:arn": groups.map((name) => this.arn("logs", `log-group:${name}`)),
          },
        },
      }),
    );
  }

  /**
   * Bus and archive encrypt with it. EventBridge does not name the source of every request, so no statement demands one: bus and archive
   * are recognised by the encryption context of both, which is the bus. The subscribers of a FIFO bus send to queues by roles of their own.
   */
  private forBus({ bus }: Settings): void {
    const { stackName } = Stack.of(this);
    if (bus === "fifo") {
      this.forEvents("FifoBusOfThisStack", ["kms:Decrypt", ...WRITE.filter((one) => one !== "kms:GenerateDataKey")], {
        StringLike: this.ofFifoBus(),
      });
    } else {
      // It has no encryption context, and tells nothing of the data.
      this.forEvents("EventBridgeLooksAtTheKey", ["kms:DescribeKey"]);
      this.forEvents("BusAndArchiveOfThisStack", ["kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncrypt*"], {
        StringEquals: {
          "kms:EncryptionContext:aws:events:event-bus:arn": this.arn("events", `event-bus/${stackName}`),
        },
      });
    }
  }

  /**
   * Rules and bus send to queues that it encrypts, whose policies admit only this stack's. Another account is refused if EventBridge names
   * one; SNS documents that for its topics EventBridge names none.
   */
  private forDeliveries(): void {
    this.forEvents("DeliveriesToQueues", ["kms:Decrypt", "kms:GenerateDataKey"], {
      StringEqualsIfExists: { "aws:SourceAccount": Aws.ACCOUNT_ID },
    });
  }

  private forEvents(sid: string, actions: string[], conditions?: Record<string, Record<string, string>>): void {
    this.key.addToResourcePolicy(
      new PolicyStatement({
        sid,
        principals: [new ServicePrincipal("events.amazonaws.com")],
        actions,
        resources: ["*"],
        ...(conditions && { conditions }),
      }),
    );
  }

  /** The encryption context of the bus, whose ARN ends in an id that EventBridge makes. */
  private ofFifoBus(): Record<string, string> {
    const { stackName } = Stack.of(this);
    return { "kms:EncryptionContext:aws:events:event-busv2:arn": this.arn("events", `event-busv2/${stackName}/*`) };
  }

  private arn(service: string, rest: string): string {
    return `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${rest}`;
  }
}
