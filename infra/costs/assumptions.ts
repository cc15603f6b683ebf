// The figures of the bill that were not measured. Change them here and run `npm run costs`.

/** An average month. */
export const SECONDS_A_MONTH = (365.25 * 86_400) / 12;
export const GB = 1e9;

/** The month that is billed, at the end of which that many months of commits are stored. */
export const MONTH = 12;

/** Billed time of an invocation, requests to DynamoDB included. To be replaced by measurements on a real account. */
export const MILLIS = {
  command: 5,
  query: 4,
  /** For a batch, and for each of its records in addition. */
  projector: { batch: 10, record: 2 },
  publisher: { batch: 15, record: 2 },
  /** For a run of the reconcile, and for each product in addition. */
  reconcile: { run: 30, product: 8 },
} as const;

/** The greatest number of bytes stored for a commit of one event; for the event table a test of the journal asserts the bound. */
export const BYTES = {
  commit: 1024,
  receipt: 512,
  priceEntry: 256,
  message: 2048,
  answer: 1024,
  /** A line of the access log, the function's line for a request, and a line of metrics. */
  accessLine: 600,
  logLine: 500,
  metricLine: 800,
  /** The lines that Lambda itself writes for an invocation, as JSON. */
  platformLines: 600,
  /** A record of CloudTrail: compressed in the bucket, and as a line of the log. */
  trailRecord: 200,
  trailLine: 1500,
  /** A feed item of the log, and each commit that it announces. */
  feedItem: 128,
  announced: 64,
  /** A batch of the log, its tree included, and each of its commits: leaf, product, sequence. */
  logBatch: 1536,
  logged: 96,
  /** An entry of the log's index, with what DynamoDB adds to each item. */
  logIndex: 192,
  /** A commit in the files of the log: its entry and the hashes above it. */
  logFile: 100,
  /** A product in the view; each index contains it as well. */
  product: 768,
  /** Its keys in an index of look-ups, with what DynamoDB adds to each item there. */
  lookup: 256,
} as const;

/**
 * The sequencer: the most commits of a batch and the statements of a request, as the code has them; the read units of a commit (its
 * product's newest entry of the index, and the commit itself), of a run, and of a product in the reconcile; the billed time of a run,
 * and of each commit in addition; the series of its metrics.
 */
export const LOG = {
  batch: 1024,
  statements: 25,
  reads: { commit: 2, run: 2, product: 3 },
  millis: { run: 500, commit: 1 },
  series: 16,
} as const;

/** Products in the catalogue. */
export const PRODUCTS = 100_000;
/**
 * Runs of the reconcile of each consumer in a month, every five minutes, rounds through the catalogue, one a day, and the hours of a
 * day in which a round is at work.
 */
export const RECONCILE = { runs: SECONDS_A_MONTH / 300, rounds: SECONDS_A_MONTH / 86_400, hours: 1 } as const;
/** Indexes of look-ups. */
export const LOOKUPS = 4;
/** Shards of the event table's stream: the partitions of a new table on demand, 1,000 write units a second each. */
export const SHARDS = 4;
export const WRITES_A_SHARD = 1000;
/** Compression of stored logs. */
export const COMPRESSED = 0.15;
/** X-Ray's default rule for each service that begins traces: one a second, and a share of the others. */
export const TRACED = { aSecond: 1, share: 0.05 } as const;
/** Tokens of each client: machines that keep theirs for its hour. */
export const TOKENS_A_CLIENT = SECONDS_A_MONTH / 3600;
/** People who sign in on the pages in a month. */
export const PEOPLE = 20;
/** Data keys are kept for minutes, so requests to KMS follow the number of resources and not of events. */
export const KEY_REQUESTS = 500_000;
/** Management events of the account in a month that the ledger does not cause; uses of keys are not recorded. */
export const MANAGEMENT_EVENTS = 200_000;
/**
 * Management events that the publisher causes: whether the bus exists, each minute and in five minutes for each shard, and three
 * about the protection of the event table in each run of the reconcile.
 */
export const QUESTIONS = SECONDS_A_MONTH / 60 + (SHARDS + 3) * RECONCILE.runs;
