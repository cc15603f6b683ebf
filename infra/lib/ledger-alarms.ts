// The alarms on the ledger's own metrics: lag, parked products, records given up, a missing bus, what a reconcile left, tampering,
// lost races.

import { MetricStatistic, type MonitoringFacade } from "cdk-monitoring-constructs";
import { LOG, METRICS, OPERATIONS, PROJECTOR, PUBLISHER, VIEWS } from "./metrics.ts";
import type { RustFunction } from "./rust-function.ts";
import { Series } from "./series.ts";
import type { Settings } from "./settings.ts";

/** The functions that write the metrics, and the thresholds. */
export interface LedgerAlarmsProps {
  readonly settings: Settings;
  readonly commands: RustFunction;
  readonly projector: RustFunction;
  readonly publisher: RustFunction;
  readonly sequencer: RustFunction;
}

const { SUM, MAX } = MetricStatistic;

/** Adds the alarms, and their metrics to the dashboard. */
export function watchLedger(monitoring: MonitoringFacade, props: LedgerAlarmsProps): void {
  const { settings, commands, projector, publisher, sequencer } = props;
  const series = new Series(monitoring);
  const { lagSeconds, conflictsPerFiveMinutes } = settings.alarms;
  const projection = VIEWS.map((view) => series.of(projector, METRICS.projectionLag, MAX, { view }));
  const tampering = [
    ...OPERATIONS.map((operation) => series.of(projector, METRICS.tampering, SUM, { consumer: PROJECTOR, operation })),
    ...OPERATIONS.map((operation) => series.of(publisher, METRICS.tampering, SUM, { consumer: PUBLISHER, operation })),
    series.of(sequencer, METRICS.tampering, SUM, { consumer: LOG, operation: "other" }),
  ];
  const parked = [
    ...VIEWS.map((consumer) => series.of(projector, METRICS.parked, MAX, { consumer })),
    series.of(publisher, METRICS.parked, MAX, { consumer: PUBLISHER }),
    series.of(sequencer, METRICS.parked, MAX, { consumer: LOG }),
  ];
  const left = [
    ...VIEWS.map((consumer) => series.of(projector, METRICS.reconcileLeft, MAX, { consumer })),
    series.of(publisher, METRICS.reconcileLeft, MAX, { consumer: PUBLISHER }),
    series.of(sequencer, METRICS.reconcileLeft, MAX, { consumer: LOG }),
  ];
  const givenUp = [
    series.of(projector, METRICS.givenUp, SUM, { consumer: PROJECTOR }),
    series.of(publisher, METRICS.givenUp, SUM, { consumer: PUBLISHER }),
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
      { title: "Stream records given up", metrics: [series.above("records-given-up", 0, "SUM", givenUp)] },
      { title: "Left by the reconcile", metrics: [series.above("reconcile-left", 0, "SUM", left)] },
      {
        title: "The bus is missing",
        metrics: [series.above("bus-missing", 0, "MAX", [series.of(publisher, METRICS.busMissing, MAX, {})])],
      },
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
