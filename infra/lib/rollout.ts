// How a new version of a function goes live. CodeDeploy moves the alias: first a tenth of the invocations for ten minutes, then
// all. If one of the function's alarms fires meanwhile, it moves the alias back, and the deployment of the stack fails and is
// rolled back as a whole. Without the canary all invocations go to the new version at once, whatever the alarms say: that is
// the way to deploy a repair while an alarm is firing, which stops every canary.

import { Aws, Stack } from "aws-cdk-lib";
import { Alarm } from "aws-cdk-lib/aws-cloudwatch";
import { LambdaApplication, LambdaDeploymentConfig, LambdaDeploymentGroup } from "aws-cdk-lib/aws-codedeploy";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { FunctionName } from "./binaries.ts";
import type { RustFunction } from "./rust-function.ts";
import type { Settings } from "./settings.ts";

/** The alarms that stop the deployment of each function, by their names without the stack's. */
export const STOPPING: Record<FunctionName, readonly string[]> = {
  "command-api": ["command-api-errors", "api-5xx", "api-p90"],
  "query-api": ["query-api-errors", "api-5xx", "api-p90"],
  projector: ["projector-errors", "projector-iterator-age", "projection-lag", "parked-products", "records-given-up"],
  sequencer: ["sequencer-errors", "sequencer-iterator-age", "log-behind", "log-conflict", "parked-products"],
  publisher: ["publisher-errors", "publisher-iterator-age", "publish-lag", "parked-products", "records-given-up"],
};

/** The deployment groups of all functions. */
export class RolloutGroups extends Construct {
  constructor(scope: Construct, settings: Settings, functions: Record<FunctionName, RustFunction>) {
    super(scope, "Rollout");
    const { stackName } = Stack.of(this);
    const application = new LambdaApplication(this, "Application", { applicationName: stackName });
    const role = codeDeployRole(this);
    const canary = settings.rollout === "canary";
    for (const [name, { live }] of Object.entries(functions) as [FunctionName, RustFunction][]) {
      new LambdaDeploymentGroup(this, name, {
        application,
        role,
        deploymentGroupName: name,
        alias: live,
        deploymentConfig: canary
          ? LambdaDeploymentConfig.CANARY_10PERCENT_10MINUTES
          : LambdaDeploymentConfig.ALL_AT_ONCE,
        alarms: canary ? STOPPING[name].map((alarm) => this.named(alarm)) : [],
        autoRollback: { failedDeployment: true, stoppedDeployment: true, deploymentInAlarm: canary },
      });
    }
  }

  /** An alarm by its name: a reference would be circular, because alarms on the API depend on its functions. */
  private named(alarm: string) {
    const { stackName } = Stack.of(this);
    const arn = `arn:${Aws.PARTITION}:cloudwatch:${Aws.REGION}:${Aws.ACCOUNT_ID}:alarm:${stackName}-${alarm}`;
    return Alarm.fromAlarmArn(this, `${alarm}-${this.node.children.length}`, arn);
  }
}

function codeDeployRole(scope: Construct): Role {
  const role = new Role(scope, "Role", { assumedBy: new ServicePrincipal("codedeploy.amazonaws.com") });
  acknowledge(
    role,
    ["AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]"],
    "AWS keeps this policy at what CodeDeploy needs; only CodeDeploy can assume the role.",
  );
  return role;
}
