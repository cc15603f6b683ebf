// Metrics as alarms and the dashboard use them, and alarms on expressions of them.

import { ComparisonOperator } from "aws-cdk-lib/aws-cloudwatch";
import type {
  CustomMetricWithAlarm,
  CustomThreshold,
  MetricStatistic,
  MetricWithAlarmSupport,
  MonitoringFacade,
} from "cdk-monitoring-constructs";
import { alarm } from "./alarm.ts";
import { FUNCTION, type METRICS } from "./metrics.ts";
import type { RustFunction } from "./rust-function.ts";

type LedgerMetric = (typeof METRICS)[keyof typeof METRICS];

/** Makes metrics and alarms within one monitoring. */
export class Series {
  private readonly monitoring: MonitoringFacade;

  constructor(monitoring: MonitoringFacade) {
    this.monitoring = monitoring;
  }

  /** One series of a metric of the ledger: the values that a function writes with these labels. */
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

  /** A metric of AWS. */
  ofAws(
    namespace: `AWS/${string}`,
    name: string,
    statistic: MetricStatistic,
    dimensions: Readonly<Record<string, string>>,
  ): MetricWithAlarmSupport {
    return this.factory.createMetric(name, statistic, name, dimensions, undefined, namespace);
  }

  /** An alarm when the sum or the maximum of the series is above the threshold. */
  above(
    name: string,
    threshold: number,
    together: "SUM" | "MAX",
    series: readonly MetricWithAlarmSupport[],
  ): CustomMetricWithAlarm {
    return this.when(name, (all) => `${together}([${all.join(", ")}])`, series, { threshold });
  }

  /** An alarm when an expression is above the threshold. It gets the series as terms, with 0 where there is no value. */
  when(
    name: string,
    expression: (terms: readonly string[]) => string,
    series: readonly MetricWithAlarmSupport[],
    rest: Partial<CustomThreshold> & Pick<CustomThreshold, "threshold">,
  ): CustomMetricWithAlarm {
    const using = Object.fromEntries(series.map((metric, place) => [`m${place}`, metric]));
    const terms = Object.keys(using).map((id) => `FILL(${id}, 0)`);
    return {
      metric: this.factory.createMetricMath(expression(terms), using, name),
      alarmFriendlyName: name,
      addAlarm: {
        Critical: {
          ...alarm(this.monitoring, name),
          comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
          ...rest,
        },
      },
    };
  }

  private get factory() {
    return this.monitoring.createMetricFactory();
  }
}
