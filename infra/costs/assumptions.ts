// What the bill rests on and was not measured, each figure by its name. Change it here and run `npm run costs`.

/** An average month. */
export const SECONDS_A_MONTH = (365.25 * 86_400) / 12;
export const GB = 1e9;

/** Which month is billed: that many months of commits are stored by then. */
export const MONTH = 12;

/** Billed time of an invocation, requests to DynamoDB included. To be replaced by measurements on a real account. */
export const MILLIS = {
  command: 5,
  query: 4,
  /** Of a batch, and of each of its records more. */
  projector: { batch: 10, record: 2 },
  publisher: { batch: 15, record: 2 },
} as const;

/** Bytes at most that are stored for each commit of one event; the event's is the bound that a test of the journal holds. */
export const BYTES = {
  commit: 1024,
  receipt: 512,
  priceEntry: 256,
  message: 2048,
  answer: 1024,
  /** A line of the access log, the function's line for a request, and a line of figures. */
  accessLine: 600,
  logLine: 500,
  metricLine: 800,
  /** What Lambda itself writes for an invocation. */
  platformLines: 400,
  /** A product in the view; each of its indexes holds it once more. */
  product: 768,
} as const;

/** Products in the catalogue. */
export const PRODUCTS = 100_000;
/** Shards of the event table's stream: the partitions of a new table on demand, 1,000 write units a second each. */
export const SHARDS = 4;
export const WRITES_A_SHARD = 1000;
/** Compression of stored logs. */
export const COMPRESSED = 0.15;
/** X-Ray's default rule for each service that begins traces: one a second, and a share of the others. */
export const TRACED = { aSecond: 1, share: 0.05 } as const;
/** Tokens of each client: machines that keep theirs for its hour. */
export const TOKENS_A_CLIENT = SECONDS_A_MONTH / 3600;
/** Data keys are kept for minutes, so requests to KMS follow the number of resources and not of events. */
export const KEY_REQUESTS = 500_000;
