// The alarms on the ledger's own metrics: lag, parked products, tampering, lost races.

import { ComparisonOperator } from "aws-cdk-lib/aws-cloudwatch";
import {
  type CustomMetricWithAlarm,
  MetricStatistic,
  type MetricWithAlarmSupport,
  type MonitoringFacade,
} from "cdk-monitoring-constructs";
import { alarm } from "./alarm.ts";
import { FUNCTION, METRICS, OPERATIONS, PROJECTOR, PUBLISHER, VIEWS } from "./metrics.ts";
import type { RustFunction } from "./rust-function.ts";
import type { Settings } from "./settings.ts";

type LedgerMetric = (typeof METRICS)[keyof typeof METRICS];

/** The functions that write the metrics, and the thresholds. */
export interface LedgerAlarmsProps {
  readonly settings: Settings;
  readonly commands: RustFunction;
  readonly projector: RustFunction;
  readonly publisher: RustFunction;
}

/** Adds the alarms, and their metrics to the dashboard. */
export function watchLedger(monitoring: MonitoringFacade, props: LedgerAlarmsProps): void {
  const { settings, commands, projector, publisher } = props;
  const series = new LedgerSeries(monitoring);
  const { lagSeconds, conflictsPerFiveMinutes } = settings.alarms;
  const projection = VIEWS.map((view) => series.of(projector, METRICS.projectionLag, MAX, { view }));
  const tampering = [
    ...OPERATIONS.map((operation) => series.of(projector, METRICS.tampering, SUM, { consumer: PROJECTOR, operation })),
    ...OPERATIONS.map((operation) => series.of(publisher, METRICS.tampering, SUM, { consumer: PUBLISHER, operation })),
  ];
  const parked = [
    ...VIEWS.map((consumer) => series.of(projector, METRICS.parked, MAX, { consumer })),
    series.of(publisher, METRICS.parked, MAX, { consumer: PUBLISHER }),
  ];
  monitoring.monitorCustom({
    humanReadableName: "Ledger",
    alarmFriendlyName: "ledger",
    metricGroups: [
      { title: "Projection lag, seconds", metrics: [series.above("projection-lag", lagSeconds, "MAX", projection)] },
      {
        title: "Publish lag, seconds",
        metrics: [series.above("publish-lag", lagSeconds, "MAX", [series.of(publisher, METRICS.publishLag, MAX, {})])],
      },
      { title: "Parked products", metrics: [series.above("parked-products", 0, "SUM", parked)] },
      { title: "Tampering", metrics: [series.above("tampering", 0, "SUM", tampering)] },
      {
        title: "Lost races",
        metrics: [
          series.above("conflicts", conflictsPerFiveMinutes, "SUM", [series.of(commands, METRICS.conflicts, SUM, {})]),
        ],
      },
    ],
  });
}

const { SUM, MAX } = MetricStatistic;

class LedgerSeries {
  private readonly monitoring: MonitoringFacade;

  constructor(monitoring: MonitoringFacade) {
    this.monitoring = monitoring;
  }

  /** One series of a metric: the values that a function writes with these labels. */
  of(
    writer: RustFunction,
    metric: LedgerMetric,
    statistic: MetricStatistic,
    labels: Readonly<Record<string, string>>,
  ): MetricWithAlarmSupport {
    const missing = metric.labels.filter((label) => !(label in labels));
    if (missing.length > 0 || Object.keys(labels).length !== metric.labels.length) {
      throw new Error(`${metric.name} has the labels ${metric.labels.join(", ")}`);
    }
    const dimensions = { [FUNCTION]: writer.lambda.functionName, ...labels };
    const label = Object.values(labels).join(" ") || metric.name;
    return this.factory.createMetric(metric.name, statistic, label, dimensions);
  }

  /** An alarm when the sum or the maximum of the series is above the threshold. */
  above(
    name: string,
    threshold: number,
    together: "SUM" | "MAX",
    series: readonly MetricWithAlarmSupport[],
  ): CustomMetricWithAlarm {
    const using = Object.fromEntries(series.map((metric, place) => [`m${place}`, metric]));
    const present = Object.keys(using).map((id) => `FILL(${id}, 0)`);
    const metric = this.factory.createMetricMath(`${together}([${present.join(", ")}])`, using, name);
    return {
      metric,
      alarmFriendlyName: name,
      addAlarm: {
        Critical: {
          ...alarm(this.monitoring, name),
          threshold,
          comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        },
      },
    };
  }

  private get factory() {
    return this.monitoring.createMetricFactory();
  }
}
