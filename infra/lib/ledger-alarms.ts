// The alarms on what only the ledger knows: lag, parked products, tampering, lost races.

import { ComparisonOperator } from "aws-cdk-lib/aws-cloudwatch";
import { type CustomMetricWithAlarm, MetricStatistic, type MetricWithAlarmSupport } from "cdk-monitoring-constructs";
import type { Alarms, AlarmsProps } from "./alarms.ts";
import { FUNCTION, METERS, OPERATIONS, PROJECTOR, PUBLISHER, VIEWS } from "./metrics.ts";
import type { RustFunction } from "./rust-function.ts";

type Meter = (typeof METERS)[keyof typeof METERS];

/** Adds them to the alarms and to the dashboard. */
export function watchLedger(alarms: Alarms, props: AlarmsProps): void {
  const { settings, commands, projector, publisher } = props;
  const figures = new Figures(alarms);
  const { lagSeconds, conflictsPerFiveMinutes } = settings.alarms;
  const projection = VIEWS.map((view) => figures.of(projector, METERS.projectionLag, MAX, { view }));
  const tampering = [
    ...OPERATIONS.map((operation) => figures.of(projector, METERS.tampering, SUM, { consumer: PROJECTOR, operation })),
    ...OPERATIONS.map((operation) => figures.of(publisher, METERS.tampering, SUM, { consumer: PUBLISHER, operation })),
  ];
  const parked = [
    ...VIEWS.map((consumer) => figures.of(projector, METERS.parked, MAX, { consumer })),
    figures.of(publisher, METERS.parked, MAX, { consumer: PUBLISHER }),
  ];
  alarms.monitoring.monitorCustom({
    humanReadableName: "Ledger",
    alarmFriendlyName: "ledger",
    metricGroups: [
      { title: "Projection lag, seconds", metrics: [figures.above("projection-lag", lagSeconds, "MAX", projection)] },
      {
        title: "Publish lag, seconds",
        metrics: [figures.above("publish-lag", lagSeconds, "MAX", [figures.of(publisher, METERS.publishLag, MAX, {})])],
      },
      { title: "Parked products", metrics: [figures.above("parked-products", 0, "SUM", parked)] },
      { title: "Tampering", metrics: [figures.above("tampering", 0, "SUM", tampering)] },
      {
        title: "Lost races",
        metrics: [
          figures.above("conflicts", conflictsPerFiveMinutes, "SUM", [figures.of(commands, METERS.conflicts, SUM, {})]),
        ],
      },
    ],
  });
}

const { SUM, MAX } = MetricStatistic;

class Figures {
  private readonly alarms: Alarms;

  constructor(alarms: Alarms) {
    this.alarms = alarms;
  }

  /** One series of a meter, as the function writes it. */
  of(
    writer: RustFunction,
    meter: Meter,
    statistic: MetricStatistic,
    labels: Readonly<Record<string, string>>,
  ): MetricWithAlarmSupport {
    const missing = meter.labels.filter((label) => !(label in labels));
    if (missing.length > 0 || Object.keys(labels).length !== meter.labels.length) {
      throw new Error(`${meter.name} has the labels ${meter.labels.join(", ")}`);
    }
    const dimensions = { [FUNCTION]: writer.lambda.functionName, ...labels };
    const label = Object.values(labels).join(" ") || meter.name;
    return this.factory.createMetric(meter.name, statistic, label, dimensions);
  }

  /** An alarm as soon as the series together are above the threshold. */
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
          ...this.alarms.named(name),
          threshold,
          comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        },
      },
    };
  }

  private get factory() {
    return this.alarms.monitoring.createMetricFactory();
  }
}
