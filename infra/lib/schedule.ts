// Invokes all stream consumers every minute to retry parked products, and every five minutes to go on comparing what they have
// handled with the event table. The events are defined in `retry-parked.json` and `reconcile.json` only.

import { Stack } from "aws-cdk-lib";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { CfnSchedule, CfnScheduleGroup } from "aws-cdk-lib/aws-scheduler";
import { Construct } from "constructs";
import { LedgerQueue } from "./dead-letters.ts";
import type { LedgerKey } from "./key.ts";
import { readJson } from "./repository.ts";
import type { StreamConsumer } from "./stream-consumer.ts";

interface ScheduledEvent {
  readonly source: string;
  readonly "detail-type": string;
}

/** What each consumer is invoked for: how often, and with which event. The ids of the schedules end in the first word. */
const PURPOSES = [
  { id: "", rate: "1 minute", what: "Retries parked products", event: "retry-parked" },
  { id: "Reconcile", rate: "5 minutes", what: "Reconciles with the event table", event: "reconcile" },
] as const;

/** The schedules, with a queue for invocations that could not be delivered. */
export class Schedules extends Construct {
  readonly deadLetters: LedgerQueue;

  constructor(
    scope: Construct,
    key: LedgerKey,
    consumers: Record<"Projector" | "Publisher" | "Sequencer", StreamConsumer>,
  ) {
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
      for (const { id, rate, what, event } of PURPOSES) {
        const schedule = new CfnSchedule(this, `${name}${id}`, {
          groupName: group.ref,
          description: `${what}: ${name}`,
          scheduleExpression: `rate(${rate})`,
          flexibleTimeWindow: { mode: "OFF" },
          target: {
            arn,
            roleArn: role.roleArn,
            input: JSON.stringify(readJson(`infra/lib/${event}.json`) as ScheduledEvent),
            retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
            deadLetterConfig: { arn: this.deadLetters.queue.queueArn },
          },
        });
        schedule.node.addDependency(role);
      }
    }
  }
}
