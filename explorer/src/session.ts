// The token that this page sends: whose it is, what it allows, and how it is replaced when it ends. It is in memory alone, unless
// its owner has this tab keep it.

import { computed, signal } from "@preact/signals";
import { inTab, keepInTab } from "./tab";

/** What a token says of itself. Nothing of it is checked here; the server does that. */
export interface Claims {
  readonly subject: string;
  readonly scopes: readonly string[];
  /** When it ends, in milliseconds; `undefined` if it does not say. */
  readonly ends: number | undefined;
}

/** Gets another token from the issuer; `undefined`: the issuer gives no more. */
export type Refresh = () => Promise<string | undefined>;

/** The token; `undefined`: nobody has signed in. */
export const token = signal<string | undefined>(undefined);

/** Whether requests need a token. */
export const isNeeded = signal(false);

/** Whether somebody has to sign in again before the requests that wait are sent again; `later`: they have put it off. */
export const challenge = signal<"no" | "asked" | "later">("no");

/** Why a sign-in failed. */
export const fault = signal<string | undefined>(undefined);

/** Whether the token is replaced by itself before it ends. */
export const isRefreshed = signal(false);

/** What the token says. */
export const claims = computed(() => (token.value === undefined ? undefined : claimsOf(token.value)));

let refresh: Refresh | undefined;
let refreshing: Promise<boolean> | undefined;

/** Takes a token, and how it is replaced. */
export function accept(next: string, by?: Refresh): void {
  refresh = by;
  isRefreshed.value = by !== undefined;
  token.value = next;
  challenge.value = "no";
  fault.value = undefined;
}

/** Replaces the token without anybody's help; false where that is impossible now. */
export function refreshed(): Promise<boolean> {
  const by = refresh;
  if (by === undefined) return Promise.resolve(false);
  refreshing ??= by()
    .then(
      (next) => {
        if (next === undefined || refresh !== by) {
          if (refresh === by) refresh = undefined;
          isRefreshed.value = refresh !== undefined;
          return false;
        }
        accept(next, by);
        if (inTab().token !== undefined) keepInTab({ ...inTab(), token: next });
        return true;
      },
      () => false,
    )
    .finally(() => (refreshing = undefined));
  return refreshing;
}

/**
 * Waits until there is another token than this one, which the server did not accept: from the issuer, if it may be asked without
 * anybody's help, otherwise from whoever sits here.
 */
export async function replaced(used: string | undefined, mayRefresh: boolean, aborted?: AbortSignal): Promise<void> {
  if (token.value === used && mayRefresh) await refreshed();
  if (token.value !== used) return;
  aborted?.throwIfAborted();
  if (challenge.value === "no") challenge.value = "asked";
  await new Promise<void>((resolve, reject) => {
    const stop = token.subscribe((next) => {
      if (next === undefined || next === used) return;
      queueMicrotask(() => stop());
      resolve();
    });
    aborted?.addEventListener("abort", () => {
      stop();
      reject(new DOMException("aborted", "AbortError"));
    });
  });
}

const WORDS: Readonly<Record<string, string>> = {
  "products/read": "read products",
  "products/write": "change products",
  "products/subscribe": "follow all commits",
  "products/audit": "audit",
};

/** What scopes allow, in words: `read products and audit`. Scopes that mean nothing here are left out. */
export function allowed(scopes: readonly string[]): string {
  const words = Object.entries(WORDS).filter(([scope]) => scopes.includes(scope));
  const last = words.pop()?.[1];
  if (last === undefined) return "do nothing here";
  return words.length === 0 ? last : `${words.map(([, word]) => word).join(", ")} and ${last}`;
}

/** The claims of a token as they stand in it; `undefined`: the text is no token. */
export function payload(text: string): Record<string, unknown> | undefined {
  const parts = text.split(".");
  if (parts.length !== 3 || parts.some((part) => !/^[A-Za-z0-9_-]+$/.test(part))) return undefined;
  try {
    const bytes = Uint8Array.from(atob((parts[1] as string).replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The claims that matter here. */
export function claimsOf(text: string): Claims | undefined {
  const found = payload(text);
  if (found === undefined) return undefined;
  const scope = found["scope"];
  const scopes = typeof scope === "string" ? scope.split(" ").filter((one) => one !== "") : [];
  const ends = typeof found["exp"] === "number" ? found["exp"] * 1000 : undefined;
  return { subject: typeof found["sub"] === "string" ? found["sub"] : "", scopes, ends };
}

/** Whether the token, if there is one, names the scope. Without authentication everything is allowed. */
export function may(scope: string): boolean {
  return claims.value === undefined ? !isNeeded.value : claims.value.scopes.includes(scope);
}
