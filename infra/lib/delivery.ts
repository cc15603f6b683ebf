// How the bus hands events over: to a queue, or to something else with a queue for what cannot be delivered. The queue's
// policy lets exactly that rule send.

import { type CfnRule, type IRuleTarget, Rule, type RuleProps } from "aws-cdk-lib/aws-events";
import type { Construct } from "constructs";
import type { LedgerQueue } from "./dead-letters.ts";

/** A rule with one target and a dead-letter queue. */
export interface DeliveryProps extends RuleProps {
  /** What the target is, and by which role it is reached where it needs one. */
  readonly target: LedgerQueue | { readonly arn: string; readonly role: CfnRoleArn };
  readonly deadLetters: LedgerQueue;
}
type CfnRoleArn = NonNullable<ReturnType<IRuleTarget["bind"]>["role"]>;

/** Makes the rule. */
export function deliver(scope: Construct, id: string, props: DeliveryProps): Rule {
  const { target, deadLetters, ...rest } = props;
  const rule = new Rule(scope, id, rest);
  const queues = [deadLetters];
  const deadLetterConfig: CfnRule.DeadLetterConfigProperty = { arn: deadLetters.queue.queueArn };
  if ("queue" in target) {
    queues.push(target);
    rule.addTarget({ bind: () => ({ arn: target.queue.queueArn, deadLetterConfig }) });
  } else {
    rule.addTarget({ bind: () => ({ arn: target.arn, role: target.role, deadLetterConfig }) });
  }
  for (const queue of queues) {
    queue.allowFromEvents(`From${id}`, rule.ruleArn);
  }
  return rule;
}
