// The routes of the API, in one list: which function answers, and with which scopes a token is let through to it.

import type { Scope } from "./settings.ts";

export type Verb = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type Answering = "commands" | "queries";

/** One method of one path. */
export interface Route {
  readonly path: string;
  readonly verb: Verb;
  readonly by: Answering;
  /** Any one of them lets the request through; none: the route is public. The function checks again, and knows more. */
  readonly scopes: readonly Scope[];
}

const command = (verb: Verb, path: string): Route => ({ path, verb, by: "commands", scopes: ["write"] });
const query = (path: string, ...scopes: Scope[]): Route => ({ path, verb: "GET", by: "queries", scopes });

/** All routes, as `schema` documents them. */
export const ROUTES: readonly Route[] = [
  command("POST", "/products"),
  command("PUT", "/products/{id}"),
  command("PATCH", "/products/{id}"),
  command("DELETE", "/products/{id}"),
  command("POST", "/products/{id}/restore"),
  query("/products", "read"),
  // Past versions are a parameter of this route and need the scope audit, which only the function can tell apart.
  query("/products/{id}", "read", "audit"),
  query("/products/{id}/history", "audit"),
  query("/products/{id}/prices", "audit"),
  query("/products/{id}/verification", "audit"),
  query("/health"),
  query("/openapi.json"),
  query("/docs"),
];

/** What `Allow` says of a path. */
export function allowed(path: string): string {
  const verbs = ROUTES.filter((route) => route.path === path).map((route) => route.verb);
  return verbs.flatMap((verb) => (verb === "GET" ? ["GET", "HEAD"] : [verb])).join(",");
}

/** Every path once. */
export const PATHS: readonly string[] = [...new Set(ROUTES.map((route) => route.path))];
