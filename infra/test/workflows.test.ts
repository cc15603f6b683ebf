// What is deployed has passed the checks, was built from the same commit, and is tested where it runs. The workflows themselves
// cannot run here, so their text is read.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY } from "../lib/repository.ts";

const workflow = (name: string) => readFileSync(resolve(REPOSITORY, ".github/workflows", name), "utf8");
/** A job, from its name to the next one. */
function job(name: string, file: string): string {
  const [, found] = new RegExp(`\\n  ${name}:\\n((?:    .*\\n|\\s*\\n|  #.*\\n)+)`).exec(workflow(file)) ?? [];
  if (found === undefined) {
    throw new Error(`${file} has no job ${name}`);
  }
  return found;
}

describe("a deployment", () => {
  it("starts by hand, or from check.yml after everything has passed on main", () => {
    const [, triggers] = /\non:\n([^]*?)\npermissions/.exec(workflow("deploy.yml")) ?? [];
    expect(triggers?.match(/^ {2}[a-z_]+:/gm)).toEqual(["  workflow_call:", "  workflow_dispatch:"]);
    const deploying = job("deploy", "check.yml");
    expect(deploying).toContain("needs: check\n");
    expect(deploying).toContain("if: github.event_name == 'push' && vars.DEPLOY_ON_PUSH == 'true'");
    expect(deploying).toContain("uses: ./.github/workflows/deploy.yml");
  });

  it("asks for the checks of exactly its commit before anything is built", () => {
    const checked = job("checked", "deploy.yml");
    expect(checked).toContain("commits/$GITHUB_SHA/check-runs");
    const [, name] = /\n {4}name: (.+)\n/.exec(`\n${job("check", "check.yml")}`) ?? [];
    expect(checked).toContain(`grep -qx '${name}'`);
    expect(job("build", "deploy.yml")).toContain("needs: checked\n");
    expect(job("attest", "deploy.yml")).toContain("needs: build\n");
    expect(job("dev", "deploy.yml")).toContain("needs: attest\n");
  });

  it("of production comes after the same binaries were tested on dev", () => {
    const production = job("production", "deploy.yml");
    expect(production).toContain("needs: dev\n");
    expect(production).toContain("if: inputs.stage == 'production'");
    expect(job("test", "stage.yml")).toMatch(
      /needs: deploy\n[^]*pytest -c tests\/deployed\/pytest.ini tests\/deployed/,
    );
  });

  it("takes functions whose provenance is attested, in a job that compiles nothing", () => {
    expect(job("attest", "deploy.yml")).toMatch(/attest-build-provenance[^]*subject-path: target\/lambda-arm64/);
    expect(job("attest", "deploy.yml")).not.toMatch(/checkout|\.ci\//);
    expect(job("build", "deploy.yml")).not.toContain("id-token");
    const deploying = job("deploy", "stage.yml");
    expect(deploying.indexOf("gh attestation verify")).toBeGreaterThan(0);
    expect(deploying.indexOf("gh attestation verify")).toBeLessThan(deploying.indexOf("configure-aws-credentials"));
    expect(deploying).toContain('--source-digest "$GITHUB_SHA"');
  });

  it("is for the account and the region of its environment alone", () => {
    const deploying = job("deploy", "stage.yml");
    expect(deploying).toContain('[ -n "$ACCOUNT" ] && [ -n "$REGION" ] ||');
    expect(deploying).toContain("allowed-account-ids: ${{ vars.AWS_ACCOUNT_ID }}");
    expect(deploying).toContain('-c "account=$ACCOUNT" -c "region=$REGION"');
    expect(deploying).toContain("environment: ${{ inputs.stage }}");
  });
});
