// One customer managed key for all data at rest: tables, queues, bus, archive, logs, alarm topic. Services may use it only for
// this stack's resources; people and functions need a grant, which is limited to one service.

import { Aws, Duration, Stack } from "aws-cdk-lib";
import { type IGrantable, PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
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

/** The key and its policy. */
export class LedgerKey extends Construct {
  readonly key: Key;

  constructor(scope: Construct, settings: Settings) {
    super(scope, "Key");
    this.key = new Key(this, "Key", {
      alias: `alias/${Stack.of(this).stackName}`,
      description: "Everything the product ledger stores",
      enableKeyRotation: true,
      rotationPeriod: Duration.days(365),
      pendingWindow: Duration.days(settings.keepData ? 30 : 7),
      removalPolicy: removalOf(settings),
    });
    this.forLogs();
    this.forBus();
    this.forAlarms();
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
   * Bus and archive encrypt with it; rules and bus send to queues that it encrypts. EventBridge does not name the source of every
   * request, so no statement demands one: bus and archive are recognised by the encryption context of both, which is the bus.
   */
  private forBus(): void {
    const { stackName } = Stack.of(this);
    const statement = (sid: string, actions: string[], conditions?: Record<string, Record<string, string>>) =>
      this.key.addToResourcePolicy(
        new PolicyStatement({
          sid,
          principals: [new ServicePrincipal("events.amazonaws.com")],
          actions,
          resources: ["*"],
          ...(conditions && { conditions }),
        }),
      );
    // It has no encryption context, and tells nothing of the data.
    statement("EventBridgeLooksAtTheKey", ["kms:DescribeKey"]);
    statement("BusAndArchiveOfThisStack", ["kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncrypt*"], {
      StringEquals: {
        "kms:EncryptionContext:aws:events:event-bus:arn": this.arn("events", `event-bus/${stackName}`),
      },
    });
    // The queues' policies admit only this stack's rules and bus. Another account is refused if EventBridge names one; SNS documents
    // that for its topics EventBridge names none.
    statement("DeliveriesToQueues", ["kms:Decrypt", "kms:GenerateDataKey"], {
      StringEqualsIfExists: { "aws:SourceAccount": Aws.ACCOUNT_ID },
    });
  }

  private forAlarms(): void {
    this.key.addToResourcePolicy(
      new PolicyStatement({
        sid: "AlarmsOfThisAccount",
        principals: [new ServicePrincipal("cloudwatch.amazonaws.com")],
        actions: ["kms:Decrypt", "kms:GenerateDataKey*"],
        resources: ["*"],
        conditions: { StringEquals: { "aws:SourceAccount": Aws.ACCOUNT_ID } },
      }),
    );
  }

  private arn(service: string, rest: string): string {
    return `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${rest}`;
  }
}
