// Subscribers of other teams: a policy for their roles in this account, and the bus's own policy for other accounts that a
// setting names. Both may make rules on the bus and read the schemas; neither may put events on it or touch the ledger's rules.

import { Aws, CfnOutput, Stack } from "aws-cdk-lib";
import { CfnEventBusPolicy } from "aws-cdk-lib/aws-events";
import { Effect, ManagedPolicy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { Bus } from "./bus.ts";

/** What a subscriber does with its rules. */
export const OWN_RULES = [
  "events:DeleteRule",
  "events:DescribeRule",
  "events:DisableRule",
  "events:EnableRule",
  "events:ListTargetsByRule",
  "events:PutRule",
  "events:PutTargets",
  "events:RemoveTargets",
] as const;

/** The policies for subscribers; `accounts` has the numbers of other accounts. */
export class Subscribers extends Construct {
  constructor(scope: Construct, bus: Bus, accounts: readonly string[]) {
    super(scope, "Subscribers");
    const { stackName } = Stack.of(this);
    const rules = `arn:${Aws.PARTITION}:events:${Aws.REGION}:${Aws.ACCOUNT_ID}:rule/${stackName}`;
    this.forThisAccount(bus, rules);
    for (const account of accounts) {
      if (!/^\d{12}$/.test(account)) {
        throw new Error(`subscriberAccounts: ${JSON.stringify(account)} is no account number of 12 digits`);
      }
      this.forAccount(bus, rules, account);
    }
  }

  private forThisAccount(bus: Bus, rules: string): void {
    const { stackName } = Stack.of(this);
    const description = "Subscribes to the bus: rules and schemas";
    const policy = new ManagedPolicy(this, "Policy", { description });
    // The registry has the name of the stack too.
    const schemas = `arn:${Aws.PARTITION}:schemas:${Aws.REGION}:${Aws.ACCOUNT_ID}`;
    const statement = (actions: readonly string[], resources: string[], effect = Effect.ALLOW) =>
      policy.addStatements(new PolicyStatement({ effect, actions: [...actions], resources }));
    statement(OWN_RULES, [`${rules}/*`]);
    // The names of the ledger's own rules begin with that of the stack, but for the one that EventBridge made for the archive.
    const changing = OWN_RULES.filter((action) => !/Describe|List/.test(action));
    statement(changing, [`${rules}/${stackName}-*`, `${rules}/${bus.archiving.rule}`], Effect.DENY);
    statement(["events:DescribeEventBus", "events:ListRules"], [bus.bus.eventBusArn]);
    statement(
      ["schemas:DescribeSchema", "schemas:ExportSchema", "schemas:ListSchemas"],
      [`${schemas}:registry/${stackName}`, `${schemas}:schema/${stackName}/*`],
    );
    acknowledge(
      policy,
      [
        `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:rule/${stackName}/*]`,
        `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:schemas:<AWS::Region>:<AWS::AccountId>:schema/${stackName}/*]`,
      ],
      "Subscribers name their rules themselves, and may read every schema of the registry.",
    );
    new CfnOutput(this, "PolicyArn", { value: policy.managedPolicyArn, description });
  }

  /** Another account may make rules on the bus, and change only those that it made. */
  private forAccount(bus: Bus, rules: string, account: string): void {
    new CfnEventBusPolicy(this, `Account${account}`, {
      eventBusName: bus.bus.eventBusName,
      statementId: `Subscriber${account}`,
      statement: {
        Effect: "Allow",
        Principal: { AWS: `arn:${Aws.PARTITION}:iam::${account}:root` },
        Action: [...OWN_RULES],
        Resource: `${rules}/*`,
        Condition: { StringEqualsIfExists: { "events:creatorAccount": "${aws:PrincipalAccount}" } },
      },
    });
  }
}
