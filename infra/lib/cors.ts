// What lets the pages of other origins use the API. The functions answer preflights and judge pages by `LEDGER_CORS_ORIGINS`
// (`web/src/pages.rs`); the gateway's own answers get fixed headers from here.

import type { Settings } from "./settings.ts";

/** The headers that pages may read, as in `web/src/pages.rs`. */
const EXPOSED = "ETag, Location, Link, Retry-After, X-Correlation-Id, Idempotency-Replayed";

/** The environment of the functions that answer requests; empty without allowed origins. */
export function corsEnvironment({ corsOrigins }: Settings): { LEDGER_CORS_ORIGINS?: string } {
  return corsOrigins.length === 0 ? {} : { LEDGER_CORS_ORIGINS: corsOrigins.map(checked).join(",") };
}

/**
 * The headers of the gateway's own answers, for one origin by its name. The gateway cannot choose among several, so that then every
 * page may read these answers; they hold nothing of the ledger.
 */
export function corsHeaders({ corsOrigins }: Settings): Record<string, string> {
  const [origin, ...others] = corsOrigins;
  if (origin === undefined) {
    return {};
  }
  const allowed: Record<string, string> =
    others.length === 0
      ? { "Access-Control-Allow-Origin": origin, Vary: "Origin" }
      : { "Access-Control-Allow-Origin": "*" };
  return { ...allowed, "Access-Control-Expose-Headers": EXPOSED, "Cross-Origin-Resource-Policy": "cross-origin" };
}

/** The origin, if it is written as browsers send it; throws otherwise. */
function checked(origin: string): string {
  if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
    throw new Error(
      `corsOrigins: ${JSON.stringify(origin)} must be scheme://host[:port] in lower case, without the usual port`,
    );
  }
  return origin;
}
