// The alarms on the rules of the bus: events that a rule could not deliver, whether or not they reached its dead-letter queue.

import { MetricStatistic, type MonitoringFacade } from "cdk-monitoring-constructs";
import { Series } from "./series.ts";

/** A rule of a bus, by their names. Without a bus it is one of the account's own bus, whose rules have no dimension for it. */
export interface NamedRule {
  readonly bus?: string;
  readonly rule: string;
}

/** What EventBridge counts if a rule gives up an event, or if not even the dead-letter queue takes it. */
export const LOST = ["FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq"];

/** Adds an alarm for each rule, and its metrics to the dashboard. */
export function watchRules(monitoring: MonitoringFacade, rules: Readonly<Record<string, NamedRule>>): void {
  const series = new Series(monitoring);
  monitoring.monitorCustom({
    humanReadableName: "Deliveries",
    alarmFriendlyName: "deliveries",
    metricGroups: Object.entries(rules).map(([name, { bus, rule }]) => {
      const dimensions = { ...(bus !== undefined && { EventBusName: bus }), RuleName: rule };
      const lost = LOST.map((metric) => series.ofAws("AWS/Events", metric, MetricStatistic.SUM, dimensions));
      return { title: `Not delivered: ${name}`, metrics: [series.above(`${name}-delivery`, 0, "SUM", lost)] };
    }),
  });
}
