// The differences between production and dev, and the names of stages and branches.

import { describe, expect, it } from "vitest";
import { settingsOf, stackName } from "../lib/settings.ts";
import { short } from "./policies.ts";
import { type Json, ofType, one, stage, synthesize, text } from "./synth.ts";

describe("production", () => {
  const { template, manifest } = stage("production");

  it("keeps its data when the stack is deleted, and protects it", () => {
    for (const [id, table] of ofType(template, "AWS::DynamoDB::Table")) {
      expect(table.Properties.DeletionProtectionEnabled, id).toBe(true);
    }
    for (const type of [
      "AWS::DynamoDB::Table",
      "AWS::KMS::Key",
      "AWS::Logs::LogGroup",
      "AWS::Events::EventBus",
      "AWS::Events::Archive",
      "AWS::Cognito::UserPool",
    ]) {
      for (const [id, resource] of ofType(template, type)) {
        expect([resource.DeletionPolicy, resource.UpdateReplacePolicy], id).toEqual(["RetainExceptOnCreate", "Retain"]);
      }
    }
    const [, pool] = one(template, "AWS::Cognito::UserPool", "SignIn");
    expect(pool.Properties.DeletionProtection).toBe("ACTIVE");
    const { ledger } = manifest.artifacts as { ledger: { properties: Json } };
    expect(ledger.properties.terminationProtection).toBe(true);
  });

  it("a creation that fails leaves nothing with a fixed name behind, which would stand in the way of the next", () => {
    const kept = Object.entries(template.Resources).filter(([, { DeletionPolicy }]) => DeletionPolicy === "Retain");
    // API Gateway's role for the logs of the whole region, whose name is generated.
    expect(kept.map(([id]) => short(`<${id}>`))).toEqual(["<ApiRestCloudWatchRole>", "<ApiRestAccount>"]);
    for (const [, { Properties }] of kept) {
      expect(Properties.RoleName).toBeUndefined();
    }
  });

  it("has no intercept and no branches", () => {
    expect(Object.keys(template.Resources).filter((id) => id.startsWith("Intercept"))).toEqual([]);
    expect(() => stackName("production", "feature")).toThrow(/production has no branches/);
  });
});

describe("dev", () => {
  const { template, manifest } = stage("dev");

  it("leaves nothing behind when it is deleted", () => {
    for (const [id, resource] of ofType(template, "AWS::DynamoDB::Table")) {
      expect([resource.DeletionPolicy, resource.Properties.DeletionProtectionEnabled ?? false], id).toEqual([
        "Delete",
        false,
      ]);
    }
    const { ledger } = manifest.artifacts as { ledger: { properties: Json } };
    expect(ledger.properties.terminationProtection ?? false).toBe(false);
  });

  it("has no firewall", () => {
    expect(Object.values(template.Resources).filter(({ Type }) => Type.startsWith("AWS::WAFv2"))).toEqual([]);
  });

  it("keeps what the bus delivered for a day, by source and event", () => {
    const [, table] = one(template, "AWS::DynamoDB::Table", "Intercept");
    expect(table.Properties.TimeToLiveSpecification).toEqual({ AttributeName: "expires_at", Enabled: true });
    expect(table.Properties.KeySchema).toEqual([
      { AttributeName: "pk", KeyType: "HASH" },
      { AttributeName: "sk", KeyType: "RANGE" },
    ]);
    const [, workflow] = one(template, "AWS::StepFunctions::StateMachine", "Intercept");
    expect(workflow.Properties.StateMachineType).toBe("EXPRESS");
    const definition = JSON.stringify(workflow.Properties.DefinitionString);
    expect(definition).toContain("$states.input.source");
    expect(definition).toContain("+ 86400");
  });
});

describe("account and region", () => {
  it("are those of the context, so that no other credentials can deploy the stack", () => {
    const { ledger } = stage("configured").manifest.artifacts as { ledger: { environment: string } };
    expect(ledger.environment).toBe("aws://123456789012/eu-central-1");
    const { ledger: open } = stage("production").manifest.artifacts as { ledger: { environment: string } };
    expect(open.environment).toBe("aws://unknown-account/unknown-region");
  });

  it("are given together", () => {
    for (const [name, value] of Object.entries({ account: "123456789012", region: "eu-central-1" })) {
      expect(() => synthesize("production", { [name]: value })).toThrow("give both");
    }
    expect(() => synthesize("production", { account: "12", region: "eu-central-1" })).toThrow("12 digits");
  });
});

describe("names", () => {
  it("the stage without context is dev, and a branch has a stack of its own", () => {
    expect(stackName("dev", undefined)).toBe("product-ledger-dev");
    expect(stackName("dev", "feature/Price_history")).toBe("product-ledger-dev-feature-price-histor");
    expect(stackName("dev", "--x--")).toBe("product-ledger-dev-x");
    expect(() => stackName("dev", "//")).toThrow(/must contain a letter or digit/);
    expect(() => settingsOf("staging")).toThrow("the stages are dev and production");
  });

  it("a branch's stack shares no fixed name with another's, and a restored event table is a resource of its own", () => {
    const { template } = synthesize("dev", { branch: "a-branch", eventsTable: "restored-events" });
    const base = "product-ledger-dev";
    const names = JSON.stringify(template).match(new RegExp(`${base}[a-z-]*`, "g")) ?? [];
    expect(names.filter((name) => !name.startsWith(`${base}-a-branch`))).toEqual([]);
    const [, table] = one(template, "AWS::DynamoDB::Table", "EventTableEventsrestored");
    expect(table.Properties.TableName).toBe("restored-events");
  });

  it("a branch whose name has words that Cognito refuses can be deployed, and each has a domain of its own", () => {
    const prefix = (branch: string) => {
      const { template, report } = synthesize("dev", { branch });
      expect(report.pluginReports.map(({ conclusion }) => conclusion)).not.toContain("failure");
      const [, domain] = one(template, "AWS::Cognito::UserPoolDomain", "SignIn");
      return text(domain.Properties.Domain);
    };
    const [first, second] = [prefix("fix-aws-cognito-amazon"), prefix("fix-aws")];
    for (const found of [first, second]) {
      expect(found).toMatch(/^product-ledger-[0-9a-f]{20}-<AWS::AccountId>$/);
      expect(found.replace("<AWS::AccountId>", "123456789012")).not.toMatch(/aws|amazon|cognito/);
    }
    expect(first).not.toBe(second);
    const [, ofStage] = one(stage("dev").template, "AWS::Cognito::UserPoolDomain", "SignIn");
    expect(text(ofStage.Properties.Domain)).toBe("product-ledger-dev-<AWS::AccountId>");
  }, 300_000);

  it("the one role that inserts commits has a fixed name, by which the event table's policy admits it", () => {
    for (const name of ["dev", "production"] as const) {
      const [, role] = one(stage(name).template, "AWS::IAM::Role", "CommandApiFunctionRole");
      expect(role.Properties.RoleName).toBe(`product-ledger-${name}-command-api`);
    }
  });

  it("the role that deploys can be named, by an ARN and by nothing else", () => {
    const role = "arn:aws:iam::123456789012:role/ci/deployer";
    const { template } = synthesize("dev", { deployer: role });
    const [, table] = one(template, "AWS::DynamoDB::Table", "EventTableEvents");
    const policy = JSON.stringify(table.Properties.ResourcePolicy);
    expect(policy).toContain(`"${role}"`);
    expect(policy).not.toContain("cfn-exec-role");
    for (const wrong of ["deployer", "arn:aws:iam::123456789012:user/me", "arn:aws:iam::123456789012:role/*", ""]) {
      expect(() => synthesize("dev", { deployer: wrong }), wrong).toThrow(
        `deployer=${wrong}: must be the ARN of a role`,
      );
    }
  }, 300_000);

  it("everything carries project and stage", () => {
    for (const name of ["dev", "production"] as const) {
      for (const type of ["AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::KMS::Key"]) {
        // CDK's own function has none.
        const found = ofType(stage(name).template, type).filter(([id]) => !id.startsWith("CustomS3AutoDelete"));
        for (const [, { Properties }] of found) {
          expect(Properties.Tags).toEqual([
            { Key: "project", Value: "product-ledger" },
            { Key: "stage", Value: name },
          ]);
        }
      }
    }
  });
});
