// What the status of a ledger means: how each part does, and what waits for somebody. Pure: the present is passed in.

import { span } from "./time";

/** How far a consumer of the commits is behind; `null`: not known. */
export interface ConsumerLag {
  readonly lag_ms: number | null;
  readonly oldest_behind_ms: number | null;
}

export interface ParkedProduct {
  readonly product_id: string;
  readonly consumer: string;
  readonly sequence: number;
  readonly reason: string;
  readonly retryable: boolean;
  readonly since: string;
  readonly next_try: string | null;
}

export interface RefusedRequest {
  readonly at: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly kind: string;
  readonly detail: string;
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[];
  readonly correlation_id: string;
}

export interface LimitUse {
  readonly open: number;
  readonly most: number;
}

/** `GET /status`; what the server does not know is `null`. */
export interface Status {
  readonly commits: number | null;
  readonly products: { readonly active: number; readonly deleted: number; readonly counted_at: string } | null;
  readonly views: { readonly products: ConsumerLag; readonly prices: ConsumerLag };
  readonly bus: ConsumerLag;
  readonly parked: readonly ParkedProduct[] | null;
  readonly log: {
    readonly size: number;
    readonly signed_at: string | null;
    readonly unlogged: number;
    readonly oldest_unlogged_ms: number;
    readonly witnesses: readonly string[];
  } | null;
  readonly tampering: number | null;
  readonly build: { readonly version: string; readonly commit: string | null };
  readonly settings: readonly { readonly name: string; readonly value: string | null; readonly from: string }[];
  readonly commands: {
    readonly recorded: number;
    readonly without_effect: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly p90_ms?: number | null;
  } | null;
  readonly load?: {
    readonly requests: LimitUse;
    readonly streams: LimitUse;
    readonly page_streams: LimitUse;
    readonly turned_away: number;
    readonly throttled: number | null;
  } | null;
  readonly refused: readonly RefusedRequest[] | null;
}

/** What this page learned at a moment. */
export interface Sample {
  readonly at: number;
  readonly status: Status;
}

/** Fine; somebody should look; somebody has to act; not known here. */
export type Level = "fine" | "look" | "act" | "unknown";

/** A part of the ledger and how it does. */
export interface Lamp {
  readonly name: "Commands" | "Views" | "Bus" | "Parked";
  readonly level: Level;
  readonly big: string;
  readonly below: string;
  /** The values of the line, from the oldest sample on; `undefined`: not known then. */
  readonly values: readonly (number | undefined)[];
  /** The value at the top of the line, above which it raises an alarm; without one the top is the greatest value. */
  readonly alarm?: number;
  readonly link: readonly [anchor: string, words: string];
}

/** How long samples count, in milliseconds. */
export const WINDOW = 15 * 60_000;

/** When the views and the bus are too late. */
export const ALARMS = { views: 30_000, bus: 60_000, log: 5 * 60_000, parked: 15 * 60_000 } as const;

/** Which share of an alarm makes somebody look. */
const LOOK = 1 / 3;

const BUS = "publisher";

/** Samples of the window alone, the newest last. */
export function recent(samples: readonly Sample[], now: number): readonly Sample[] {
  return samples.filter((one) => now - one.at <= WINDOW);
}

/** The lamps of the newest of these samples; counts of commands are shown as `shown` does. */
export function lamps(samples: readonly Sample[], now: number, shown: (value: number) => string = String): readonly Lamp[] {
  const newest = samples.at(-1);
  if (newest === undefined) return [];
  return [commands(samples, now, shown), views(samples), bus(samples), parked(samples, now)];
}

function commands(samples: readonly Sample[], now: number, shown: (value: number) => string): Lamp {
  const { status } = samples.at(-1) as Sample;
  const link = ["commands-fail", "Commands fail"] as const;
  if (status.commands === null) return unknown("Commands", link, "Not known here: a function keeps no counts. CloudWatch has them.");
  const { recorded, without_effect, p90_ms } = status.commands;
  const within = typeof p90_ms === "number" ? ` · 9 in 10 within ${p90_ms} ms` : "";
  const rates = samples.map((one, index) => rate(samples[index - 1], one));
  return {
    name: "Commands",
    level: commandLevel(samples, now),
    big: `${(rates.at(-1) ?? 0).toFixed(1)} a second`,
    below: `${shown(recorded)} recorded, ${shown(refusals(status))} refused, ${shown(without_effect)} without effect${within}`,
    values: rates,
    link,
  };
}

/** Commands a second between two samples; the counts of a server that was started anew begin at zero. */
function rate(before: Sample | undefined, after: Sample): number | undefined {
  if (before === undefined) return undefined;
  const grown = executed(after.status) - executed(before.status);
  const seconds = (after.at - before.at) / 1000;
  return seconds > 0 && grown >= 0 ? grown / seconds : undefined;
}

function executed({ commands }: Status): number {
  return commands === null ? 0 : commands.recorded + commands.without_effect;
}

/** The commands that were refused since the start. */
export function refusals({ commands }: Status): number {
  return Object.values(commands?.refused ?? {}).reduce((sum, one) => sum + one, 0);
}

const FAULTS = ["unavailable", "internal", "clock-ahead"];

function commandLevel(samples: readonly Sample[], now: number): Level {
  const newest = samples.at(-1) as Sample;
  const oldest = samples[0] as Sample;
  const grown = (kind: string): number => Math.max(0, (newest.status.commands?.refused[kind] ?? 0) - (oldest.status.commands?.refused[kind] ?? 0));
  const lately = (newest.status.refused ?? []).some(
    (one) => FAULTS.includes(one.kind) && !["GET", "HEAD", "OPTIONS"].includes(one.method) && now - Date.parse(one.at) < WINDOW,
  );
  if (lately || FAULTS.some((kind) => grown(kind) > 0)) return "act";
  const all = executed(newest.status) + refusals(newest.status) - executed(oldest.status) - refusals(oldest.status);
  return grown("conflict") * 100 > all ? "look" : "fine";
}

function views(samples: readonly Sample[]): Lamp {
  return consumer("Views", ALARMS.views, "A view is behind", "projection-lag", samples, ({ views: { products, prices } }) => worst(products, prices));
}

function bus(samples: readonly Sample[]): Lamp {
  return consumer("Bus", ALARMS.bus, "The bus is behind", "publish-lag", samples, (status) => status.bus);
}

function worst(one: ConsumerLag, other: ConsumerLag): ConsumerLag {
  const max = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.max(a, b));
  return { lag_ms: max(one.lag_ms, other.lag_ms), oldest_behind_ms: max(one.oldest_behind_ms, other.oldest_behind_ms) };
}

/** How late a consumer is: by what it has not handled; where that is not known, by the newest that it has. */
function late({ lag_ms, oldest_behind_ms }: ConsumerLag): number | null {
  return oldest_behind_ms ?? lag_ms;
}

function consumer(name: "Views" | "Bus", alarm: number, words: string, metric: string, samples: readonly Sample[], lagOf: (status: Status) => ConsumerLag): Lamp {
  const lag = lagOf((samples.at(-1) as Sample).status);
  const behind = late(lag);
  const link = ["a-consumer-is-behind", words] as const;
  if (behind === null) return unknown(name, link, `Not known here. On AWS the alarm ${metric} tells.`);
  const newest = lag.lag_ms === null ? "" : `the newest commit took ${span(lag.lag_ms)} · `;
  return {
    name,
    level: behind >= alarm ? "act" : behind >= alarm * LOOK ? "look" : "fine",
    big: lag.oldest_behind_ms === null ? `${span(behind)} for the newest` : behind === 0 ? "0 s behind" : `${span(behind)} behind`,
    below: `${newest}alarm at ${alarm / 1000} s, the top edge`,
    values: samples.map((one) => late(lagOf(one.status)) ?? undefined),
    alarm,
    link,
  };
}

function parked(samples: readonly Sample[], now: number): Lamp {
  const { status } = samples.at(-1) as Sample;
  const link = ["a-product-is-parked", "A product is parked"] as const;
  if (status.parked === null) return unknown("Parked", link, "Not known here.");
  const rows = status.parked;
  const ofBus = rows.filter((one) => one.consumer === BUS).length;
  const ofLog = rows.filter((one) => one.consumer === "log").length;
  const products = new Set(rows.map((one) => one.product_id)).size;
  const oldest = rows.length === 0 ? "" : ` · oldest ${span(Math.max(0, ...rows.map((one) => now - Date.parse(one.since))))}`;
  return {
    name: "Parked",
    level: rows.length === 0 ? "fine" : rows.some((one) => needsSomebody(one, now)) ? "act" : "look",
    big: counted(products, "product"),
    below: `${ofBus} for the bus, ${rows.length - ofBus - ofLog} for the views${ofLog === 0 ? "" : `, ${ofLog} for the log`}${oldest}`,
    values: samples.map((one) => (one.status.parked === null ? undefined : new Set(one.status.parked.map((row) => row.product_id)).size)),
    link,
  };
}

/** Whether time alone does not release the product, or has not for a quarter of an hour. */
export function needsSomebody(row: ParkedProduct, now: number): boolean {
  return !row.retryable || now - Date.parse(row.since) > ALARMS.parked;
}

function unknown(name: Lamp["name"], link: Lamp["link"], below: string): Lamp {
  return { name, level: "unknown", big: "Not known", below, values: [], link };
}

/** How the signed log does; `undefined` without one. */
export function logLevel({ log }: Status): Level | undefined {
  if (log === null) return undefined;
  return log.unlogged > 0 && log.oldest_unlogged_ms >= ALARMS.log ? "act" : "fine";
}

/** What waits for somebody: how much, and in a sentence. */
export interface Attention {
  readonly count: number;
  readonly sentence: string;
}

/** What the newest of these samples asks of somebody. */
export function attention(samples: readonly Sample[], now: number): Attention {
  const status = samples.at(-1)?.status;
  if (status === undefined) return { count: 0, sentence: "" };
  const all = lamps(samples, now);
  const levelOf = (name: Lamp["name"]): Level => all.find((one) => one.name === name)?.level ?? "unknown";
  const said: string[] = [];
  let count = 0;
  const tell = (sentence: string, many = 1): void => {
    said.push(sentence);
    count += many;
  };
  if ((status.tampering ?? 0) > 0) tell("A commit was touched: it was changed, removed or recorded again beneath the ledger. Treat it as an intrusion until you know better.");
  const waiting = new Set((status.parked ?? []).filter((row) => needsSomebody(row, now)).map((row) => row.product_id)).size;
  const trying = new Set((status.parked ?? []).map((row) => row.product_id)).size - waiting;
  if (waiting > 0) tell(`${number(waiting)} ${waiting === 1 ? "product waits" : "products wait"} for somebody.`, waiting);
  if (trying > 0) tell(`${number(trying)} ${trying === 1 ? "product is" : "products are"} parked and tried again.`, trying);
  if (isBad(levelOf("Views"))) tell(`The views are ${behindWords(worst(status.views.products, status.views.prices))} behind; nothing is lost.`);
  if (isBad(levelOf("Bus"))) tell(`The bus is ${behindWords(status.bus)} behind; nothing is lost.`);
  if (levelOf("Commands") === "act") tell("Commands fail.");
  if (levelOf("Commands") === "look") tell("More than 1 % of the commands lose races.");
  if (logLevel(status) === "act") tell(`Nothing was signed for ${span(status.log?.oldest_unlogged_ms ?? 0)} although commits wait.`);
  const dark = all.filter((one) => one.level === "unknown").map((one) => one.name);
  const rest = said.length === 0 ? (dark.length === 0 ? "Everything is fine." : "What is known is fine.") : dark.length === 0 ? "Everything else is fine." : "";
  const unknownWords = dark.length === 0 ? "" : `Not known here: ${dark.join(", ")}.`;
  return { count, sentence: [...said, rest, unknownWords].filter((one) => one !== "").join(" ") };
}

function isBad(level: Level): boolean {
  return level === "look" || level === "act";
}

function behindWords(lag: ConsumerLag): string {
  return span(late(lag) ?? 0);
}

const NUMBERS = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];

function number(value: number): string {
  return NUMBERS[value] ?? String(value);
}

function counted(value: number, name: string): string {
  return `${value} ${name}${value === 1 ? "" : "s"}`;
}

/** The path of a line through values, `height` high with the alarm, or the greatest value, at its top, on a scale of square roots. */
export function sparkline(values: readonly (number | undefined)[], alarm: number | undefined, width: number, height: number): string {
  const known = values.filter((one) => one !== undefined);
  const top = alarm ?? Math.max(1, ...known);
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  let isDrawn = false;
  const points = values.map((value, index) => {
    if (value === undefined) {
      isDrawn = false;
      return "";
    }
    const x = values.length > 1 ? index * step : width;
    const y = height * (1 - Math.sqrt(Math.min(1, Math.max(0, value / top))));
    const point = `${isDrawn ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    isDrawn = true;
    return point;
  });
  return points.join("");
}
