// The Catalogue as a file: of what is loaded at once, of the rest as the ledger's pages come.

import { useRef, useState } from "preact/hooks";
import { csv, rowsOf } from "../csv";
import { download } from "../download";
import { amount, count, say } from "../state";
import { kept } from "./data";
import { fits, type Parameters } from "./list";
import { COLUMNS, row } from "./table";
import { MOST_CSV, walk } from "./walk";

/** A file: its name, and its rows or the list that they come from. */
export interface File {
  readonly name: readonly (string | undefined)[];
  readonly from:
    | { readonly columns: readonly string[]; readonly rows: readonly (readonly (string | undefined)[])[] }
    | Listing;
}

/** A list of the ledger, and what of it is looked for. */
interface Listing {
  readonly request: Readonly<Record<string, string | undefined>>;
  readonly size: number | undefined;
  readonly parameters: Parameters;
}

/** Files of that many entries are asked for at a time. */
const PART = 10_000;
const SOON = 300;

/** Saves a list as the ledger's pages come; tells how many rows there are so far. */
async function walked(name: File["name"], { request, parameters }: Listing, signal: AbortSignal, told: (rows: number) => void): Promise<void> {
  const parts = [csv(COLUMNS, [])];
  let rows = 0;
  let isCut = false;
  for await (const page of walk(request, PART, signal)) {
    const found = page.filter((one) => fits(one, parameters, kept()));
    if (rows + found.length > MOST_CSV) {
      isCut = true;
      break;
    }
    parts.push(rowsOf(COLUMNS, found.map(row)));
    rows += found.length;
    told(rows);
  }
  download(name, "csv", parts, "text/csv");
  say(isCut ? `The file has the first ${count(rows)} products, the most that this page saves; filter for less.` : `A file with ${count(rows)} products is ready.`);
}

export function CatalogueCsv({ files, children = "Download CSV" }: { readonly files: readonly File[]; readonly children?: string }) {
  const [made, setMade] = useState<number | undefined>(undefined);
  const control = useRef<AbortController | undefined>(undefined);
  const sizes = files.map(({ from }) => ("rows" in from ? from.rows.length : from.size));
  const size = sizes.reduce<number | undefined>((sum, one) => (sum === undefined || one === undefined ? undefined : sum + one), 0);
  const make = async (): Promise<void> => {
    const own = new AbortController();
    control.current = own;
    const soon = setTimeout(() => setMade((before) => before ?? 0), SOON);
    try {
      for (const { name, from } of files) {
        if ("rows" in from) {
          download(name, "csv", csv(from.columns, from.rows), "text/csv");
          say(`A file with ${amount(from.rows.length, "product")} is ready.`);
        } else {
          await walked(name, from, own.signal, (rows) => setMade((before) => (before === undefined ? before : rows)));
        }
      }
    } catch (error) {
      say(own.signal.aborted ? "No file was made." : error instanceof Error ? error.message : "The file could not be made.");
    }
    clearTimeout(soon);
    setMade(undefined);
  };
  if (made !== undefined) {
    return (
      <span class="actions">
        <span class="muted" role="status">
          Preparing {made === 0 && size === undefined ? "the" : count(Math.max(made, size ?? 0))} rows…
        </span>
        <button type="button" class="button" onClick={() => control.current?.abort()}>
          Cancel
        </button>
      </span>
    );
  }
  return (
    <button type="button" class="button" onClick={() => void make()}>
      {children}
      {size === undefined ? null : <small class="muted">{` ${count(size)} row${size === 1 ? "" : "s"}`}</small>}
    </button>
  );
}
