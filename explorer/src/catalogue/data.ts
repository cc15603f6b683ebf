// The list of the Catalogue, of now or of a moment, loaded as the address asks.

import { useEffect, useState } from "preact/hooks";
import { config, orders } from "../state";
import type { Product } from "../types";
import type { Clock, Row } from "./compare";
import { fits, isNarrowed, type Kept, type Parameters, picked, plan } from "./list";
import { known, MOST_ROWS, part, whole } from "./walk";

/** Rows at the beginning. */
export const FIRST = 50;

/** What the server has of orders, and its currency. */
export function kept(): Kept {
  return { orders: orders(), currency: config.value.default_currency };
}

/** A list, as far as it is loaded. */
interface Listed {
  readonly rows: readonly (Row & Partial<Product>)[];
  /** The place of what follows; `null`: these are all. */
  readonly next: string | null;
  /** Too long for the page to sort: it comes in the ledger's order. */
  readonly isTooLong: boolean;
}

export interface List {
  readonly listed: Listed | undefined;
  readonly error: unknown;
  readonly isLoading: boolean;
  /** How many products were read so far, while all are. */
  readonly seen: number;
  readonly more: () => void;
  readonly reload: () => void;
}

async function load(parameters: Parameters, clock: Clock, wanted: number, signal: AbortSignal, told: (seen: number) => void): Promise<Listed> {
  const own = kept();
  const { request, isPartial, isAll } = plan(parameters, own, clock);
  const keeps = (row: Row): boolean => fits(row, parameters, own);
  // A list of everything is not read to its end only to see that it is too long.
  const isTooLong = isPartial && isAll && !isNarrowed(parameters) && ((await known(signal))?.all ?? 0) > MOST_ROWS;
  if (isPartial && !isTooLong) {
    const rows = await whole(request, keeps, signal, told);
    if (rows !== undefined) return { rows: picked(rows, parameters, own), next: null, isTooLong: false };
  }
  const { rows, next } = await part(request, undefined, wanted, keeps, signal);
  return { rows, next, isTooLong: isPartial };
}

interface ListState {
  readonly key: string;
  readonly listed?: Listed;
  readonly error?: unknown;
  readonly isLoading: boolean;
}

/** The list for the parameters; what is shown stays while it is loaded anew, and when more of it does not come. */
export function useList(parameters: Parameters, clock: Clock, isWanted: boolean): List {
  const key = JSON.stringify([parameters, clock, isWanted]);
  const [state, setState] = useState<ListState>({ key, isLoading: isWanted });
  const [seen, setSeen] = useState(0);
  const [round, setRound] = useState(0);
  const shown = state.key === key ? state.listed : undefined;
  useEffect(() => {
    if (!isWanted) return undefined;
    const control = new AbortController();
    setSeen(0);
    setState({ key, ...(shown === undefined ? {} : { listed: shown }), isLoading: true });
    load(parameters, clock, Math.max(FIRST, shown?.rows.length ?? 0), control.signal, setSeen).then(
      (listed) => control.signal.aborted || setState({ key, listed, isLoading: false }),
      (error: unknown) => control.signal.aborted || setState({ key, ...(shown === undefined ? {} : { listed: shown }), error, isLoading: false }),
    );
    return () => control.abort();
  }, [key, round]);
  const more = (): void => {
    if (shown === undefined || shown.next === null || state.isLoading) return;
    setState({ key, listed: shown, isLoading: true });
    const put = (next: ListState): void => setState((before) => (before.key === key && before.listed === shown ? next : before));
    const { request } = plan(parameters, kept(), clock);
    part(request, shown.next, 100, (row) => fits(row, parameters, kept()), new AbortController().signal).then(
      ({ rows, next }) => put({ key, listed: { ...shown, rows: [...shown.rows, ...rows], next }, isLoading: false }),
      (error: unknown) => put({ key, listed: shown, error, isLoading: false }),
    );
  };
  const isOwn = state.key === key;
  return { listed: shown, error: isOwn ? state.error : undefined, isLoading: !isOwn || state.isLoading, seen, more, reload: () => setRound((before) => before + 1) };
}
