// Problems (RFC 9457) that the gateway answers without calling a function, with the titles of `web/src/problem.rs`.

/** A problem that the gateway responds with. */
export interface GatewayProblem {
  readonly slug: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

export const UNAUTHORIZED: GatewayProblem = {
  slug: "unauthorized",
  title: "A valid token is needed",
  status: 401,
  detail: "Send an access token of this API as a bearer token.",
};
export const FORBIDDEN: GatewayProblem = {
  slug: "forbidden",
  title: "The token lacks a scope",
  status: 403,
  detail: "The request requires another scope.",
};
export const BLOCKED_BY_FIREWALL: GatewayProblem = {
  slug: "blocked-by-firewall",
  title: "The firewall blocked the request",
  status: 403,
  detail:
    "The address has a bad reputation, or the request looks like an attack. No valid request of this API does; nothing was done.",
};
export const NOT_FOUND: GatewayProblem = {
  slug: "not-found",
  title: "No route has this path",
  status: 404,
  detail: "No route has this path; see openapi.json at the address of the API.",
};
export const METHOD_NOT_ALLOWED: GatewayProblem = {
  slug: "method-not-allowed",
  title: "The method is not allowed",
  status: 405,
  detail: "See the Allow header.",
};
export const MALFORMED: GatewayProblem = {
  slug: "malformed",
  title: "The request cannot be read",
  status: 400,
  detail: "The gateway could not parse the request.",
};
export const BODY_TOO_LARGE: GatewayProblem = {
  slug: "body-too-large",
  title: "The body is too large",
  status: 413,
  detail: "A body may have at most 64 KB.",
};
export const UNSUPPORTED_MEDIA_TYPE: GatewayProblem = {
  slug: "unsupported-media-type",
  title: "The content type is not supported",
  status: 415,
  detail: "Send application/json, or application/merge-patch+json with PATCH.",
};
export const TOO_MANY: GatewayProblem = {
  slug: "too-many-requests",
  title: "Too many requests",
  status: 429,
  detail: "Send the request again after the time in Retry-After.",
};
export const UNAVAILABLE: GatewayProblem = {
  slug: "unavailable",
  title: "Temporarily unavailable",
  status: 503,
  detail: "A command may or may not have been recorded; repeating it with the same Idempotency-Key is safe.",
};

/** The body, with the members that every problem has. `instance` and `correlation` are texts, or hold variables of the gateway. */
export function problemBody(problem: GatewayProblem, instance: string, correlation: string): string {
  return JSON.stringify({
    type: `urn:product-ledger:problem:${problem.slug}`,
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    instance,
    correlation_id: correlation,
  });
}
