// The token that this page sends. It is in memory alone: a reload of the page forgets it.

import { computed, signal } from "@preact/signals";

/** What a token says of itself. Nothing of it is checked here; the server does that. */
export interface Claims {
  readonly subject: string;
  readonly scopes: readonly string[];
  /** When it ends, in milliseconds; `undefined` if it does not say. */
  readonly ends: number | undefined;
}

/** The token; `undefined`: nobody has signed in. */
export const token = signal<string | undefined>(undefined);

/** Whether requests need a token. */
export const isNeeded = signal(false);

/** Whether the server refused the last request for want of a token that it accepts. */
export const refused = signal(false);

/** What the token says. */
export const claims = computed(() => (token.value === undefined ? undefined : claimsOf(token.value)));

/** What is wrong with a pasted text, or the token in it. */
export function pasted(text: string, now: number): { readonly token: string; readonly claims: Claims } | { readonly fault: string } {
  const given = text.trim().replace(/^bearer\s+/i, "");
  const read = claimsOf(given);
  if (read === undefined) return { fault: "That is no token." };
  if (payload(given)?.["token_use"] === "id") return { fault: "This is an id token; an access token is needed." };
  if (read.ends !== undefined && read.ends <= now) return { fault: `It ended ${ago(now - read.ends)} ago.` };
  return { token: given, claims: read };
}

function ago(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000);
  return minutes < 1 ? "less than a minute" : minutes === 1 ? "1 minute" : `${minutes} minutes`;
}

function payload(text: string): Record<string, unknown> | undefined {
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

function claimsOf(text: string): Claims | undefined {
  const found = payload(text);
  if (found === undefined) return undefined;
  const scope = found["scope"] ?? found["scp"];
  const scopes = typeof scope === "string" ? scope.split(" ") : Array.isArray(scope) ? scope.map(String) : [];
  // A Cognito scope has the name of its resource server in front.
  const named = scopes.map((one) => one.replace(/^.*\/(products\/)?(?=(read|write|subscribe|audit)$)/, "products/"));
  const ends = typeof found["exp"] === "number" ? found["exp"] * 1000 : undefined;
  return { subject: typeof found["sub"] === "string" ? found["sub"] : "", scopes: named, ends };
}

/** Whether the token, if there is one, names the scope. Without authentication everything is allowed. */
export function may(scope: string): boolean {
  return claims.value === undefined ? !isNeeded.value : claims.value.scopes.includes(scope);
}
