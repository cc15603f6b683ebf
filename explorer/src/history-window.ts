// The commits of a product that its timeline holds: a window that grows at either end and never has more rows than a page can take. Pure.

/** How many rows there are at most. */
export const MOST_ROWS = 1000;

interface Numbered {
  readonly sequence: number;
}

/** The commits with earlier ones before them; where they are too many, the newest go. */
export function withEarlier<C extends Numbered>(commits: readonly C[], earlier: readonly C[]): readonly C[] {
  const first = commits[0]?.sequence ?? Infinity;
  return [...earlier.filter((one) => one.sequence < first), ...commits].slice(0, MOST_ROWS);
}

/** The commits with later ones after them; where they are too many, the oldest go. */
export function withLater<C extends Numbered>(commits: readonly C[], later: readonly C[]): readonly C[] {
  const last = commits.at(-1)?.sequence ?? 0;
  return [...commits, ...later.filter((one) => one.sequence > last)].slice(-MOST_ROWS);
}

/** The years from the first to the last of two moments, the newest first. */
export function yearsBetween(from: number, to: number): number[] {
  const [first, last] = [new Date(from).getUTCFullYear(), new Date(to).getUTCFullYear()];
  return Array.from({ length: Math.max(1, last - first + 1) }, (_, index) => last - index);
}
