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
// An answer that is waited for comes after 20 s at the latest.
const SILENCE = 40_000;
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
  const limit = new AbortController();
  const stop = (): void => limit.abort(options.signal?.reason);
  if (options.signal?.aborted === true) stop();
  options.signal?.addEventListener("abort", stop);
  const timer = setTimeout(stop, SILENCE);
  try {
    return await fetch(address(path), {
      method: options.method ?? "GET",
      headers,
      cache: "no-cache",
      ...(options.body === undefined ? {} : { body: options.body }),
      signal: limit.signal,
    });
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    return undefined;
  } finally {
    // The rest of the answer has a limit of its own.
    clearTimeout(timer);
  }
}

/** The text of an answer that has begun to come; a `Problem` if it breaks off, or nothing more of it comes. */
export async function textOf(answer: Response): Promise<string> {
  const reader = answer.body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  for (let text = ""; ; ) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const silent = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new TypeError("silent")), SILENCE)));
      const { done, value } = await Promise.race([reader.read(), silent]);
      if (done) return text + decoder.decode();
      text += decoder.decode(value, { stream: true });
    } catch (error) {
      void reader.cancel().catch(() => undefined);
      if (!(error instanceof TypeError)) throw error;
      throw new Problem(answer.status, "", "The answer of the server broke off.", "", "");
    } finally {
      clearTimeout(timer);
    }
    if (text.length > LARGEST) {
      void reader.cancel().catch(() => undefined);
      throw new Problem(answer.status, "", "The answer is too large for this page.", "", "");
    }
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
  return textOf(answer);
}

/** The value of an answer in JSON. */
export async function get<T>(path: string, options: Options = {}): Promise<T> {
  const answer = await send(path, options);
  if (!answer.ok) throw await problemOf(answer);
  return valueOf<T>(await textOf(answer), answer.status);
}

/** The value of a text in JSON. */
export function valueOf<T>(text: string, status = 200): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    throw foreign(status);
  }
}

function foreign(status: number): Problem {
  return new Problem(status, "", `Something between you and the ledger answered (${status}).`, "", "");
}

/** The problem in an answer. */
export async function problemOf(answer: Response): Promise<Problem> {
  const text = await textOf(answer).catch(() => "");
  try {
    const found = JSON.parse(text) as Record<string, unknown>;
    const word = (name: string): string => (typeof found[name] === "string" ? found[name] : "");
    const kind = word("type").replace("urn:product-ledger:problem:", "");
    return new Problem(answer.status, kind, word("title"), word("detail"), word("correlation_id"), found);
  } catch {
    return foreign(answer.status);
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
