// The words by which two texts differ. Pure.

/** A stretch of text: in both, in the old one alone, or in the new one alone. */
export interface Part {
  readonly kind: "same" | "old" | "new";
  readonly text: string;
}

/** How many steps the search for the fewest changes takes at most. */
const MOST_STEPS = 20_000;
/** How many characters are shown around a change. */
const AROUND = 40;

// Words, runs of spaces, single signs, and single characters of scripts that put no spaces between words.
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}])[\p{L}\p{N}\p{M}])+|\s+|[^](?:\u200d[^]|[\p{M}\ufe0f])*/gu;

function words(text: string): string[] {
  return text.match(WORD) ?? [];
}

/** The parts of both texts in order, with as few changed words as possible (Myers 1986); `undefined`: they differ too much. */
export function diff(before: string, after: string): Part[] | undefined {
  const [a, b] = [words(before), words(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const middle = changes(a.slice(start, a.length - end), b.slice(start, b.length - end));
  if (middle === undefined) return undefined;
  return joined([{ kind: "same", text: a.slice(0, start).join("") }, ...middle, { kind: "same", text: a.slice(a.length - end).join("") }]);
}

function changes(a: readonly string[], b: readonly string[]): Part[] | undefined {
  const trace: Map<number, number>[] = [];
  let reached = new Map<number, number>([[1, 0]]);
  let steps = 0;
  for (let edits = 0; edits <= a.length + b.length; edits += 1) {
    trace.push(new Map(reached));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = fromAbove(reached, diagonal, edits) ? (reached.get(diagonal + 1) ?? 0) : (reached.get(diagonal - 1) ?? 0) + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) {
        x += 1;
        steps += 1;
      }
      reached.set(diagonal, x);
      steps += 1;
      if (steps > MOST_STEPS) return undefined;
      if (x >= a.length && x - diagonal >= b.length) return backwards(trace, a, b);
    }
    reached = new Map(reached);
  }
  return [];
}

function fromAbove(reached: ReadonlyMap<number, number>, diagonal: number, edits: number): boolean {
  return diagonal === -edits || (diagonal !== edits && (reached.get(diagonal - 1) ?? 0) < (reached.get(diagonal + 1) ?? 0));
}

function backwards(trace: readonly ReadonlyMap<number, number>[], a: readonly string[], b: readonly string[]): Part[] {
  const found: Part[] = [];
  let [x, y] = [a.length, b.length];
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const reached = trace[edits] as ReadonlyMap<number, number>;
    const diagonal = x - y;
    const previous = fromAbove(reached, diagonal, edits) ? diagonal + 1 : diagonal - 1;
    const previousX = edits === 0 ? 0 : (reached.get(previous) ?? 0);
    const previousY = edits === 0 ? 0 : previousX - previous;
    while (x > previousX && y > previousY) {
      x -= 1;
      y -= 1;
      found.push({ kind: "same", text: a[x] as string });
    }
    if (edits === 0) break;
    if (x > previousX) found.push({ kind: "old", text: a[(x -= 1)] as string });
    else found.push({ kind: "new", text: b[(y -= 1)] as string });
  }
  return found.reverse();
}

/** Neighbours of one kind are one part; between two equal stretches the old text stands before the new one. */
function joined(parts: readonly Part[]): Part[] {
  const found: Part[] = [];
  let changed = { old: "", new: "" };
  const close = (): void => {
    if (changed.old !== "") found.push({ kind: "old", text: changed.old });
    if (changed.new !== "") found.push({ kind: "new", text: changed.new });
    changed = { old: "", new: "" };
  };
  for (const part of parts) {
    if (part.kind !== "same") {
      changed[part.kind] += part.text;
    } else if (part.text !== "") {
      close();
      const last = found.at(-1);
      if (last?.kind === "same") found[found.length - 1] = { kind: "same", text: last.text + part.text };
      else found.push(part);
    }
  }
  close();
  return found;
}

/** The parts with at most forty characters of equal text beside each change. */
export function around(parts: readonly Part[]): Part[] {
  return parts.map((part, index) => {
    if (part.kind !== "same") return part;
    const characters = Array.from(part.text);
    const [isFirst, isLast] = [index === 0, index === parts.length - 1];
    const kept = isFirst || isLast ? AROUND : AROUND * 2;
    if (characters.length <= kept + 1 || (isFirst && isLast)) return part;
    const [head, tail] = [characters.slice(0, AROUND).join(""), characters.slice(-AROUND).join("")];
    return { kind: "same", text: isFirst ? `…${tail}` : isLast ? `${head}…` : `${head} … ${tail}` };
  });
}
