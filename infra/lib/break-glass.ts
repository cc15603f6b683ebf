// The one role that may change or remove a commit, for emergencies only: it is for the people that a setting names, or for
// everybody of the account with a second factor. The stream reports every change that it makes, and the trail its use.

import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import { AccountRootPrincipal, PolicyStatement, Role } from "aws-cdk-lib/aws-iam";
import type { Key } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";

/** The break-glass role. */
export class BreakGlass extends Construct {
  readonly role: Role;

  /** `trusted` has the ARNs of the roles and users that may assume it, `*` included; empty: all with a second factor. */
  constructor(scope: Construct, trusted: readonly string[]) {
    super(scope, "BreakGlass");
    this.role = new Role(this, "Role", {
      roleName: breakGlassName(this),
      description: "May repair the event table. Using it raises the tampering alarm.",
      assumedBy: new AccountRootPrincipal().withConditions(condition(trusted)),
      maxSessionDuration: Duration.hours(1),
    });
    new CfnOutput(this, "RoleArn", { value: this.role.roleArn, description: "May repair the event table" });
  }

  /** Grants the statement to the role. */
  allow(statement: PolicyStatement): void {
    this.role.addToPrincipalPolicy(statement);
  }

  /** Grants making a key usable again. */
  allowRepairOf(key: Key): void {
    this.allow(
      new PolicyStatement({
        actions: ["kms:CancelKeyDeletion", "kms:EnableKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy"],
        resources: [key.keyArn],
      }),
    );
  }
}

/** The name of the role, by which the trail recognizes it. */
export function breakGlassName(scope: Construct): string {
  return `${Stack.of(scope).stackName}-break-glass`;
}

/**
 * Sessions of an identity provider have no `aws:MultiFactorAuthPresent`, whatever factors were asked for, so those who are
 * named need none here. A condition rather than a principal: it takes a pattern, and a role that is created again.
 */
function condition(trusted: readonly string[]): Record<string, unknown> {
  return trusted.length > 0
    ? { ArnLike: { "aws:PrincipalArn": [...trusted] } }
    : { Bool: { "aws:MultiFactorAuthPresent": "true" } };
}
