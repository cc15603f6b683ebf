// `.ci/run` lists everything that was skipped, also by `.ci/cloud`, and fails without Node if CI is set. Both run here in a
// folder where every tool and every other step is a stub.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { REPOSITORY } from "../lib/repository.ts";

const NOTHING = "#!/bin/sh\n";
const NO_ARM = '#!/bin/sh\n[ "$1" != arm64 ] || exit 69\n';
const SYSTEM = ["bash", "dirname", "mkdir", "rm", "sh"];
const TOOLS = ["cargo", "cargo-deny", "cc", "git", "python3"].map((name) => `tools/${name}`);
const STEPS = [
  ".ci/explorer",
  ".ci/mutants",
  ".ci/bench",
  ".ci/clients",
  ".ci/infra",
  ".ci/subscriber",
  ".ci/log",
  ".ci/book",
  ".ci/workflows",
  "tests/schemathesis/run",
  "tests/cloud/run",
  "subscriber/samples/build",
];
const PYTHON = ["ci-tools", "cloud-tools"].flatMap((name) => [`target/${name}/bin/pip`, `target/${name}/bin/python`]);

let folder = "";
const script = (path: string, text: string) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
  chmodSync(join(folder, path), 0o755);
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ledger-ci-"));
  for (const path of [...TOOLS, ...STEPS, ...PYTHON, ".ci/functions"]) {
    script(path, NOTHING);
  }
  for (const path of [".ci/run", ".ci/cloud"]) {
    copyFileSync(resolve(REPOSITORY, path), join(folder, path));
  }
  for (const name of SYSTEM) {
    const { stdout } = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" });
    symlinkSync(stdout.trim(), join(folder, "tools", name));
  }
  mkdirSync(join(folder, "infra/node_modules/aws-cdk"), { recursive: true });
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function run(environment: Record<string, string> = {}) {
  const env = { PATH: join(folder, "tools"), CHROMIUM: "there", ...environment };
  const { status, stdout, stderr } = spawnSync(join(folder, ".ci/run"), { env, encoding: "utf8", timeout: 60_000 });
  expect(stderr).toBe("");
  return {
    status,
    result: stdout.split("=== Result ===\n")[1]?.trim().split("\n"),
    last: stdout.trim().split("\n").at(-1),
  };
}

describe("with Node", () => {
  beforeEach(() => {
    script("tools/npm", NOTHING);
  });

  it("nothing is skipped if everything is available", () => {
    expect(run()).toMatchObject({ status: 0, result: ["nothing was skipped", "all steps passed"] });
  });

  it("a mutant that no test notices is in the result and fails nothing", () => {
    script(".ci/mutants", "#!/bin/sh\nexit 1\n");
    const mutants =
      "skipped: mutants of the changed lines: not all were noticed, or they could not be tried; see above";
    expect(run()).toMatchObject({ status: 0, result: [mutants, "all steps passed"] });
  });

  it("what .ci/cloud skipped is in the result, and only that of this run", () => {
    script(".ci/functions", NO_ARM);
    const arm64 = "skipped: the functions for arm64 cannot be built here";
    expect(run()).toMatchObject({ status: 0, result: [arm64, "all steps passed"] });
    expect(run()).toMatchObject({ status: 0, result: [arm64, "all steps passed"] });
    script(".ci/functions", NOTHING);
    expect(run()).toMatchObject({ status: 0, result: ["nothing was skipped", "all steps passed"] });
  });

  it("with CI set it fails if .ci/cloud would skip something", () => {
    script(".ci/functions", NO_ARM);
    const ended = run({ CI: "true" });
    expect(ended).toMatchObject({ status: 1, last: "the functions for arm64 cannot be built here" });
    expect(ended.result).toBeUndefined();
  });
});

describe("without Node", () => {
  const missing =
    "the explorer, generated clients, infrastructure, workflows, cloud suite: there is no Node.js on this machine";

  it("the steps that need it are skipped and listed", () => {
    expect(run()).toMatchObject({ status: 0, result: [`skipped: ${missing}`, "all steps passed"] });
  });

  it("with CI set it fails", () => {
    const ended = run({ CI: "true" });
    expect(ended).toMatchObject({ status: 1, last: missing });
    expect(ended.result).toBeUndefined();
  });
});

it("the workflows run on a version of Node.js that CDK supports and that package.json asks for", () => {
  const read = (path: string) => readFileSync(resolve(REPOSITORY, path), "utf8");
  const workflows = readdirSync(resolve(REPOSITORY, ".github/workflows"));
  const versions = workflows.flatMap((file) => {
    const text = read(`.github/workflows/${file}`);
    const used = [...text.matchAll(/node-version: "(\d+)"/g)].map(([, version]) => version);
    expect(used, file).toHaveLength(text.split("actions/setup-node@").length - 1);
    return used;
  });
  expect(new Set(versions)).toEqual(new Set(["24"]));
  const { engines } = JSON.parse(read("infra/package.json")) as { engines: { node: string } };
  expect(engines.node).toBe("^22.13 || >=24");
});
