// The properties that all alarms share: name, description, period, and that missing data is no alarm, except of what writes
// a value every minute (`silence-alarms.ts`).

import { Duration, Stack } from "aws-cdk-lib";
import { TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import type { CustomAlarmThreshold } from "cdk-monitoring-constructs";
import type { Construct } from "constructs";

/** An alarm of this name in the scope's stack; its description refers to the operations page. */
export function alarm(scope: Construct, name: string): CustomAlarmThreshold & { alarmNameOverride: string } {
  return {
    alarmNameOverride: `${Stack.of(scope).stackName}-${name}`,
    alarmDescriptionOverride: `What to do: docs/operations.md, ${name}`,
    treatMissingDataOverride: TreatMissingData.NOT_BREACHING,
    period: Duration.minutes(5),
  };
}
