// Every acknowledgement covers a finding of the app without acknowledgements.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IConstruct } from "constructs";
import { expect, it, vi } from "vitest";
import { ledgerApp } from "../lib/app.ts";
import { STAGES } from "./synth.ts";

const given: { construct: IConstruct; id: string }[] = [];
vi.mock("../lib/acknowledge.ts", () => ({
  acknowledge: (construct: IConstruct, ids: readonly string[]) => {
    given.push(...ids.map((id) => ({ construct, id })));
  },
}));

it.each(STAGES)("%s: each acknowledgement covers a finding", (stage) => {
  given.length = 0;
  const outdir = mkdtempSync(join(tmpdir(), "ledger-infra-"));
  const { app } = ledgerApp({ context: { stage, binaries: "infra/placeholder/none" }, outdir });
  expect(() => app.synth()).toThrow("A copy of this report");
  const { pluginReports } = JSON.parse(readFileSync(join(outdir, "validation-report.json"), "utf8")) as Report;
  const found = pluginReports.flatMap(({ violations }) =>
    violations.flatMap(({ ruleName, violatingConstructs }) =>
      violatingConstructs.map(({ constructPath }) => `${ruleName} at ${constructPath}`),
    ),
  );
  const covers = ({ construct, id }: (typeof given)[number]) =>
    found.some((finding) => finding.startsWith(`${id} at ${construct.node.path}`));
  const idle = given.filter((one) => !covers(one)).map(({ construct, id }) => `${id} at ${construct.node.path}`);
  expect(idle).toEqual([]);
  rmSync(outdir, { recursive: true });
});

interface Report {
  readonly pluginReports: readonly {
    readonly violations: readonly {
      readonly ruleName: string;
      readonly violatingConstructs: readonly { readonly constructPath: string }[];
    }[];
  }[];
}
