// The newest position of the ledger, as it grows. One tab of a browser asks for all of them; hidden tabs alone ask for nothing.

import { effect, signal } from "@preact/signals";
import { away, query, send, textOf, valueOf } from "./api";
import { count, has, hasFeed, say } from "./state";
import { challenge, token } from "./session";
import type { Feed } from "./types";

/** The newest position; -1: the ledger is empty; `undefined`: not known yet. */
export const newest = signal<number | undefined>(undefined);

/** How the page follows the ledger. */
export const following = signal<"live" | "paused" | "off">("off");

const QUIET = 60_000;
const WAIT = 20;

let channel: BroadcastChannel | undefined;
let isVisible = !document.hidden;
const wakers = new Set<() => void>();

/** The newest position became known by another way. */
export function learned(position: number | null): void {
  const value = position ?? -1;
  if (newest.value === undefined || value > newest.value) newest.value = value;
}

/** Follows the ledger from now on, where the server and the token allow it. */
export function follow(): void {
  if (!has("commits") || typeof BroadcastChannel === "undefined") return;
  channel = new BroadcastChannel(`ledger${new URL(document.baseURI).pathname}`);
  channel.addEventListener("message", (event: MessageEvent<{ newest?: number; visible?: true }>) => {
    if (event.data.newest !== undefined) learned(event.data.newest);
    if (event.data.visible) wake();
  });
  document.addEventListener("visibilitychange", () => {
    isVisible = !document.hidden;
    if (isVisible) {
      wake();
      channel?.postMessage({ visible: true });
    }
  });
  effect(() => {
    // A sign-in may allow what was refused before.
    if (token.value !== undefined) wake();
  });
  effect(() => {
    // What came while the server was away is told when it is back.
    if (away.value !== undefined) lastKnown ??= newest.peek();
  });
  const locks = (navigator as { locks?: LockManager }).locks;
  void takeTurns(async () => (locks === undefined ? lead() : locks.request(`ledger-live${new URL(document.baseURI).pathname}`, lead)));
  following.value = "live";
}

/** Whether this tab can ask: one that nobody has signed in to must not keep the news from the others. */
function mayLead(): boolean {
  return hasFeed() && challenge.value === "no";
}

async function takeTurns(turn: () => Promise<void>): Promise<never> {
  for (;;) {
    await new Promise<void>((resolve) => {
      const stop = effect(() => {
        if (mayLead()) queueMicrotask(() => (stop(), resolve()));
      });
    });
    await turn();
  }
}

let lastSeen = Date.now();
/** The newest position when the server went away, until it is back. */
let lastKnown: number | undefined;

function wake(): void {
  lastSeen = Date.now();
  for (const one of wakers) one();
  wakers.clear();
}

async function lead(): Promise<void> {
  const over = new AbortController();
  const stop = effect(() => {
    if (!mayLead()) over.abort();
  });
  while (!over.signal.aborted) {
    if (!isVisible && Date.now() - lastSeen > QUIET) {
      following.value = "paused";
      await new Promise<void>((resolve) => wakers.add(resolve));
    }
    if (isVisible) lastSeen = Date.now();
    following.value = "live";
    try {
      await within(over.signal, ask);
    } catch {
      if (over.signal.aborted) break;
      await Promise.race([
        new Promise<void>((resolve) => wakers.add(resolve)),
        new Promise<void>((resolve) => setTimeout(resolve, 5000)),
      ]);
    }
  }
  stop();
}

/** Does something until a signal that lasts longer is given; no listener stays behind on that one. */
async function within(longer: AbortSignal, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const own = new AbortController();
  const stop = (): void => own.abort(longer.reason);
  longer.addEventListener("abort", stop);
  try {
    await act(own.signal);
  } finally {
    longer.removeEventListener("abort", stop);
  }
}

async function ask(signal: AbortSignal): Promise<void> {
  const known = newest.value;
  const path =
    known === undefined
      ? query("commits", { order: "desc", limit: 1 })
      : query("commits", { after: known, limit: 1, wait: WAIT });
  // A server without room for one more that waits is no reason to alarm anybody.
  const answer = await send(path, { once: "busy", signal });
  if (!answer.ok) throw new Error(`it was answered ${answer.status}`);
  const feed = valueOf<Feed>(await textOf(answer), answer.status);
  learned(feed.newest);
  if (lastKnown !== undefined && away.value === undefined) {
    const came = (newest.value ?? lastKnown) - lastKnown;
    say(came === 0 ? "Back." : `Back. ${count(came)} new commit${came === 1 ? "" : "s"}.`);
    lastKnown = undefined;
  }
  if (newest.value !== undefined) channel?.postMessage({ newest: newest.value });
}
