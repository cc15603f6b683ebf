// Requests to the ledger. A request that finds the server away or busy waits and is sent again; a refusal is a `Problem`.

import { signal } from "@preact/signals";
import { isNeeded, replaced, token } from "./session";

/** An answer that is an error, in the words of the ledger (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    /** The kind, without the part that all kinds have in front; empty if something else than the ledger answered. */
    readonly kind: string,
    readonly title: string,
    readonly detail: string,
    readonly reference: string,
    readonly members: Readonly<Record<string, unknown>> = {},
  ) {
    super(title);
  }
}

/** Since when the server does not answer, when it is asked again, and how to ask it now. */
export const away = signal<{ readonly since: number; readonly next: number; readonly now: () => void } | undefined>(undefined);

/** Until when a busy server is left alone. */
export const busy = signal<number | undefined>(undefined);

/** How a request is made. */
export interface Options {
  readonly signal?: AbortSignal;
  readonly accept?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether a failure of the network is thrown at once, or, with `busy`, an answer that the server is busy is given back. */
  readonly once?: true | "busy";
}

const WAITS = [1, 2, 4, 8, 15, 30];
const LARGEST = 10_000_000;

/** The address of a route, which is given without a `/` in front. */
export function address(path: string): string {
  return new URL(path, document.baseURI).href;
}

/** Sends a request until the server answers it. */
export async function send(path: string, options: Options = {}): Promise<Response> {
  let mayRefresh = true;
  for (let failed = 0; ; failed += 1) {
    const used = token.value;
    const answer = await attempt(path, options);
    if (answer?.status === 401 && isNeeded.value) {
      // The page stays as it is until somebody has signed in again.
      await replaced(used, mayRefresh, options.signal);
      mayRefresh = false;
      failed = -1;
      continue;
    }
    if (answer !== undefined && ![502, 503, 504, 429].includes(answer.status)) {
      if (away.value !== undefined) away.value = undefined;
      busy.value = undefined;
      return answer;
    }
    if (options.once === "busy" && (answer?.status === 503 || answer?.status === 429)) return answer;
    if (options.once === true) {
      if (answer !== undefined) return answer;
      throw new TypeError("the server does not answer");
    }
    const asked = Number(answer?.headers.get("retry-after"));
    if (answer !== undefined && asked > 0 && answer.status !== 502) {
      busy.value = Date.now() + asked * 1000;
      await pause(asked * 1000, options.signal);
      continue;
    }
    await untilNext(failed, options.signal);
  }
}

async function attempt(path: string, options: Options): Promise<Response | undefined> {
  const headers = new Headers(options.headers);
  headers.set("accept", options.accept ?? "application/json");
  if (token.value !== undefined) headers.set("authorization", `Bearer ${token.value}`);
  try {
    return await fetch(address(path), {
      method: options.method ?? "GET",
      headers,
      cache: "no-cache",
      ...(options.body === undefined ? {} : { body: options.body }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    return undefined;
  }
}

async function untilNext(failed: number, aborted: AbortSignal | undefined): Promise<void> {
  const wait = (WAITS[Math.min(failed, WAITS.length - 1)] as number) * 1000;
  let wake = (): void => undefined;
  const pressed = new Promise<void>((resolve) => (wake = resolve));
  const since = away.value?.since ?? Date.now();
  away.value = { since, next: Date.now() + wait, now: wake };
  await Promise.race([pressed, pause(wait, aborted)]);
}

function pause(milliseconds: number, aborted: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    aborted?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("aborted", "AbortError"));
    });
  });
}

/** The text of an answer. */
export async function getText(path: string, options: Options = {}): Promise<string> {
  const answer = await send(path, options);
  if (!answer.ok) throw await problemOf(answer);
  const text = await answer.text();
  if (text.length > LARGEST) throw new Problem(answer.status, "", "The answer is too large for this page.", "", "");
  return text;
}

/** The value of an answer in JSON. */
export async function get<T>(path: string, options: Options = {}): Promise<T> {
  const text = await getText(path, options);
  return JSON.parse(text) as T;
}

/** The problem in an answer. */
export async function problemOf(answer: Response): Promise<Problem> {
  const text = await answer.text().catch(() => "");
  try {
    const found = JSON.parse(text) as Record<string, unknown>;
    const word = (name: string): string => (typeof found[name] === "string" ? found[name] : "");
    const kind = word("type").replace("urn:product-ledger:problem:", "");
    return new Problem(answer.status, kind, word("title"), word("detail"), word("correlation_id"), found);
  } catch {
    return new Problem(answer.status, "", `Something between you and the ledger answered (${answer.status}).`, "", "");
  }
}

/** A path with a query; parameters without a value are left out, a list gives its parameter several times. */
export function query(path: string, parameters: Readonly<Record<string, string | number | readonly string[] | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    const values = typeof value === "object" ? value : [value];
    for (const one of values) if (one !== undefined && one !== "") given.append(name, String(one));
  }
  const text = given.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** The path of a product. */
export function productPath(id: string): string {
  return `products/${encodeURIComponent(id)}`;
}
