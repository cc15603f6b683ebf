// Every alarm notifies the topic and is on the operations page, and watches a metric that the functions write.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { COMMANDS, CONFLICTS, METRICS, NAMESPACE } from "../lib/metrics.ts";
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

/** The alarms that one stage alone has, or none: those of a FIFO bus. */
const ONLY: Record<string, "dev" | "production" | "fifo"> = {
  "subscriber-undelivered-dead-letters": "fifo",
  "intercept-dead-letters": "dev",
  "intercept-delivery": "dev",
  "backup-dead-letters": "production",
  "backups-delivery": "production",
  "exports-delivery": "production",
  "break-glass": "production",
  "key-changes": "production",
  "protection-changes": "production",
};

const RECORDED = ["create", "replace", "patch", "delete", "restore"].map(
  (command) =>
    `ProductLedger ledger_commands_total Sum {command=${command}, function=<CommandApiFunctionLambda>, outcome=recorded}`,
);
const PROJECTOR = "function=<ProjectorConsumerFunctionLambda>";
const PUBLISHER = "function=<PublisherConsumerFunctionLambda>";
const SEQUENCER = "function=<SequencerConsumerFunctionLambda>";

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
      expect(Properties.TreatMissingData).toBe(/-(silent|not-reconciling)$/.test(alarm) ? "breaching" : "notBreaching");
    }
  });

  it("the topic accepts messages from this stack's alarms only", () => {
    const [, policy] = one(stage(name).template, "AWS::SNS::TopicPolicy", "Alarms");
    const { Statement } = policy.Properties.PolicyDocument as { Statement: Json[] };
    const allowed = Statement.filter((statement) => statement.Effect === "Allow");
    expect(allowed).toMatchObject([{ Action: "sns:Publish", Principal: { Service: "cloudwatch.amazonaws.com" } }]);
    expect(JSON.stringify(allowed[0]?.Condition)).toContain(`:alarm:product-ledger-${name}-*`);
  });

  it("one dead letter, lost event, parked product, changed commit, throttle or failed invocation is an alarm", () => {
    for (const [alarm, { Properties }] of alarms(name)) {
      if (
        /dead-letters|parked|given-up|tampering|bus-missing|-left|-errors|throttles|-delivery|break-glass|-changes|log-(conflict|rewritten)/.test(
          alarm,
        )
      ) {
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
    expect(threshold("log-behind")).toBe(300);
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
        `ledger_parked_products Maximum {consumer=log, ${SEQUENCER}}`,
      ],
    ],
    [
      "records-given-up",
      [
        `ledger_stream_records_given_up_total Sum {consumer=projector, ${PROJECTOR}}`,
        `ledger_stream_records_given_up_total Sum {consumer=publisher, ${PUBLISHER}}`,
      ],
    ],
    ["bus-missing", [`ledger_bus_missing Maximum {${PUBLISHER}}`]],
    [
      "reconcile-left",
      [
        `ledger_reconcile_left_products Maximum {consumer=products, ${PROJECTOR}}`,
        `ledger_reconcile_left_products Maximum {consumer=prices, ${PROJECTOR}}`,
        `ledger_reconcile_left_products Maximum {consumer=publisher, ${PUBLISHER}}`,
        `ledger_reconcile_left_products Maximum {consumer=log, ${SEQUENCER}}`,
      ],
    ],
    ["log-behind", [`ledger_log_oldest_unlogged_seconds Maximum {${SEQUENCER}}`]],
    [
      "log-checkpoint-age",
      [
        `ledger_log_checkpoint_age_seconds Maximum {${SEQUENCER}}`,
        `ledger_log_oldest_unlogged_seconds Minimum {${SEQUENCER}}`,
      ],
    ],
    [
      "log-conflict",
      ["checkpoint", "file", "ledger", "batch", "index", "key"].map(
        (kind) => `ledger_log_conflicts_total Sum {${SEQUENCER}, kind=${kind}}`,
      ),
    ],
    [
      "log-rewritten",
      ["rewritten", "missing", "unreadable"].map(
        (kind) => `ledger_log_conflicts_total Sum {${SEQUENCER}, kind=${kind}}`,
      ),
    ],
    [
      "tampering",
      [
        ["log", SEQUENCER, ["other"]] as const,
        ["projector", PROJECTOR, ["MODIFY", "REMOVE", "other"]] as const,
        ["publisher", PUBLISHER, ["MODIFY", "REMOVE", "other"]] as const,
      ].flatMap(([consumer, writer, operations]) =>
        operations.map(
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

  it.each([
    ["projector", PROJECTOR, ["products", "prices"]],
    ["publisher", PUBLISHER, ["publisher"]],
    ["sequencer", SEQUENCER, ["log"]],
  ])("a %s that stops is an alarm, although it writes nothing", (consumer, writer, checks) => {
    const id = `EventSourceMappingUUID=<${consumer[0]?.toUpperCase()}${consumer.slice(1)}ConsumerStream>`;
    const silent = alarms(name).get(`${consumer}-silent`);
    const signs = checks.map((_, place) => `FILL(m${place}, 0)`).join(", ");
    expect(watched(silent)).toEqual([
      `= IF(MIN([${signs}, FILL(m${checks.length}, 0)]) > 0, 0, 1)`,
      ...checks.map((check) => `ProductLedger ledger_parked_products SampleCount {consumer=${check}, ${writer}}`),
      `AWS/Lambda PolledEventCount SampleCount {${id}}`,
    ]);
    expect(silent?.Properties).toMatchObject({ EvaluationPeriods: 2, DatapointsToAlarm: 2, Threshold: 0 });
    const following = alarms(name).get(`${consumer}-not-following`);
    expect(watched(following)).toEqual([
      "= IF(SUM([FILL(m1, 0), FILL(m2, 0), FILL(m3, 0), FILL(m4, 0), FILL(m5, 0)]) > 0 AND FILL(m0, 0) == 0, 1, 0)",
      `AWS/Lambda InvokedEventCount Sum {${id}}`,
      ...RECORDED,
    ]);
    expect(following?.Properties).toMatchObject({ EvaluationPeriods: 24, DatapointsToAlarm: 2, Threshold: 0 });
  });

  it.each([
    ["projector", PROJECTOR, []],
    ["publisher", PUBLISHER, ["holds", "changed"]],
    ["sequencer", SEQUENCER, ["holds", "changed"]],
  ])("a %s that compares nothing for too long is an alarm, also if it is not invoked", (consumer, writer, checks) => {
    const alarm = alarms(name).get(`${consumer}-not-reconciling`);
    const looked = checks.length > 0 ? " AND SUM([FILL(m2, 0), FILL(m3, 0)]) > 0" : "";
    const age = `{consumer=${consumer}, ${writer}}`;
    expect(watched(alarm)).toEqual([
      `= IF(FILL(m0, 0) > 0 AND FILL(m1, 0) < 259200${looked}, 0, 1)`,
      `ProductLedger ledger_reconcile_age_seconds SampleCount ${age}`,
      `ProductLedger ledger_reconcile_age_seconds Maximum ${age}`,
      ...checks.map((result) => `ProductLedger ledger_protection_checks_total Sum {${writer}, result=${result}}`),
    ]);
    expect(alarm?.Properties).toMatchObject({ EvaluationPeriods: 3, DatapointsToAlarm: 3, Threshold: 0 });
  });

  it("a checkpoint that is not renewed is an alarm only while a commit waits for it", () => {
    const alarm = alarms(name).get("log-checkpoint-age");
    expect(watched(alarm)[0]).toBe("= IF(FILL(m1, 0) > 0, FILL(m0, 0), 0)");
    expect(alarm?.Properties).toMatchObject({ EvaluationPeriods: 2, DatapointsToAlarm: 2, Threshold: 300 });
  });

  it("an event that a rule could not deliver is an alarm, also of the rule that fills the archive", () => {
    const bus = `product-ledger-${name}`;
    const rules = {
      archive: `Events-Archive-${bus}`,
      subscriber: `${bus}-subscriber`,
      intercept: `${bus}-intercept`,
      backups: `${bus}-failed-backups`,
      exports: `${bus}-failed-exports`,
    };
    const found = Object.entries(rules).filter(([rule]) => name === (ONLY[`${rule}-delivery`] ?? name));
    for (const [rule, named] of found) {
      const series = watched(alarms(name).get(`${rule}-delivery`)).filter((line) => !line.startsWith("="));
      const lost = ["FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq"];
      // What AWS says of backups and exports is on the account's own bus, whose rules have one dimension.
      const on = named.includes("-failed-") ? "" : `EventBusName=${bus}, `;
      expect(series).toEqual(lost.map((one) => `AWS/Events ${one} Sum {${on}RuleName=${named}}`));
    }
    const names = ofType(stage(name).template, "AWS::Events::Rule").map(([, { Properties }]) => Properties.Name);
    expect(names.sort()).toEqual(
      found
        .map(([, named]) => named)
        .filter((named) => !named.startsWith("Events-"))
        .sort(),
    );
  });

  it("a throttled index is an alarm, which the metrics of its table leave out", () => {
    const [, table] = one(stage(name).template, "AWS::DynamoDB::Table", "ViewsProducts");
    const indexes = (table.Properties.GlobalSecondaryIndexes as Json[]).map(({ IndexName }) => String(IndexName));
    expect(indexes).toHaveLength(8);
    for (const index of indexes) {
      const found = watched(alarms(name).get(`products-${index.replaceAll("_", "-")}-throttles`));
      const dimensions = `GlobalSecondaryIndexName=${index}, TableName=<ViewsProductsTable>`;
      expect(found.filter((line) => !line.startsWith("="))).toEqual([
        `AWS/DynamoDB ReadThrottleEvents Sum {${dimensions}}`,
        `AWS/DynamoDB WriteThrottleEvents Sum {${dimensions}}`,
      ]);
    }
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

it("the commands that are counted are those of the function", () => {
  const kinds = readFileSync(resolve(REPOSITORY, "commands/src/http/kind.rs"), "utf8");
  expect([...kinds.matchAll(/Self::\w+ => "([a-z]+)"/g)].map(([, name]) => name)).toEqual([...COMMANDS]);
  const noted = readFileSync(resolve(REPOSITORY, "commands/src/http/noted.rs"), "utf8");
  expect(noted).toContain('CommandOutcome::Written(commit) => ("recorded", commit)');
});

it("the contradictions that are counted are those of the sequencer", () => {
  const source = (file: string) => readFileSync(resolve(REPOSITORY, "sequencer/src", file), "utf8");
  const labels = (text: string | undefined) =>
    [...(text ?? "").matchAll(/=> (?:\{\s*)?"([a-z]+)"/g)].map(([, kind]) => kind);
  const kinds = /fn kind\(&self\)[^]*?\n    \}/.exec(source("failure.rs"))?.[0];
  const ofProduct = /fn label\(&self\)[^]*?\n    \}/.exec(source("due.rs"))?.[0];
  const direct = ["round.rs", "keeper.rs"].flatMap((file) => [
    ...source(file).matchAll(/LOG_CONFLICTS\.name, "kind" => "([a-z]+)"|is_conflict\(\) => Some\("([a-z]+)"\)/g),
  ]);
  const others = direct.map(([, counted, named]) => counted ?? named);
  expect(new Set([...labels(kinds), ...others])).toEqual(new Set(CONFLICTS.ofLog));
  expect(labels(ofProduct).sort()).toEqual([...CONFLICTS.ofProduct].sort());
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
