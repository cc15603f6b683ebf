// All settings that differ between stages or cost money. Both stages have the same parts, so that a missing grant shows in
// dev; the exceptions are listed here.

import { ApplicationLogLevel, SystemLogLevel } from "aws-cdk-lib/aws-lambda";

/** The settings of a stage. */
export interface Settings {
  readonly stage: StageName;
  /** `classic`, the bus with rules and an archive, or `fifo`, the one with subscribers, which keeps the order of a product. */
  readonly bus: BusKind;
  /** The most events of a request to the bus: up to 10, of a FIFO bus up to 100. Each is of another product. */
  readonly busEntries: number | undefined;
  /** Keep tables, key and logs when the stack is deleted, and protect the tables from deletion. */
  readonly keepData: boolean;
  /** Requests per second that API Gateway admits in total, and the burst. */
  readonly throttle: { readonly rate: number; readonly burst: number };
  /**
   * The web ACL, with the limit of requests without a token from one address in five minutes. About 11 USD a month and 0.60 USD per
   * million requests.
   */
  readonly firewall: { readonly requestsWithoutToken: number } | undefined;
  /** The origins whose web pages may use the API, such as `https://shop.example.com`; pages of all others are refused. */
  readonly corsOrigins: readonly string[];
  /** A domain of one's own; with it the address that API Gateway assigns is switched off. */
  readonly domain: DomainSettings | undefined;
  /**
   * The path of a JSON object with the names of people by subject, such as `/people.json`, on the domain of the API: the pages show the
   * names. Another API or a site behind the same domain answers it.
   */
  readonly peopleUrl: string | undefined;
  /** The app clients for machines; each costs about 6 USD a month. */
  readonly clients: readonly ClientName[];
  /** A rule that stores delivered messages for end-to-end tests, and the days that it keeps them. */
  readonly intercept: { readonly days: number } | undefined;
  /**
   * CloudTrail's records of what was done in the account, and the days for which they are kept and locked. A write to the event
   * table costs a millionth of a dollar more.
   */
  readonly trail: { readonly days: number } | undefined;
  /** Backups outside the tables. Not for stacks that are to be deleted: nobody can delete them before their time. */
  readonly backups: BackupSettings | undefined;
  readonly days: { readonly logs: LogDays; readonly archive: number };
  readonly memory: { readonly api: number; readonly stream: number };
  /**
   * What the functions and Lambda itself log at least. Metrics are lines of the log without a level, which counts as INFO: a
   * higher level of the application would lose them.
   */
  readonly logLevels: { readonly application: ApplicationLogLevel; readonly system: SystemLogLevel };
  /**
   * Concurrent invocations that the projector and the publisher each have to themselves, one for every shard of the stream
   * and one for the schedule; the API's functions cannot use them up. They are taken from the account's quota, of which 100
   * must stay unreserved.
   */
  readonly reservedConcurrency: number | undefined;
  /** How the functions' new version gets its invocations: a tenth for ten minutes and then all, or all at once. */
  readonly rollout: Rollout;
  readonly mapping: MappingSettings;
  /** The least time between two signed checkpoints of the log. Each costs a signature and some writes of files. */
  readonly logIntervalSeconds: number;
  /**
   * The name of the log, such as `ledger.example.com/log`, for ever: with another one the sequencer does not go on. Without it the name
   * is `product-ledger.invalid/` and the id of the key.
   */
  readonly logOrigin: string | undefined;
  /** Which key signs the log. */
  readonly logKey: LogKeySettings;
  /** What of the log needs no token: nothing, checkpoint, key and tiles of hashes, or the entries too. */
  readonly logPublic: LogPublic;
  /**
   * For how long the files of the log cannot be removed: in the mode `COMPLIANCE` by nobody, in `GOVERNANCE` by whoever has the
   * permission. Not for stacks that are to be deleted.
   */
  readonly logRetention: { readonly mode: "COMPLIANCE" | "GOVERNANCE"; readonly days: number } | undefined;
  /** The orders of LIST that are maintained; must include `id`. Each is an index and costs one or two write units per change. */
  readonly orders: readonly Order[];
  readonly alarms: AlarmSettings;
}

/**
 * Which key signs the log. To change it: give the log its name by `logOrigin`, which otherwise has the id of the first key in it, and
 * the next number. `docs/operations.md` has the steps.
 */
export interface LogKeySettings {
  /** Keys are numbered from 1; a number never comes back. */
  readonly number: number;
  /** For how many days the key before it signs too; 0: it ends at once. With `undefined` the stack has no key before it. */
  readonly overlapDays: number | undefined;
  /** The verifier key before it, if that key is lost. */
  readonly lost: string | undefined;
}

/** The domain of the API. A branch has none, because a name leads to one stack. */
export interface DomainSettings {
  /** `api.example.com` */
  readonly name: string;
  /** The ARN of its certificate, in the region of the stack. */
  readonly certificate: string;
  /** The first segment of all paths, such as `shop`; none by default. The functions find it in each event. */
  readonly basePath?: string;
}

/** How long backups are kept and cannot be removed. */
export interface BackupSettings {
  /** Days of the weekly backups; each is a whole copy. */
  readonly keepDays: number;
  /** Days for which the daily exports are locked. They are kept for ever: each has only what was written on its day. */
  readonly lockDays: number;
}

/** How a stream is delivered to a function. */
export interface MappingSettings {
  readonly batch: number;
  /** Seconds to wait for a larger batch: a trade-off between latency and invocations. */
  readonly windowSeconds: number;
  /** Hours after which a record is given up; the stream keeps records for 24 hours. */
  readonly ageHours: number;
}

/** The thresholds of alarms. */
export interface AlarmSettings {
  readonly iteratorAgeSeconds: number;
  readonly lagSeconds: number;
  /** The age of a commit that is in no checkpoint of the log. */
  readonly unloggedSeconds: number;
  readonly p90Millis: number;
  readonly conflictsPerFiveMinutes: number;
  readonly serverErrorPercent: number;
}

export type StageName = "dev" | "production";
export type ClientName = "writer" | "reader" | "subscriber" | "auditor";
export const LOG_PUBLIC = ["no", "hashes", "all"] as const;
export type LogPublic = (typeof LOG_PUBLIC)[number];
export const BUS_KINDS = ["classic", "fifo"] as const;
export type BusKind = (typeof BUS_KINDS)[number];
export const ROLLOUTS = ["canary", "all-at-once"] as const;
export type Rollout = (typeof ROLLOUTS)[number];
/** All orders, by their names in `LEDGER_ORDERS`. */
export const ORDERS = ["id", "name", "price", "updated_at"] as const;
export type Order = (typeof ORDERS)[number];
/** Retention periods that CloudWatch Logs supports. */
export type LogDays = 7 | 14 | 30 | 90 | 180 | 365;

/** The scopes of the API, without their prefix in tokens. */
export const SCOPES = ["read", "write", "subscribe", "audit"] as const;
export type Scope = (typeof SCOPES)[number];

/** The scopes of each app client. */
export const CLIENT_SCOPES: Record<ClientName, readonly Scope[]> = {
  writer: ["read", "write"],
  reader: ["read"],
  subscriber: ["subscribe"],
  auditor: ["read", "audit"],
};

/** The `source` of every message: the functions' default, repeated here for the schema registry. */
export const EVENT_SOURCE = "product-ledger.products";
export const DEFAULT_CURRENCY = "USD";

const shared = {
  bus: "classic",
  busEntries: undefined,
  mapping: { batch: 100, windowSeconds: 1, ageHours: 12 },
  memory: { api: 256, stream: 256 },
  clients: ["writer", "reader", "subscriber", "auditor"],
  orders: ORDERS,
  corsOrigins: [],
  peopleUrl: undefined,
  domain: undefined,
  logIntervalSeconds: 10,
  logKey: { number: 1, overlapDays: undefined, lost: undefined },
  logOrigin: undefined,
  logPublic: "no",
  logLevels: { application: ApplicationLogLevel.INFO, system: SystemLogLevel.INFO },
} as const;

const STAGES: Record<StageName, Settings> = {
  dev: {
    ...shared,
    stage: "dev",
    keepData: false,
    throttle: { rate: 50, burst: 100 },
    firewall: undefined,
    intercept: { days: 1 },
    trail: undefined,
    backups: undefined,
    logRetention: undefined,
    reservedConcurrency: undefined,
    rollout: "all-at-once",
    days: { logs: 7, archive: 7 },
    alarms: {
      iteratorAgeSeconds: 300,
      lagSeconds: 300,
      unloggedSeconds: 300,
      p90Millis: 1000,
      conflictsPerFiveMinutes: 100,
      serverErrorPercent: 5,
    },
  },
  production: {
    ...shared,
    stage: "production",
    keepData: true,
    throttle: { rate: 1000, burst: 2000 },
    firewall: { requestsWithoutToken: 10_000 },
    intercept: undefined,
    trail: { days: 365 },
    backups: { keepDays: 15, lockDays: 365 },
    logRetention: { mode: "COMPLIANCE", days: 365 },
    reservedConcurrency: 50,
    rollout: "canary",
    days: { logs: 365, archive: 365 },
    alarms: {
      iteratorAgeSeconds: 60,
      lagSeconds: 60,
      unloggedSeconds: 300,
      p90Millis: 500,
      conflictsPerFiveMinutes: 50,
      serverErrorPercent: 1,
    },
  },
};

/** The settings of a stage; throws for an unknown one. */
export function settingsOf(stage: string): Settings {
  const found = Object.values(STAGES).find((settings) => settings.stage === stage);
  if (!found) {
    throw new Error(`stage=${stage}: the stages are ${Object.keys(STAGES).join(" and ")}`);
  }
  return found;
}

/** A rollout by its name; throws for an unknown one. */
export function rolloutOf(name: string): Rollout {
  const found = ROLLOUTS.find((rollout) => rollout === name);
  if (!found) {
    throw new Error(`rollout=${name}: choose one of ${ROLLOUTS.join(", ")}`);
  }
  return found;
}

/** A kind of bus by its name; throws for an unknown one. */
export function busKindOf(name: string): BusKind {
  const found = BUS_KINDS.find((kind) => kind === name);
  if (!found) {
    throw new Error(`bus=${name}: choose one of ${BUS_KINDS.join(", ")}`);
  }
  return found;
}

/** `product-ledger-dev`, or with a branch `product-ledger-dev-<branch>`, kept short because other names are derived from it. */
export function stackName(stage: StageName, branch: string | undefined): string {
  const slug = (branch ?? "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 20)
    .replace(/-+$/, "");
  if (branch !== undefined && (slug === "" || stage === "production")) {
    throw new Error(`branch=${branch}: a branch must contain a letter or digit, and production has no branches`);
  }
  return ["product-ledger", stage, ...(slug ? [slug] : [])].join("-");
}
