// Ranges, axes and paths of the price chart. Pure.

import { instant } from "../time";
import type { Step } from "./steps";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export interface Extent {
  readonly from: number;
  readonly to: number;
}

/** The names of the ranges, and how many days each shows. */
export const RANGES = { "30d": 30, "90d": 90, "18m": 548 } as const;

export type RangeName = keyof typeof RANGES | "all";

/** What is shown: so many days up to the end, everything, or from one moment to another. */
export type Range = RangeName | Extent;

/** The range that an address has, which the address was found to understand. */
export function rangeOf(text: string): Range {
  const [from = "", to] = text.split("~");
  return to === undefined ? (text as RangeName) : { from: Date.parse(from), to: Date.parse(to) };
}

/** A range from one moment to another as an address has it. */
export function rangeText({ from, to }: Extent): string {
  return `${instant(from)}~${instant(to)}`;
}

/** The whole life of the steps, to the present; of a single one with a tenth before it. */
export function life(steps: readonly Step[], now: number): Extent {
  const first = steps[0]?.from ?? now - DAY;
  const last = Math.max(now, ...steps.slice(-1).map((step) => step.to ?? step.from));
  const length = Math.max(last - first, DAY);
  return { from: steps.length <= 1 ? first - length / 10 : first, to: last };
}

/** What a range shows: its days up to the end, or its moments, but never more than the whole life. */
export function extent(range: Range, whole: Extent): Extent {
  if (range === "all") return whole;
  if (typeof range === "object") {
    const [from, to] = [Math.max(range.from, whole.from), Math.min(range.to, whole.to)];
    return from < to ? { from, to } : whole;
  }
  return { from: Math.max(whole.from, whole.to - RANGES[range] * DAY), to: whole.to };
}

/** The shortest range that holds the newest change, at least three steps, and the window of the prior price with some of what was before it; else all. */
export function fittingRange(steps: readonly Step[], now: number, windowFrom?: number): RangeName {
  const names = ["30d", "90d", "18m"] as const;
  const fits = (name: keyof typeof RANGES): boolean => {
    const from = now - RANGES[name] * DAY;
    const holdsWindow = windowFrom === undefined || from < windowFrom - 3 * DAY;
    return holdsWindow && steps.filter((step) => step.from >= from).length >= 3;
  };
  return names.find(fits) ?? "all";
}

/** The handles of the overview: they stand at whole steps from the beginning of the whole life, the last of which may be shorter. */
export interface Handles {
  /** The length of a step in milliseconds. */
  readonly step: number;
  /** How many steps the whole life has. */
  readonly last: number;
  readonly from: number;
  readonly to: number;
}

/** Where the handles stand for what is shown. */
export function handles(whole: Extent, seen: Extent): Handles {
  const length = whole.to - whole.from;
  // A day is a step that can be seen where there are many; a life of minutes has a thousand steps.
  const step = [DAY, HOUR].find((one) => length / one >= 50) ?? length / 1000;
  const last = Math.ceil(length / step);
  const from = Math.min(Math.round((seen.from - whole.from) / step), last - 1);
  const to = seen.to >= whole.to ? last : Math.round((seen.to - whole.from) / step);
  return { step, last, from, to: Math.min(Math.max(to, from + 1), last) };
}

/** What is shown once a handle stands at another step; the handles do not pass each other. */
export function handled(whole: Extent, seen: Extent, which: "from" | "to", at: number): Extent {
  const { step, last, from, to } = handles(whole, seen);
  const moment = (steps: number): number => (steps >= last ? whole.to : whole.from + Math.max(steps, 0) * step);
  return which === "from" ? { from: moment(Math.min(at, to - 1)), to: seen.to } : { from: seen.from, to: moment(Math.max(at, from + 1)) };
}

/** The step to which a key takes a handle; `undefined`: another key. */
export function keyedStep(key: string, at: number, { step, last }: Handles): number | undefined {
  const page = Math.max(1, Math.round((30 * DAY) / step));
  // A month of a life of hours is its tenth.
  const far = page < last / 2 ? page : Math.max(1, Math.round(last / 10));
  const to: Readonly<Record<string, number>> = {
    ArrowLeft: at - 1,
    ArrowDown: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at + 1,
    PageDown: at - far,
    PageUp: at + far,
    Home: 0,
    End: last,
  };
  return Object.hasOwn(to, key) ? to[key] : undefined;
}

/** A label of the time axis. */
export interface Tick {
  readonly at: number;
  readonly label: string;
  /** Whether it begins a year. */
  readonly strong: boolean;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const TWO = (value: number): string => String(value).padStart(2, "0");

/** Ticks by the calendar of UTC, at most so many. */
export function timeTicks({ from, to }: Extent, most: number): Tick[] {
  const length = to - from;
  const minutes = [1, 5, 15, 30].map((count) => ({ step: count * 60_000, count, unit: "minute" as const }));
  const hours = [1, 3, 6, 12].map((count) => ({ step: count * 3_600_000, count, unit: "hour" as const }));
  const days = [1, 2, 7, 14].map((count) => ({ step: count * DAY, count, unit: "day" as const }));
  const months = [1, 2, 3, 6].map((count) => ({ step: count * 30.44 * DAY, count, unit: "month" as const }));
  const years = [1, 2, 5, 10, 20, 50].map((count) => ({ step: count * 365.25 * DAY, count, unit: "year" as const }));
  const seconds = [1, 5, 15, 30].map((count) => ({ step: count * 1000, count, unit: "second" as const }));
  const steps = [...seconds, ...minutes, ...hours, ...days, ...months, ...years];
  const chosen = steps.find(({ step }) => length / step <= most) ?? { step: length, count: 100, unit: "year" as const };
  const ticks: Tick[] = [];
  const start = new Date(from);
  const [year, month] = [start.getUTCFullYear(), start.getUTCMonth()];
  const put = (at: number, label: string, strong = false): void => {
    if (at >= from && at <= to) ticks.push({ at, label, strong });
  };
  if (chosen.unit === "year") {
    const first = Math.ceil(year / chosen.count) * chosen.count;
    for (let one = first; Date.UTC(one, 0, 1) <= to; one += chosen.count) put(Date.UTC(one, 0, 1), String(one));
  } else if (chosen.unit === "month") {
    const first = Math.floor(month / chosen.count) * chosen.count;
    for (let one = first; Date.UTC(year, one, 1) <= to; one += chosen.count) {
      const at = new Date(Date.UTC(year, one, 1));
      const isYear = at.getUTCMonth() === 0;
      put(at.getTime(), isYear ? String(at.getUTCFullYear()) : (MONTHS[at.getUTCMonth()] ?? ""), isYear);
    }
  } else {
    const size = chosen.step;
    for (let at = Math.ceil(from / size) * size; at <= to; at += size) {
      const date = new Date(at);
      const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
      const time = `${TWO(date.getUTCHours())}:${TWO(date.getUTCMinutes())}`;
      const isMidnight = at % DAY === 0;
      const label = chosen.unit === "day" || isMidnight ? day : chosen.unit === "second" ? `${time}:${TWO(date.getUTCSeconds())}` : time;
      put(at, label, isMidnight && chosen.unit !== "day");
    }
  }
  return ticks;
}

/** The axis of prices. */
export interface PriceAxis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  /** Whether it does not begin at zero. */
  readonly cut: boolean;
}

/** An axis with four to six round ticks; from zero if the lowest price is below a third of the highest. */
export function priceAxis(values: readonly number[]): PriceAxis {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!Number.isFinite(low)) [low, high] = [0, 1];
  if (low === high) {
    const air = low === 0 ? 1 : low * 0.1;
    [low, high] = [low - (low === 0 ? 0 : air), high + air];
  }
  if (low < high / 3) low = 0;
  const air = (high - low) * 0.05;
  const bottom = low === 0 ? 0 : Math.max(0, low - air);
  const step = roundStep((high + air - bottom) / 5);
  const first = Math.floor(bottom / step + 1e-9);
  const last = Math.ceil((high + (low === 0 ? 0 : air / 2)) / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => round((first + index) * step));
  return { low: ticks[0] ?? 0, high: ticks.at(-1) ?? 1, ticks, cut: first > 0 };
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 2.5, 5, 10].find((one) => one * power >= rough * 0.999) ?? 10;
  return factor * power;
}

function round(value: number): number {
  return Number(value.toPrecision(12));
}

/** A linear scale. */
export function linear(from: number, to: number, start: number, end: number): (value: number) => number {
  const factor = to === from ? 0 : (end - start) / (to - from);
  return (value) => start + (value - from) * factor;
}

/** The paths of the steps of one currency: the line, and the bands behind it. */
export interface Drawn {
  readonly line: string;
  /** Where a pixel has more than two starts: from the highest to the lowest of them. */
  readonly bands: string;
}

/** Draws the steps of one currency. The line breaks at gaps. Where a pixel has more than two starts, it goes to the last of them, in front of a band from the highest to the lowest. */
export function draw(steps: readonly Step[], x: (at: number) => number, y: (value: number) => number, end: number): Drawn {
  let [line, bands] = ["", ""];
  let [column, inColumn, top, bottom] = [-1, 0, 0, 0];
  const at = (value: number): string => value.toFixed(1);
  steps.forEach((step, index) => {
    const [startX, height] = [x(step.from), y(step.value)];
    // A step shorter than a pixel is as wide as one.
    const endX = Math.max(step.to === undefined ? end : x(step.to), startX + 1);
    const continues = index > 0 && steps[index - 1]?.to === step.from;
    const pixel = Math.floor(startX);
    const isSame = pixel === column && continues;
    [column, inColumn] = [pixel, isSame ? inColumn + 1 : 1];
    [top, bottom] = isSame ? [Math.min(top, height), Math.max(bottom, height)] : [height, height];
    const next = steps[index + 1];
    const isLast = next === undefined || next.from !== step.to || Math.floor(x(next.from)) !== pixel;
    if (inColumn > 2 && !isLast) return;
    // Only the last of many counts for the line; what it passed over is in the band.
    if (inColumn > 2) bands += `M${at(pixel)} ${at(top)}h1.5V${at(bottom)}h-1.5Z`;
    line += continues ? `V${at(height)}H${at(endX)}` : `M${at(startX)} ${at(height)}H${at(endX)}`;
  });
  return { line, bands };
}
