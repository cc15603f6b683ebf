// The alarms on the log: commits that are in no checkpoint, a checkpoint that is not renewed, and contradictions, over which nothing is
// signed. The metrics are those of the sequencer, which writes them at the end of each run.

import { MetricStatistic, type MonitoringFacade } from "cdk-monitoring-constructs";
import { CONFLICTS, METRICS } from "./metrics.ts";
import type { RustFunction } from "./rust-function.ts";
import { Series } from "./series.ts";
import type { Settings } from "./settings.ts";

/** The function that writes the metrics, and the thresholds. */
export interface LogAlarmsProps {
  readonly settings: Settings;
  readonly sequencer: RustFunction;
}

const { SUM, MAX, MIN } = MetricStatistic;

/** Adds the alarms, and their metrics to the dashboard. */
export function watchLog(monitoring: MonitoringFacade, { settings, sequencer }: LogAlarmsProps): void {
  const series = new Series(monitoring);
  const { unloggedSeconds } = settings.alarms;
  const unlogged = (statistic: MetricStatistic) => series.of(sequencer, METRICS.logOldestUnlogged, statistic, {});
  const conflicts = (kinds: readonly string[]) =>
    kinds.map((kind) => series.of(sequencer, METRICS.logConflicts, SUM, { kind }));
  // Without news nothing is signed, and the age of the checkpoint says nothing: it counts while something waited all the time.
  const notPublished = series.when(
    "log-checkpoint-age",
    ([age, waiting]) => `IF(${waiting} > 0, ${age}, 0)`,
    [series.of(sequencer, METRICS.logCheckpointAge, MAX, {}), unlogged(MIN)],
    { threshold: unloggedSeconds, datapointsToAlarm: 2, evaluationPeriods: 2 },
  );
  monitoring.monitorCustom({
    humanReadableName: "The log",
    alarmFriendlyName: "log",
    metricGroups: [
      {
        title: "Oldest commit in no checkpoint, seconds",
        metrics: [series.above("log-behind", unloggedSeconds, "MAX", [unlogged(MAX)])],
      },
      { title: "Checkpoint, while commits wait, seconds", metrics: [notPublished] },
      {
        title: "Contradictions in the log",
        metrics: [series.above("log-conflict", 0, "SUM", conflicts(CONFLICTS.ofLog))],
      },
      {
        title: "Commits that contradict the log",
        metrics: [series.above("log-rewritten", 0, "SUM", conflicts(CONFLICTS.ofProduct))],
      },
    ],
  });
}
