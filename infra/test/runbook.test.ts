// The operator's policies allow exactly the commands that the operations page gives to operators. The page is read: a command
// that is new there needs a row in its table and its actions here.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY } from "../lib/repository.ts";
import { covers, statements } from "./policies.ts";
import { one, STAGES, stage } from "./synth.ts";

/** The page without its one block of settings, whose quotes are others. */
const PAGE = readFileSync(resolve(REPOSITORY, "docs/operations.md"), "utf8").replace(/^```[^]*?^```$/gm, "");

/** `aws sqs purge-queue`, `ledger verify`: the command without its arguments. */
const COMMAND = /^(?:[A-Z_]+=\S+ )?(aws [a-z0-9-]+ [a-z0-9-]+|ledger log [a-z-]+|ledger [a-z]+)\b/;
const commandsIn = (text: string) =>
  [...text.matchAll(/`([^`]+)`/g)].flatMap(([, span]) => COMMAND.exec((span ?? "").replace(/\s+/g, " "))?.[1] ?? []);

/** The rows of the table, and the page without them. */
const ROWS = [...PAGE.matchAll(/^\| (operator|break-glass|administrator)[^|]*\| ([^|]+) \|$/gm)];
const of = (role: string) => commandsIn(ROWS.find(([, name]) => name === role)?.[2] ?? "");
const OTHERWISE = ROWS.reduce((page, [row]) => page.replace(row, ""), PAGE);

const READING = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "kms:Decrypt", "kms:DescribeKey"];
const WRITING = [
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
];
const PUBLISHING = ["events:PutEvents", "events:DescribeEventBus"];
const CHANGING = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"].map((action) => `dynamodb:${action}`);

/** The actions that each command needs. */
const ACTIONS: Record<string, readonly string[]> = {
  "ledger export": READING,
  "ledger verify": [...READING, "s3:GetObject", "s3:ListBucket"],
  "ledger log key": ["dynamodb:Query", "kms:Decrypt"],
  "ledger log accept-restore": [
    ...["Query", "PartiQLInsert", "UpdateItem", "DeleteItem"].map((action) => `dynamodb:${action}`),
    "s3:GetObject",
  ],
  "ledger log restore": [...["Query", "Scan", "PartiQLInsert"].map((action) => `dynamodb:${action}`), "s3:GetObject"],
  "ledger parked": [...READING, ...WRITING, ...PUBLISHING, ...CHANGING],
  "ledger reconcile": [...READING, ...WRITING, ...PUBLISHING, ...CHANGING],
  "ledger rebuild": [...READING, ...WRITING, "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
  "ledger replay": [...READING, ...PUBLISHING],
  "aws cloudformation describe-stacks": ["cloudformation:DescribeStacks"],
  "aws cloudformation list-stack-resources": ["cloudformation:ListStackResources"],
  "aws cloudwatch describe-alarms": ["cloudwatch:DescribeAlarms"],
  "aws cloudtrail lookup-events": ["cloudtrail:LookupEvents"],
  "aws lambda list-event-source-mappings": ["lambda:ListEventSourceMappings"],
  "aws dynamodb describe-table": ["dynamodb:DescribeTable"],
  "aws dynamodb describe-continuous-backups": ["dynamodb:DescribeContinuousBackups"],
  "aws dynamodb get-resource-policy": ["dynamodb:GetResourcePolicy"],
  "aws events describe-event-bus": ["events:DescribeEventBus"],
  "aws eventsv2 describe-event-bus": ["events:DescribeEventBus"],
  "aws scheduler list-schedules": ["scheduler:ListSchedules"],
  "aws logs tail": ["logs:FilterLogEvents", "kms:Decrypt"],
  "aws sqs receive-message": ["sqs:ReceiveMessage", "kms:Decrypt"],
  "aws sqs purge-queue": ["sqs:PurgeQueue"],
  // As SQS documents it: on the source, and on the queue that the messages go to.
  "aws sqs start-message-move-task": [
    "sqs:StartMessageMoveTask",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:SendMessage",
    "kms:Decrypt",
    "kms:GenerateDataKey",
  ],
  "aws events start-replay": ["events:StartReplay"],
  "aws events describe-replay": ["events:DescribeReplay"],
  "aws dynamodb get-item": ["dynamodb:GetItem"],
  "aws dynamodb put-item": ["dynamodb:PutItem"],
  "aws kms enable-key": ["kms:EnableKey"],
  "aws kms cancel-key-deletion": ["kms:CancelKeyDeletion"],
};

/** The actions that a policy or a role has, by the beginning of its logical id. */
function allowed(name: (typeof STAGES)[number], ...ids: string[]): string[] {
  const held = statements(stage(name).template).filter(
    ({ on, roles, effect }) =>
      effect === "Allow" && ids.some((id) => on.startsWith(id) || roles.some((role) => role.startsWith(id))),
  );
  return [...new Set(held.flatMap(({ actions }) => actions))].filter((action) => action !== "sts:AssumeRole").sort();
}

describe("the table of the page", () => {
  it("has every command of the page once, and no other", () => {
    const listed = ["operator", "break-glass", "administrator"].flatMap(of);
    expect(listed.length).toBeGreaterThan(20);
    expect(new Set(listed).size).toBe(listed.length);
    // What runs on a data directory, or asks a server, needs no permission.
    const local = new Set([
      "ledger restore",
      "ledger log new",
      "ledger log verify",
      "ledger log rotate-key",
      "ledger serve",
    ]);
    const used = new Set(commandsIn(OTHERWISE).filter((command) => !local.has(command)));
    expect([...used].sort()).toEqual(listed.sort());
  });
});

describe.each(STAGES)("%s", (name) => {
  it("the operator's policies allow what the operator's commands need, and nothing else", () => {
    const needed = new Set(of("operator").flatMap((command) => ACTIONS[command] ?? [`${command} is not listed here`]));
    expect(allowed(name, "PeopleOperator", "PeopleRunbook")).toEqual([...needed].sort());
  });

  it("the break-glass role may run its commands", () => {
    const held = allowed(name, "BreakGlassRole");
    for (const command of of("break-glass")) {
      for (const action of ACTIONS[command] ?? [`${command} is not listed here`]) {
        expect(held, command).toContain(action);
      }
    }
  });

  it("no operator may do what is left to administrators", () => {
    const held = allowed(name, "PeopleOperator", "PeopleRunbook");
    const verb = (word: string) => word.replace(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
    for (const command of of("administrator")) {
      const [, service = "", words = ""] = command.split(" ");
      const action = `${service === "stepfunctions" ? "states" : service}:${verb(words)}`;
      expect(
        held.filter((pattern) => covers(pattern, action)),
        command,
      ).toEqual([]);
    }
  });
});

it("both policies are there", () => {
  for (const id of ["PeopleOperator", "PeopleRunbook"]) {
    expect(one(stage("production").template, "AWS::IAM::ManagedPolicy", id)[1].Properties.PolicyDocument).toBeDefined();
  }
});
