// The bill of one month at a rate of commands: measured units and settings of production, times assumptions and prices.

import { readJson } from "../lib/repository.ts";
import { ORDERS, settingsOf } from "../lib/settings.ts";
import {
  BYTES,
  COMPRESSED,
  GB,
  KEY_REQUESTS,
  LOOKUPS,
  MANAGEMENT_EVENTS,
  MILLIS,
  MONTH,
  PRODUCTS,
  PEOPLE,
  QUESTIONS,
  RECONCILE,
  SECONDS_A_MONTH,
  SHARDS,
  TOKENS_A_CLIENT,
  TRACED,
  WRITES_A_SHARD,
} from "./assumptions.ts";
import { alarmedMetrics, countedMetrics, dashboards, firewallRules, keys } from "./counted.ts";
import { logged, logLines } from "./log.ts";
import { charge, type Priced } from "./prices.ts";

/** Requests, capacity units and lines of metrics, as a test of the functions' code counted them. */
export interface Spent {
  readonly requests: number;
  readonly read: number;
  readonly write: number;
  /** The units of the product view's table among them. */
  readonly products: number;
  readonly products_read: number;
  readonly lines: number;
}
interface Followed {
  readonly project: Spent;
  readonly publish: Spent;
}
/** The figures that depend on the maintained orders. */
export interface Changes {
  readonly "change the price": Followed & { readonly command: Spent };
  readonly "a full batch": Followed & { readonly records: number };
}
export interface Measured extends Changes {
  /** The same with only these two orders. */
  readonly "id,name": Changes;
  readonly get: Spent;
  readonly "list 100": Spent;
  readonly "look up 100": Spent;
  readonly "look up one": Spent;
  /** A round of the reconcile over so many products that lack nothing, and a run with nothing to do. */
  readonly reconcile: Followed & {
    readonly products: number;
    readonly idle: Followed;
    /** Series that every run writes, and those that are written in a round alone. */
    readonly series: number;
    readonly round_series: number;
  };
  readonly series: number;
}

export const MEASURED = readJson("infra/costs/measured.json") as Measured;
const settings = settingsOf("production");

/** One line of the bill. */
export interface Line {
  readonly service: string;
  readonly what: string;
  readonly priced: Priced;
  readonly quantity: number;
  readonly cost: number;
}

const KILO = 1024;

/** Batches of the stream: how many a second for one consumer, with how many records, from how many shards. */
export interface Batches {
  readonly shards: number;
  readonly records: number;
  readonly aSecond: number;
}

/** The batches of the event table's stream at a rate of commands. */
export function batches(rate: number): Batches {
  const writes = MEASURED["change the price"].command.write * rate;
  const shards = Math.max(SHARDS, Math.ceil(writes / WRITES_A_SHARD));
  const { batch, windowSeconds } = settings.mapping;
  const records = Math.min(batch, Math.max(1, (rate / shards) * windowSeconds));
  return { shards, records, aSecond: rate / records };
}

/** The cost of a record in batches of this size; its records share the fixed cost of a batch. */
export function share(
  part: "project" | "publish",
  unit: keyof Spent,
  records: number,
  kept: Changes = MEASURED,
): number {
  const one = kept["change the price"][part][unit];
  const { records: many, [part]: all } = kept["a full batch"];
  const record = (all[unit] - one) / (many - 1);
  return record + (one - record) / records;
}

/** Milliseconds of one invocation of a consumer. */
export function millis(consumer: "projector" | "publisher", records: number): number {
  return MILLIS[consumer].batch + MILLIS[consumer].record * records;
}

/** Every line of the bill of the twelfth month, at so many commands a second, all of them price changes. */
export function bill(rate: number, kept: Changes = MEASURED): Line[] {
  const commands = rate * SECONDS_A_MONTH;
  const stored = (commands * MONTH) / GB;
  const followed = batches(rate);
  const { records, aSecond } = followed;
  const { runs } = logged(rate, followed);
  const invocations = aSecond * SECONDS_A_MONTH;
  const { command } = kept["change the price"];
  const line = (service: string, what: string, priced: Priced, quantity: number): Line => ({
    service,
    what,
    priced,
    quantity,
    cost: charge(priced, quantity),
  });
  const seconds = (name: string, calls: number, memory: number, ms: number) =>
    line("Lambda", `${name}: duration`, "compute", (calls * ms * memory) / KILO / 1000);
  const each = (part: "project" | "publish", unit: keyof Spent) => share(part, unit, records, kept) * commands;
  const lines = each("project", "lines") + each("publish", "lines");
  const ingested = logs(commands, 2 * invocations + runs * SECONDS_A_MONTH, lines);
  return [
    line("API Gateway", "requests", "apiRequest", commands),
    line("API Gateway", "responses", "transfer", (commands * BYTES.answer) / GB),
    line("Lambda", "commands", "invocation", commands),
    seconds("commands", commands, settings.memory.api, MILLIS.command),
    line("Lambda", "projector and publisher", "invocation", 2 * invocations),
    seconds("projector", invocations, settings.memory.stream, millis("projector", records)),
    seconds("publisher", invocations, settings.memory.stream, millis("publisher", records)),
    line("DynamoDB", "commands: reads", "readUnit", command.read * commands),
    line("DynamoDB", "commands: writes", "writeUnit", command.write * commands),
    line("DynamoDB", "views: reads", "readUnit", each("project", "read")),
    line("DynamoDB", "views: writes, indexes included", "writeUnit", each("project", "write")),
    line("DynamoDB", "receipts: reads", "readUnit", each("publish", "read")),
    line("DynamoDB", "receipts: writes", "writeUnit", each("publish", "write")),
    ...reconcile(line, seconds),
    ...logLines(line, rate, followed),
    ...storage(line, stored, kept === MEASURED ? ORDERS.length : 2),
    line("EventBridge", "events", "event", commands),
    line("EventBridge", "archive, ingested", "archiving", (commands * BYTES.message) / GB),
    line("EventBridge", "archive, stored", "archive", stored * BYTES.message),
    line("SQS", "the example subscriber", "queueRequest", commands),
    line("CloudWatch", "logs and metrics, ingested", "logs", ingested / GB),
    line("CloudWatch", "logs, stored for a year", "logStorage", (ingested * MONTH * COMPRESSED) / GB),
    line("X-Ray", "traces", "trace", traces(rate, followed, runs)),
    line("WAF", "requests", "webRequest", commands),
    ...evidence(line, commands, stored),
    ...fixed(line),
  ];
}

/** Bytes of logs: of the gateway, of Lambda, of the functions, and their metrics. */
function logs(commands: number, invocations: number, lines: number): number {
  const { accessLine, logLine, platformLines, metricLine } = BYTES;
  const command = accessLine + logLine + platformLines + MEASURED["change the price"].command.lines * metricLine;
  const reconcile = 2 * RECONCILE.runs * platformLines + reconciled("lines") * metricLine;
  return commands * command + invocations * (logLine + platformLines) + lines * metricLine + reconcile;
}

/** Trail, backups and exports. Each command is one write to the event table. */
function evidence(line: MakeLine, commands: number, stored: number): Line[] {
  const { trail, backups } = settings;
  if (!trail || !backups) {
    throw new Error("production has a trail and backups");
  }
  const copied = stored * (BYTES.commit + BYTES.receipt);
  const copies = Math.ceil(backups.keepDays / 7);
  const managed = MANAGEMENT_EVENTS + QUESTIONS;
  const trailed = MONTH * (commands + managed) * BYTES.trailRecord;
  return [
    line(
      "CloudTrail",
      "writes to the event table",
      "dataEvents",
      commands * MEASURED["change the price"].command.write,
    ),
    line("CloudTrail", "management events of the account", "managementEvents", managed),
    line("CloudWatch", "log of the trail", "logs", (managed * BYTES.trailLine) / GB),
    line("S3", "records of the trail", "object", trailed / GB),
    line("AWS Backup", `backups: ${copies} copies of events and receipts`, "backup", copied * copies),
    line("DynamoDB", "exports of events and receipts", "export", (commands * (BYTES.commit + BYTES.receipt)) / GB),
    line("S3", "exports of a year", "object", copied),
  ];
}

/** What the reconcile of both consumers takes in a month: every product in each round, and runs with nothing to do. */
function reconciled(unit: keyof Spent): number {
  const { products, project, publish, idle } = MEASURED.reconcile;
  const inRound = ((project[unit] + publish[unit]) / products) * PRODUCTS;
  return inRound * RECONCILE.rounds + (idle.project[unit] + idle.publish[unit]) * RECONCILE.runs;
}

/** The reconcile of both consumers: a round a day, and runs with nothing to do. */
function reconcile(line: MakeLine, seconds: MakeDuration): Line[] {
  const { runs, rounds } = RECONCILE;
  const working = MILLIS.reconcile.run + (MILLIS.reconcile.product * PRODUCTS * rounds) / runs;
  return [
    line("Lambda", "reconcile", "invocation", 2 * runs),
    seconds("reconcile", 2 * runs, settings.memory.stream, working),
    line("DynamoDB", "reconcile: reads", "readUnit", reconciled("read")),
    line("DynamoDB", "reconcile: writes", "writeUnit", reconciled("write")),
  ];
}

type MakeDuration = (name: string, calls: number, memory: number, ms: number) => Line;
type MakeLine = (service: string, what: string, priced: Priced, quantity: number) => Line;

function storage(line: MakeLine, stored: number, indexes: number): Line[] {
  const recoverable = stored * (BYTES.commit + BYTES.receipt);
  const view = (PRODUCTS * (BYTES.product * (1 + indexes) + BYTES.lookup * LOOKUPS)) / GB;
  return [
    line("DynamoDB", "storage", "storage", recoverable + stored * BYTES.priceEntry + view),
    line("DynamoDB", "point-in-time recovery of events and receipts", "recovery", recoverable),
  ];
}

/** The fixed costs. */
function fixed(line: MakeLine): Line[] {
  const clients = settings.clients.length;
  return [
    line("CloudWatch", "metrics of the functions", "metric", series()),
    line("CloudWatch", "alarms", "alarmedMetric", alarmedMetrics()),
    line("CloudWatch", "dashboards", "dashboard", dashboards()),
    line("CloudWatch", "metrics of the trail", "metric", countedMetrics()),
    line("KMS", "the keys", "key", keys()),
    line("KMS", "requests", "keyRequest", KEY_REQUESTS),
    line("WAF", "the firewall", "webAcl", 1),
    line("WAF", "its rules", "webRule", firewallRules()),
    line("Cognito", "clients", "client", clients),
    line("Cognito", "tokens", "token", clients * TOKENS_A_CLIENT),
    line("Cognito", "people", "person", PEOPLE),
  ];
}

/** Series of the functions; one is charged for the hours in which it is written. */
function series(): number {
  const { series: everyRun, round_series: rounds } = MEASURED.reconcile;
  return MEASURED.series + everyRun + (rounds * RECONCILE.hours) / 24;
}

/** Traces of commands and of the batches of all consumers. */
function traces(rate: number, { aSecond }: Batches, runs: number): number {
  return traced(rate) + 2 * traced(aSecond) + traced(runs);
}

function traced(aSecond: number): number {
  const { aSecond: first, share: further } = TRACED;
  return (Math.min(aSecond, first) + Math.max(0, aSecond - first) * further) * SECONDS_A_MONTH;
}
