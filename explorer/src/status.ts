// The status of the ledger as this page learns it: often while Health is shown, once a minute otherwise, never in a hidden tab for long.

import { effect, signal } from "@preact/signals";
import { getText } from "./api";
import type { Sample, Status } from "./health";
import { may } from "./session";
import { has, page } from "./state";
import { span } from "./time";

/** What was learned since this page was opened, at most a quarter of an hour of it, the newest last. */
export const samples = signal<readonly Sample[]>([]);

/** When the status is asked for next; `undefined`: it is not. */
export const nextAsk = signal<number | undefined>(undefined);

/** Whether somebody stopped asking. */
export const isPaused = signal(false);

/** Whether another page than Health shows something that should be new. */
export const isWatched = signal(false);

/** Why the newest answer is missing. */
export const failure = signal<unknown>(undefined);

/** Seconds between two requests. */
const SHOWN = 5;
const HIDDEN = 30;
const ELSEWHERE = 60;

/** How long a hidden tab goes on, in milliseconds. */
const QUIET = 60_000;

/** How long an answer may take, in milliseconds. */
const PATIENCE = 20_000;

/** Whether the server tells its status, and the token may read it. */
export function hasStatus(): boolean {
  return has("status") && may("products/audit");
}

/** The newest status. */
export function status(): Status | undefined {
  return samples.value.at(-1)?.status;
}

/** How many things wait for somebody, and whether commits wait too long for a signature. */
export const standing = signal<{ readonly count: number; readonly isLogLate: boolean }>({ count: 0, isLogLate: false });

let hiddenSince: number | undefined;
let asked = 0;
let isAsking = false;
let timer: ReturnType<typeof setTimeout> | undefined;

function interval(): number | undefined {
  const isShown = page.peek() === "health" || isWatched.peek();
  if (!hasStatus() || (isShown && isPaused.peek())) return undefined;
  if (hiddenSince === undefined) return isShown ? SHOWN : ELSEWHERE;
  return isShown && Date.now() - hiddenSince < QUIET ? HIDDEN : undefined;
}

function plan(): void {
  clearTimeout(timer);
  const seconds = interval();
  if (seconds === undefined) {
    nextAsk.value = undefined;
    return;
  }
  if (isAsking) return;
  const now = Date.now();
  nextAsk.value = Math.max(now, asked + seconds * 1000);
  timer = setTimeout(() => void ask(), nextAsk.value - now);
}

/** Asks now. */
export async function ask(): Promise<void> {
  if (isAsking || !hasStatus()) return;
  isAsking = true;
  clearTimeout(timer);
  asked = Date.now();
  try {
    const text = await getText("status", { once: true, signal: AbortSignal.timeout(PATIENCE) });
    // What decides is not needed for the first page.
    const { attention, logLevel, recent } = await import("./health");
    const now = Date.now();
    const answer = JSON.parse(text) as Status;
    samples.value = recent([...samples.value, { at: now, status: answer }], now);
    standing.value = { count: attention(samples.value, now).count, isLogLate: logLevel(answer) === "act" };
    failure.value = undefined;
  } catch (error) {
    failure.value = error;
  }
  isAsking = false;
  plan();
}

/** Asks for the status from now on. */
export function watchStatus(): void {
  document.addEventListener("visibilitychange", () => {
    hiddenSince = document.hidden ? Date.now() : undefined;
    plan();
  });
  // Signing in, going to Health and leaving it, pausing: each changes when to ask.
  effect(() => {
    void [hasStatus(), page.value, isPaused.value, isWatched.value];
    plan();
  });
}

/** Since when nothing was signed although commits wait; `undefined`: nothing waits for long, or it is not known. */
export function unsignedFor(): string | undefined {
  const known = status();
  if (known === undefined || known.log === null || !standing.value.isLogLate) return undefined;
  const { signed_at, oldest_unlogged_ms } = known.log;
  return signed_at === null ? `Unsigned for ${span(oldest_unlogged_ms)}` : `Signed ${span(Date.now() - Date.parse(signed_at))} ago`;
}
