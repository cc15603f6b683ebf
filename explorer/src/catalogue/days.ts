// The slider of the Catalogue: its days, the commits of each as bars, and what it says. Pure: the present is passed in.

import * as time from "../time";

/** A day by its number, and its commits. */
export interface Day {
  readonly day: number;
  readonly commits: number;
}

/** The answer of `GET /commits/days`. */
export interface DaysAnswer {
  readonly days: readonly { readonly day: string; readonly commits: number }[];
}

const DAY = 86_400_000;

/** The days of the answer, oldest first; what is no day is left out. */
export function daysOf(answer: DaysAnswer): Day[] {
  const days = answer.days.map(({ day, commits }) => ({ day: Date.parse(`${day}T00:00:00Z`) / DAY, commits }));
  return days.filter(({ day }) => Number.isInteger(day)).sort((a, b) => a.day - b.day);
}

/** The first and the last day of the slider: the ledger's life, and the moments that are shown. */
export function bounds(first: number, today: number, shown: readonly number[]): { readonly first: number; readonly last: number } {
  return { first: Math.min(first, today, ...shown), last: Math.max(today, ...shown) };
}

/** The bars as a path in a box from the first to the last day and from 0 to 100, of heights by the square root of the commits. */
export function bars(days: readonly Day[], first: number, last: number): string {
  const most = Math.max(1, ...days.map((day) => day.commits));
  const seen = days.filter(({ day }) => day >= first && day <= last);
  return seen.map(({ day, commits }) => `M${day - first} 100V${(100 - 100 * Math.sqrt(commits / most)).toFixed(1)}`).join("");
}

/** A label below the slider, at a share of its length. */
export interface Tick {
  readonly share: number;
  readonly label: string;
}

const MOST_TICKS = 8;

/** The beginnings of years; where there are fewer than two, the first and the last day. */
export function ticks(first: number, last: number): Tick[] {
  const length = Math.max(1, last - first);
  const year = (day: number): number => new Date(day * DAY).getUTCFullYear();
  const years = Array.from({ length: Math.max(0, year(last) - year(first)) }, (_, index) => year(first) + 1 + index);
  const step = Math.ceil(years.length / MOST_TICKS);
  const shown = years.filter((one) => one % step === 0).map((one) => ({ share: (Date.UTC(one, 0, 1) / DAY - first) / length, label: String(one) }));
  // One at the edge would be cut.
  const inside = shown.filter(({ share }) => share > 0.02 && share < 0.98);
  if (inside.length > 1) return inside;
  return [first, last].map((day, index) => ({ share: index, label: time.date(day * DAY, "utc") }));
}

/** What a handle says: `1 June 2024, 195 commits on 29 May`. */
export function valueText(day: number, days: readonly Day[]): string {
  const words = (one: number, withYear: boolean): string => time.longDay(one * DAY, "utc", withYear);
  const shown = words(day, true);
  const near = days.findLast((one) => one.day <= day);
  if (near === undefined) return days.length === 0 ? shown : `${shown}, before the first commit`;
  const commits = `${near.commits} commit${near.commits === 1 ? "" : "s"}`;
  if (near.day === day) return `${shown}, ${commits}`;
  const isSameYear = shown.endsWith(String(new Date(near.day * DAY).getUTCFullYear()));
  return `${shown}, ${commits} on ${words(near.day, !isSameYear)}`;
}

/** Where a key leads that a slider does not know in days: 30 days with Page Up and Page Down. */
export function stepped(key: string, day: number, first: number, last: number): number | undefined {
  if (key === "PageUp") return Math.min(last, day + 30);
  return key === "PageDown" ? Math.max(first, day - 30) : undefined;
}
