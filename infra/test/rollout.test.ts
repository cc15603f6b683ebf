// Every function is invoked by its alias, which a deployment moves step by step in production and back if an alarm fires.

import { describe, expect, it } from "vitest";
import { STOPPING } from "../lib/rollout.ts";
import { rolloutOf } from "../lib/settings.ts";
import { short } from "./policies.ts";
import { type Json, ledgerFunctions, ofType, one, type Resource, STAGES, stage, text } from "./synth.ts";

/** The functions, by the beginning of their logical ids, with their deployment groups. */
const FUNCTIONS = {
  CommandApi: "command-api",
  QueryApi: "query-api",
  ProjectorConsumer: "projector",
  PublisherConsumer: "publisher",
  SequencerConsumer: "sequencer",
} as const;

const groups = (resources: [string, Resource][]): Record<string, Json> =>
  Object.fromEntries(resources.map(([, { Properties }]) => [Properties.DeploymentGroupName, Properties]));

describe.each(STAGES)("%s", (name) => {
  const { template } = stage(name);

  it.each(Object.entries(FUNCTIONS))("%s has a version and an alias that its deployment group moves", (id, group) => {
    const [, alias] = one(template, "AWS::Lambda::Alias", id);
    expect(alias.Properties.Name).toBe("live");
    const [version] = (alias.Properties.FunctionVersion as { "Fn::GetAtt": string[] })["Fn::GetAtt"];
    expect(one(template, "AWS::Lambda::Version", id)[0]).toBe(version);
    const [moving] = ofType(template, "AWS::CodeDeploy::DeploymentGroup").filter(
      ([, { Properties }]) => Properties.DeploymentGroupName === group,
    );
    const [application] = one(template, "AWS::CodeDeploy::Application", "Rollout");
    expect((alias as unknown as Json).UpdatePolicy).toEqual({
      CodeDeployLambdaAliasUpdate: {
        ApplicationName: { Ref: application },
        DeploymentGroupName: { Ref: moving?.[0] },
      },
    });
  });

  it("gateway, stream, schedule and permissions name an alias, never the newest code", () => {
    const latest = new Set(ofType(template, "AWS::Lambda::Function").map(([id]) => id));
    const invoking = ["AWS::ApiGateway::Method", "AWS::Scheduler::Schedule", "AWS::IAM::Policy"];
    const found = Object.entries(template.Resources).filter(
      ([, { Type }]) => invoking.includes(Type) || /^AWS::Lambda::(Permission|EventSourceMapping)$/.test(Type),
    );
    expect(found.length).toBeGreaterThan(30);
    for (const [id, { Properties }] of found) {
      const named = JSON.stringify(Properties).match(/[A-Za-z]+FunctionLambda[0-9A-F]{8}/g) ?? [];
      expect(
        named.filter((one) => latest.has(one)),
        id,
      ).toEqual([]);
    }
    for (const [id, { Properties }] of ofType(template, "AWS::Lambda::EventSourceMapping")) {
      expect(JSON.stringify(Properties.FunctionName), id).toMatch(/":live"\]\]\}$/);
    }
  });

  it("each alarm that stops a deployment is one of the stack's", () => {
    const alarms = ofType(template, "AWS::CloudWatch::Alarm").map(([, { Properties }]) => Properties.AlarmName);
    for (const stopping of Object.values(STOPPING).flat()) {
      expect(alarms).toContain(`product-ledger-${name}-${stopping}`);
    }
  });

  it("functions log JSON from INFO on, which is the level of lines of metrics", () => {
    for (const [id, { Properties }] of ledgerFunctions(template)) {
      expect(Properties.LoggingConfig, id).toMatchObject({
        LogFormat: "JSON",
        ApplicationLogLevel: "INFO",
        SystemLogLevel: "INFO",
      });
    }
  });

  it("the stream's consumers have concurrency of their own in production", () => {
    const reserved = ledgerFunctions(template).map(([id, { Properties }]) => [
      id.replace(/(Consumer)?Function.*/, ""),
      Properties.ReservedConcurrentExecutions,
    ]);
    const own = name === "production" ? 50 : undefined;
    expect(Object.fromEntries(reserved)).toEqual({
      CommandApi: undefined,
      QueryApi: undefined,
      Projector: own,
      Publisher: own,
      Sequencer: name === "production" ? 5 : undefined,
    });
  });
});

it("in production a tenth of the invocations goes to the new version for ten minutes, and back if an alarm fires", () => {
  const { template } = stage("production");
  const found = groups(ofType(template, "AWS::CodeDeploy::DeploymentGroup"));
  expect(Object.keys(found).sort()).toEqual(Object.values(FUNCTIONS).sort());
  for (const [group, Properties] of Object.entries(found) as [keyof typeof STOPPING, Json][]) {
    expect(Properties.DeploymentConfigName).toBe("CodeDeployDefault.LambdaCanary10Percent10Minutes");
    expect(Properties.AlarmConfiguration).toEqual({
      Enabled: true,
      Alarms: STOPPING[group].map((alarm) => ({ Name: `product-ledger-production-${alarm}` })),
    });
    expect(Properties.AutoRollbackConfiguration).toEqual({
      Enabled: true,
      Events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_STOP_ON_ALARM"],
    });
    expect(short(text(Properties.ServiceRoleArn))).toBe("<RolloutRole.Arn>");
  }
  // The version of a deployment that is rolled back goes with it; all others stay.
  for (const [, { DeletionPolicy }] of ofType(template, "AWS::Lambda::Version")) {
    expect(DeletionPolicy).toBe("RetainExceptOnCreate");
  }
});

it("all at once is the way of dev and, with rollout, past an alarm that is firing", () => {
  const atOnce = (resources: [string, Resource][]) => {
    for (const Properties of Object.values(groups(resources))) {
      expect(Properties.DeploymentConfigName).toBe("CodeDeployDefault.LambdaAllAtOnce");
      expect((Properties.AlarmConfiguration as Json | undefined)?.Enabled ?? false).toBe(false);
    }
  };
  atOnce(ofType(stage("dev").template, "AWS::CodeDeploy::DeploymentGroup"));
  atOnce(ofType(stage("configured").template, "AWS::CodeDeploy::DeploymentGroup"));
  expect(() => rolloutOf("slowly")).toThrow("choose one of canary, all-at-once");
});
