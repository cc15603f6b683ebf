// The alarms on consumers that do nothing. Every other alarm needs a value that is too high, and a consumer that has stopped
// writes none.

import { TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { MetricStatistic, type MonitoringFacade } from "cdk-monitoring-constructs";
import { CHECKED, COMMANDS, LOG, METRICS, PROJECTOR, PUBLISHER, SEQUENCER, VIEWS } from "./metrics.ts";
import type { RustFunction } from "./rust-function.ts";
import { Series } from "./series.ts";
import type { StreamConsumer } from "./stream-consumer.ts";

/** The consumers, and the function that records what they follow. */
export interface SilenceAlarmsProps {
  readonly commands: RustFunction;
  readonly projector: StreamConsumer;
  readonly publisher: StreamConsumer;
  readonly sequencer: StreamConsumer;
}

const { N, SUM, MAX } = MetricStatistic;

/** A round of the reconcile begins every day. It may take longer in a large catalogue, whose runs each have a budget. */
const RECONCILED_WITHIN_SECONDS = 3 * 86_400;

/** Adds three alarms for each consumer, and what they watch to the dashboard. */
export function watchSilence(monitoring: MonitoringFacade, props: SilenceAlarmsProps): void {
  const series = new Series(monitoring);
  const recorded = COMMANDS.map((command) =>
    series.of(props.commands, METRICS.commands, SUM, { command, outcome: "recorded" }),
  );
  const watched = {
    [PROJECTOR]: { consumer: props.projector, checks: VIEWS, protection: [] },
    [PUBLISHER]: { consumer: props.publisher, checks: [PUBLISHER], protection: CHECKED },
    [SEQUENCER]: { consumer: props.sequencer, checks: [LOG], protection: CHECKED },
  };
  const groups = Object.entries(watched).flatMap(([name, { consumer, checks, protection }]) => {
    const ofMapping = (metric: string, statistic: MetricStatistic) =>
      series.ofAws("AWS/Lambda", metric, statistic, { EventSourceMappingUUID: consumer.mapping });
    const scheduled = checks.map((check) => series.of(consumer.function, METRICS.parked, N, { consumer: check }));
    // Values of each minute: the scheduled check counts parked products, the mapping counts events, and both write 0.
    const silent = series.when(
      `${name}-silent`,
      (signs) => `IF(MIN([${signs.join(", ")}]) > 0, 0, 1)`,
      [...scheduled, ofMapping("PolledEventCount", N)],
      {
        threshold: 0,
        datapointsToAlarm: 2,
        evaluationPeriods: 2,
        treatMissingDataOverride: TreatMissingData.BREACHING,
      },
    );
    // A mapping can poll and get nothing, such as from a stream that the table no longer writes to. Two periods, because a command at
    // the end of one is followed in the next.
    const notFollowing = series.when(
      `${name}-not-following`,
      ([delivered, ...commands]) => `IF(SUM([${commands.join(", ")}]) > 0 AND ${delivered} == 0, 1, 0)`,
      [ofMapping("InvokedEventCount", SUM), ...recorded],
      { threshold: 0, datapointsToAlarm: 2, evaluationPeriods: 24 },
    );
    return [
      { title: `The ${name} is silent`, metrics: [silent] },
      { title: `The ${name} does not follow`, metrics: [notFollowing] },
      { title: `The ${name} does not reconcile`, metrics: [notReconciling(series, name, consumer, protection)] },
    ];
  });
  monitoring.monitorCustom({ humanReadableName: "Silence", alarmFriendlyName: "silence", metricGroups: groups });
}

/** Each run tells how old the last complete round is; those of the publisher and the sequencer also look at what protects
 * the event table and the log table. */
function notReconciling(series: Series, name: string, consumer: StreamConsumer, protection: readonly string[]) {
  const age = (statistic: MetricStatistic) =>
    series.of(consumer.function, METRICS.reconcileAge, statistic, { consumer: name });
  return series.when(
    `${name}-not-reconciling`,
    ([runs, seconds, ...seen]) => {
      const looked = seen.length > 0 ? ` AND SUM([${seen.join(", ")}]) > 0` : "";
      return `IF(${runs} > 0 AND ${seconds} < ${RECONCILED_WITHIN_SECONDS}${looked}, 0, 1)`;
    },
    [
      age(N),
      age(MAX),
      ...protection.map((result) => series.of(consumer.function, METRICS.protection, SUM, { result })),
    ],
    {
      threshold: 0,
      datapointsToAlarm: 3,
      evaluationPeriods: 3,
      treatMissingDataOverride: TreatMissingData.BREACHING,
    },
  );
}
