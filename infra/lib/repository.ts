// Access to the files that Rust and this app share; they are only read.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** The root of the repository. */
export const REPOSITORY = resolve(import.meta.dirname, "../..");

/** Reads a JSON file of the repository. */
export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(resolve(REPOSITORY, path), "utf8"));
}
