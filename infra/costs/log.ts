// What the log costs in a month: what its sequencer writes, signs and stores at a rate of commands. Calculated from the sizes of its
// items and files, not counted.

import { settingsOf } from "../lib/settings.ts";
import { BYTES, GB, LOG, MILLIS, MONTH, PRODUCTS, RECONCILE, SECONDS_A_MONTH } from "./assumptions.ts";
import type { Batches, Line } from "./bill.ts";
import type { Priced } from "./prices.ts";

const settings = settingsOf("production");
const KILO = 1024;
/** A tile has so many hashes, a bundle so many entries. */
const TILE = 256;

/** What the sequencer does in a second, and for a commit. */
export interface Logged {
  /** Invocations a second, each with one checkpoint. */
  readonly runs: number;
  /** Commits of one run. */
  readonly commits: number;
  /** Write units a commit: feed items, batches, index. */
  readonly written: number;
  readonly read: number;
  /** Requests a commit that write to the log table, each of which is on the trail. */
  readonly requests: number;
  /** Requests a commit that write or list files. */
  readonly puts: number;
}

/** The sequencer at a rate of commands, whose feed items come from batches of the projector. */
export function logged(rate: number, { records, aSecond }: Batches): Logged {
  const interval = settings.logIntervalSeconds;
  const runs = Math.min(aSecond, Math.max(1 / interval, aSecond / settings.mapping.batch));
  const commits = rate / runs;
  const batches = Math.ceil(commits / LOG.batch);
  const units = (bytes: number) => Math.ceil(bytes / KILO);
  const feed = units(BYTES.feedItem + records * BYTES.announced) / records;
  const leaves = (batches * units(BYTES.logBatch + (commits / batches) * BYTES.logged)) / commits;
  return {
    runs,
    commits,
    // The index has an item for each commit.
    written: feed + leaves + 1,
    read: LOG.reads.commit + LOG.reads.run / commits,
    requests: (batches + Math.ceil(commits / LOG.statements)) / commits,
    puts: files(rate) / commits + (2 + 2 / TILE) / TILE,
  };
}

/** Files of each checkpoint: a partial tile on each level, a partial bundle, and the checkpoint. */
function files(rate: number): number {
  const size = rate * SECONDS_A_MONTH * MONTH;
  return Math.ceil(Math.log(size) / Math.log(TILE)) + 2;
}

type MakeLine = (service: string, what: string, priced: Priced, quantity: number) => Line;

/** The lines of the bill, at the end of a year of commits. */
export function logLines(line: MakeLine, rate: number, batches: Batches): Line[] {
  const { runs, commits, ...each } = logged(rate, batches);
  const month = rate * SECONDS_A_MONTH;
  const invocations = runs * SECONDS_A_MONTH;
  const stored = (month * MONTH) / GB;
  const ms = LOG.millis.run + LOG.millis.commit * commits;
  const { runs: compared, rounds } = RECONCILE;
  const comparing = MILLIS.reconcile.run + (MILLIS.reconcile.product * PRODUCTS * rounds) / compared;
  const inTable = stored * (BYTES.logIndex + BYTES.logged);
  return [
    line("Lambda", "sequencer", "invocation", invocations + compared),
    line(
      "Lambda",
      "sequencer: duration",
      "compute",
      ((invocations * ms + compared * comparing) * settings.memory.stream) / KILO / 1000,
    ),
    line("DynamoDB", "log: reads", "readUnit", each.read * month),
    line("DynamoDB", "log: reads of the reconcile", "readUnit", LOG.reads.product * PRODUCTS * rounds),
    line("DynamoDB", "log: writes, feed items and index included", "writeUnit", each.written * month),
    line("DynamoDB", "log: storage", "storage", inTable),
    line("DynamoDB", "log: point-in-time recovery", "recovery", inTable),
    line("S3", "log: files written", "put", each.puts * month),
    line("S3", "log: files", "object", stored * BYTES.logFile),
    line("KMS", "log: signatures", "signature", invocations),
    line("CloudWatch", "metrics of the sequencer", "metric", LOG.series),
    line("CloudTrail", "writes to the log table", "dataEvents", each.requests * month),
  ];
}
