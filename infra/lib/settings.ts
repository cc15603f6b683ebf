// Everything that differs between stages or costs money, in one place. Both stages have the same parts, so that a grant
// that is missing shows in dev; what only production has is named here.

/** What a stage is set to. */
export interface Settings {
  readonly stage: StageName;
  /** Keep tables, key and logs when the stack goes, and refuse to delete the tables. */
  readonly keepData: boolean;
  /** Requests a second that API Gateway lets through in all, and how many more at once. */
  readonly throttle: { readonly rate: number; readonly burst: number };
  /** Web ACL; requests of one address in five minutes. About 10 USD a month and 0.60 USD per million requests. */
  readonly firewall: { readonly requestsPerAddress: number } | undefined;
  /** App clients for machines; each costs about 6 USD a month. */
  readonly clients: readonly ClientName[];
  /** A rule that stores what the bus delivered, for end-to-end assertions; days until it is forgotten. */
  readonly intercept: { readonly days: number } | undefined;
  readonly days: { readonly logs: LogDays; readonly archive: number };
  readonly memory: { readonly api: number; readonly stream: number };
  readonly mapping: MappingSettings;
  /** The orders of LIST that are kept, with `id` always among them. Each is an index and costs a write unit or two of a change. */
  readonly orders: readonly Order[];
  readonly alarms: AlarmSettings;
}

/** How a stream is handed to a function. */
export interface MappingSettings {
  readonly batch: number;
  /** Seconds to wait for a fuller batch: latency against invocations. */
  readonly windowSeconds: number;
  /** A product that cannot go on is parked, so a retry means that not even parking worked: rather wait than give up. */
  readonly retries: number;
  /** Hours after which a record is given up; the stream keeps 24. */
  readonly ageHours: number;
}

/** When somebody is called. */
export interface AlarmSettings {
  readonly iteratorAgeSeconds: number;
  readonly lagSeconds: number;
  readonly p90Millis: number;
  readonly conflictsPerFiveMinutes: number;
  readonly serverErrorPercent: number;
}

export type StageName = "dev" | "production";
export type ClientName = "writer" | "reader" | "auditor";
/** The orders there are, as `LEDGER_ORDERS` names them. */
export const ORDERS = ["id", "name", "price", "updated_at"] as const;
export type Order = (typeof ORDERS)[number];
/** What CloudWatch Logs takes. */
export type LogDays = 7 | 14 | 30 | 90 | 180 | 365;

/** The scopes of the API, as the tokens carry them. */
export const SCOPES = ["read", "write", "audit"] as const;
export type Scope = (typeof SCOPES)[number];

/** What each app client may ask for. */
export const CLIENT_SCOPES: Record<ClientName, readonly Scope[]> = {
  writer: ["read", "write"],
  reader: ["read"],
  auditor: ["read", "audit"],
};

/** `Source` of every message; the default of the functions, said here because the schema registry needs it too. */
export const EVENT_SOURCE = "product-ledger.products";
export const DEFAULT_CURRENCY = "USD";

const shared = {
  mapping: { batch: 100, windowSeconds: 1, retries: 100, ageHours: 12 },
  memory: { api: 256, stream: 256 },
  clients: ["writer", "reader", "auditor"],
  orders: ORDERS,
} as const;

const STAGES: Record<StageName, Settings> = {
  dev: {
    ...shared,
    stage: "dev",
    keepData: false,
    throttle: { rate: 50, burst: 100 },
    firewall: undefined,
    intercept: { days: 1 },
    days: { logs: 7, archive: 7 },
    alarms: {
      iteratorAgeSeconds: 300,
      lagSeconds: 300,
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
    firewall: { requestsPerAddress: 10_000 },
    intercept: undefined,
    days: { logs: 365, archive: 365 },
    alarms: {
      iteratorAgeSeconds: 60,
      lagSeconds: 60,
      p90Millis: 500,
      conflictsPerFiveMinutes: 50,
      serverErrorPercent: 1,
    },
  },
};

/** The settings of a stage; anything else is refused with what there is. */
export function settingsOf(stage: string): Settings {
  const found = Object.values(STAGES).find((settings) => settings.stage === stage);
  if (!found) {
    throw new Error(`stage=${stage}: the stages are ${Object.keys(STAGES).join(" and ")}`);
  }
  return found;
}

/** `product-ledger-dev`, or with a branch `product-ledger-dev-<branch>`, which must stay short: names are built on it. */
export function stackName(stage: StageName, branch: string | undefined): string {
  const slug = (branch ?? "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 20)
    .replace(/-+$/, "");
  if (branch !== undefined && (slug === "" || stage === "production")) {
    throw new Error(`branch=${branch}: a branch needs a letter or digit, and production has no branches`);
  }
  return ["product-ledger", stage, ...(slug ? [slug] : [])].join("-");
}
