// The stack of the sample subscribers: there only where it is asked for, with every promise of the construct: what it may do, what happens to
// what it cannot take, and its alarms.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { REPOSITORY } from "../lib/repository.ts";
import { grants, short } from "./policies.ts";
import {
  type Json,
  ofType,
  one,
  type Resource,
  stage,
  synthesize,
  type Synthesized,
  type Template,
  text,
} from "./synth.ts";

const LANGUAGES = ["python", "typescript", "rust"];
let made: Synthesized;
let template: Template;
beforeAll(() => {
  made = synthesize("production", { samples: LANGUAGES.join(","), samplesBuilt: "infra/placeholder/none" });
  template = JSON.parse(readFileSync(resolve(made.directory, "samples.template.json"), "utf8")) as Template;
}, 300_000);

const of = (type: string, start: string) => one(template, type, start)[1].Properties;
const roleOf = (language: string, name: string) => one(template, "AWS::IAM::Role", `${language}${name}`)[0];
const on = (resource: string, ...actions: string[]) => actions.map((action) => `${action} on ${resource}`);
const via = (service: string, ...actions: string[]) =>
  actions.map((action) => `kms:${action} on <Key.Arn> if kms:ViaService=${service}.<AWS::Region>.amazonaws.com`);

it("there is none unless languages are named, and its ledger is as without it", () => {
  expect(Object.keys(stage("production").manifest.artifacts as Json)).not.toContain("samples");
  expect(made.template).toEqual(stage("production").template);
  expect(() => synthesize("dev", { samples: "python", bus: "fifo" })).toThrow("a FIFO bus has none");
  expect(() => synthesize("dev", { samples: "python,cobol" })).toThrow(
    "samples=python,cobol: choose of python, typescript, rust",
  );
});

it("passes all packs, with warnings only for what is not built and alarms that nobody gets", () => {
  const rules = made.report.pluginReports.flatMap(({ violations }) => violations.map(({ ruleName }) => ruleName));
  expect(rules.filter((rule) => !/^Annotation::ledger:(not-built-|nobody-is-notified)/.test(rule))).toEqual([]);
  expect(rules).toEqual(
    expect.arrayContaining(
      ["python", "typescript", "price-list"].map((name) => `Annotation::ledger:not-built-${name}`),
    ),
  );
});

describe.each(LANGUAGES)("%s", (language) => {
  it("gets every event of the ledger, and no rule of it has a name of the ledger's own", () => {
    const rule = of("AWS::Events::Rule", language);
    expect([rule.EventBusName, rule.Name]).toEqual(["product-ledger-production", `price-lists-production-${language}`]);
    expect(rule.EventPattern).toEqual({ source: ["product-ledger.products"] });
    const [target] = rule.Targets as Json[];
    expect(short(text((target?.DeadLetterConfig as Json).Arn))).toBe(`<${language}DeadLettersQueue.Arn>`);
  });

  it("a failed message alone comes again, five times, and then is a dead letter", () => {
    const mapping = of("AWS::Lambda::EventSourceMapping", language);
    expect(mapping).toMatchObject({
      BatchSize: 10,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      ScalingConfig: { MaximumConcurrency: 5 },
    });
    const queue = of("AWS::SQS::Queue", `${language}Queue`);
    expect((queue.RedrivePolicy as Json).maxReceiveCount).toBe(5);
    const receive = of("AWS::Lambda::Function", `${language}receive`);
    expect(queue.VisibilityTimeout).toBe(6 * Number(receive.Timeout));
  });

  it("catches up on a schedule, and a call ends before the next begins", () => {
    const schedule = of("AWS::Scheduler::Schedule", language);
    expect(schedule.ScheduleExpression).toBe("rate(15 minutes)");
    expect(of("AWS::Lambda::Function", `${language}catchup`).Timeout).toBe(14 * 60);
    expect(short(text((schedule.Target as Json).Arn))).toBe(`<${language}catchup.Arn>`);
  });

  it("may do exactly this", () => {
    const shared = (name: string) => [
      ...on("<Credentials>", "secretsmanager:GetSecretValue"),
      ...on(`<${language}Inbox.Arn>`, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
      ...on(`<${language}Prices.Arn>`, "dynamodb:PutItem", "dynamodb:DeleteItem"),
      ...on(`<${language}${name}logs.Arn>`, "logs:CreateLogStream", "logs:PutLogEvents"),
      ...on("*", "xray:PutTelemetryRecords", "xray:PutTraceSegments"),
      ...via("dynamodb", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"),
      ...via("dynamodb", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"),
    ];
    expect(grants(template, roleOf(language, "receiverole"))).toEqual(
      [
        ...shared("receive"),
        ...on(`<${language}Queue.Arn>`, "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
        ...via("sqs", "Decrypt"),
      ].sort(),
    );
    expect(grants(template, roleOf(language, "catchuprole"))).toEqual(
      [
        ...shared("catchup"),
        ...on(`<${language}Inbox.Arn>`, "dynamodb:DeleteItem", "dynamodb:Query"),
        ...on(`<${language}DeadLettersQueue.Arn>`, "sqs:SendMessage"),
        ...via("sqs", "Decrypt", "GenerateDataKey"),
      ].sort(),
    );
    expect(grants(template, roleOf(language, "Scheduler"))).toEqual(
      [
        ...on(`<${language}catchup.Arn>`, "lambda:InvokeFunction"),
        ...on(`<${language}DeadLettersQueue.Arn>`, "sqs:SendMessage"),
        ...via("sqs", "Decrypt", "GenerateDataKey"),
      ].sort(),
    );
  });

  it("keeps its tables as the ledger keeps its own", () => {
    for (const table of ["Inbox", "Prices"]) {
      const [, resource] = one(template, "AWS::DynamoDB::Table", `${language}${table}`);
      expect(resource.DeletionPolicy).toBe("RetainExceptOnCreate");
      expect(resource.Properties).toMatchObject({
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        SSESpecification: { SSEEnabled: true, SSEType: "KMS" },
      });
    }
    expect(of("AWS::DynamoDB::Table", `${language}Inbox`).TimeToLiveSpecification).toEqual({
      AttributeName: "expires",
      Enabled: true,
    });
  });

  it("every alarm notifies the topic and is on the page, and the page has no other", () => {
    const page = readFileSync(resolve(REPOSITORY, "docs/subscribing.md"), "utf8");
    const documented = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name).sort();
    const prefix = `price-lists-production-${language}-`;
    const alarms = ofType(template, "AWS::CloudWatch::Alarm").filter(([, { Properties }]) =>
      String(Properties.AlarmName).startsWith(prefix),
    );
    expect(alarms.map(([, { Properties }]) => String(Properties.AlarmName).slice(prefix.length)).sort()).toEqual(
      documented,
    );
    const [topic] = one(template, "AWS::SNS::Topic", "Topic");
    for (const [, { Properties }] of alarms) {
      const name = String(Properties.AlarmName).slice(prefix.length);
      expect(Properties.AlarmActions).toEqual([{ Ref: topic }]);
      expect(Properties.AlarmDescription).toBe(`What to do: docs/subscribing.md, ${name}`);
      expect(Properties.TreatMissingData).toBe(name === "not-caught-up" ? "breaching" : "notBreaching");
      expect(metrics(Properties).length, name).toBeGreaterThan(0);
    }
  });

  it("the alarms watch metrics that the functions write", () => {
    const sources = {
      python: "python/price_list.py",
      typescript: "typescript/src/price-list.ts",
      rust: "rust/src/main.rs",
    };
    const source = sources[language as keyof typeof sources];
    const code = readFileSync(resolve(REPOSITORY, "subscriber/samples", source), "utf8");
    const own = ofType(template, "AWS::CloudWatch::Alarm").filter(
      ([, { Properties }]) => Properties.Namespace === "Subscribers",
    );
    expect(own.length).toBe(2 * LANGUAGES.length);
    for (const [, { Properties }] of own) {
      expect(code).toContain(`"${String(Properties.MetricName)}"`);
    }
    const { Variables } = of("AWS::Lambda::Function", `${language}catchup`).Environment as { Variables: Json };
    const [namespace, service] =
      language === "rust"
        ? ["METRICS_NAMESPACE", "SERVICE_NAME"]
        : ["POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME"];
    expect([Variables[namespace], Variables[service]]).toEqual(["Subscribers", language]);
    for (const name of Object.keys(Variables).filter((name) => !name.startsWith("POWERTOOLS_"))) {
      expect(code).toContain(`"${name}"`);
    }
  });
});

/** The names of the metrics of an alarm. */
function metrics(alarm: Resource["Properties"]): string[] {
  const queries = (alarm.Metrics as { MetricStat?: { Metric: Json } }[] | undefined) ?? [
    { MetricStat: { Metric: alarm } },
  ];
  return queries.flatMap(({ MetricStat }) => (MetricStat ? [String(MetricStat.Metric.MetricName)] : []));
}
