// The billed resources of the production stack, counted in the snapshot of its template.

import { readJson } from "../lib/repository.ts";

interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}
const TEMPLATE = readJson("infra/test/__snapshots__/production.template.json") as {
  readonly Resources: Record<string, Resource>;
};

function all(type: string): Resource["Properties"][] {
  return Object.values(TEMPLATE.Resources)
    .filter((resource) => resource.Type === type)
    .map((resource) => resource.Properties);
}

/** Metrics that alarms watch, including each metric of an expression. */
export function alarmedMetrics(): number {
  const looked = all("AWS::CloudWatch::Alarm").map(({ Metrics }) =>
    Array.isArray(Metrics) ? Metrics.filter((metric: object) => "MetricStat" in metric).length : 1,
  );
  return looked.reduce((sum, one) => sum + one, 0);
}

/** Metrics that are counted in logs, apart from those of the functions. */
export function countedMetrics(): number {
  const names = all("AWS::Logs::MetricFilter").flatMap(({ MetricTransformations }) =>
    (MetricTransformations as { MetricName: string }[]).map(({ MetricName }) => MetricName),
  );
  return new Set(names).size;
}

/** Keys of the stack. */
export function keys(): number {
  return all("AWS::KMS::Key").length;
}

export function dashboards(): number {
  return all("AWS::CloudWatch::Dashboard").length;
}

/** Rules of the firewall, managed groups included. */
export function firewallRules(): number {
  return all("AWS::WAFv2::WebACL").flatMap(({ Rules }) => Rules as unknown[]).length;
}
