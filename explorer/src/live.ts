// The newest position of the ledger, as it grows. One tab of a browser asks for all of them; hidden tabs alone ask for nothing.

import { effect, signal } from "@preact/signals";
import { query, send, textOf, valueOf } from "./api";
import { has, hasFeed } from "./state";
import { token } from "./session";
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
  const locks = (navigator as { locks?: LockManager }).locks;
  if (locks === undefined) void lead();
  else void locks.request(`ledger-live${new URL(document.baseURI).pathname}`, lead);
  following.value = "live";
}

let lastSeen = Date.now();

function wake(): void {
  lastSeen = Date.now();
  for (const one of wakers) one();
  wakers.clear();
}

async function lead(): Promise<void> {
  for (;;) {
    if (!isVisible && Date.now() - lastSeen > QUIET) {
      following.value = "paused";
      await new Promise<void>((resolve) => wakers.add(resolve));
    }
    if (isVisible) lastSeen = Date.now();
    following.value = "live";
    try {
      await ask();
    } catch {
      await Promise.race([
        new Promise<void>((resolve) => wakers.add(resolve)),
        new Promise<void>((resolve) => setTimeout(resolve, 5000)),
      ]);
    }
  }
}

async function ask(): Promise<void> {
  if (!hasFeed()) throw new Error("the token may not follow the ledger");
  const known = newest.value;
  const path =
    known === undefined
      ? query("commits", { order: "desc", limit: 1 })
      : query("commits", { after: known, limit: 1, wait: WAIT });
  // A server without room for one more that waits is no reason to alarm anybody.
  const answer = await send(path, { once: "busy" });
  if (!answer.ok) throw new Error(`it was answered ${answer.status}`);
  const feed = valueOf<Feed>(await textOf(answer), answer.status);
  learned(feed.newest);
  if (newest.value !== undefined) channel?.postMessage({ newest: newest.value });
}
