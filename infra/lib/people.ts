// Policies for people: an auditor reads with the program `ledger`; an operator also repairs views, publishes again and runs the
// procedures of `docs/operations.md`. Neither can change the event table. Attach them to your own roles. A tester may run
// `tests/deployed`.

import { Aws, CfnOutput, Stack } from "aws-cdk-lib";
import { ManagedPolicy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { LedgerBus } from "./bus.ts";
import type { LedgerQueue } from "./dead-letters.ts";
import type { EventTable } from "./event-table.ts";
import { CHECKING } from "./insert-only.ts";
import type { LedgerKey } from "./key.ts";
import type { RustFunction } from "./rust-function.ts";
import type { TransparencyLog } from "./transparency-log.ts";
import type { Views } from "./views.ts";

export interface PeopleProps {
  readonly key: LedgerKey;
  readonly events: EventTable;
  readonly views: Views;
  readonly log: TransparencyLog;
  readonly bus: LedgerBus;
  /** The queues that are read and purged after a failure. */
  readonly deadLetters: readonly LedgerQueue[];
  /** The queue of the example subscriber, to which its dead letters are moved back. */
  readonly subscriber: LedgerQueue;
  /** What a tester needs in addition to it, where there are tests: the table of delivered messages, and the user pool. */
  readonly tests: Tests | undefined;
}
export interface Tests {
  readonly intercepted: string;
  readonly userPool: string;
  readonly invoked: readonly RustFunction[];
}

/** Policies for people. */
export class People extends Construct {
  constructor(scope: Construct, props: PeopleProps) {
    super(scope, "People");
    const { events, views, log, bus } = props;
    const auditor = this.policy("Auditor", "Reads the ledger: export, verify, history");
    const operator = this.policy("Operator", "Repairs views and publishes again: rebuild, reconcile, replay, parked");
    for (const person of [auditor, operator]) {
      events.table.grantRead(person, "dynamodb:Query", "dynamodb:Scan");
      views.products.grantRead(person, "dynamodb:GetItem", "dynamodb:Scan");
      views.products.grantQueryIndexes(person);
      views.prices.grantRead(person, "dynamodb:Query", "dynamodb:Scan");
      views.receipts.grantRead(person, "dynamodb:Query");
      views.parking.grantRead(person, "dynamodb:GetItem", "dynamodb:Query");
      // The ledger is compared with its log; only the sequencer inserts.
      log.table.grantRead(person, "dynamodb:Query");
      log.files.grantRead(person);
    }
    views.products.grantWrite(operator, "dynamodb:PutItem", "dynamodb:DeleteItem");
    views.prices.grantWrite(operator, "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem");
    views.receipts.grantWrite(operator, "dynamodb:BatchWriteItem", "dynamodb:PutItem");
    views.parking.grantWrite(operator, "dynamodb:UpdateItem", "dynamodb:DeleteItem");
    const publish = ["events:PutEvents", "events:DescribeEventBus"];
    operator.addStatements(new PolicyStatement({ actions: publish, resources: [bus.arn] }));
    if (bus.kind === "fifo") {
      bus.grantKey(operator);
    }
    this.runbook(props);
    this.tester(props);
  }

  /** The procedures that need more than the program `ledger`. A second policy, because one may have 6,144 characters. */
  private runbook({ key, bus, events, deadLetters, subscriber }: PeopleProps): void {
    const policy = this.policy("Runbook", "Runs the procedures of docs/operations.md: logs, queues, replays");
    const { stackName } = Stack.of(this);
    const allow = (actions: string[], resources: string[]) =>
      policy.addStatements(new PolicyStatement({ actions, resources }));
    allow(["cloudformation:DescribeStacks", "cloudformation:ListStackResources"], [Aws.STACK_ID]);
    const listing = ["lambda:ListEventSourceMappings", "scheduler:ListSchedules"];
    allow(["cloudtrail:LookupEvents", "cloudwatch:DescribeAlarms", ...listing], ["*"]);
    allow([...CHECKING], [events.table.cfn.attrArn]);
    const groups = [`/${stackName}/*`, `aws-waf-logs-${stackName}`];
    allow(
      ["logs:FilterLogEvents"],
      groups.map((group) => arn("logs", `log-group:${group}:*`)),
    );
    key.grantLogRead(policy);
    const consumed = ["DeleteMessage", "GetQueueAttributes", "PurgeQueue", "ReceiveMessage", "StartMessageMoveTask"];
    allow(
      consumed.map((action) => `sqs:${action}`),
      deadLetters.map(({ queue }) => queue.queueArn),
    );
    subscriber.grantSend(policy);
    allow(["sqs:GetQueueAttributes"], [subscriber.queue.queueArn]);
    if (bus.kind === "classic") {
      allow(
        ["events:DescribeReplay", "events:StartReplay"],
        [arn("events", `archive/${stackName}`), bus.arn, arn("events", `replay/${stackName}-*`)],
      );
    }
    acknowledge(
      policy,
      [
        "AwsSolutions-IAM5[Resource::*]",
        ...groups.map((group) => `AwsSolutions-IAM5[Resource::${named("logs", `log-group:${group}:*`)}]`),
        ...(bus.kind === "classic" ? [`AwsSolutions-IAM5[Resource::${named("events", `replay/${stackName}-*`)}]`] : []),
      ],
      "Log streams and replays have names that are not known before; alarms, CloudTrail and lists have no resources.",
    );
  }

  /** On production tests only read without a token. */
  private tester({ key, subscriber, tests }: PeopleProps): void {
    const policy = this.policy("Tester", "Runs tests/deployed");
    const allow = (actions: string[], resources: string[]) =>
      policy.addStatements(new PolicyStatement({ actions, resources }));
    allow(["cloudformation:DescribeStacks", "cloudformation:ListStackResources"], [Aws.STACK_ID]);
    if (!tests) {
      return;
    }
    allow(["cognito-idp:DescribeUserPool", "cognito-idp:DescribeUserPoolClient"], [tests.userPool]);
    allow(["dynamodb:Query"], [tests.intercepted]);
    key.grantTableRead(policy);
    allow(["sqs:DeleteMessage", "sqs:ReceiveMessage"], [subscriber.queue.queueArn]);
    key.grantQueueSend(policy);
    allow(
      ["lambda:InvokeFunction"],
      tests.invoked.map(({ live }) => live.functionArn),
    );
  }

  private policy(id: string, description: string): ManagedPolicy {
    const policy = new ManagedPolicy(this, id, { description });
    new CfnOutput(this, `${id}PolicyArn`, { value: policy.managedPolicyArn, description });
    return policy;
  }
}

function arn(service: string, rest: string): string {
  return `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${rest}`;
}

/** The same as the rule packs name it. */
function named(service: string, rest: string): string {
  return `arn:<AWS::Partition>:${service}:<AWS::Region>:<AWS::AccountId>:${rest}`;
}
