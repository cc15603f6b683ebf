// Moments as people read and type them, in UTC or in the zone of this computer. Pure: the present is passed in.

/** How times are shown. */
export type Zone = "utc" | "local";

const DAY = 86_400_000;

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/** A moment in time by its parts in a zone. */
interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
}

function parts(at: number, zone: Zone): Parts {
  const date = new Date(at);
  if (zone === "utc") {
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth(),
      day: date.getUTCDate(),
      weekday: date.getUTCDay(),
    };
  }
  return { year: date.getFullYear(), month: date.getMonth(), day: date.getDate(), weekday: date.getDay() };
}

/** The beginning of a day; days beyond the month roll over. */
export function startOfDay(year: number, month: number, day: number, zone: Zone): number {
  if (zone === "utc") return Date.UTC(year, month, day);
  return new Date(year, month, day).getTime();
}

/** The beginning of the day of a moment, some days later or earlier. */
export function dayOf(at: number, zone: Zone, later = 0): number {
  const { year, month, day } = parts(at, zone);
  return startOfDay(year, month, day + later, zone);
}

/** The last millisecond of the day that begins then. */
export function endOfDay(start: number, zone: Zone): number {
  return dayOf(start, zone, 1) - 1;
}

function formatter(zone: Zone, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone}${JSON.stringify(options)}`;
  let found = FORMATTERS.get(key);
  if (found === undefined) {
    found = new Intl.DateTimeFormat("en-GB", zone === "utc" ? { ...options, timeZone: "UTC" } : options);
    FORMATTERS.set(key, found);
  }
  return found;
}

const FORMATTERS = new Map<string, Intl.DateTimeFormat>();

/** `27 Nov 2026`. */
export function date(at: number, zone: Zone): string {
  // Written out, because the short form of September differs between versions of browsers.
  const { year, month, day } = parts(at, zone);
  const name = MONTHS[month] ?? "";
  return `${day} ${name.charAt(0).toUpperCase()}${name.slice(1)} ${year}`;
}

/** `Friday, 27 November 2026`. */
export function longDate(at: number, zone: Zone): string {
  const options = { weekday: "long", day: "numeric", month: "long", year: "numeric" } as const;
  const shown = formatter(zone, options).formatToParts(at);
  const of = (type: string): string => shown.find((part) => part.type === type)?.value ?? "";
  return `${of("weekday")}, ${of("day")} ${of("month")} ${of("year")}`;
}

/** `1 June 2024`, or `1 June` without its year. */
export function longDay(at: number, zone: Zone, withYear = true): string {
  const shown = formatter(zone, { day: "numeric", month: "long", year: "numeric" }).formatToParts(at);
  const of = (type: string): string => shown.find((part) => part.type === type)?.value ?? "";
  return `${of("day")} ${of("month")}${withYear ? ` ${of("year")}` : ""}`;
}

/** `2024-06-01`. */
export function isoDay(at: number, zone: Zone): string {
  return new Date(dayNumber(at, zone) * DAY).toISOString().slice(0, 10);
}

/** The day of a moment, as the number of days from 1 January 1970 to its date. */
export function dayNumber(at: number, zone: Zone): number {
  const { year, month, day } = parts(at, zone);
  return Date.UTC(year, month, day) / DAY;
}

/** The last millisecond of the day with this number. */
export function endOfDayNumber(number: number, zone: Zone): number {
  const date = new Date(number * DAY);
  return startOfDay(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 1, zone) - 1;
}

/** Whether a moment is the last one of its day, up to a second. */
export function isEndOfDay(at: number, zone: Zone): boolean {
  return at >= endOfDay(dayOf(at, zone), zone) - 999;
}

/** `1 Jun 2024` for the end of a day, else `1 Jun 2024, 09:00`. */
export function dayOrTime(at: number, zone: Zone): string {
  if (isEndOfDay(at, zone)) return date(at, zone);
  const seconds = clock(at, zone);
  return `${date(at, zone)}, ${seconds.endsWith(":00") ? seconds.slice(0, 5) : seconds}`;
}

/** `1 May and 1 June 2024`: two moments in a sentence. */
export function between(from: number, to: number, zone: Zone): string {
  if (!isEndOfDay(from, zone) || !isEndOfDay(to, zone)) return `${dayOrTime(from, zone)} and ${dayOrTime(to, zone)}`;
  const [one, other] = [parts(from, zone), parts(to, zone)];
  const isSameMonth = one.year === other.year && one.month === other.month;
  return `${isSameMonth ? one.day : longDay(from, zone, one.year !== other.year)} and ${longDay(to, zone)}`;
}

/** `March 2026`. */
export function monthName(at: number, zone: Zone): string {
  return formatter(zone, { month: "long", year: "numeric" }).format(at);
}

/** `00:00:04`. */
export function clock(at: number, zone: Zone): string {
  return formatter(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(at);
}

/** `UTC`, or the short name of this computer's zone. */
export function zoneName(zone: Zone, at: number): string {
  if (zone === "utc") return "UTC";
  const shown = formatter(zone, { timeZoneName: "short" }).formatToParts(at);
  return shown.find((part) => part.type === "timeZoneName")?.value ?? "local time";
}

/** `27 Nov 2026, 00:00:04 UTC`. */
export function moment(at: number, zone: Zone): string {
  return `${date(at, zone)}, ${clock(at, zone)} ${zoneName(zone, at)}`;
}

/** `27 Nov 2026, 08:00`; a midnight without its time. For tables, whose head names the zone. */
export function brief(at: number, zone: Zone): string {
  if (dayOf(at, zone) === at) return date(at, zone);
  const seconds = clock(at, zone);
  return `${date(at, zone)}, ${seconds.endsWith(":00") ? seconds.slice(0, 5) : seconds}`;
}

/** A moment that somebody asked for: `end of 1 Jun 2024, UTC` where it is the last one of a day. */
export function asked(at: number, zone: Zone): string {
  return isEndOfDay(at, zone) ? `end of ${date(at, zone)}, ${zoneName(zone, at)}` : moment(at, zone);
}

/** How long something took or lasts, in one unit: `0.3 s`, `12 minutes`, `414 days`. */
export function span(milliseconds: number): string {
  const size = Math.abs(milliseconds);
  const whole = (unit: number, name: string): string => {
    const count = Math.floor(size / unit);
    return `${count} ${name}${count === 1 ? "" : "s"}`;
  };
  if (size < 50) return "less than 0.1 s";
  if (size < 9950) return `${(size / 1000).toFixed(1)} s`;
  if (size < 120_000) return `${Math.round(size / 1000)} s`;
  if (size < 7_200_000) return whole(60_000, "minute");
  if (size < 2 * DAY) return whole(3_600_000, "hour");
  if (size < 730 * DAY) return whole(DAY, "day");
  return whole(365.25 * DAY, "year");
}

/** How many days a period has, rounded down; below one, its length in a smaller unit. */
export function days(milliseconds: number): string {
  if (milliseconds < DAY) return span(milliseconds);
  const count = Math.floor(milliseconds / DAY);
  return `${count} day${count === 1 ? "" : "s"}`;
}

/** The RFC 3339 form that the ledger takes. */
export function instant(at: number): string {
  return new Date(at).toISOString();
}

/** What somebody typed as a moment; a date without a time is that day's end, or its beginning with `from`. */
export function typed(text: string, now: number, zone: Zone, edge: "end" | "from" = "end"): number | undefined {
  const given = text.trim().toLowerCase();
  if (given === "") return undefined;
  if (/^\d{4}-\d\d-\d\dt/.test(given)) {
    const at = Date.parse(text.trim());
    return Number.isNaN(at) ? undefined : at;
  }
  if (given === "now") return now;
  const start = typedDay(given, now, zone);
  if (start === undefined) return undefined;
  return edge === "from" ? start : endOfDay(start, zone);
}

function typedDay(given: string, now: number, zone: Zone): number | undefined {
  if (given === "today") return dayOf(now, zone);
  if (given === "yesterday") return dayOf(now, zone, -1);
  const back = /^-(\d{1,5})\s*d(ays?)?$/.exec(given);
  if (back) return dayOf(now, zone, -Number(back[1]));
  const last = /^last ([a-z]+)$/.exec(given);
  const weekday = last ? WEEKDAYS.findIndex((name) => name === last[1] || name.slice(0, 3) === last[1]) : -1;
  if (weekday >= 0) {
    const ahead = (parts(now, zone).weekday - weekday + 6) % 7;
    return dayOf(now, zone, -1 - ahead);
  }
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(given);
  if (iso) return validDay(Number(iso[1]), Number(iso[2]) - 1, Number(iso[3]), zone);
  const words = /^(\d{1,2})\.?\s+([a-z]{3,9})\.?,?\s+(\d{4})$/.exec(given);
  if (words) return validDay(Number(words[3]), monthNamed(words[2] ?? ""), Number(words[1]), zone);
  const american = /^([a-z]{3,9})\.?\s+(\d{1,2}),?\s+(\d{4})$/.exec(given);
  if (american) return validDay(Number(american[3]), monthNamed(american[1] ?? ""), Number(american[2]), zone);
  return undefined;
}

function monthNamed(name: string): number {
  const found = MONTHS.indexOf(name.slice(0, 3));
  const full = found < 0 ? "" : formatter("utc", { month: "long" }).format(Date.UTC(2000, found, 15)).toLowerCase();
  return full.startsWith(name) || name === "sept" ? found : -1;
}

function validDay(year: number, month: number, day: number, zone: Zone): number | undefined {
  if (month < 0 || month > 11 || day < 1 || year < 1) return undefined;
  const start = startOfDay(year, month, day, zone);
  const read = parts(start, zone);
  return read.month === month && read.day === day ? start : undefined;
}
