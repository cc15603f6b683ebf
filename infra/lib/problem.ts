// Problems (RFC 9457) that are answered before a function is asked, in the words of `web/src/problem.rs`.

/** A problem that the gateway answers with. */
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
  detail: "This needs another scope, or the firewall refused the request.",
};
export const NOT_FOUND: GatewayProblem = {
  slug: "not-found",
  title: "There is nothing here",
  status: 404,
  detail: "No route has this path; see /openapi.json.",
};
export const METHOD_NOT_ALLOWED: GatewayProblem = {
  slug: "method-not-allowed",
  title: "This method is not allowed here",
  status: 405,
  detail: "See the Allow header.",
};
export const MALFORMED: GatewayProblem = {
  slug: "malformed",
  title: "The request cannot be read",
  status: 400,
  detail: "The gateway could not read the request.",
};
export const BODY_TOO_LARGE: GatewayProblem = {
  slug: "body-too-large",
  title: "The body is too large",
  status: 413,
  detail: "A body may have 64 KB.",
};
export const UNSUPPORTED_MEDIA_TYPE: GatewayProblem = {
  slug: "unsupported-media-type",
  title: "This content type is not taken here",
  status: 415,
  detail: "Send application/json, or application/merge-patch+json with PATCH.",
};
export const TOO_MANY: GatewayProblem = {
  slug: "too-many-requests",
  title: "Too many requests",
  status: 429,
  detail: "Wait as long as Retry-After says and send the request again.",
};
export const UNAVAILABLE: GatewayProblem = {
  slug: "unavailable",
  title: "Not possible at the moment",
  status: 503,
  detail: "Whether a command was recorded is not known; repeating it with the same Idempotency-Key is safe.",
};

/** The body; `instance` and `correlation` are JSON texts or variables of the gateway in quotation marks. */
export function problemBody(problem: GatewayProblem, instance?: string, correlation?: string): string {
  return JSON.stringify({
    type: `urn:product-ledger:problem:${problem.slug}`,
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    ...(instance === undefined ? {} : { instance }),
    ...(correlation === undefined ? {} : { correlation_id: correlation }),
  });
}
