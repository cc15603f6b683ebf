// Data of a part of a page: it stays while it is loaded anew, and a failure takes the place of that part alone.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

/** What is known of some data. */
export interface Loaded<T> {
  readonly data: T | undefined;
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/** Loads data for a key; data of another key is not shown. */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: unknown; isLoading: boolean }>({
    key,
    isLoading: true,
  });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const control = new AbortController();
    setState((before) => (before.key === key ? { ...before, isLoading: true } : { key, isLoading: true }));
    latest.current(control.signal).then(
      (data) => {
        if (!control.signal.aborted) setState({ key, data, isLoading: false });
      },
      (error: unknown) => {
        if (!control.signal.aborted) {
          setState((before) => ({ key, ...(before.key === key && before.data !== undefined ? { data: before.data } : {}), error, isLoading: false }));
        }
      },
    );
    return () => control.abort();
  }, [key, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  const isOwn = state.key === key;
  return {
    data: isOwn ? state.data : undefined,
    error: isOwn ? state.error : undefined,
    isLoading: !isOwn || state.isLoading,
    reload,
  };
}

/** The present, renewed at an interval. */
export function useNow(interval: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), interval);
    return () => clearInterval(timer);
  }, [interval]);
  return now;
}
