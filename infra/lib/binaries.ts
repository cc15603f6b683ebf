// The code of the functions. A function that is not built is replaced by a placeholder with a warning, so that the rest can
// be synthesized.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Annotations } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { REPOSITORY } from "./repository.ts";

/** The functions, by the names of their binaries. */
export const FUNCTIONS = ["command-api", "query-api", "projector", "publisher", "sequencer"] as const;
export type FunctionName = (typeof FUNCTIONS)[number];
/** The sample subscriber in Rust, which is built beside them. */
export const SAMPLE = "price-list";

/** A function that answers every invocation with an error. */
export const PLACEHOLDER = resolve(import.meta.dirname, "../placeholder");

/** The code of a function in a folder as cargo-lambda fills it: `<name>/bootstrap.zip`, or `<name>/bootstrap` alone. */
export function codeOf(scope: Construct, name: FunctionName | typeof SAMPLE, binaries: string): Code {
  const folder = resolve(REPOSITORY, binaries, name);
  const zip = resolve(folder, "bootstrap.zip");
  if (existsSync(zip)) {
    return Code.fromAsset(zip);
  }
  if (existsSync(resolve(folder, "bootstrap"))) {
    return Code.fromAsset(folder, { exclude: ["*", "!bootstrap"] });
  }
  Annotations.of(scope).addWarningV2(
    `ledger:not-built-${name}`,
    `${name} is not built: ${binaries}/${name}/ has neither bootstrap.zip nor bootstrap. It is replaced by a placeholder that answers every invocation with an error.`,
  );
  return Code.fromAsset(PLACEHOLDER);
}
