// The one role that may change or remove a commit, for emergencies only: it requires a second factor, and the stream reports
// every change that it makes.

import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import { AccountRootPrincipal, type PolicyStatement, Role } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";

/** The break-glass role. */
export class BreakGlass extends Construct {
  readonly role: Role;

  constructor(scope: Construct) {
    super(scope, "BreakGlass");
    const name = `${Stack.of(this).stackName}-break-glass`;
    this.role = new Role(this, "Role", {
      roleName: name,
      description: "May repair the event table. Using it raises the tampering alarm.",
      assumedBy: new AccountRootPrincipal().withConditions({ Bool: { "aws:MultiFactorAuthPresent": "true" } }),
      maxSessionDuration: Duration.hours(1),
    });
    new CfnOutput(this, "RoleArn", { value: this.role.roleArn, description: "May repair the event table" });
  }

  /** Grants the statement to the role. */
  allow(statement: PolicyStatement): void {
    this.role.addToPrincipalPolicy(statement);
  }
}
