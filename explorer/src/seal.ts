// The cheap check of the log, once at the start and again at a press: signature, and growth since what this browser kept.

import { effect, signal } from "@preact/signals";
import { keep, kept, type Kept } from "./kept";
import { newest } from "./live";
import { has } from "./state";
import { may, token } from "./session";
import { verify, access } from "./verifier";
import type { CheckpointAnswer } from "./verify/tasks";

/** What is known of the log. */
export type Seal =
  | { readonly state: "unchecked" }
  | { readonly state: "checking" }
  | { readonly state: "failed"; readonly reason: string }
  | { readonly state: "checked"; readonly answer: CheckpointAnswer; readonly at: number; readonly keptAt: string | undefined; readonly keyAt: string | undefined };

const SETTLES = 2500;
/** How many checkpoints of keys that were trusted before are kept. */
const MOST_BEFORE = 5;

/** What was kept when this visit began. */
let atStart: Kept["logs"];

export const seal = signal<Seal>({ state: "unchecked" });

/** Whether this server has a log that the reader may read. */
export function hasLog(): boolean {
  return has("log") && may("products/audit");
}

/** Checks the checkpoint and keeps it if it continues the kept one. */
export async function checkLog(): Promise<void> {
  if (!hasLog() || seal.value.state === "checking") return;
  const before = seal.value;
  if (before.state !== "checked") seal.value = { state: "checking" };
  try {
    const logs = kept().logs ?? {};
    atStart ??= logs;
    const since = async (checkpoints: typeof logs) =>
      await verify<"checkpoint">({ kind: "checkpoint", access: access(), kept: checkpoints });
    let answer = await since(logs);
    // It continues what was kept a moment ago; what is told is how it differs from the last visit.
    const told = answer.state === "continues" ? atStart : logs;
    if (told !== logs) answer = await since(told);
    const old = answer.state === "broken" ? undefined : told[answer.origin];
    seal.value = { state: "checked", answer, at: Date.now(), keptAt: old?.at, keyAt: old?.keyAt };
    if (answer.state === "first" || answer.state === "continues") keepNow(answer.origin, answer.note, answer.key);
  } catch (error) {
    seal.value = { state: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Keeps a checkpoint and the key that signed it, which the reader trusts from now on. */
export function remember(origin: string, note: string, key: string): void {
  keepNow(origin, note, key);
  const now = kept().logs?.[origin];
  if (now !== undefined) atStart = { ...atStart, [origin]: now };
}

function keepNow(origin: string, note: string, key: string): void {
  const logs = kept().logs ?? {};
  const now = new Date().toISOString();
  const old = logs[origin];
  const isSame = old === undefined || old.key === key;
  const keyAt = isSame ? (old?.keyAt ?? now) : now;
  // A key that was trusted once is evidence.
  const before = isSame ? old?.before : [old, ...(old.before ?? [])].map(({ before: _, ...one }) => one).slice(0, MOST_BEFORE);
  keep({ logs: { ...logs, [origin]: { note, key, keyAt, at: now, ...(before === undefined ? {} : { before }) } } });
}

/** How many commits the newest checked checkpoint covers. */
export function loggedSize(): number | undefined {
  return seal.value.state === "checked" ? seal.value.answer.size : undefined;
}

/** Checks at the start, and when somebody signs in. */
export function sealAtStart(): void {
  effect(() => {
    void token.value;
    if (hasLog() && seal.peek().state === "unchecked") void checkLog();
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    // New commits are in the log a moment later.
    const head = newest.value;
    if (head === undefined || head < 0 || seal.peek().state === "unchecked") return;
    clearTimeout(timer);
    timer = setTimeout(() => void checkLog(), SETTLES);
  });
}
