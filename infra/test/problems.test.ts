// The gateway's problems match those of the functions in kinds, titles and statuses (`web/src/problem.rs`).

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import * as problems from "../lib/problem.ts";
import { REPOSITORY } from "../lib/repository.ts";

const KINDS = readFileSync(resolve(REPOSITORY, "web/src/problem.rs"), "utf8");
const given = Object.values(problems).filter((value) => typeof value === "object");

it.each(given)("$slug has the same title as in the functions", ({ slug, title }) => {
  expect(KINDS.replace(/\s+/g, " ")).toMatch(new RegExp(`"${slug}", "${title}", Code::`));
});

it.each(given)("$slug has the members that the OpenAPI document requires", (problem) => {
  const document = JSON.parse(readFileSync(resolve(REPOSITORY, "schema/json/openapi.json"), "utf8")) as {
    components: { schemas: { Problem: { required: string[] } } };
  };
  const members = JSON.parse(problems.problemBody(problem, "urn:x", "id")) as Record<string, unknown>;
  expect(Object.keys(members)).toEqual(expect.arrayContaining(document.components.schemas.Problem.required));
});

it("there are ten of them", () => {
  expect(given).toHaveLength(10);
});

it("the interface page lists every kind with its status", () => {
  const page = readFileSync(resolve(REPOSITORY, "docs/interface.md"), "utf8");
  const listed = [...page.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \|/gm)].map(([, slug, status]) => `${slug} ${status}`);
  const statuses: Record<string, number> = {
    BAD_REQUEST: 400,
    UNAUTHORIZED: 401,
    FORBIDDEN: 403,
    NOT_FOUND: 404,
    METHOD_NOT_ALLOWED: 405,
    REQUEST_TIMEOUT: 408,
    CONFLICT: 409,
    PRECONDITION_FAILED: 412,
    PAYLOAD_TOO_LARGE: 413,
    URI_TOO_LONG: 414,
    UNSUPPORTED_MEDIA_TYPE: 415,
    UNPROCESSABLE_ENTITY: 422,
    TOO_MANY_REQUESTS: 429,
    REQUEST_HEADER_FIELDS_TOO_LARGE: 431,
    INTERNAL_SERVER_ERROR: 500,
    SERVICE_UNAVAILABLE: 503,
  };
  const known = KINDS.matchAll(/\(\s*"([a-z-]+)",\s*"[^"]+",\s*Code::([A-Z_]+),?\s*\)/g);
  const kinds = [...known].map(([, slug, code]) => `${slug} ${statuses[code ?? ""]}`);
  expect(kinds.length).toBeGreaterThan(20);
  expect(listed.sort()).toEqual(kinds.sort());
});
