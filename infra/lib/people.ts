// Policies for people who use the program `ledger` on these tables: an auditor reads, an operator also repairs views and
// publishes again. Neither can change the event table. Attach them to your own roles.

import { CfnOutput } from "aws-cdk-lib";
import { ManagedPolicy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import type { Bus } from "./bus.ts";
import type { EventTable } from "./event-table.ts";
import type { Views } from "./views.ts";

/** Policies for people. */
export class People extends Construct {
  constructor(scope: Construct, events: EventTable, views: Views, bus: Bus) {
    super(scope, "People");
    const auditor = this.policy("Auditor", "Reads the ledger: export, verify, history");
    const operator = this.policy("Operator", "Repairs views and publishes again: rebuild, reconcile, replay, parked");
    for (const person of [auditor, operator]) {
      events.table.grantRead(person, "dynamodb:Query", "dynamodb:Scan");
      views.products.grantRead(person, "dynamodb:GetItem", "dynamodb:Scan");
      views.products.grantQueryIndexes(person);
      views.prices.grantRead(person, "dynamodb:Query", "dynamodb:Scan");
      views.receipts.grantRead(person, "dynamodb:Query");
      views.parking.grantRead(person, "dynamodb:GetItem", "dynamodb:Query");
    }
    views.products.grantWrite(operator, "dynamodb:PutItem", "dynamodb:DeleteItem");
    views.prices.grantWrite(operator, "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem");
    views.receipts.grantWrite(operator, "dynamodb:BatchWriteItem", "dynamodb:PutItem");
    views.parking.grantWrite(operator, "dynamodb:UpdateItem", "dynamodb:DeleteItem");
    const publish = ["events:PutEvents", "events:DescribeEventBus"];
    operator.addStatements(new PolicyStatement({ actions: publish, resources: [bus.bus.eventBusArn] }));
  }

  private policy(id: string, description: string): ManagedPolicy {
    const policy = new ManagedPolicy(this, id, { description });
    new CfnOutput(this, `${id}PolicyArn`, { value: policy.managedPolicyArn, description });
    return policy;
  }
}
