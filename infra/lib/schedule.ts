// Invokes both stream consumers every minute to retry parked products. Their event is defined in `retry-parked.json` only.

import { Stack } from "aws-cdk-lib";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { CfnSchedule, CfnScheduleGroup } from "aws-cdk-lib/aws-scheduler";
import { Construct } from "constructs";
import { LedgerQueue } from "./dead-letters.ts";
import type { LedgerKey } from "./key.ts";
import { readJson } from "./repository.ts";
import type { StreamConsumer } from "./stream-consumer.ts";

/** The event for the functions. */
export const RETRY_PARKED = readJson("infra/lib/retry-parked.json") as { source: string; "detail-type": string };

/** The schedule, with a queue for invocations that could not be delivered. */
export class RetrySchedule extends Construct {
  readonly deadLetters: LedgerQueue;

  constructor(scope: Construct, key: LedgerKey, consumers: Record<"Projector" | "Publisher", StreamConsumer>) {
    super(scope, "RetrySchedule");
    this.deadLetters = new LedgerQueue(this, "DeadLetters", key);
    const { stackName, account } = Stack.of(this);
    const group = new CfnScheduleGroup(this, "Group", { name: stackName });
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": account, "aws:SourceArn": group.attrArn } },
      }),
    });
    this.deadLetters.grantSend(role);
    for (const [name, consumer] of Object.entries(consumers)) {
      const arn = consumer.function.live.functionArn;
      role.addToPrincipalPolicy(new PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [arn] }));
      const schedule = new CfnSchedule(this, name, {
        groupName: group.ref,
        description: `Retries parked products: ${name}`,
        scheduleExpression: "rate(1 minute)",
        flexibleTimeWindow: { mode: "OFF" },
        target: {
          arn,
          roleArn: role.roleArn,
          input: JSON.stringify(RETRY_PARKED),
          retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
          deadLetterConfig: { arn: this.deadLetters.queue.queueArn },
        },
      });
      schedule.node.addDependency(role);
    }
  }
}
