// List prices of us-east-1 in USD, without free tiers and discounts. This is the only place that states
// them; check them before you rely on a figure.

/** As of when these prices are known; `source` names the page to check each on. */
export const KNOWN = "2026-11-23";

/** A price per unit; with volume tiers, each up to a quantity a month. */
export interface Price {
  readonly per: string;
  readonly tiers: readonly (readonly [upTo: number, price: number])[];
  readonly source: string;
}

const flat = (price: number, per: string, source: string): Price => ({ per, tiers: [[Infinity, price]], source });
const MILLION = 1e6;
const DYNAMODB = "aws.amazon.com/dynamodb/pricing/on-demand";
const CLOUDWATCH = "aws.amazon.com/cloudwatch/pricing";

export const PRICES = {
  writeUnit: flat(0.625 / MILLION, "write request unit", DYNAMODB),
  readUnit: flat(0.125 / MILLION, "read request unit", DYNAMODB),
  storage: flat(0.25, "GB-month in a table", DYNAMODB),
  recovery: flat(0.2, "GB-month of point-in-time recovery", DYNAMODB),
  invocation: flat(0.2 / MILLION, "invocation", "aws.amazon.com/lambda/pricing"),
  // arm64; the discounts above 7.5 billion GB-seconds are out of reach here.
  compute: flat(0.0000133334, "GB-second on arm64", "aws.amazon.com/lambda/pricing"),
  apiRequest: {
    per: "request to a REST API",
    tiers: [
      [333e6, 3.5 / MILLION],
      [1000e6, 2.8 / MILLION],
      [20000e6, 2.38 / MILLION],
      [Infinity, 1.51 / MILLION],
    ],
    source: "aws.amazon.com/api-gateway/pricing",
  },
  httpApiRequest: {
    per: "request to an HTTP API, for comparison",
    tiers: [
      [300e6, 1 / MILLION],
      [Infinity, 0.9 / MILLION],
    ],
    source: "aws.amazon.com/api-gateway/pricing",
  },
  event: flat(1 / MILLION, "custom event of up to 64 KB", "aws.amazon.com/eventbridge/pricing"),
  archiving: flat(0.1, "GB written to an archive", "aws.amazon.com/eventbridge/pricing"),
  archive: flat(0.023, "GB-month in an archive", "aws.amazon.com/eventbridge/pricing"),
  queueRequest: flat(0.4 / MILLION, "request to a queue", "aws.amazon.com/sqs/pricing"),
  logs: flat(0.5, "GB of logs", CLOUDWATCH),
  logStorage: flat(0.03, "GB-month of logs, compressed", CLOUDWATCH),
  metric: {
    per: "custom metric, a month",
    tiers: [
      [10_000, 0.3],
      [Infinity, 0.1],
    ],
    source: CLOUDWATCH,
  },
  alarmedMetric: flat(0.1, "metric watched by an alarm, a month", CLOUDWATCH),
  dashboard: flat(3, "dashboard, a month", CLOUDWATCH),
  trace: flat(5 / MILLION, "trace recorded", "aws.amazon.com/xray/pricing"),
  managementEvents: flat(
    2 / 100_000,
    "management event in a further copy (the first of an account is free)",
    "aws.amazon.com/cloudtrail/pricing",
  ),
  dataEvents: flat(0.1 / 100_000, "data event", "aws.amazon.com/cloudtrail/pricing"),
  backup: flat(0.1, "GB-month of backups of tables", "aws.amazon.com/backup/pricing"),
  export: flat(0.1, "GB exported from a table", DYNAMODB),
  object: flat(0.023, "GB-month in S3", "aws.amazon.com/s3/pricing"),
  put: flat(5 / MILLION, "request to S3 that writes or lists", "aws.amazon.com/s3/pricing"),
  key: flat(1, "key, a month", "aws.amazon.com/kms/pricing"),
  keyRequest: flat(0.03 / 10_000, "request to KMS", "aws.amazon.com/kms/pricing"),
  signature: flat(0.15 / 10_000, "signature by a key of KMS that is not RSA 2048", "aws.amazon.com/kms/pricing"),
  webAcl: flat(5, "web ACL, a month", "aws.amazon.com/waf/pricing"),
  webRule: flat(1, "rule or managed rule group, a month", "aws.amazon.com/waf/pricing"),
  webRequest: flat(0.6 / MILLION, "request through the firewall", "aws.amazon.com/waf/pricing"),
  client: flat(6, "app client of a machine, a month", "aws.amazon.com/cognito/pricing"),
  token: flat(2.25 / 1000, "token for a machine", "aws.amazon.com/cognito/pricing"),
  person: flat(0.015, "person who signs in, a month (10,000 are free)", "aws.amazon.com/cognito/pricing"),
  transfer: {
    per: "GB sent to the internet",
    tiers: [
      [10_240, 0.09],
      [51_200, 0.085],
      [153_600, 0.07],
      [Infinity, 0.05],
    ],
    source: "aws.amazon.com/ec2/pricing/on-demand",
  },
} satisfies Record<string, Price>;

export type Priced = keyof typeof PRICES;

/** The cost of a quantity with volume tiers. */
export function charge(priced: Priced, quantity: number): number {
  let [below, sum] = [0, 0];
  for (const [upTo, price] of PRICES[priced].tiers as Price["tiers"]) {
    sum += Math.max(0, Math.min(quantity, upTo) - below) * price;
    below = upTo;
  }
  return sum;
}
