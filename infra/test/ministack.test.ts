// The transform for ministack drops the types it lists and changes the architecture. If it drops or changes anything else,
// this fails.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { DROPPED, forMinistack, type Template } from "../ministack/transform.ts";
import { type Resource, STAGES, stage } from "./synth.ts";

const LISTED = [
  "AWS::CloudWatch::Alarm",
  "AWS::CodeDeploy::Application",
  "AWS::CodeDeploy::DeploymentGroup",
  "AWS::EventSchemas::Registry",
  "AWS::EventSchemas::Schema",
  "AWS::Events::Archive",
  "AWS::WAFv2::LoggingConfiguration",
  "AWS::WAFv2::WebACL",
  "AWS::WAFv2::WebACLAssociation",
  "Custom::S3AutoDeleteObjects",
];

it("drops these types and no other", () => {
  expect([...DROPPED].sort()).toEqual(LISTED);
});

describe.each(STAGES)("%s", (name) => {
  const before = stage(name).template as unknown as Template;
  const after = forMinistack(before);

  it("every resource of another type is there", () => {
    const kept = Object.entries(before.Resources).filter(([, { Type }]) => !LISTED.includes(Type));
    expect(Object.keys(after.Resources)).toEqual(kept.map(([id]) => id));
  });

  it("each is as it was, but that functions run on x86-64, and nothing waits for or is moved by what is gone", () => {
    for (const [id, resource] of Object.entries(after.Resources) as [string, Resource & { DependsOn?: string[] }][]) {
      const original = before.Resources[id] as Resource & { DependsOn?: string | string[]; UpdatePolicy?: unknown };
      const { DependsOn, ...rest } = resource;
      const { DependsOn: awaited, UpdatePolicy: moved, ...expected } = original;
      expect(moved === undefined, id).toBe(original.Type !== "AWS::Lambda::Alias");
      if (original.Type === "AWS::Lambda::Function" && !id.startsWith("CustomS3AutoDelete")) {
        expect(original.Properties.Architectures).toEqual(["arm64"]);
        expected.Properties = { ...expected.Properties, Architectures: ["x86_64"] };
      }
      expect(rest, id).toEqual(expected);
      const left = [awaited ?? []].flat().filter((other) => other in after.Resources);
      expect(DependsOn ?? [], id).toEqual(left);
    }
  });

  it("outputs, parameters and rules stay", () => {
    const { Resources: _, ...others } = before;
    const { Resources: __, ...left } = after;
    expect(left).toEqual(others);
  });
});

it("what is referenced is not removed silently", () => {
  const Resources = {
    Gone: { Type: "AWS::Events::Archive" },
    Stays: { Type: "AWS::SQS::Queue", Properties: { Name: { "Fn::GetAtt": ["Gone", "Arn"] } } },
  };
  expect(() => forMinistack({ Resources })).toThrow("Gone would be removed but is referenced");
  expect(() => forMinistack({ Resources: { ...Resources, Stays: { Type: "AWS::SQS::Queue" } } })).not.toThrow();
});

it("the launcher is written for the version that is installed", () => {
  const read = (file: string) => readFileSync(resolve(import.meta.dirname, "../ministack", file), "utf8");
  const [, pinned] = /^ministack==(.+)$/m.exec(read("requirements.txt")) ?? [];
  expect(read("serve.py")).toContain(`WRITTEN_FOR = "${pinned}"`);
});
