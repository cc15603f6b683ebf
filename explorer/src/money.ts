// Prices as people read them, from the text of the answer: a price never becomes a floating-point number on its way to a reader.

/** The parts of a plain decimal. */
interface Decimal {
  readonly whole: string;
  readonly fraction: string;
}

function decimal(price: string): Decimal {
  const [whole = "0", fraction = ""] = price.split(".");
  return { whole, fraction };
}

/** The price with the sign of its currency, all its decimals, and the digits grouped as the locale does. */
export function money(price: string, currency: string, locale: string): string {
  const { whole, fraction } = decimal(price);
  let parts: Intl.NumberFormatPart[];
  try {
    const format = new Intl.NumberFormat(locale, {
      style: "currency",
      currency,
      currencyDisplay: "narrowSymbol",
      minimumFractionDigits: 0,
      maximumFractionDigits: 0,
    });
    parts = format.formatToParts(BigInt(whole));
  } catch {
    return `${price} ${currency}`;
  }
  if (fraction === "") return parts.map((part) => part.value).join("");
  const last = parts.findLastIndex((part) => part.type === "integer");
  const shown = parts.map((part, index) => (index === last ? `${part.value}${point(locale)}${fraction}` : part.value));
  return shown.join("");
}

/** The price with its digits grouped, and no currency. */
export function digits(price: string, locale: string): string {
  const { whole, fraction } = decimal(price);
  const grouped = new Intl.NumberFormat(locale).format(BigInt(whole));
  return fraction === "" ? grouped : `${grouped}${point(locale)}${fraction}`;
}

function point(locale: string): string {
  const parts = new Intl.NumberFormat(locale).formatToParts(0.5);
  return parts.find((part) => part.type === "decimal")?.value ?? ".";
}

/** The price in ten-thousandths of its unit, exactly. */
export function exact(price: string): bigint {
  const { whole, fraction } = decimal(price);
  return BigInt(whole) * 10000n + BigInt(fraction.padEnd(4, "0").slice(0, 4));
}

/** The price as a number, for positions in a picture alone. */
export function position(price: string): number {
  return Number(price);
}

/** By how much a price differs from the one before it. */
export interface Change {
  readonly direction: "down" | "up" | "same";
  /** As people read it, without a sign. `undefined`: of a price of zero there is no percentage. */
  readonly percent: string | undefined;
}

/** The change from one price to another of the same currency. */
export function change(from: string, to: string): Change {
  const [before, after] = [exact(from), exact(to)];
  if (before === after) return { direction: "same", percent: undefined };
  const direction = after < before ? "down" : "up";
  if (before === 0n) return { direction, percent: undefined };
  const difference = after < before ? before - after : after - before;
  // Tenths of a per cent, rounded half up.
  const tenths = (difference * 2000n + before) / (before * 2n);
  const percent = tenths === 0n ? "less than 0.1 %" : `${tenths / 10n}.${tenths % 10n} %`;
  return { direction, percent };
}

/** A label of an axis: short, and exact for the round numbers that an axis has. */
export function axisLabel(value: number, currency: string, locale: string): string {
  const large = Math.abs(value) >= 1e6;
  try {
    return new Intl.NumberFormat(locale, {
      style: "currency",
      currency,
      currencyDisplay: "narrowSymbol",
      notation: large ? "compact" : "standard",
      minimumFractionDigits: 0,
      maximumFractionDigits: large ? 2 : 4,
    }).format(value);
  } catch {
    return `${value} ${currency}`;
  }
}

/** Spaces as wide as the decimals that a price lacks, so that a column is aligned at its points. */
export function padding(price: string, decimals: number): string {
  const own = decimal(price).fraction.length;
  return `${own === 0 && decimals > 0 ? "\u2008" : ""}${"\u2007".repeat(Math.max(0, decimals - own))}`;
}

/** The most decimals of these prices. */
export function mostDecimals(prices: readonly (string | undefined)[]): number {
  return Math.max(0, ...prices.map((price) => (price === undefined ? 0 : decimal(price).fraction.length)));
}
