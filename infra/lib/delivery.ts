// Rules of the bus that deliver events to a queue or to another target, with a queue for events that cannot be delivered.
// The policy of each queue lets only that rule send.

import { type CfnRule, type IRuleTarget, Rule, type RuleProps } from "aws-cdk-lib/aws-events";
import type { Construct } from "constructs";
import type { LedgerQueue } from "./dead-letters.ts";

/** A rule with one target and a dead-letter queue. */
export interface DeliveryProps extends RuleProps {
  /** A fixed name: a reference to a rule of a custom bus holds the name of the bus as well, which no metric has. */
  readonly ruleName: string;
  /** The target: a queue, or an ARN with the role that may call it. */
  readonly target: LedgerQueue | { readonly arn: string; readonly role: CfnRoleArn };
  readonly deadLetters: LedgerQueue;
}
type CfnRoleArn = NonNullable<ReturnType<IRuleTarget["bind"]>["role"]>;

/** Creates the rule. */
export function deliver(scope: Construct, id: string, props: DeliveryProps): void {
  const { target, deadLetters, ...rest } = props;
  const rule = new Rule(scope, id, rest);
  const queues = new Set([deadLetters]);
  const deadLetterConfig: CfnRule.DeadLetterConfigProperty = { arn: deadLetters.queue.queueArn };
  if ("queue" in target) {
    queues.add(target);
    rule.addTarget({ bind: () => ({ arn: target.queue.queueArn, deadLetterConfig }) });
  } else {
    rule.addTarget({ bind: () => ({ arn: target.arn, role: target.role, deadLetterConfig }) });
  }
  for (const queue of queues) {
    queue.allowFromEvents(`From${id}`, rule.ruleArn);
  }
}
