// Both rule packs and CloudFormation's rules find nothing, and each acknowledgement is for one finding of one construct, with
// a reason.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Validations } from "aws-cdk-lib";
import { CfnQueue } from "aws-cdk-lib/aws-sqs";
import type { IConstruct } from "constructs";
import { describe, expect, it } from "vitest";
import { ledgerApp } from "../lib/app.ts";
import { type PluginReport, STAGES, stage } from "./synth.ts";

const SERVERLESS = ["Serverless-LambdaDLQ", "Serverless-SQSRedrivePolicy"];
const solutions = (...rules: string[]) => rules.map((rule) => `AwsSolutions-${rule}`);

describe.each(STAGES)("%s", (name) => {
  it("passes all packs, with warnings only for functions that are not built and of alarms that nobody gets", () => {
    const { pluginReports } = stage(name).report;
    for (const report of pluginReports) {
      const found = report.violations.filter(({ ruleName }) => !ruleName.startsWith("Annotation::ledger:"));
      expect(found, report.pluginName).toEqual([]);
    }
  });

  it("warns of each function that is not built, and in production that nobody is notified of alarms", () => {
    const warned = stage(name).report.pluginReports.flatMap(({ violations }) => violations.map((one) => one.ruleName));
    const notBuilt = ["command-api", "projector", "publisher", "query-api", "sequencer"].map(
      (one) => `not-built-${one}`,
    );
    const expected = name === "production" ? ["nobody-is-notified", ...notBuilt] : notBuilt;
    expect(warned.sort()).toEqual(expected.map((one) => `Annotation::ledger:${one}`));
  });

  it("acknowledges each finding on its construct, with a reason", () => {
    const { app } = ledgerApp({ context: { stage: name, binaries: "infra/placeholder/none" } });
    const found = acknowledgements(app);
    expect(found.length).toBeGreaterThan(20);
    for (const { path, id, reason } of found) {
      expect(path.split("/").length, `${id} at ${path}`).toBeGreaterThanOrEqual(3);
      expect(reason.length, id).toBeGreaterThan(30);
      if (/IAM[45]/.test(id)) {
        expect(id).toMatch(/\[.+\]$/);
      }
    }
    expect([...new Set(found.map(({ id }) => id.replace(/\[.*/, "")))].sort()).toEqual(RULES[name]);
  });
});

const RULES = {
  dev: [...solutions("APIG2", "APIG3", "APIG4", "COG4", "COG8", "DDB3", "IAM4", "IAM5", "S1", "SQS3"), ...SERVERLESS],
  production: [...solutions("APIG2", "APIG4", "COG4", "COG8", "DDB3", "IAM4", "IAM5", "S1", "SQS3"), ...SERVERLESS],
};

function acknowledgements(root: IConstruct): { path: string; id: string; reason: string }[] {
  return root.node.findAll().flatMap((construct) =>
    construct.node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .map(([id, reason]) => ({ path: construct.node.path, id: id.replace("Annotation::", ""), reason })),
  );
}

it("both packs are active: they report a queue with default properties", () => {
  const outdir = mkdtempSync(join(tmpdir(), "ledger-infra-"));
  const { app, stack } = ledgerApp({ context: { stage: "dev", binaries: "infra/placeholder/none" }, outdir });
  new CfnQueue(stack, "Bad");
  expect(() => app.synth()).toThrow("A copy of this report");
  const { pluginReports } = JSON.parse(readFileSync(join(outdir, "validation-report.json"), "utf8"));
  const found = (pluginReports as PluginReport[]).flatMap((report) => report.violations.map((one) => one.ruleName));
  expect(found).toEqual(expect.arrayContaining(["AwsSolutions-SQS4", "Serverless-SQSRedrivePolicy"]));
  rmSync(outdir, { recursive: true });
});
