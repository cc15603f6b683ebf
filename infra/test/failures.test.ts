// Failures: every retry is bounded in time, and whatever is given up goes to a queue.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY } from "../lib/repository.ts";
import { short, statements } from "./policies.ts";
import { type Json, ledgerFunctions, ofType, one, STAGES, stage, text } from "./synth.ts";

const CONSUMERS = ["Projector", "Publisher", "Sequencer"] as const;

describe.each(STAGES)("%s", (name) => {
  const { template } = stage(name);

  it.each(CONSUMERS)("the stream's mapping to the %s loses and reorders nothing", (consumer) => {
    const [, mapping] = one(template, "AWS::Lambda::EventSourceMapping", consumer);
    const { DestinationConfig, EventSourceArn, FunctionName, ...rest } = mapping.Properties;
    expect(rest).toEqual({
      StartingPosition: "TRIM_HORIZON",
      ParallelizationFactor: 1,
      BatchSize: 100,
      // Of the sequencer the least time between two checkpoints.
      MaximumBatchingWindowInSeconds: consumer === "Sequencer" ? 10 : 1,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      BisectBatchOnFunctionError: true,
      // Without a limit of attempts: a hundred of them take minutes, not the twelve hours.
      MaximumRetryAttempts: -1,
      MaximumRecordAgeInSeconds: 43_200,
      MetricsConfig: { Metrics: ["EventCount"] },
      Tags: expect.anything(),
    });
    const table = consumer === "Sequencer" ? "LogFeedItemsTable" : "EventTableEventsTable";
    expect(short(text(EventSourceArn))).toBe(`<${table}.StreamArn>`);
    expect(JSON.stringify(FunctionName)).toMatch(new RegExp(`"${consumer}ConsumerFunctionLive[0-9A-F]{8}".*":live"`));
    const { OnFailure } = DestinationConfig as { OnFailure: { Destination: unknown } };
    expect(short(text(OnFailure.Destination))).toBe(`<${consumer}ConsumerDeadLettersQueue.Arn>`);
  });

  it("the event table's stream has two readers and no third, which it would throttle", () => {
    const sources = ofType(template, "AWS::Lambda::EventSourceMapping").map(([, { Properties }]) =>
      short(text(Properties.EventSourceArn)),
    );
    expect(sources.filter((source) => source.startsWith("<EventTable"))).toHaveLength(2);
    expect(sources).toHaveLength(CONSUMERS.length);
  });

  it.each(CONSUMERS)("an asynchronous invocation of the %s is not repeated and leaves a dead letter", (consumer) => {
    const [, config] = one(template, "AWS::Lambda::EventInvokeConfig", consumer);
    const { DestinationConfig, ...rest } = config.Properties;
    expect(rest).toMatchObject({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 });
    expect(JSON.stringify(rest.Qualifier)).toContain(`"${consumer}ConsumerFunctionLive`);
    const { OnFailure } = DestinationConfig as { OnFailure: { Destination: unknown } };
    expect(short(text(OnFailure.Destination))).toBe(`<${consumer}ConsumerDeadLettersQueue.Arn>`);
  });

  it.each([
    [
      "every minute all consumers are sent the one event for parked products",
      "1 minute",
      "retry-parked",
      "RetryParked",
    ],
    ["every five minutes all are sent the one event of the reconcile", "5 minutes", "reconcile", "Reconcile"],
  ])("%s", (_, rate, file, type) => {
    const event = JSON.parse(readFileSync(resolve(REPOSITORY, `infra/lib/${file}.json`), "utf8"));
    expect(event).toEqual({ source: "ledger.schedule", "detail-type": type });
    const schedules = ofType(template, "AWS::Scheduler::Schedule").filter(
      ([id, { Properties }]) => id.startsWith("RetrySchedule") && Properties.ScheduleExpression === `rate(${rate})`,
    );
    const found = schedules.map(([, { Properties }]) => {
      const target = Properties.Target as Json;
      expect(Properties.State ?? "ENABLED").toBe("ENABLED");
      expect(JSON.parse(String(target.Input))).toEqual(event);
      expect(target.RetryPolicy).toEqual({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 });
      expect(short(text((target.DeadLetterConfig as Json).Arn))).toBe("<RetryScheduleDeadLettersQueue.Arn>");
      expect(short(text(target.RoleArn))).toBe("<RetryScheduleRole.Arn>");
      return short(text(target.Arn));
    });
    expect(found.sort()).toEqual(CONSUMERS.map((consumer) => `<${consumer}ConsumerFunctionLive>`));
  });

  it("a consumer may work for a minute, the API functions for less than API Gateway waits", () => {
    const timeouts = ledgerFunctions(template).map(([id, { Properties }]) => [
      id.replace(/(Consumer)?Function.*/, ""),
      Properties.Timeout,
    ]);
    expect(Object.fromEntries(timeouts)).toEqual({
      CommandApi: 15,
      QueryApi: 28,
      Projector: 60,
      Publisher: 60,
      Sequencer: 60,
    });
  });

  it("every rule has a dead-letter queue that lets that rule send and nobody else", () => {
    for (const [id, rule] of ofType(template, "AWS::Events::Rule")) {
      const [target, ...others] = rule.Properties.Targets as Json[];
      expect(others).toEqual([]);
      const queue = text(((target?.DeadLetterConfig ?? {}) as Json).Arn);
      const allowed = statements(template).filter((found) => found.effect === "Allow" && found.resources[0] === queue);
      const ownQueue = id.startsWith("Backups");
      const bySender = allowed.filter(
        (found) =>
          found.type === "AWS::SQS::QueuePolicy" && (!ownQueue || JSON.stringify(found.condition).includes(id)),
      );
      expect(bySender.map(({ actions, condition }) => [actions, condition])).toEqual([
        [["sqs:SendMessage"], { ArnEquals: { "aws:SourceArn": { "Fn::GetAtt": [id, "Arn"] } } }],
      ]);
    }
  });

  it("the bus may send what it cannot encrypt or decrypt to its queue", () => {
    const [bus] = one(template, "AWS::Events::EventBus", "Bus");
    const allowed = statements(template).filter(
      ({ on, effect }) => on.startsWith("BusDeadLettersQueuePolicy") && effect === "Allow",
    );
    expect(allowed.map(({ actions, condition }) => [actions, condition])).toEqual([
      [["sqs:SendMessage"], { ArnEquals: { "aws:SourceArn": { "Fn::GetAtt": [bus, "Arn"] } } }],
    ]);
  });

  it("the subscriber's queue gives up a message after five receives, to a queue for dead letters", () => {
    const [, queue] = one(template, "AWS::SQS::Queue", "SubscriberQueue");
    const redrive = queue.Properties.RedrivePolicy as Json;
    expect(redrive.maxReceiveCount).toBe(5);
    expect(short(text(redrive.deadLetterTargetArn))).toBe("<SubscriberDeadLettersQueue.Arn>");
    const [, rule] = one(template, "AWS::Events::Rule", "SubscriberPriceChanges");
    expect(rule.Properties.EventPattern).toEqual({
      source: ["product-ledger.products"],
      "detail-type": ["PRODUCT_PRICE_CHANGED"],
    });
  });

  it("every queue keeps messages for two weeks", () => {
    for (const [, queue] of ofType(template, "AWS::SQS::Queue")) {
      expect(queue.Properties.MessageRetentionPeriod).toBe(1_209_600);
    }
  });
});
