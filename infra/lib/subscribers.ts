// Subscribers of other teams: a policy for their roles in this account, and the bus's own policy for other accounts that a
// setting names. Both may make rules on the bus and read the schemas; neither may put events on it or touch the ledger's rules.

import { Aws, CfnOutput, Stack } from "aws-cdk-lib";
import { CfnEventBusPolicy } from "aws-cdk-lib/aws-events";
import { CfnResourcePolicy } from "aws-cdk-lib/aws-eventsv2";
import { Effect, ManagedPolicy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { Bus, LedgerBus } from "./bus.ts";
import type { FifoBus } from "./fifo-bus.ts";
import type { LedgerKey } from "./key.ts";

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

/** What it does with its subscribers of a FIFO bus. */
export const OWN_SUBSCRIBERS = [
  "events:CreateSubscriber",
  "events:DeleteSubscriber",
  "events:DescribeSubscriber",
  "events:UpdateSubscriber",
] as const;

/** The policies for subscribers; `accounts` has the numbers of other accounts. */
export class Subscribers extends Construct {
  constructor(scope: Construct, key: LedgerKey, bus: LedgerBus, accounts: readonly string[]) {
    super(scope, "Subscribers");
    for (const account of accounts) {
      if (!/^\d{12}$/.test(account)) {
        throw new Error(`subscriberAccounts: ${JSON.stringify(account)} is no account number of 12 digits`);
      }
    }
    if (bus.kind === "fifo") {
      this.ofFifoBus(bus, key, accounts);
      return;
    }
    const { stackName } = Stack.of(this);
    const rules = `arn:${Aws.PARTITION}:events:${Aws.REGION}:${Aws.ACCOUNT_ID}:rule/${stackName}`;
    this.forThisAccount(bus, rules);
    for (const account of accounts) {
      this.forAccount(bus, rules, account);
    }
  }

  private forThisAccount(bus: Bus, rules: string): void {
    const { stackName } = Stack.of(this);
    const { policy, statement } = this.policy("Subscribes to the bus: rules and schemas");
    statement(OWN_RULES, [`${rules}/*`]);
    // The names of the ledger's own rules begin with that of the stack, but for the one that EventBridge made for the archive.
    const changing = OWN_RULES.filter((action) => !/Describe|List/.test(action));
    statement(changing, [`${rules}/${stackName}-*`, `${rules}/${bus.archiving.rule}`], Effect.DENY);
    statement(["events:DescribeEventBus", "events:ListRules"], [bus.bus.eventBusArn]);
    this.readsSchemas(policy);
    acknowledge(
      policy,
      [`AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:rule/${stackName}/*]`],
      "Subscribers name their rules themselves.",
    );
  }

  private policy(description: string) {
    const policy = new ManagedPolicy(this, "Policy", { description });
    const statement = (actions: readonly string[], resources: string[], effect = Effect.ALLOW) =>
      policy.addStatements(new PolicyStatement({ effect, actions: [...actions], resources }));
    new CfnOutput(this, "PolicyArn", { value: policy.managedPolicyArn, description });
    return { policy, statement };
  }

  /** Of the registry, which has the name of the stack too. */
  private readsSchemas(policy: ManagedPolicy): void {
    const { stackName } = Stack.of(this);
    const schemas = `arn:${Aws.PARTITION}:schemas:${Aws.REGION}:${Aws.ACCOUNT_ID}`;
    policy.addStatements(
      new PolicyStatement({
        actions: ["schemas:DescribeSchema", "schemas:ExportSchema", "schemas:ListSchemas"],
        resources: [`${schemas}:registry/${stackName}`, `${schemas}:schema/${stackName}/*`],
      }),
    );
    acknowledge(
      policy,
      [
        `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:schemas:<AWS::Region>:<AWS::AccountId>:schema/${stackName}/*]`,
      ],
      "Subscribers may read every schema of the registry.",
    );
  }

  /**
   * A subscriber of a FIFO bus belongs to the account that made it, whose own policies say who may change it; making one is checked
   * on the bus as well. The ledger's own have names that begin with that of the stack.
   */
  private ofFifoBus(bus: FifoBus, key: LedgerKey, accounts: readonly string[]): void {
    const { policy, statement } = this.policy("Subscribes to the bus: subscribers and schemas");
    const subscribers = `arn:${Aws.PARTITION}:events:${Aws.REGION}:${Aws.ACCOUNT_ID}:subscriber`;
    statement(["events:CreateSubscriber", "events:DescribeEventBus"], [bus.arn]);
    statement(OWN_SUBSCRIBERS, [`${subscribers}/*`]);
    const changing = OWN_SUBSCRIBERS.filter((action) => !action.includes("Describe"));
    statement(changing, [`${subscribers}/${bus.name}-*`], Effect.DENY);
    statement(["events:ListSubscribers"], ["*"]);
    key.grantFifoBus(policy);
    this.readsSchemas(policy);
    acknowledge(
      policy,
      [
        "AwsSolutions-IAM5[Resource::*]",
        "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:subscriber/*]",
      ],
      "Subscribers name theirs themselves, and a list of them has no resource.",
    );
    if (accounts.length > 0) {
      new CfnResourcePolicy(this, "Accounts", {
        eventBusArn: bus.arn,
        policyDocument: {
          Version: "2012-10-17",
          Statement: accounts.map((account) => ({
            Sid: `Subscriber${account}`,
            Effect: "Allow",
            Principal: { AWS: `arn:${Aws.PARTITION}:iam::${account}:root` },
            Action: ["events:CreateSubscriber", "events:UpdateSubscriber", "events:DescribeEventBus"],
            Resource: bus.arn,
          })),
        },
      });
    }
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
