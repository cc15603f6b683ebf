// The routes of the API: for each, the function that answers, and whether it is public.

import type { LogPublic } from "./settings.ts";

export type Verb = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type Answering = "commands" | "queries";

/** One method of one path. */
export interface Route {
  readonly path: string;
  readonly verb: Verb;
  readonly by: Answering;
  /** Whether it requires no token: always, never, or with these values of `logPublic`. */
  readonly open: boolean | readonly LogPublic[];
}

const command = (verb: Verb, path: string): Route => ({ path, verb, by: "commands", open: false });
const query = (path: string): Route => ({ path, verb: "GET", by: "queries", open: false });
const open = (path: string): Route => ({ ...query(path), open: true });
const hashes = (path: string): Route => ({ ...query(path), open: ["hashes", "all"] });
const entries = (path: string): Route => ({ ...query(path), open: ["all"] });

/** All routes in `schema/json/openapi.json`, except those that only `serve` has. */
export const ROUTES: readonly Route[] = [
  command("POST", "/products"),
  command("PUT", "/products/{id}"),
  command("PATCH", "/products/{id}"),
  command("DELETE", "/products/{id}"),
  command("POST", "/products/{id}/restore"),
  query("/products"),
  query("/categories"),
  query("/products/{id}"),
  query("/products/{id}/history"),
  query("/products/{id}/messages"),
  query("/products/{id}/prices"),
  query("/products/{id}/verification"),
  query("/status"),
  query("/products/{id}/history/{sequence}/proof"),
  query("/commits"),
  query("/commits/days"),
  hashes("/log/checkpoint"),
  hashes("/log/key"),
  hashes("/log/tile/{path+}"),
  entries("/log/tile/entries/{path+}"),
  open("/"),
  open("/ui/config.json"),
  open("/ui/{file}"),
  open("/health"),
  open("/openapi.json"),
  open("/asyncapi.json"),
  open("/docs"),
  open("/docs/{asset}"),
];

/** Whether a route requires no token. */
export function isOpen({ open }: Route, logPublic: LogPublic): boolean {
  return typeof open === "boolean" ? open : open.includes(logPublic);
}

/** The value of `Allow` for a path. */
export function allowed(path: string): string {
  const verbs = ROUTES.filter((route) => route.path === path).map((route) => route.verb);
  return verbs.flatMap((verb) => (verb === "GET" ? ["GET", "HEAD"] : [verb])).join(",");
}

/** Every path once. */
export const PATHS: readonly string[] = [...new Set(ROUTES.map((route) => route.path))];

/** The paths that have routes below them and none of their own. */
export const BETWEEN: readonly string[] = [
  ...new Set(
    PATHS.flatMap((path) => {
      const segments = path.split("/");
      return segments.slice(2).map((_, place) => segments.slice(0, place + 2).join("/"));
    }),
  ),
].filter((path) => !PATHS.includes(path));
