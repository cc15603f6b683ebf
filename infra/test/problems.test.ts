// What the gateway says agrees with what the functions say: kinds, titles and statuses of `schema/src/http/problem.rs`.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import * as problems from "../lib/problem.ts";
import { REPOSITORY } from "../lib/repository.ts";

const KINDS = readFileSync(resolve(REPOSITORY, "schema/src/http/problem.rs"), "utf8");
const given = Object.values(problems).filter((value) => typeof value === "object");

it.each(given)("$slug has the title that the functions give it", ({ slug, title }) => {
  // The gateway alone turns requests away because there are too many.
  if (slug !== "too-many-requests") {
    expect(KINDS.replace(/\s+/g, " ")).toMatch(new RegExp(`"${slug}", "${title}", Code::`));
  }
});

it("there are nine of them", () => {
  expect(given).toHaveLength(9);
});
