// Every alarm notifies the topic and is on the operations page, and watches a metric that the functions write.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { METRICS, NAMESPACE } from "../lib/metrics.ts";
import { REPOSITORY } from "../lib/repository.ts";
import { short } from "./policies.ts";
import { type Json, ofType, one, type Resource, STAGES, stage, synthesize, text } from "./synth.ts";

const PAGE = readFileSync(resolve(REPOSITORY, "docs/operations.md"), "utf8");
/** The first column of the page's table of alarms; braces stand for several names. */
const DOCUMENTED = [...PAGE.matchAll(/^\| `([a-z0-9{},-]+)` \|/gm)].flatMap(([, name]) => expanded(name ?? ""));
const METERS_RS = resolve(REPOSITORY, "telemetry/src/meters.rs");

/** `{a,b}-x` is `a-x` and `b-x`. */
function expanded(name: string): string[] {
  const [, before, choices, after] = /^(.*)\{(.+)\}(.*)$/.exec(name) ?? [];
  return choices === undefined ? [name] : choices.split(",").map((choice) => `${before}${choice}${after}`);
}

function alarms(name: "dev" | "production"): Map<string, Resource> {
  const found = ofType(stage(name).template, "AWS::CloudWatch::Alarm");
  return new Map(
    found.map(([, alarm]) => [String(alarm.Properties.AlarmName).replace(`product-ledger-${name}-`, ""), alarm]),
  );
}

/** Metric, dimensions without hashes, and statistic; for an expression those of all its metrics. */
function watched(alarm: Resource | undefined): string[] {
  const Properties: Json = alarm?.Properties ?? {};
  const queries = (Properties.Metrics as Json[] | undefined) ?? [{ MetricStat: { Metric: Properties, Stat: "" } }];
  return queries.flatMap(({ Expression, MetricStat }) => {
    if (Expression) {
      return [`= ${Expression}`];
    }
    const { Metric, Stat } = MetricStat as { Metric: Json; Stat: string };
    const dimensions = ((Metric.Dimensions as Json[]) ?? []).map((one) => `${one.Name}=${short(text(one.Value))}`);
    const statistic = Stat || Metric.Statistic || Metric.ExtendedStatistic;
    return [`${Metric.Namespace} ${Metric.MetricName} ${statistic} {${dimensions.sort().join(", ")}}`];
  });
}

/** The alarms that one stage alone has. */
const ONLY: Record<string, "dev" | "production"> = {
  "intercept-dead-letters": "dev",
  "backup-dead-letters": "production",
  "break-glass": "production",
  "key-changes": "production",
  "protection-changes": "production",
};

const PROJECTOR = "function=<ProjectorConsumerFunctionLambda>";
const PUBLISHER = "function=<PublisherConsumerFunctionLambda>";

describe.each(STAGES)("%s", (name) => {
  it("every alarm is on the operations page, and the page has no other", () => {
    const only = (alarm: string) => name === (ONLY[alarm] ?? name);
    expect([...alarms(name).keys()].sort()).toEqual(DOCUMENTED.filter(only).sort());
  });

  it("every alarm notifies the one topic and refers to the operations page", () => {
    const [topic] = one(stage(name).template, "AWS::SNS::Topic", "Alarms");
    for (const [alarm, { Properties }] of alarms(name)) {
      expect(Properties.AlarmActions, alarm).toEqual([{ Ref: topic }]);
      expect(Properties.ActionsEnabled ?? true).toBe(true);
      expect(Properties.AlarmDescription).toBe(`What to do: docs/operations.md, ${alarm}`);
      expect(Properties.TreatMissingData).toBe("notBreaching");
    }
  });

  it("the topic accepts messages from this stack's alarms only", () => {
    const [, policy] = one(stage(name).template, "AWS::SNS::TopicPolicy", "Alarms");
    const { Statement } = policy.Properties.PolicyDocument as { Statement: Json[] };
    const allowed = Statement.filter((statement) => statement.Effect === "Allow");
    expect(allowed).toMatchObject([{ Action: "sns:Publish", Principal: { Service: "cloudwatch.amazonaws.com" } }]);
    expect(JSON.stringify(allowed[0]?.Condition)).toContain(`:alarm:product-ledger-${name}-*`);
  });

  it("one dead letter, one parked product, one changed commit, or one failed invocation is an alarm", () => {
    for (const [alarm, { Properties }] of alarms(name)) {
      if (/dead-letters|parked|tampering|-errors|throttles|break-glass|-changes/.test(alarm)) {
        expect([Properties.Threshold, Properties.ComparisonOperator], alarm).toEqual([0, "GreaterThanThreshold"]);
        expect(Properties.DatapointsToAlarm ?? Properties.EvaluationPeriods ?? 1, alarm).toBe(1);
      }
    }
  });

  it("thresholds are those of the settings", () => {
    const threshold = (alarm: string) => alarms(name).get(alarm)?.Properties.Threshold;
    const [seconds, p90, conflicts, percent] = name === "production" ? [60, 500, 50, 0.01] : [300, 1000, 100, 0.05];
    expect([threshold("projector-iterator-age"), threshold("publisher-iterator-age")]).toEqual([
      seconds * 1000,
      seconds * 1000,
    ]);
    expect([threshold("projection-lag"), threshold("publish-lag")]).toEqual([seconds, seconds]);
    expect([threshold("api-p90"), threshold("conflicts"), threshold("api-5xx")]).toEqual([p90, conflicts, percent]);
  });

  it.each([
    ["publish-lag", [`ledger_publish_lag_seconds Maximum {${PUBLISHER}}`]],
    ["conflicts", ["ledger_command_conflicts_total Sum {function=<CommandApiFunctionLambda>}"]],
    [
      "projection-lag",
      ["products", "prices"].map((view) => `ledger_projection_lag_seconds Maximum {${PROJECTOR}, view=${view}}`),
    ],
    [
      "parked-products",
      [
        `ledger_parked_products Maximum {consumer=products, ${PROJECTOR}}`,
        `ledger_parked_products Maximum {consumer=prices, ${PROJECTOR}}`,
        `ledger_parked_products Maximum {consumer=publisher, ${PUBLISHER}}`,
      ],
    ],
    [
      "tampering",
      [
        ["projector", PROJECTOR],
        ["publisher", PUBLISHER],
      ].flatMap(([consumer, writer]) =>
        ["MODIFY", "REMOVE", "other"].map(
          (operation) => `ledger_tampering_total Sum {consumer=${consumer}, ${writer}, operation=${operation}}`,
        ),
      ),
    ],
  ])("%s watches what the functions write, each series with all its labels", (alarm, series) => {
    const found = watched(alarms(name).get(alarm)).filter((line) => !line.startsWith("="));
    expect(found.sort()).toEqual(series.map((line) => `ProductLedger ${line}`).sort());
  });

  it.each([
    ["projector-iterator-age", "AWS/Lambda IteratorAge Maximum {FunctionName=<ProjectorConsumerFunctionLambda>}"],
    ["publisher-errors", "AWS/Lambda Errors Sum {FunctionName=<PublisherConsumerFunctionLambda>}"],
    ["command-api-throttles", "AWS/Lambda Throttles Sum {FunctionName=<CommandApiFunctionLambda>}"],
    ["api-p90", `AWS/ApiGateway Latency p90 {ApiName=product-ledger-${name}, Stage=<ApiRestDeploymentStagev1>}`],
    ["api-5xx", `AWS/ApiGateway 5XXError Average {ApiName=product-ledger-${name}, Stage=<ApiRestDeploymentStagev1>}`],
  ])("%s watches %s", (alarm, metric) => {
    expect(watched(alarms(name).get(alarm)).map((line) => line.replace(/^= .*/, ""))).toContain(metric);
  });

  it("one dashboard shows all of them", () => {
    expect(ofType(stage(name).template, "AWS::CloudWatch::Dashboard")).toHaveLength(1);
  });
});

it("the address is notified by mail if one is set", () => {
  const { template } = synthesize("dev", { alarmEmail: "on-call@example.com" });
  const [, subscription] = one(template, "AWS::SNS::Subscription", "Alarms");
  expect(subscription.Properties).toMatchObject({ Protocol: "email", Endpoint: "on-call@example.com" });
});

it("the functions write their metrics to the namespace that the alarms watch", () => {
  const written = readFileSync(resolve(REPOSITORY, "lambda/src/function.rs"), "utf8");
  expect(written).toContain(`const NAMESPACE: &str = "${NAMESPACE}";`);
});

describe("the catalogue of metrics", () => {
  const catalogue = readFileSync(METERS_RS, "utf8").replace(/\s+/g, " ");

  it.each(Object.values(METRICS))("has $name with the labels $labels", ({ name, labels }) => {
    const quoted = labels.map((label) => `"${label}"`).join(", ");
    expect(catalogue).toContain(`("${name}", [${quoted}],`);
  });
});
