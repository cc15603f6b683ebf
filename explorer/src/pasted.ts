// What somebody gives as a token.

import { type Claims, claimsOf, payload } from "./session";

/** What is wrong with a pasted text, or the token in it. */
export function pasted(text: string, now: number): { readonly token: string; readonly claims: Claims } | { readonly fault: string } {
  const given = text.trim().replace(/^bearer\s+/i, "");
  const read = claimsOf(given);
  const members = payload(given);
  if (read === undefined || members === undefined) return { fault: "That is no token." };
  // An id token says who somebody is. Cognito names its use; others have no scope in it, and what ties it to a sign-in.
  const isId = members["token_use"] === "id" || (members["scope"] === undefined && (members["nonce"] ?? members["at_hash"]) !== undefined);
  if (isId) return { fault: "This is an id token; an access token is needed." };
  if (read.ends !== undefined && read.ends <= now) return { fault: `It ended ${ago(now - read.ends)} ago.` };
  return { token: given, claims: read };
}

function ago(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000);
  return minutes < 1 ? "less than a minute" : minutes === 1 ? "1 minute" : `${minutes} minutes`;
}
