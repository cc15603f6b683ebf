// The templates of both stages for the tests, synthesized without built functions.

import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { inject } from "vitest";
import { ledgerApp } from "../lib/app.ts";
import type { Settings, StageName } from "../lib/settings.ts";

export type Json = { [name: string]: unknown };
export interface Resource {
  readonly Type: string;
  readonly Properties: Json;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly Metadata?: Json;
}
export interface Template {
  readonly Resources: Record<string, Resource>;
  readonly Outputs: Record<string, Json>;
}

export interface Synthesized {
  readonly template: Template;
  /** The report of the rule packs and of CloudFormation's own rules. */
  readonly report: { readonly pluginReports: readonly PluginReport[] };
  readonly manifest: Json;
  readonly directory: string;
}
export interface PluginReport {
  readonly pluginName: string;
  readonly conclusion: string;
  readonly violations: readonly { ruleName: string; severity?: string }[];
}

/** Feature flags as `cdk` reads them. */
const CONTEXT = JSON.parse(readFileSync(resolve(import.meta.dirname, "../cdk.json"), "utf8")).context;

/** Synthesizes a stage with the values of `-c` in `context` and other settings than its own. */
export function synthesize(
  stage: StageName,
  context: Record<string, string> = {},
  changed: Partial<Settings> = {},
): Synthesized {
  const directory = mkdtempSync(join(tmpdir(), "ledger-infra-"));
  const said = { stage, binaries: "infra/placeholder/none", ...context };
  const { app } = ledgerApp({ context: { ...CONTEXT, ...said }, outdir: directory }, changed);
  app.synth();
  return synthesized(directory);
}

/** The output of a synthesis. */
export function synthesized(directory: string): Synthesized {
  const read = (file: string) => JSON.parse(readFileSync(join(directory, file), "utf8"));
  return {
    template: read("ledger.template.json"),
    report: read("validation-report.json"),
    manifest: read("manifest.json"),
    directory,
  };
}

/** A value for everything that an account's owner may set. */
export const CONFIGURED = {
  account: "123456789012",
  region: "eu-central-1",
  backupCopy: "arn:aws:backup:eu-west-1:210987654321:backup-vault:copies",
  breakGlass:
    "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Emergency_*,arn:aws:iam::123456789012:user/on-call",
  subscriberAccounts: "111111111111,222222222222",
  rollout: "all-at-once",
};

const read = new Map<StageName | "configured", Synthesized>();
/** A stage, or production with `CONFIGURED`, as it was synthesized before the tests. */
export function stage(name: StageName | "configured"): Synthesized {
  const found = read.get(name) ?? synthesized(inject(name));
  read.set(name, found);
  return found;
}

export const STAGES: readonly StageName[] = ["dev", "production"];

/** All resources of a type, with their logical ids. */
export function ofType(template: Template, type: string): [string, Resource][] {
  return Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
}

/** The functions of the ledger, without the one with which CDK empties a bucket. */
export function ledgerFunctions(template: Template): [string, Resource][] {
  return ofType(template, "AWS::Lambda::Function").filter(([id]) => !id.startsWith("CustomS3AutoDelete"));
}

/** The one resource of a type whose logical id begins like this. */
export function one(template: Template, type: string, start: string): [string, Resource] {
  const found = ofType(template, type).filter(([id]) => id.startsWith(start));
  const [first] = found;
  if (!first || found.length !== 1) {
    throw new Error(`${found.length} resources ${start}… of type ${type}: ${found.map(([id]) => id).join(", ")}`);
  }
  return first;
}

/** A value of the template as one line: `EventTable…Arn`, `arn:<AWS::Partition>:…`. */
export function text(value: unknown): string {
  if (typeof value !== "object" || value === null) {
    return String(value);
  }
  const [intrinsic, argument] = Object.entries(value)[0] ?? [];
  switch (intrinsic) {
    case "Ref":
      return `<${argument}>`;
    case "Fn::GetAtt":
      return `<${(argument as string[]).join(".")}>`;
    case "Fn::Join":
      return (argument as [string, unknown[]])[1].map(text).join((argument as [string, unknown[]])[0]);
    default:
      return JSON.stringify(value);
  }
}

export function list<T>(value: T | readonly T[] | undefined): T[] {
  return value === undefined ? [] : Array.isArray(value) ? [...value] : [value as T];
}
