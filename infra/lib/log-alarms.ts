// The alarms on the log: commits that are not logged or not in a checkpoint, a log that is signed no more, and commits that
// contradict it.

import { MetricStatistic, type MonitoringFacade } from "cdk-monitoring-constructs";
import { METRICS } from "./metrics.ts";
import type { RustFunction } from "./rust-function.ts";
import { Series } from "./series.ts";
import type { Settings } from "./settings.ts";

export interface LogAlarmsProps {
  readonly settings: Settings;
  readonly sequencer: RustFunction;
}

const { MAX } = MetricStatistic;

/** Adds the alarms, and their metrics to the dashboard. */
export function watchLog(monitoring: MonitoringFacade, { settings, sequencer }: LogAlarmsProps): void {
  const series = new Series(monitoring);
  const { unloggedSeconds } = settings.alarms;
  const behind = series.of(sequencer, METRICS.logOldestUnlogged, MAX, {});
  monitoring.monitorCustom({
    humanReadableName: "The log",
    alarmFriendlyName: "log",
    metricGroups: [
      {
        title: "Oldest commit in no checkpoint, seconds",
        metrics: [series.above("log-behind", unloggedSeconds, "MAX", [behind])],
      },
    ],
  });
}
