// The comparison of two moments, loaded as the address asks.

import { useState } from "preact/hooks";
import { type Loaded, useLoad } from "../load";
import { type Clock, type Compared, comparedCommits, comparedLists, reversed, type Row } from "./compare";
import { kept } from "./data";
import { fits, isNarrowed, momentQuery, type Parameters } from "./list";
import { causes, known, MOST_ROWS, recorded, whole } from "./walk";

/** What was compared. */
export type Comparison =
  | {
      readonly kind: "compared";
      readonly all: readonly Compared[];
      /** Whether the unchanged products are among them. */
      readonly hasSame: boolean;
      /** Commits between the moments that are gone. */
      readonly missing: number;
    }
  | { readonly kind: "too-many"; readonly what: "products" | "commits" };

async function compare(at: number, vs: number, parameters: Parameters, clock: Clock, signal: AbortSignal, told: (words: string) => void): Promise<Comparison> {
  const [from, to] = [Math.min(at, vs), Math.max(at, vs)];
  const turned = (all: Compared[]): Compared[] => (vs > at ? reversed(all) : all);
  const own = kept();
  // A price or a currency would make a product seem new or removed that only got another one.
  const { currency: _, min: __, max: ___, sort: ____, ...looked } = parameters;
  const keeps = (row: Row): boolean => fits(row, looked, own);
  const list = (when: number): Promise<Row[] | undefined> =>
    whole(momentQuery(new Date(when).toISOString(), clock), keeps, signal, (seen) => told(`${seen} products read`));
  const isLong = !isNarrowed(looked) && ((await known(signal))?.all ?? 0) > MOST_ROWS;
  if (clock === "force") {
    if (isLong) return { kind: "too-many", what: "products" };
    const commits = causes(from, to, signal);
    const before = await list(from);
    const after = before === undefined ? undefined : await list(to);
    const made = await commits;
    if (before === undefined || after === undefined) return { kind: "too-many", what: "products" };
    return { kind: "compared", all: turned(comparedLists(before, after, made)), hasSame: true, missing: 0 };
  }
  const entries = await recorded(from, to, signal, (seen) => told(`${seen} commits read`));
  if (entries === undefined) return { kind: "too-many", what: "commits" };
  const changed = comparedCommits(entries).filter((one) => one.before !== undefined || one.after !== undefined);
  const ids = new Set(changed.map((one) => one.id));
  const listed = isLong ? undefined : await list(to);
  const same = (listed ?? []).filter((row) => !ids.has(row.id)).map((row) => ({ id: row.id, before: row, after: row, kinds: [], by: undefined }));
  const missing = entries.filter((entry) => entry.commit === null).length;
  return { kind: "compared", all: turned([...changed, ...same]), hasSame: listed !== undefined, missing };
}

/** The comparison of the address; `undefined` data: it is loading, or nothing is compared. */
export function useComparison(parameters: Parameters, clock: Clock): Loaded<Comparison | undefined> & { readonly told: string } {
  const { at, vs, show: _, order: __, ...rest } = parameters;
  const [told, setTold] = useState("");
  const { sort: ___, currency: ____, min: _____, max: ______, ...looked } = rest;
  const loaded = useLoad(JSON.stringify([at, vs, clock, looked]), async (signal) => {
    setTold("");
    return at === undefined || vs === undefined ? undefined : compare(Date.parse(at), Date.parse(vs), parameters, clock, signal, setTold);
  });
  return { ...loaded, told };
}
