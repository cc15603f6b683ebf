// The alarms on the rules and subscribers of the bus: events that one of them could not deliver, whether or not they reached its
// dead-letter queue.

import { MetricStatistic, type MonitoringFacade } from "cdk-monitoring-constructs";
import { Series } from "./series.ts";

/** A rule of a bus, by their names. Without a bus it is one of the account's own bus, whose rules have no dimension for it. */
export interface NamedRule {
  readonly bus?: string;
  readonly rule: string;
}

/** A subscriber of a FIFO bus, by their ARNs. */
export interface WatchedSubscriber {
  readonly bus: string;
  readonly subscriber: string;
}
export type Watched = NamedRule | WatchedSubscriber;

/** What EventBridge counts if a rule gives up an event, or if not even the dead-letter queue takes it. */
export const LOST = ["FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq"];

/** The same of a subscriber. */
const LOST_BY_SUBSCRIBER = ["EventsDropped", "OnFailureDestinationDelivered", "OnFailureDestinationFailed"];

/** Adds an alarm for each rule or subscriber, and its metrics to the dashboard. */
export function watchRules(monitoring: MonitoringFacade, rules: Readonly<Record<string, Watched>>): void {
  const series = new Series(monitoring);
  monitoring.monitorCustom({
    humanReadableName: "Deliveries",
    alarmFriendlyName: "deliveries",
    metricGroups: Object.entries(rules).map(([name, watched]) => {
      const lost = lostBy(watched).map(({ namespace, metric, dimensions }) =>
        series.ofAws(namespace, metric, MetricStatistic.SUM, dimensions),
      );
      return { title: `Not delivered: ${name}`, metrics: [series.above(`${name}-delivery`, 0, "SUM", lost)] };
    }),
  });
}

function lostBy(watched: Watched) {
  if ("subscriber" in watched) {
    const dimensions = { EventBus: watched.bus, Subscriber: watched.subscriber };
    return LOST_BY_SUBSCRIBER.map((metric) => ({ namespace: "AWS/EventsV2" as const, metric, dimensions }));
  }
  const { bus, rule } = watched;
  const dimensions = { ...(bus !== undefined && { EventBusName: bus }), RuleName: rule };
  return LOST.map((metric) => ({ namespace: "AWS/Events" as const, metric, dimensions }));
}
