// The stack with a FIFO bus: what differs from that with a classic one, resource by resource, and that every grant is for that bus.

import { rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { granted, grants, short } from "./policies.ts";
import { CONFIGURED, type Json, list, ofType, one, type Resource, STAGES, stage, synthesize, text } from "./synth.ts";

const SYNTHESIZED = {
  dev: synthesize("dev", { bus: "fifo" }),
  production: synthesize("production", { bus: "fifo" }),
  configured: synthesize("production", { ...CONFIGURED, bus: "fifo" }),
};
afterAll(() => {
  for (const { directory } of Object.values(SYNTHESIZED)) {
    rmSync(directory, { recursive: true });
  }
});

const BUS = "<BusFifoBus.EventBusArn>";
const on = (resource: string, ...actions: string[]) => actions.map((action) => `${action} on ${resource}`);
const here = (service: string, rest: string) =>
  `arn:<AWS::Partition>:${service}:<AWS::Region>:<AWS::AccountId>:${rest}`;
const decrypt = (stack: string) =>
  `kms:Decrypt on <Key.Arn> if kms:ViaService=events.<AWS::Region>.amazonaws.com and ` +
  `kms:EncryptionContext:aws:events:event-busv2:arn=${here("events", `event-busv2/${stack}/*`)}`;

describe.each(STAGES)("%s", (name) => {
  const stack = `product-ledger-${name}`;
  const { template, report } = SYNTHESIZED[name];
  const role = (start: string) => grants(template, one(template, "AWS::IAM::Role", start)[0]);

  it("passes all packs", () => {
    for (const { pluginName, violations } of report.pluginReports) {
      const found = violations.filter(({ ruleName }) => !ruleName.startsWith("Annotation::ledger:"));
      expect(found, pluginName).toEqual([]);
    }
  });

  it("has one bus, which keeps events as long as an archive would, under the ledger's key, and no classic one", () => {
    expect(
      ["EventBus", "Archive", "EventBusPolicy"].flatMap((type) => ofType(template, `AWS::Events::${type}`)),
    ).toEqual([]);
    const [, bus] = one(template, "AWS::EventsV2::EventBus", "Bus");
    const { KmsKeyIdentifier } = bus.Properties.EncryptionConfiguration as Json;
    expect([bus.Properties.Name, short(text(KmsKeyIdentifier)), bus.Properties.StorageConfiguration]).toEqual([
      stack,
      "<Key.Arn>",
      { RetentionPeriodInDays: name === "production" ? 365 : 7 },
    ]);
    expect(bus.DeletionPolicy).toBe(name === "production" ? "RetainExceptOnCreate" : "Delete");
  });

  it("the publisher is told the ARN of the bus and its kind, and may publish there and nowhere else", () => {
    const [, publisher] = one(template, "AWS::Lambda::Function", "Publisher");
    const { Variables } = publisher.Properties.Environment as { Variables: Json };
    expect([short(text(Variables.LEDGER_EVENT_BUS)), Variables.LEDGER_EVENT_BUS_KIND]).toEqual([BUS, "fifo"]);
    const told = Object.keys(template.Outputs).filter((output) => output.startsWith("bus"));
    expect(told.map((output) => template.Outputs[output]?.Description)).toEqual([
      "LEDGER_EVENT_BUS",
      "LEDGER_EVENT_BUS_KIND",
    ]);
    const ofEvents = role("Publisher").filter((grant) => /^events:|event-busv2/.test(grant));
    expect(ofEvents).toEqual([
      `events:DescribeEventBus on ${BUS}`,
      `events:PutEvents on ${BUS} if events:source=product-ledger.products`,
      decrypt(stack),
    ]);
  });

  it("the example subscriber gets the events of a product in order in a queue that keeps it", () => {
    const [, { Properties }] = one(template, "AWS::EventsV2::Subscriber", "Subscriber");
    const { TargetArn, SqsParameters } = Properties.InvokeConfiguration as Json;
    expect([Properties.Name, Properties.Type, short(text(TargetArn))]).toEqual([
      `${stack}-subscriber`,
      "FIFO",
      "<SubscriberQueue.Arn>",
    ]);
    expect(SqsParameters).toEqual({
      MessageGroupId: "{% $events.SystemMetadata.EventGroupId %}",
      MessageDeduplicationId: "{% $events.SystemMetadata.DeduplicationId %}",
    });
    expect(Properties.FilterConfiguration).toEqual({
      Filters: [{ Scope: "DATA", Pattern: '{"source":["product-ledger.products"]}' }],
    });
    expect([Properties.StartingPosition, Properties.PointInTimeConfiguration]).toEqual([
      "POINT_IN_TIME",
      { PointType: "HORIZON" },
    ]);
    const queues = ofType(template, "AWS::SQS::Queue").filter(([id]) => id.startsWith("Subscriber"));
    expect(queues.map(([id]) => short(`<${id}>`)).sort()).toEqual([
      "<SubscriberDeadLettersQueue>",
      "<SubscriberQueue>",
      "<SubscriberUndeliveredQueue>",
    ]);
    for (const [id, queue] of queues) {
      expect(queue.Properties, id).toMatchObject({
        FifoQueue: true,
        DeduplicationScope: "messageGroup",
        FifoThroughputLimit: "perMessageGroupId",
      });
    }
  });

  it("every subscriber is waited for by the next, retries for a day, and keeps a record of what it gives up", () => {
    const subscribers = ofType(template, "AWS::EventsV2::Subscriber");
    expect(subscribers.length).toBe(name === "dev" ? 2 : 1);
    for (const [id, { Properties }] of subscribers) {
      expect(Properties.RetryPolicy, id).toEqual({ MaxRetryAttempts: 185, MaxEventAgeInSeconds: 86_400 });
      expect(text((Properties.OnFailureConfiguration as Json).Arn), id).toMatch(/Undelivered|InterceptDeadLetters/);
    }
    const waits = ([id]: [string, Resource], [, after]: [string, Resource]) =>
      list((after as Waiting).DependsOn).includes(id);
    const [first, second] = subscribers;
    expect(!first || !second || waits(first, second) || waits(second, first)).toBe(true);
  });

  it("each role of a delivery is for subscribers of that name in this account, and sends to its two queues alone", () => {
    const [id, delivery] = one(template, "AWS::IAM::Role", "SubscriberEventsDelivery");
    const { Statement } = delivery.Properties.AssumeRolePolicyDocument as { Statement: Json[] };
    expect(Statement).toMatchObject([{ Principal: { Service: "events.amazonaws.com" } }]);
    const conditions = Statement[0]?.Condition as Record<string, Json>;
    expect(text(conditions.StringEquals?.["aws:SourceAccount"])).toBe("<AWS::AccountId>");
    expect(text(conditions.ArnLike?.["aws:SourceArn"])).toBe(here("events", `subscriber/${stack}-subscriber/*`));
    const sends = grants(template, id).filter((grant) => grant.startsWith("sqs:"));
    expect(sends).toEqual([
      "sqs:SendMessage on <SubscriberQueue.Arn>",
      "sqs:SendMessage on <SubscriberUndeliveredQueue.Arn>",
    ]);
  });

  it("EventBridge may use the key for this bus and for queues, and for no other bus", () => {
    const [, key] = one(template, "AWS::KMS::Key", "Key");
    const { Statement } = key.Properties.KeyPolicy as { Statement: Json[] };
    const ofEvents = Statement.filter(({ Principal }) => (Principal as Json).Service === "events.amazonaws.com");
    expect(ofEvents.map(({ Sid, Action }) => [Sid, list(Action as string[]).sort()])).toEqual([
      [
        "FifoBusOfThisStack",
        ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"],
      ],
      ["DeliveriesToQueues", ["kms:Decrypt", "kms:GenerateDataKey"]],
    ]);
    const { StringLike } = ofEvents[0]?.Condition as { StringLike: Json };
    expect(text(StringLike["kms:EncryptionContext:aws:events:event-busv2:arn"])).toBe(
      here("events", `event-busv2/${stack}/*`),
    );
  });

  it("events that a subscriber drops or gives up are an alarm", () => {
    const alarms = ofType(template, "AWS::CloudWatch::Alarm").map(([, { Properties }]) => Properties);
    const delivery = alarms.find(({ AlarmName }) => AlarmName === `${stack}-subscriber-delivery`);
    const metrics = (delivery?.Metrics as { MetricStat?: { Metric: Json } }[]).flatMap(({ MetricStat }) =>
      MetricStat ? [MetricStat.Metric] : [],
    );
    expect(metrics.map(({ Namespace, MetricName }) => `${Namespace} ${MetricName}`)).toEqual(
      ["EventsDropped", "OnFailureDestinationDelivered", "OnFailureDestinationFailed"].map(
        (metric) => `AWS/EventsV2 ${metric}`,
      ),
    );
    for (const { Dimensions } of metrics) {
      expect((Dimensions as Json[]).map(({ Name, Value }) => `${Name}=${short(text(Value))}`)).toEqual([
        `EventBus=${BUS}`,
        "Subscriber=<SubscriberEvents.SubscriberArn>",
      ]);
    }
    const names = alarms.map(({ AlarmName }) => String(AlarmName).replace(`${stack}-`, ""));
    expect(names).toContain("subscriber-undelivered-dead-letters");
    expect(names.filter((alarm) => /^(archive|bus)-/.test(alarm))).toEqual(["bus-missing"]);
  });

  it("people of this account may make subscribers, and change none of the ledger's", () => {
    const [policy] = one(template, "AWS::IAM::ManagedPolicy", "Subscribers");
    const own = [
      "events:CreateSubscriber",
      "events:DeleteSubscriber",
      "events:DescribeSubscriber",
      "events:UpdateSubscriber",
    ];
    const schemas = ["schemas:DescribeSchema", "schemas:ExportSchema", "schemas:ListSchemas"].flatMap((action) => [
      `${action} on ${here("schemas", `registry/${stack}`)}`,
      `${action} on ${here("schemas", `schema/${stack}/*`)}`,
    ]);
    expect(granted(template, policy)).toEqual(
      [
        ...on(here("events", "subscriber/*"), ...own),
        ...on(
          here("events", `subscriber/${stack}-*`),
          "events:CreateSubscriber",
          "events:DeleteSubscriber",
          "events:UpdateSubscriber",
        ).map((line) => `Deny ${line}`),
        ...on(BUS, "events:CreateSubscriber", "events:DescribeEventBus"),
        ...on("*", "events:ListSubscribers"),
        ...schemas,
        decrypt(stack),
      ].sort(),
    );
    const [operator] = one(template, "AWS::IAM::ManagedPolicy", "PeopleOperator");
    expect(granted(template, operator).filter((grant) => /^events:|event-busv2/.test(grant))).toEqual([
      `events:DescribeEventBus on ${BUS}`,
      `events:PutEvents on ${BUS}`,
      decrypt(stack),
    ]);
  });

  it("what differs from a classic bus is as before", async () => {
    const classic = stage(name).template.Resources;
    const differs = ([id, resource]: [string, Resource]) =>
      resource.Type !== "AWS::CloudWatch::Dashboard" && JSON.stringify(classic[id]) !== JSON.stringify(resource);
    const changed = Object.fromEntries(Object.entries(template.Resources).filter(differs));
    const gone = Object.keys(classic).filter((id) => !(id in template.Resources));
    const said = JSON.stringify({ gone, changed }, null, 1).replace(/"[0-9a-f]{64}\.zip"/g, '"<hash>.zip"');
    await expect(`${said}\n`).toMatchFileSnapshot(`__snapshots__/${name}.fifo.json`);
  });
});

interface Waiting extends Resource {
  readonly DependsOn?: string | readonly string[];
}

it("each account of the setting may make subscribers, and put no event", () => {
  const { template } = SYNTHESIZED.configured;
  const [, { Properties }] = one(template, "AWS::EventsV2::ResourcePolicy", "Subscribers");
  const { Statement } = Properties.PolicyDocument as { Statement: Json[] };
  expect(
    Statement.map(({ Principal, Action, Resource }) => [text((Principal as Json).AWS), Action, short(text(Resource))]),
  ).toEqual(
    ["111111111111", "222222222222"].map((account) => [
      `arn:<AWS::Partition>:iam::${account}:root`,
      ["events:CreateSubscriber", "events:UpdateSubscriber", "events:DescribeEventBus"],
      BUS,
    ]),
  );
  for (const { template } of [SYNTHESIZED.dev, SYNTHESIZED.production]) {
    expect(ofType(template, "AWS::EventsV2::ResourcePolicy")).toEqual([]);
  }
});

it("the entries of a request are a setting", () => {
  const { template, directory } = synthesize("dev", { bus: "fifo" }, { busEntries: 100 });
  const [, publisher] = one(template, "AWS::Lambda::Function", "Publisher");
  expect((publisher.Properties.Environment as { Variables: Json }).Variables.LEDGER_EVENT_BUS_ENTRIES).toBe("100");
  rmSync(directory, { recursive: true });
});

it("a wrong kind of bus is an error that names the right ones", () => {
  expect(() => synthesize("dev", { bus: "standard" })).toThrow("bus=standard: choose one of classic, fifo");
});
