// The alarms on what the trail recorded: the break-glass role, changes of keys and of what protects the ledger.

import { ComparisonOperator } from "aws-cdk-lib/aws-cloudwatch";
import { MetricStatistic, type MonitoringFacade } from "cdk-monitoring-constructs";
import { alarm } from "./alarm.ts";
import { type Trail, WATCHED } from "./trail.ts";

/** Adds an alarm for each metric of the trail's log, and the metrics to the dashboard. */
export function watchTrail(monitoring: MonitoringFacade, { namespace }: Trail): void {
  const factory = monitoring.createMetricFactory();
  const metrics = WATCHED.map((name) => ({
    metric: factory.createMetric(name, MetricStatistic.SUM, name, undefined, undefined, namespace),
    alarmFriendlyName: name,
    addAlarm: {
      Critical: {
        ...alarm(monitoring, name),
        threshold: 0,
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      },
    },
  }));
  monitoring.monitorCustom({
    humanReadableName: "What the trail recorded",
    alarmFriendlyName: "trail",
    metricGroups: [{ title: "Break-glass role, changes of keys and of protection", metrics }],
  });
}
